//! A person's own normal: images given as the normal ones, the banks fitted to them, and what is tried against these.
//!
//! The way of an image to its verdict: `components::yours` takes it from a file, the camera or the pad and calls
//! [`NormalStore::give`] or [`NormalStore::attempt`]; images given start [`NormalStore::fit`] as soon as they rest; what is
//! tried goes to [`NormalStore::explain`], whose answer lies in [`Tried::found`].

mod fitting;
mod packed;
mod trying;

pub use fitting::Fit;
pub use trying::{Look, STRIP, Tried, steady};

use super::engine::EngineStore;
use super::model::ModelStore;
use super::notices::NoticeStore;
use crate::kept::{self, KeepError};
use crate::state::State;
use crate::train::OwnPixels;
use crate::{clock, own_image, text};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_core::bundle::MAX_NORMAL;
use nsa_core::eval::{Alarm, alarm};
use packed::{Images, merged, pack, unpack};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use web_sys::File;

/// Fitting waits until images have stopped coming for so long.
const REST: Duration = Duration::from_millis(250);
/// Milliseconds after which they are fitted all the same: a camera takes picture after picture, and whoever holds it
/// wants to see how many views they show.
const PATIENCE: f64 = 2000.0;
/// Where the browser keeps the images.
const ADDRESS: &str = "kept-normal";

/// A normal image.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalImage {
    /// Number of its own.
    pub key: u32,
    /// File name, or where it came from.
    pub name: String,
    /// What the model sees, 3 x 32 x 32.
    pub pixels: Arc<[u8]>,
}

/// How many images the browser keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// All of them.
    pub images: usize,
    /// Those of them that another tab has added.
    pub others: usize,
}

/// A person's own normal.
#[derive(Clone, Copy)]
pub struct NormalStore {
    /// The normal images, in the order given.
    pub images: RwSignal<Vec<NormalImage>>,
    /// Files that gave no image: name and reason.
    pub refused: RwSignal<Vec<(String, String)>>,
    /// Files that are still to be read.
    pub reading: RwSignal<usize>,
    /// The images as they were before the last change that took some out.
    pub before: RwSignal<Option<Vec<NormalImage>>>,
    /// The banks.
    pub fit: RwSignal<Fit>,
    /// Which of the fitted bundle's scores is shown.
    pub shown: Memo<usize>,
    /// From where on an image is called anomalous, and what that promises.
    pub alarm: Memo<Option<Alarm>>,
    /// Images tried, newest first.
    pub tried: RwSignal<Vec<Tried>>,
    /// Images that a person calls odd: a network of their own is tested against these.
    pub odd: RwSignal<Vec<NormalImage>>,
    /// The normal images and the odd ones as a trainer is given them.
    pub pixels: Memo<Arc<OwnPixels>>,
    /// What the camera saw in the last minute, oldest first.
    pub looks: RwSignal<VecDeque<Look>>,
    /// How many images were fitted last, and how many different views they show.
    pub views: RwSignal<Option<(usize, usize)>>,
    /// What became of keeping the images in this browser.
    pub kept: RwSignal<Result<Kept, KeepError>>,
    /// What the images show, for people: the name of the bundle that is saved.
    pub title: RwSignal<String>,
    looking: StoredValue<bool>,
    job: StoredValue<Option<u32>>,
    resting: StoredValue<Option<TimeoutHandle>>,
    /// When the first change was that is neither kept nor fitted.
    changed_at: StoredValue<Option<f64>>,
    /// What this tab has last read or written of what the browser keeps.
    seen: StoredValue<Images>,
    last_key: StoredValue<u32>,
    model: ModelStore,
    engine: EngineStore,
    notices: NoticeStore,
}

impl NormalStore {
    /// No images yet.
    pub fn new(state: RwSignal<State>, model: ModelStore, engine: EngineStore, notices: NoticeStore) -> Self {
        let fit = RwSignal::new(Fit::Waiting);
        let fitted = move || fit.with(Fit::fitted);
        let shown = Memo::new(move |_| {
            let Some(fitted) = fitted() else { return 0 };
            let manifest = &fitted.bundle.manifest;
            let chosen = state.with(|s| s.scorer.as_ref().and_then(|name| name.position(manifest)));
            chosen.unwrap_or_else(|| manifest.default_score())
        });
        let alarm = Memo::new(move |_| {
            let rate = f64::from(state.with(|s| s.alarms)) / 100.0;
            alarm(fitted()?.held_out.get(shown.get())?, rate).ok()
        });
        let (images, odd) = (RwSignal::new(Vec::new()), RwSignal::new(Vec::new()));
        Self {
            images,
            refused: RwSignal::new(Vec::new()),
            reading: RwSignal::new(0),
            before: RwSignal::new(None),
            fit,
            shown,
            alarm,
            tried: RwSignal::new(Vec::new()),
            odd,
            pixels: Memo::new(move |_| Arc::new(images.with(|normal| odd.with(|odd| OwnPixels::new(normal, odd))))),
            looks: RwSignal::new(VecDeque::new()),
            views: RwSignal::new(None),
            kept: RwSignal::new(Ok(Kept::default())),
            title: RwSignal::new(text::yours::TITLE_DEFAULT.into()),
            looking: StoredValue::new(false),
            job: StoredValue::new(None),
            resting: StoredValue::new(None),
            changed_at: StoredValue::new(None),
            seen: StoredValue::new(Images::default()),
            last_key: StoredValue::new(0),
            model,
            engine,
            notices,
        }
    }

    /// Brings back the images that the browser kept, and fits them to each model that is loaded.
    pub fn start(self) {
        spawn_local(async move {
            match kept::read(ADDRESS).await {
                // A person was faster.
                Ok(Some(_)) if self.images.with_untracked(|images| !images.is_empty()) => {}
                Ok(Some(bytes)) => {
                    let kept = unpack(&bytes);
                    self.seen.set_value(kept.clone());
                    let [normal, odd] = kept.map(|images| {
                        images.into_iter().map(|(name, pixels)| self.image(name, pixels)).collect::<Vec<_>>()
                    });
                    self.kept.set(Ok(Kept { images: normal.len() + odd.len(), others: 0 }));
                    self.images.set(normal);
                    self.odd.set(odd);
                    self.rest_then(Self::fit);
                }
                Ok(None) => {}
                Err(why) => self.kept.set(Err(why)),
            }
        });
        Effect::new(move |_| {
            self.model.opened.track();
            self.fit.set(Fit::Waiting);
            self.model.loaded.track();
            untrack(|| self.fit());
        });
    }

    /// Reads files, images and zips of images, and adds what they show to the normal images.
    pub fn give_files(self, files: Vec<File>) {
        self.read_files(files, move |name, pixels| self.give(name, pixels));
    }

    /// Adds an image to the normal ones.
    pub fn give(self, name: String, pixels: Arc<[u8]>) {
        if self.images.with_untracked(Vec::len) == MAX_NORMAL {
            return self.notices.say(text::yours::too_many(MAX_NORMAL));
        }
        let image = self.image(name, pixels);
        self.images.update(|images| images.push(image));
        self.changed();
    }

    /// Takes an image out.
    pub fn take_out(self, key: u32) {
        self.replace(|images| images.retain(|image| image.key != key));
    }

    /// Takes all out.
    pub fn clear(self) {
        self.replace(Vec::clear);
    }

    /// Brings back what was taken out last.
    pub fn undo(self) {
        if let Some(before) = self.before.try_update(Option::take).flatten() {
            self.images.set(before);
            self.changed();
        }
    }

    fn replace(self, change: impl FnOnce(&mut Vec<NormalImage>)) {
        self.before.set(Some(self.images.get_untracked()));
        self.images.update(change);
        self.changed();
    }

    /// Has the browser forget the images; they are gone from the page, too.
    pub fn forget(self) {
        self.before.set(None);
        self.images.set(Vec::new());
        self.tried.set(Vec::new());
        self.odd.set(Vec::new());
        spawn_local(async move {
            let _lock = kept::lock(ADDRESS).await;
            self.seen.set_value(Images::default());
            self.kept.set(kept::forget(ADDRESS).await.map(|()| Kept::default()));
        });
        self.rest_then(Self::fit);
    }

    /// The images changed: once they rest, the browser keeps them, all in one, and banks of them are fitted. What is
    /// gone is forgotten at once.
    fn changed(self) {
        if self.images.with_untracked(Vec::is_empty) {
            self.keep();
            return self.rest_then(Self::fit);
        }
        let now = clock::now();
        let since = self.changed_at.try_update_value(|at| *at.get_or_insert(now)).unwrap_or(now);
        let is_fitting = self.fit.with_untracked(|fit| matches!(fit, Fit::Fitting { .. }));
        if now - since > PATIENCE && !is_fitting { self.settle() } else { self.rest_then(Self::settle) }
    }

    fn settle(self) {
        self.changed_at.set_value(None);
        self.keep();
        self.fit();
    }

    /// Has the browser keep the images. What another tab of this page has added meanwhile stays with them.
    fn keep(self) {
        spawn_local(async move {
            let _lock = kept::lock(ADDRESS).await;
            let done = async {
                let theirs = kept::read(ADDRESS).await?.map_or_else(Images::default, |bytes| unpack(&bytes));
                let own = [self.images, self.odd].map(|images| images.with_untracked(|all| packed::named(all)));
                let count = |images: &Images| images.iter().map(Vec::len).sum::<usize>();
                let given = count(&own);
                let all = self.seen.with_value(|seen| merged(own, seen, theirs));
                match all.iter().all(Vec::is_empty) {
                    true => kept::forget(ADDRESS).await?,
                    false => kept::write(ADDRESS, &pack(&all)).await?,
                }
                let kept = Kept { images: count(&all), others: count(&all) - given };
                self.seen.set_value(all);
                Ok(kept)
            };
            self.kept.set(done.await);
        });
    }

    /// Does something once the images rest, in place of what waited for that before.
    fn rest_then(self, what: fn(Self)) {
        if let Some(timer) = self.resting.get_value() {
            timer.clear();
        }
        let timer = set_timeout_with_handle(move || what(self), REST);
        self.resting.set_value(timer.ok());
    }

    /// Has files read one after the other; `take` gets what each of their images shows.
    fn read_files(self, files: Vec<File>, take: impl Fn(String, Arc<[u8]>) + 'static) {
        self.refused.set(Vec::new());
        self.reading.update(|n| *n += files.len());
        spawn_local(async move {
            for file in files {
                match own_image::read_all(&file).await {
                    Ok(found) => {
                        for (name, read) in found {
                            match read {
                                Ok(pixels) => take(name, Arc::from(pixels.as_slice())),
                                Err(why) => self.refused.update(|refused| refused.push((name, why.to_string()))),
                            }
                        }
                    }
                    Err(why) => self.refused.update(|refused| refused.push((file.name(), why.to_string()))),
                }
                self.reading.update(|n| *n -= 1);
            }
        });
    }

    fn image(self, name: String, pixels: Arc<[u8]>) -> NormalImage {
        NormalImage { key: self.next_key(), name, pixels }
    }

    fn next_key(self) -> u32 {
        self.last_key.update_value(|key| *key += 1);
        self.last_key.get_value()
    }
}

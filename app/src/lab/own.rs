//! A person's own images: files, pictures of the camera, drawings.
//!
//! The way of a file to its score, in six stops:
//! 1. `components::own::Own` takes it from the input, a drop or the clipboard;
//! 2. [`OwnStore::take_files`] shows it at once;
//! 3. [`own_image::read`] decodes it and gives the pixels that the model sees;
//! 4. [`OwnStore::score`] asks for scores of all that wait, now or when a model is loaded;
//! 5. [`EngineStore::ask`] speaks with the Worker, and brings the scores back to what stop 4 gave it;
//! 6. `components::own::Own` shows what [`OwnImage::progress`] says.

use super::beside::{self, Beside};
use super::bundle::Row;
use super::engine::EngineStore;
use super::model::ModelStore;
use super::normal::NormalStore;
use super::notices::NoticeStore;
use crate::state::State;
use crate::{own_image, text};
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_engine::protocol::{Event, Request};
use std::sync::Arc;
use web_sys::File;

/// How many own images are kept. The oldest make room for new ones.
const KEPT: usize = 48;

/// A person's own image.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnImage {
    /// Number of its own.
    pub key: u32,
    pub name: String,
    /// What the model sees; none while it is read and if it cannot be.
    pub pixels: Option<Arc<[u8]>>,
    pub progress: OwnProgress,
    /// Its angle to the ID mean in radians, once it is scored.
    pub angle: Option<f32>,
}

/// How far a person's own image is.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnProgress {
    /// The browser decodes it, or there is no model yet.
    Waiting,
    /// The engine has it.
    Asked,
    /// The engine has scored it.
    Scored(Row),
    /// It cannot be scored, for this reason.
    Failed(String),
}

impl OwnImage {
    fn new(key: u32, name: String, pixels: Option<Arc<[u8]>>) -> Self {
        Self { key, name, pixels, progress: OwnProgress::Waiting, angle: None }
    }

    /// Its scores, once they are there.
    pub fn row(&self) -> Option<&Row> {
        match &self.progress {
            OwnProgress::Scored(row) => Some(row),
            _ => None,
        }
    }

    /// One of its scores, once they are there.
    pub fn value(&self, score: usize) -> Option<f32> {
        self.row()?.get(score).copied()
    }
}

/// A person's own images.
#[derive(Clone, Copy)]
pub struct OwnStore {
    /// All of them, newest first.
    pub images: RwSignal<Vec<OwnImage>>,
    /// Files dropped on the page that nothing has taken yet.
    pub dropped: RwSignal<Vec<File>, LocalStorage>,
    /// Those that a person calls normal, and what is compared with them.
    pub normal: NormalStore,
    /// What these give without training.
    pub beside: RwSignal<Option<Beside>>,
    last_key: StoredValue<u32>,
    model: ModelStore,
    engine: EngineStore,
    notices: NoticeStore,
    state: RwSignal<State>,
}

impl OwnStore {
    pub fn new(state: RwSignal<State>, model: ModelStore, engine: EngineStore, notices: NoticeStore) -> Self {
        let normal = NormalStore::new(state, model, engine, notices);
        Self {
            images: RwSignal::new(Vec::new()),
            dropped: RwSignal::new_local(Vec::new()),
            normal,
            beside: RwSignal::new(None),
            last_key: StoredValue::new(0),
            model,
            engine,
            notices,
            state,
        }
    }

    /// Has the images scored by the model there is, and again by the next.
    pub fn start(self) {
        self.normal.start();
        beside::follow(self.state, self.normal, self.model, self.engine, self.beside);
        Effect::new(move |_| {
            self.model.opened.track();
            self.wait_again(|progress| matches!(progress, OwnProgress::Scored(_) | OwnProgress::Asked));
        });
        Effect::new(move |_| match self.model.loaded.get() {
            true => untrack(|| self.score()),
            // What an engine was asked that is gone, another one is asked again.
            false => self.wait_again(|progress| *progress == OwnProgress::Asked),
        });
    }

    /// Shows the files at once, then reads one after the other and has each scored.
    pub fn take_files(self, files: Vec<File>) {
        let given = files.len();
        let files: Vec<(u32, File)> = files.into_iter().take(KEPT).map(|file| (self.next_key(), file)).collect();
        if files.is_empty() {
            return;
        }
        self.insert(files.iter().map(|(key, file)| OwnImage::new(*key, file.name(), None)).collect());
        if given > KEPT {
            self.notices.say(text::own_too_many(given, KEPT));
        }
        spawn_local(async move {
            for (key, file) in files {
                let read = own_image::read(&file).await;
                self.change(key, |image| match read {
                    Ok(pixels) => image.pixels = Some(Arc::from(pixels.as_slice())),
                    Err(why) => image.progress = OwnProgress::Failed(why.to_string()),
                });
                self.score();
            }
        });
    }

    /// Has pixels scored that the page made itself; gives their key.
    pub fn take_pixels(self, name: String, pixels: Arc<[u8]>) -> u32 {
        let key = self.next_key();
        self.insert(vec![OwnImage::new(key, name, Some(pixels))]);
        self.score();
        key
    }

    /// Puts other pixels in the place of those under `key`, or in front if they are gone; gives their new key. The
    /// answer to what was asked about the old ones is ignored, as nobody has that key any more.
    pub fn replace_pixels(self, key: u32, name: String, pixels: Arc<[u8]>) -> u32 {
        let there = self.images.with_untracked(|images| images.iter().any(|image| image.key == key));
        if !there {
            return self.take_pixels(name, pixels);
        }
        let fresh = self.next_key();
        self.change(key, |image| *image = OwnImage::new(fresh, name, Some(pixels)));
        self.score();
        fresh
    }

    /// Has every image scored that is decoded and waits.
    fn score(self) {
        if !self.model.loaded.get_untracked() {
            return;
        }
        let waiting = |image: &OwnImage| {
            let pixels = image.pixels.clone().filter(|_| image.progress == OwnProgress::Waiting);
            pixels.map(|pixels| (image.key, pixels))
        };
        let waiting: Vec<(u32, Arc<[u8]>)> =
            self.images.with_untracked(|images| images.iter().filter_map(waiting).collect());
        if waiting.is_empty() {
            return;
        }
        let pixels: Vec<u8> = waiting.iter().flat_map(|(_, pixels)| pixels.iter().copied()).collect();
        let keys: Vec<u32> = waiting.into_iter().map(|(key, _)| key).collect();
        let (n, asked) = (keys.len(), keys.clone());
        let listener = move |event| match event {
            Event::Scored { first, scores, angles, .. } => {
                let Some(bundle) = self.model.bundle.get_untracked() else { return };
                for (&key, (row, angle)) in keys.iter().skip(first).zip(scores.into_iter().zip(angles)) {
                    let Some(row) = bundle.complete(row) else { continue };
                    self.change(key, |image| {
                        (image.progress, image.angle) = (OwnProgress::Scored(row), Some(angle));
                    });
                }
            }
            Event::Failed { message, .. } => self.fail(&keys, &message),
            Event::Crashed { .. } => self.fail(&keys, text::OWN_INTERRUPTED),
            _ => {}
        };
        if self.engine.ask(|job| Request::Score { job, n }, &pixels, listener).is_some() {
            asked.into_iter().for_each(|key| self.change(key, |image| image.progress = OwnProgress::Asked));
        }
    }

    /// Ends the wait of images that the engine was asked about.
    fn fail(self, keys: &[u32], why: &str) {
        for &key in keys {
            self.change(key, |image| {
                if image.progress == OwnProgress::Asked {
                    image.progress = OwnProgress::Failed(why.into());
                }
            });
        }
    }

    fn wait_again(self, which: fn(&OwnProgress) -> bool) {
        self.images.maybe_update(|images| {
            let mut changed = false;
            for image in images.iter_mut().filter(|image| which(&image.progress)) {
                (image.progress, changed) = (OwnProgress::Waiting, true);
            }
            changed
        });
    }

    fn next_key(self) -> u32 {
        self.last_key.update_value(|key| *key += 1);
        self.last_key.get_value()
    }

    /// Newest first, as they were given.
    fn insert(self, new: Vec<OwnImage>) {
        self.images.update(|images| {
            images.splice(0..0, new);
            images.truncate(KEPT);
        });
    }

    /// Changes the image under a key, if it is still there.
    fn change(self, key: u32, change: impl FnOnce(&mut OwnImage)) {
        self.images.update(|images| {
            if let Some(image) = images.iter_mut().find(|image| image.key == key) {
                change(image);
            }
        });
    }
}

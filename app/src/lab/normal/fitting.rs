//! Banks of the images given: fitted by the engine as soon as images rest, saved, and opened again.

use super::packed::slug;
use super::{NormalImage, NormalStore};
use crate::lab::bundle::Bundle;
use crate::text;
use leptos::prelude::*;
use nsa_core::bundle::MIN_NORMAL;
use nsa_core::measure::History;
use nsa_engine::protocol::{Event, Request};
use std::collections::VecDeque;
use std::sync::Arc;

/// How far the banks are.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Fit {
    /// Too few images, or no engine yet.
    #[default]
    Waiting,
    /// The engine embeds so many of so many images.
    Fitting {
        /// Done.
        done: usize,
        /// In all.
        total: usize,
    },
    /// They are there.
    Fitted(Arc<Fitted>),
    /// They cannot be, for this reason.
    Failed(String),
}

impl Fit {
    pub(super) fn fitted(&self) -> Option<Arc<Fitted>> {
        if let Self::Fitted(fitted) = self { Some(Arc::clone(fitted)) } else { None }
    }
}

/// Banks of a person's own images.
#[derive(Debug, PartialEq)]
pub struct Fitted {
    /// What the engine made.
    pub bundle: Bundle,
    /// For every score, what each group of near copies has by banks that have not seen it.
    pub held_out: Vec<Vec<f32>>,
    /// How many different views the images show.
    pub views: usize,
    /// The images, in the order of the banks.
    pub images: Vec<NormalImage>,
    /// How long it took.
    pub millis: f64,
}

impl NormalStore {
    /// The banks, if they are there.
    pub fn fitted(&self) -> Option<Arc<Fitted>> {
        self.fit.with(Fit::fitted)
    }

    /// Has banks fitted to the images, in place of those there are.
    pub(super) fn fit(self) {
        let images = self.images.get_untracked();
        self.engine.cancel(self.job.get_value());
        // An engine that was started anew never answers what the one before it was asked.
        self.looking.set_value(false);
        if images.len() < MIN_NORMAL {
            self.views.set(None);
        }
        if images.len() < MIN_NORMAL || !self.model.loaded.get_untracked() {
            return self.fit.set(Fit::Waiting);
        }
        let total = images.len();
        self.fit.set(Fit::Fitting { done: 0, total });
        let pixels: Vec<u8> = images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
        let job = self.engine.ask(
            |job| Request::Fit { job, n: total },
            &pixels,
            move |event| match event {
                Event::Fitting { done, .. } => self.fit.set(Fit::Fitting { done, total }),
                Event::Fitted { manifest, held_out, views, millis, .. } => {
                    let bundle = Bundle { manifest: *manifest, history: History::default() };
                    let images = images.clone();
                    self.views.set(Some((images.len(), views)));
                    self.fit.set(Fit::Fitted(Arc::new(Fitted { bundle, held_out, views, images, millis })));
                    self.tried.update(|tried| tried.iter_mut().for_each(|tried| tried.found = None));
                    self.tried
                        .with_untracked(|tried| tried.iter().map(|t| t.key).collect::<Vec<_>>())
                        .into_iter()
                        .for_each(|key| self.explain(key));
                    self.looks.update(VecDeque::clear);
                }
                Event::Failed { message, .. } => self.fit.set(Fit::Failed(message)),
                Event::Crashed { .. } => self.fit.set(Fit::Waiting),
                _ => {}
            },
        );
        self.job.set_value(job);
    }

    /// Takes the images of a saved bundle in place of those there are.
    pub fn open(self, title: String, images: Vec<Arc<[u8]>>) {
        self.title.set(title);
        let images = images.into_iter().enumerate();
        let images = images.map(|(i, pixels)| self.image(text::yours::image_of_bundle(i), pixels)).collect::<Vec<_>>();
        self.replace(|all| *all = images);
    }

    /// The fitted bundle as a zip, with its name; `take` gets it.
    pub fn save(self, take: impl Fn(String, Vec<u8>) + 'static) {
        let Some(fitted) = untrack(|| self.fitted()) else { return };
        let pixels: Vec<u8> = fitted.images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
        let title = self.title.get_untracked();
        let (id, name) = (slug(&title), format!("{}.zip", slug(&title)));
        self.engine.ask_for_bytes(
            |job| Request::Save { job, id, title },
            &pixels,
            move |event, bytes| match event {
                Event::Saved { .. } => take(name.clone(), bytes),
                Event::Failed { message, .. } => self.notices.say(message),
                _ => {}
            },
        );
    }
}

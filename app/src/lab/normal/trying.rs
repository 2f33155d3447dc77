//! What is tried against the banks, one by one or by the camera, and what becomes of it.

use super::{NormalImage, NormalStore};
use leptos::prelude::*;
use nsa_core::bundle::{Explanation, MAX_NORMAL};
use nsa_engine::protocol::{Banks, Event, Request};
use std::sync::Arc;
use web_sys::File;

/// Tried images that are kept. The oldest make room for new ones.
const KEPT: usize = 24;
/// Nearest normal images that are shown.
const NEIGHBOURS: usize = 4;
/// Seconds of the camera's scores that are shown.
pub const STRIP: f64 = 60.0;
/// An image that is tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// Number of its own.
    pub key: u32,
    /// File name, or where it came from.
    pub name: String,
    /// What the model sees.
    pub pixels: Arc<[u8]>,
    /// What the banks say of it, once they have.
    pub found: Option<Arc<Explanation>>,
}

/// A look of the camera: when, in seconds, and what the banks say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Seconds on the page's clock.
    pub at: f64,
    /// What the model sees.
    pub pixels: Arc<[u8]>,
    /// What the banks say.
    pub found: Arc<Explanation>,
}

impl NormalStore {
    /// Reads files and tries what they show.
    pub fn attempt_files(self, files: Vec<File>) {
        self.read_files(files, move |name, pixels| self.attempt(name, pixels));
    }

    /// Tries an image.
    pub fn attempt(self, name: String, pixels: Arc<[u8]>) {
        let key = self.next_key();
        self.tried.update(|tried| {
            tried.insert(0, Tried { key, name, pixels, found: None });
            tried.truncate(KEPT);
        });
        self.explain(key);
    }

    /// A tried image was a normal one: it joins the others, and the banks are fitted again.
    pub fn was_normal(self, key: u32) {
        if let Some(Tried { name, pixels, .. }) = self.take_tried(key) {
            self.give(name, pixels);
        }
    }

    /// A tried image was an odd one.
    pub fn was_odd(self, key: u32) {
        if self.odd.with_untracked(Vec::len) == MAX_NORMAL {
            return;
        }
        if let Some(Tried { key, name, pixels, .. }) = self.take_tried(key) {
            self.odd.update(|odd| odd.push(NormalImage { key, name, pixels }));
            self.keep();
        }
    }

    /// It is not odd after all.
    pub fn take_out_odd(self, key: u32) {
        self.odd.update(|odd| odd.retain(|image| image.key != key));
        self.keep();
    }

    fn take_tried(self, key: u32) -> Option<Tried> {
        let found = self.tried.try_update(|tried| {
            let at = tried.iter().position(|tried| tried.key == key)?;
            Some(tried.remove(at))
        });
        found.flatten()
    }

    /// Has the camera's picture judged, unless the one before it still is.
    pub fn look(self, pixels: Arc<[u8]>, at: f64) {
        if self.looking.get_value() || untrack(|| self.fitted()).is_none() {
            return;
        }
        let asked = {
            let pixels = Arc::clone(&pixels);
            let request = |job| Request::Explain { job, neighbours: NEIGHBOURS, banks: Banks::Normal };
            self.engine.ask(request, &pixels.clone(), move |event| {
                self.looking.set_value(false);
                if let Event::Explained { explanation, .. } = event {
                    let look = Look { at, pixels: Arc::clone(&pixels), found: Arc::from(explanation) };
                    self.looks.update(|looks| {
                        looks.push_back(look);
                        while looks.front().is_some_and(|first| first.at < at - STRIP) {
                            looks.pop_front();
                        }
                    });
                }
            })
        };
        self.looking.set_value(asked.is_some());
    }

    /// Whether the camera's last picture is still being judged.
    pub fn is_looking(self) -> bool {
        self.looking.get_value()
    }

    /// Asks for what the banks say of a tried image.
    pub(super) fn explain(self, key: u32) {
        let found = |tried: &Vec<Tried>| tried.iter().find(|t| t.key == key).map(|t| Arc::clone(&t.pixels));
        let Some(pixels) = self.tried.with_untracked(found).filter(|_| untrack(|| self.fitted()).is_some()) else {
            return;
        };
        let request = |job| Request::Explain { job, neighbours: NEIGHBOURS, banks: Banks::Normal };
        self.engine.ask(request, &pixels, move |event| match event {
            Event::Explained { explanation, .. } => self.tried.update(|tried| {
                if let Some(tried) = tried.iter_mut().find(|tried| tried.key == key) {
                    tried.found = Some(Arc::from(explanation));
                }
            }),
            Event::Failed { message, .. } => self.notices.say(message),
            _ => {}
        });
    }
}

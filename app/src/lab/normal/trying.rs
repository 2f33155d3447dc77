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
/// Seconds over which the camera's verdict is smoothed: a single frame that is blurred or badly lit does not change it.
const STEADY: f64 = 0.5;

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

/// The score that the camera's verdict rests on, of looks (seconds, score) in their order: the median of the last half
/// second's. It is above a threshold if more than half of these are.
pub fn steady(looks: impl DoubleEndedIterator<Item = (f64, f32)>) -> Option<f32> {
    let mut looks = looks.rev().peekable();
    let (last, _) = *looks.peek()?;
    let mut scores: Vec<f32> = looks.take_while(|(at, _)| last - at < STEADY).map(|(_, score)| score).collect();
    scores.sort_by(f32::total_cmp);
    scores.get((scores.len() - 1) / 2).copied()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_look_in_half_a_second_does_not_change_the_verdict() {
        let looks = |scores: &[f32], apart: f64| {
            let at = scores.iter().enumerate().map(|(i, &score)| (10.0 + i as f64 * apart, score));
            steady(at.collect::<Vec<_>>().into_iter())
        };
        assert_eq!(looks(&[0.1, 0.1, 0.9], 0.1), Some(0.1));
        assert_eq!(looks(&[0.1, 0.1, 0.9, 0.8, 0.7], 0.1), Some(0.7), "three of five");
        // What is half a second old counts no more.
        assert_eq!(looks(&[0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.1], 0.1), Some(0.9));
        assert_eq!(looks(&[0.9, 0.1], 0.2), Some(0.1), "one of two is not more than half");
        // Where the engine looks twice a second or less often, each look counts.
        assert_eq!([looks(&[0.1, 0.9], 0.5), looks(&[0.9, 0.1], 1.0)], [Some(0.9), Some(0.1)]);
        assert_eq!(looks(&[], 0.1), None);
    }
}

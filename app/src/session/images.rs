//! The images' way: drawn or decoded, sent to the engine, and back with their scores.

use super::Job;
use crate::gallery::{Recipe, Source, plan};
use crate::lab::{Lab, OwnProgress, Row, Topic};
use crate::{fetch, text};
use leptos::prelude::*;
use nsa_engine::protocol::Request;
use std::sync::Arc;
use wasm_bindgen_futures::JsFuture;

/// Largest gallery file: 10,000 images and a header.
const MAX_GALLERY: usize = 32 << 20;
/// Milliseconds of drawing before the page gets its turn.
const TURN: f64 = 8.0;

impl Lab {
    /// Draws the gallery a few milliseconds at a time, so that the page stays alive.
    pub(super) async fn fill_gallery(self, recipe: Recipe) {
        let generation = self.session.try_update_value(|s| {
            s.gallery += 1;
            s.gallery
        });
        let overtaken = move || self.session.try_with_value(|s| Some(s.gallery) != generation).unwrap_or(true);
        self.cancel(|job| matches!(job, Job::Gallery(_)));
        self.settle(Topic::Gallery);
        self.images_complete.set(false);
        self.images.set(Vec::new());
        self.rows.set(Vec::new());
        self.angles.set(Vec::new());

        let source = match open_source(&recipe.dataset).await {
            _ if overtaken() => return,
            Ok(source) => source,
            Err(message) => {
                self.images_complete.set(true);
                return self.report(Topic::Gallery, message);
            }
        };
        let mut picks = plan(&recipe, &source.available()).into_iter().peekable();
        while picks.peek().is_some() {
            let until = now() + TURN;
            let mut drawn = Vec::new();
            while now() < until {
                let Some(pick) = picks.next() else { break };
                drawn.extend(source.image(pick).map(Arc::new));
            }
            self.rows.update(|rows| rows.resize(rows.len() + drawn.len(), None));
            self.angles.update(|angles| angles.resize(angles.len() + drawn.len(), None));
            self.images.update(|images| images.extend(drawn));
            next_turn().await;
            if overtaken() {
                return;
            }
        }
        self.images_complete.set(true);
        self.score_gallery();
    }

    /// Has every gallery image scored that has no score yet.
    pub(super) fn score_gallery(self) {
        let busy = self.session.with_value(|s| s.jobs.values().any(|job| matches!(job, Job::Gallery(_))));
        if busy || !self.images_complete.get_untracked() || !self.is_loaded() {
            return;
        }
        let waiting: Vec<usize> =
            self.rows.with_untracked(|rows| (0..rows.len()).filter(|&i| rows[i].is_none()).collect());
        if waiting.is_empty() {
            return;
        }
        let pixels = self.images.with_untracked(|images| {
            waiting.iter().flat_map(|&i| images[i].pixels.iter().copied()).collect::<Vec<u8>>()
        });
        let n = waiting.len();
        self.ask(Job::Gallery(waiting), |job| Request::Score { job, n }, Some(&pixels));
    }

    /// A number for another own image.
    pub fn next_key(self) -> u32 {
        self.session.update_value(|s| s.last_key += 1);
        self.session.with_value(|s| s.last_key)
    }

    /// Has every own image scored that is decoded and has no score yet.
    pub fn score_own(self) {
        if !self.is_loaded() {
            return;
        }
        let asked: Vec<u32> = self.session.with_value(|s| {
            s.jobs.values().flat_map(|job| if let Job::Own(keys) = job { keys.clone() } else { Vec::new() }).collect()
        });
        let waiting: Vec<(u32, Arc<[u8]>)> = self.own.with_untracked(|own| {
            let new = own.iter().filter(|i| i.progress == OwnProgress::Waiting && !asked.contains(&i.key));
            new.filter_map(|image| Some((image.key, image.pixels.clone()?))).collect()
        });
        if waiting.is_empty() {
            return;
        }
        let pixels: Vec<u8> = waiting.iter().flat_map(|(_, pixels)| pixels.iter().copied()).collect();
        let keys: Vec<u32> = waiting.into_iter().map(|(key, _)| key).collect();
        let n = keys.len();
        self.ask(Job::Own(keys), |job| Request::Score { job, n }, Some(&pixels));
    }

    pub(super) fn take_scores(self, job: u32, first: usize, scores: Vec<Row>, angles: &[f32]) {
        let Some(bundle) = self.bundle.get_untracked() else { return };
        let whole = scores.into_iter().enumerate().filter(|(_, row)| row.len() == bundle.manifest.scores.len());
        let rows = whole.map(|(k, row)| (k, bundle.complete(row)));
        self.session.with_value(|session| match session.jobs.get(&job) {
            Some(Job::Gallery(positions)) => {
                let at = |k: usize| positions.get(first + k).copied();
                self.rows.update(|all| {
                    for (k, row) in rows {
                        if let Some(slot) = at(k).and_then(|at| all.get_mut(at)) {
                            *slot = Some(row);
                        }
                    }
                });
                self.angles.update(|all| {
                    for (k, angle) in angles.iter().enumerate() {
                        if let Some(slot) = at(k).and_then(|at| all.get_mut(at)) {
                            *slot = Some(*angle);
                        }
                    }
                });
            }
            Some(Job::Own(keys)) => self.own.update(|own| {
                for (k, row) in rows {
                    if let Some(image) = own.iter_mut().find(|image| keys.get(first + k) == Some(&image.key)) {
                        image.progress = OwnProgress::Scored(row);
                        image.angle = angles.get(k).copied();
                    }
                }
            }),
            _ => {}
        });
    }

    pub(super) fn update_own(self, keys: &[u32], change: impl Fn(&mut OwnProgress)) {
        self.own.update(|own| {
            own.iter_mut().filter(|image| keys.contains(&image.key)).for_each(|image| change(&mut image.progress));
        });
    }

    /// Ends the wait of the own images that the engine was working on.
    pub(super) fn fail_own(self, why: &str) {
        let keys: Vec<u32> = self.session.with_value(|s| {
            s.jobs.values().flat_map(|job| if let Job::Own(keys) = job { keys.clone() } else { Vec::new() }).collect()
        });
        self.update_own(&keys, |progress| {
            if *progress == OwnProgress::Waiting {
                *progress = OwnProgress::Failed(why.into());
            }
        });
    }
}

impl OwnProgress {
    /// Another model has yet to score it; what could not be read stays unreadable.
    pub(super) fn reset(&mut self) {
        if let Self::Scored(_) = self {
            *self = Self::Waiting;
        }
    }
}

async fn open_source(dataset: &str) -> Result<Source, String> {
    if Source::is_built_in(dataset) {
        return Ok(Source::SynthDigits);
    }
    match fetch::bytes(&format!("assets/galleries/{dataset}.safetensors"), MAX_GALLERY).await {
        Ok(bytes) => Source::from_file(dataset, &bytes).map_err(|e| e.to_string()),
        Err(fetch::FetchError::Missing { .. }) => Err(text::gallery_missing(dataset)),
        Err(error) => Err(text::gallery_failed(&error.to_string())),
    }
}

fn now() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

/// Lets the browser paint and listen before the work goes on.
async fn next_turn() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let _ = window().set_timeout_with_callback(&resolve);
    });
    let _ = JsFuture::from(promise).await;
}

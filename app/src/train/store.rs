//! What the page knows and does about training: it starts the trainer, speaks with it, and picks up the pieces when it
//! dies.

mod hearing;
mod keeping;
mod trainer;

use super::OwnPixels;
use super::autosave::{self, Autosave, Rhythm};
use super::recipe::Recipe;
use super::run::Run;
use crate::backend::Backend;
use crate::lab::{BundleFile, Phase};
use crate::state::BackendChoice;
use crate::text::train as text;
use crate::worker::Worker;
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_engine::train::protocol::{Event, MAX_RUNS, Request};
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// Where training stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Nobody has asked for it yet.
    Asleep,
    /// The browser is asked what it can do, or the trainer's program is on its way.
    Downloading {
        /// Bytes so far.
        loaded: u64,
        /// Bytes in all; 0 if unknown.
        total: u64,
    },
    /// The runs draw their images and are measured for the first time.
    Preparing,
    /// It could go on.
    Resting,
    /// It trains.
    Playing,
    /// Every run has done its last epoch.
    Finished,
    /// The trainer is dead; the last snapshots are kept.
    Dead,
}

/// Everything the view reads.
#[derive(Clone, Copy)]
pub struct TrainingStore {
    pub status: RwSignal<Status>,
    /// The choice of engine that the trainer was started for.
    pub choice: RwSignal<BackendChoice>,
    /// Which trainer it is, once that is decided.
    pub backend: RwSignal<Option<Backend>>,
    /// What the trainer computes on.
    pub device: RwSignal<String>,
    /// The recipe that the runs were begun with.
    pub recipe: RwSignal<Option<Recipe>>,
    /// The images that they were begun with, where they are a person's own.
    pub own: RwSignal<Option<Arc<OwnPixels>>>,
    pub runs: [Run; MAX_RUNS],
    /// The epoch looked at; none for the last.
    pub shown: RwSignal<Option<u32>>,
    /// A sentence about something that a person should know; nothing is wrong.
    pub note: RwSignal<Option<String>>,
    /// A sentence about something that failed.
    pub problem: RwSignal<Option<String>>,
    /// Images embedded so far for a bundle that is being made, and in all.
    pub saving: RwSignal<Option<(usize, usize)>>,
    /// A bundle that was opened from a file, for the scoring engine.
    pub opened: RwSignal<Option<BundleFile>>,
    inner: StoredValue<Inner, LocalStorage>,
}

/// What no view sees.
#[derive(Default)]
struct Inner {
    worker: Option<Worker<Request, Event>>,
    /// Whether to train as soon as that is possible.
    wanted: bool,
    /// Grows with every set of runs, so that what is said of those before is not taken for theirs.
    generation: u32,
    /// Whether the trainer speaks of this generation.
    heard: bool,
    /// Whether the tab's visibility is watched already.
    watching: bool,
    rhythm: Rhythm,
}

impl TrainingStore {
    /// Nothing is trained and nothing loaded.
    pub fn new() -> Self {
        Self {
            status: RwSignal::new(Status::Asleep),
            choice: RwSignal::new(BackendChoice::Auto),
            backend: RwSignal::new(None),
            device: RwSignal::new(String::new()),
            recipe: RwSignal::new(None),
            own: RwSignal::new(None),
            runs: [Run::new(), Run::new()],
            shown: RwSignal::new(None),
            note: RwSignal::new(None),
            problem: RwSignal::new(None),
            saving: RwSignal::new(None),
            opened: RwSignal::new(None),
            inner: StoredValue::new_local(Inner::default()),
        }
    }

    /// The runs there are: one or two.
    pub fn present(&self) -> impl Iterator<Item = Run> + use<> {
        self.runs.into_iter().filter(|run| run.config.with(Option::is_some))
    }

    /// Epochs measured of the run that is furthest.
    pub fn measured(&self) -> u32 {
        let last = |run: Run| run.frames.with(|frames| frames.last().map_or(0, |frame| frame.epoch));
        self.present().map(last).max().unwrap_or(0)
    }

    /// Seconds that all runs will take, from how long this machine took to measure them; none before that, and once
    /// they train, when it is known better.
    pub fn estimate(&self) -> Option<f64> {
        if self.has_begun() {
            return None;
        }
        self.present().map(|run| run.estimate()).sum()
    }

    /// How far the view that trains is.
    pub fn phase(&self) -> Phase {
        match self.status.get() {
            Status::Resting | Status::Playing | Status::Finished => Phase::Ready,
            Status::Dead => Phase::Error,
            Status::Asleep | Status::Downloading { .. } | Status::Preparing => Phase::Loading,
        }
    }

    /// Whether a step has been done since the runs began.
    pub fn has_begun(&self) -> bool {
        self.present().any(|run| run.losses.with(|losses| !losses.is_empty()))
    }

    /// Whether the runs are those of `recipe` on these images; learning rates may differ.
    pub fn is_of(&self, recipe: &Recipe, own: Option<&Arc<OwnPixels>>) -> bool {
        let same = self.recipe.with(|now| now.as_ref().is_some_and(|now| now.same_runs(recipe)));
        same && self.own.with(|now| now.as_ref() == own)
    }

    /// Wakes the trainer and has it prepare the runs of `recipe`, on a person's own images where there are some, in place of
    /// those before: as this browser kept them on an earlier visit, or, if `anew`, from their first step.
    pub fn begin(self, recipe: Recipe, own: Option<Arc<OwnPixels>>, choice: BackendChoice, anew: bool) {
        self.watch_visibility();
        self.problem.set(None);
        self.note.set(None);
        self.shown.set(None);
        self.status.set(Status::Downloading { loaded: 0, total: 0 });
        let mut configs = recipe.configs().into_iter();
        self.runs.iter().for_each(|run| run.clear(configs.next()));
        self.recipe.set(Some(recipe.clone()));
        let mark = own.as_ref().map(|own| own.mark());
        self.own.set(own);
        let generation = self.inner.try_update_value(|inner| {
            inner.wanted = false;
            inner.heard = false;
            inner.generation += 1;
            inner.generation
        });
        spawn_local(async move {
            // A browser that keeps nothing, or what cannot be read: then the runs begin anew, as a person expects.
            let kept = match anew {
                true => autosave::forget().await.ok().and(None),
                false => autosave::read().await.ok().flatten(),
            };
            // Somebody may have chosen again in the meantime.
            if self.inner.try_with_value(|inner| inner.generation) != generation {
                return;
            }
            let same = |kept: &Autosave| kept.epoch() > 0 && kept.recipe.same_runs(&recipe) && kept.own == mark;
            if let Some(kept) = kept.filter(same) {
                self.take_up(kept);
            }
            if choice == self.choice.get_untracked() && self.inner.with_value(|inner| inner.worker.is_some()) {
                return self.send_begin();
            }
            self.use_engine(choice);
        });
    }

    /// Nothing is trained: images are missing.
    pub fn wait_for_images(self) {
        self.inner.update_value(|inner| inner.generation += 1);
        self.runs.iter().for_each(|run| run.clear(None));
        self.recipe.set(None);
        self.own.set(None);
        if self.status.get_untracked() != Status::Dead {
            self.status.set(Status::Asleep);
        }
    }

    /// Trains, now or as soon as everything is there.
    pub fn play(self) {
        self.problem.set(None);
        self.note.set(None);
        self.shown.set(None);
        self.inner.update_value(|inner| inner.wanted = true);
        match self.status.get_untracked() {
            Status::Resting => self.go_on(),
            Status::Dead => self.revive(),
            _ => {}
        }
    }

    fn go_on(self) {
        self.status.set(Status::Playing);
        self.send(&Request::Play, &[]);
    }

    /// Stops after the step under way.
    pub fn pause(self) {
        self.inner.update_value(|inner| inner.wanted = false);
        if self.status.get_untracked() == Status::Playing {
            self.send(&Request::Pause, &[]);
        }
    }

    /// One step of each run.
    pub fn step(self) {
        self.shown.set(None);
        if self.status.get_untracked() == Status::Resting {
            self.status.set(Status::Playing);
            self.send(&Request::Step, &[]);
        }
    }

    /// Another peak learning rate for a run, from its next step on.
    pub fn set_rate(self, run: usize, lr: f64) {
        self.runs[run].config.update(|config| {
            if let Some(config) = config {
                config.lr = lr;
            }
        });
        self.recipe.update(|recipe| {
            if let Some(recipe) = recipe {
                match (run, &mut recipe.b) {
                    (0, _) => recipe.a.rate = lr,
                    (_, Some(b)) => b.rate = lr,
                    _ => {}
                }
            }
        });
        self.send(&Request::Rate { run, lr }, &[]);
    }

    /// Has a run packed; the browser then offers it for download, or, if it is to be `used`, it is opened at once.
    pub fn save(self, run: usize, used: bool) {
        let one = self.runs[run];
        let Some(id) = one.bundle_id(run) else { return };
        self.saving.set(Some((0, 1)));
        let title = untrack(|| text::bundle_title(&one.name().unwrap_or_default(), &one.subject(), one.done()));
        self.send(&Request::Save { run, id, title, used }, &[]);
    }

    /// Has a bundle out of a file unpacked and checked, with a trainer that is started for it where there is none.
    pub fn open(self, bytes: &[u8]) {
        self.problem.set(None);
        self.send(&Request::Open, bytes);
    }

    /// A tab that nobody sees does not train.
    fn watch_visibility(self) {
        if self.inner.try_update_value(|inner| std::mem::replace(&mut inner.watching, true)).unwrap_or(true) {
            return;
        }
        let hidden = Closure::<dyn Fn()>::new(move || {
            if document().hidden() && self.status.get_untracked() == Status::Playing {
                self.pause();
                self.note.set(Some(text::HIDDEN.into()));
            }
        });
        let _ = document().add_event_listener_with_callback("visibilitychange", hidden.as_ref().unchecked_ref());
        // For as long as the page lives.
        hidden.forget();
    }

    fn has_begun_untracked(self) -> bool {
        untrack(|| self.has_begun())
    }

    fn present_untracked(self) -> Vec<Run> {
        untrack(|| self.present().collect())
    }
}

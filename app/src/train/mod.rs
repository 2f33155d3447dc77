//! Training in the page: what is known of the runs, and what is done about them.
//!
//! The runs live in a Worker of their own ([`link`]); here are the signals that the view reads. After every epoch the
//! Worker hands over a snapshot of each run, so that its death costs an epoch at most; the browser keeps the last ones
//! ([`keep`]), so that a reload does not cost more.

pub mod keep;
pub mod link;
pub mod recipe;
mod session;

use crate::backend::Backend;
use crate::lab::Phase;
use crate::state::BackendChoice;
use leptos::prelude::*;
use link::Link;
use nsa_core::bundle::Manifest;
use nsa_core::config::TrainConfig;
use nsa_core::measure::HistoryEntry;
use nsa_engine::train::protocol::{Frame, MAX_RUNS, Prepared};
use recipe::Recipe;
use std::sync::Arc;

/// A view costs so many times more in training (forward, backward, its augmentation) than an image in measuring (forward,
/// and what is computed of its features): 2.1 to 2.3 by the recipe that the view opens on, on the processor.
const TRAINED: f64 = 2.2;

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

/// What is known of one run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Its settings; none if there is no such run.
    pub config: RwSignal<Option<TrainConfig>>,
    /// What it trains on.
    pub prepared: RwSignal<Option<Prepared>>,
    /// Loss of every step.
    pub losses: RwSignal<Vec<f32>>,
    /// What was measured, an entry an epoch.
    pub history: RwSignal<Vec<HistoryEntry>>,
    /// Where the samples stood, a frame an epoch; of very many every second one goes.
    pub frames: RwSignal<Vec<Frame>>,
    /// Epochs done, steps done of the next, and images embedded a second.
    pub pace: RwSignal<Pace>,
}

/// How far a run is and how fast.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pace {
    /// Epochs done.
    pub epoch: usize,
    /// Steps done of the epoch under way.
    pub step: usize,
    /// Augmented views embedded a second.
    pub views: f64,
    /// Seconds it has trained for.
    pub seconds: f64,
    /// Bytes of the trainer's memory.
    pub memory: u64,
}

/// Everything the view reads.
#[derive(Clone, Copy)]
pub struct Live {
    /// Where it stands.
    pub status: RwSignal<Status>,
    /// The choice of engine that the trainer was started for.
    pub choice: RwSignal<BackendChoice>,
    /// Which trainer it is, once that is decided.
    pub backend: RwSignal<Option<Backend>>,
    /// What the trainer computes on.
    pub device: RwSignal<String>,
    /// The recipe that the runs were begun with.
    pub recipe: RwSignal<Option<Recipe>>,
    /// The runs.
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
    pub opened: RwSignal<Option<Opened>>,
    inner: StoredValue<Inner, LocalStorage>,
}

/// A bundle out of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// What it is.
    pub manifest: Arc<Manifest>,
    /// Bytes of `bundle.json`, model, bank and history in [`Opened::bytes`].
    pub sizes: [usize; 4],
    /// These four files and the frames, one after the other.
    pub bytes: Arc<[u8]>,
}

/// What no view sees.
#[derive(Default)]
struct Inner {
    link: Option<Link>,
    /// The runs as they stood after their last measured epoch.
    snapshots: [Vec<u8>; MAX_RUNS],
    /// Whether to train as soon as that is possible.
    wanted: bool,
    /// Grows with every set of runs, so that what is said of those before is not taken for theirs.
    generation: u32,
    /// Whether the trainer speaks of this generation.
    heard: bool,
    /// Whether the tab's visibility is watched already.
    watching: bool,
    /// When runs were last handed to the browser to keep, milliseconds; none before.
    kept_at: Option<f64>,
    /// Whether the browser is at it.
    keeping: bool,
    /// Whether it should do it again at once, because more has happened.
    keep_again: bool,
    /// Whether it has been said that there is no room.
    told_full: bool,
}

impl Run {
    fn new() -> Self {
        Self {
            config: RwSignal::new(None),
            prepared: RwSignal::new(None),
            losses: RwSignal::new(Vec::new()),
            history: RwSignal::new(Vec::new()),
            frames: RwSignal::new(Vec::new()),
            pace: RwSignal::new(Pace::default()),
        }
    }

    /// Forgets everything but that there is such a run, or is not.
    fn clear(&self, config: Option<TrainConfig>) {
        self.config.set(config);
        self.prepared.set(None);
        self.losses.set(Vec::new());
        self.history.set(Vec::new());
        self.frames.set(Vec::new());
        self.pace.set(Pace::default());
    }

    /// Name of its method as the paper writes it.
    pub fn name(&self) -> Option<String> {
        self.config.with(|config| {
            let config = config.as_ref()?;
            let method = config.objective.with_norm(config.norm);
            let pollution = (config.pollution * 100.0).round();
            Some(if pollution > 0.0 { format!("{method}, {pollution} % polluted") } else { method })
        })
    }

    /// The frame of an epoch, or the nearest before it; the last where none is asked for.
    pub fn frame(&self, epoch: Option<u32>) -> Option<Frame> {
        self.frames.with(|frames| match epoch {
            None => frames.last().cloned(),
            Some(epoch) => frames.iter().rfind(|frame| frame.epoch <= epoch).or(frames.first()).cloned(),
        })
    }

    /// What was measured after an epoch, or the nearest before it; the last where none is asked for.
    pub fn entry(&self, epoch: Option<u32>) -> Option<HistoryEntry> {
        self.history.with(|history| match epoch {
            None => history.last().cloned(),
            Some(epoch) => history.iter().rfind(|e| e.epoch <= epoch as usize).or(history.first()).cloned(),
        })
    }
}

impl Live {
    /// Nothing is trained and nothing loaded.
    pub fn new() -> Self {
        Self {
            status: RwSignal::new(Status::Asleep),
            choice: RwSignal::new(BackendChoice::Auto),
            backend: RwSignal::new(None),
            device: RwSignal::new(String::new()),
            recipe: RwSignal::new(None),
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
        let of = |run: Run| {
            let epochs = run.config.with(|c| c.as_ref().map(|c| c.epochs))? as f64;
            let measuring = run.pace.with(|pace| pace.seconds);
            let (views, samples) = run.prepared.with(|p| p.as_ref().map(|p| (p.steps * p.views, p.labels.len())))?;
            // As many validation images are measured, and half as many training images for the bank.
            let one = measuring / (2.5 * samples as f64).max(1.0);
            (measuring > 0.0).then_some(epochs * (views as f64 * TRAINED * one + measuring))
        };
        self.present().map(of).sum()
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
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

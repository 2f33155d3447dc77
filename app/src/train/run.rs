//! One run that trains in the page: what is known of it.

use super::autosave::SavedRun;
use crate::text::models;
use crate::train::recipe::Method;
use leptos::prelude::*;
use nsa_core::config::TrainConfig;
use nsa_core::data::OWN;
use nsa_core::measure::HistoryEntry;
use nsa_engine::train::protocol::{Begin, Frame, MAX_FRAMES, Prepared};

/// A view costs so many times more in training (forward, backward, its augmentation) than an image in measuring
/// (forward, and what is computed of its features): 2.1 to 2.3 by the recipe that the view opens on, on the processor.
const TRAINED: f64 = 2.2;

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
    /// The trainer's account of it after its last measured epoch; empty before.
    pub snapshot: StoredValue<Vec<u8>>,
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

impl Run {
    pub fn new() -> Self {
        Self {
            config: RwSignal::new(None),
            prepared: RwSignal::new(None),
            losses: RwSignal::new(Vec::new()),
            history: RwSignal::new(Vec::new()),
            frames: RwSignal::new(Vec::new()),
            pace: RwSignal::new(Pace::default()),
            snapshot: StoredValue::new(Vec::new()),
        }
    }

    /// Forgets everything but that there is such a run, or is not.
    pub fn clear(&self, config: Option<TrainConfig>) {
        self.config.set(config);
        self.prepared.set(None);
        self.losses.set(Vec::new());
        self.history.set(Vec::new());
        self.frames.set(Vec::new());
        self.pace.set(Pace::default());
        self.snapshot.set_value(Vec::new());
    }

    /// What the trainer needs to begin it, or to go on with it; none if there is no such run.
    pub fn begin(&self) -> Option<Begin> {
        let config = self.config.get_untracked()?;
        let SavedRun { snapshot, history, frames, seconds, .. } = self.saved();
        Some(Begin { config, snapshot: snapshot.len(), history, frames, seconds })
    }

    /// What the browser keeps of it.
    pub fn saved(&self) -> SavedRun {
        SavedRun {
            snapshot: self.snapshot.get_value(),
            history: self.history.get_untracked(),
            frames: self.frames.get_untracked(),
            losses: self.losses.get_untracked(),
            seconds: self.pace.with_untracked(|pace| pace.seconds),
        }
    }

    /// Takes it as the browser kept it.
    pub fn take_up(&self, saved: SavedRun) {
        self.snapshot.set_value(saved.snapshot);
        self.history.set(saved.history);
        self.frames.set(saved.frames);
        self.losses.set(saved.losses);
        self.pace.update(|pace| pace.seconds = saved.seconds);
    }

    /// Seconds that it will take, from how long this machine took to measure it; none before that.
    pub fn estimate(&self) -> Option<f64> {
        let epochs = self.config.with(|c| c.as_ref().map(|c| c.epochs))? as f64;
        let measuring = self.pace.with(|pace| pace.seconds);
        let (views, measured) = self.prepared.with(|p| p.as_ref().map(|p| (p.steps * p.views, p.measured)))?;
        let one = measuring / measured.max(1) as f64;
        (measuring > 0.0).then_some(epochs * (views as f64 * TRAINED * one + measuring))
    }

    /// Id of its bundle, where it is the `index`th: it names the file, and the folder it is unpacked to.
    pub fn bundle_id(&self, index: usize) -> Option<String> {
        let TrainConfig { objective, norm, id_class, dataset, .. } = self.config.get_untracked()?;
        let letter = if index == 0 { 'a' } else { 'b' };
        let of = if dataset == OWN { OWN.into() } else { format!("digit-{id_class}") };
        Some(format!("live-{letter}-{objective}-{norm}-{of}-epoch-{}", self.done()))
    }

    /// What it learns, for people: "the digit 2".
    pub fn subject(&self) -> String {
        let things = |config: &TrainConfig| models::things(&config.dataset, config.id_class);
        self.config.with(|config| config.as_ref().map_or(String::new(), things))
    }

    /// Name of its method as the paper writes it.
    pub fn name(&self) -> Option<String> {
        self.config.with(|config| config.as_ref().map(|config| Method::of(config).name()))
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

    /// Epochs measured.
    pub fn done(&self) -> usize {
        self.history.with_untracked(|history| history.last().map_or(0, |entry| entry.epoch))
    }

    /// Takes in what the trainer has made ready.
    pub fn prepare(&self, prepared: Prepared) {
        // A trainer that died took the epoch under way with it.
        self.losses.update(|losses| losses.truncate(prepared.epochs_done * prepared.steps));
        self.pace.update(|pace| (pace.epoch, pace.step) = (prepared.epochs_done, 0));
        self.prepared.set(Some(prepared));
    }

    /// Takes in a step, in which so many views were embedded a second.
    pub fn stepped(&self, epoch: usize, step: usize, loss: f32, rate: f64) {
        self.losses.update(|losses| losses.push(loss));
        let steps = self.prepared.with_untracked(|p| p.as_ref().map_or(1, |p| p.steps));
        self.pace.update(|pace: &mut Pace| {
            (pace.epoch, pace.step) = if step + 1 < steps { (epoch, step + 1) } else { (epoch + 1, 0) };
            pace.views = if pace.views > 0.0 { 0.8 * pace.views + 0.2 * rate } else { rate };
        });
    }

    /// Takes in what was measured after an epoch.
    pub fn measured(&self, entry: HistoryEntry, frame: Frame) {
        self.history.update(|history| history.push(entry));
        self.frames.update(|frames| {
            frames.push(frame);
            if frames.len() >= MAX_FRAMES {
                let last = frames.len() - 1;
                let mut at = 0;
                frames.retain(|_| {
                    at += 1;
                    (at - 1) % 2 == 0 || at - 1 == last
                });
            }
        });
    }
}

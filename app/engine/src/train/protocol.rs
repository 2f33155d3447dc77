//! What the page and the trainer say to each other. How: [`crate::conversation`].

use crate::conversation::worker_event;
use nsa_core::bundle::Manifest;
use nsa_core::config::TrainConfig;
use nsa_core::measure::HistoryEntry;
use serde::{Deserialize, Serialize};

/// At most so many runs at once.
pub const MAX_RUNS: usize = 2;
/// Widest network that is trained in a browser.
pub const MAX_WIDTH: usize = 16;
/// Most images a step.
pub const MAX_BATCH: usize = 128;
/// Most training images.
pub const MAX_IMAGES: usize = 5000;
/// Frames kept of a run; page and trainer thin them out alike.
pub const MAX_FRAMES: usize = 256;

/// A run to begin, or to go on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// Its settings.
    pub config: TrainConfig,
    /// Bytes of its snapshot among those attached; 0 for a run that has not begun.
    pub snapshot: usize,
    /// What was measured up to that snapshot.
    pub history: Vec<HistoryEntry>,
    /// The frames that go with it.
    pub frames: Vec<Frame>,
    /// Seconds it has trained for.
    pub seconds: f64,
}

/// A person's own images, 3 x 32 x 32 bytes each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// So many normal ones, first.
    pub normal: usize,
    /// So many odd ones after them.
    pub odd: usize,
}

/// Page to trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Take up these runs in place of those before. Attached: their snapshots, one after the other, and a person's own
    /// images.
    Begin {
        /// A number that comes back in [`Event::Prepared`]: what is said before it is about runs of before.
        generation: u32,
        /// One or two.
        runs: Vec<Begin>,
        /// What they learn from, where that is not the digits.
        own: Option<Own>,
    },
    /// Train, a step of each run in turn, until the last epoch or a pause.
    Play,
    /// Stop after the step under way.
    Pause,
    /// Train one step of each run.
    Step,
    /// Another peak learning rate, from the next step on.
    Rate {
        /// Which run.
        run: usize,
        /// The rate.
        lr: f64,
    },
    /// Pack a run as it stood after its last whole epoch.
    Save {
        /// Which run.
        run: usize,
        /// Id of the bundle.
        id: String,
        /// Title of the bundle.
        title: String,
        /// Whether the page opens it at once; else it is offered for download.
        used: bool,
    },
    /// Unpack and check the bundle attached.
    Open,
}

/// Where the samples of a run stood, and how they scored, after one epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Epochs trained.
    pub epoch: u32,
    /// Of every sample the true angle to the ID training mean, radians.
    pub angle: Vec<f32>,
    /// Direction around it, radians.
    pub azimuth: Vec<f32>,
    /// k-Cos (Mah) of the pooled encoder output.
    pub score: Vec<f32>,
}

/// What a run has before its first step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// Images it trains on, outliers included.
    pub images: usize,
    /// Outliers among them.
    pub outliers: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Images augmented and embedded in a step: views, rotations included.
    pub views: usize,
    /// Images embedded in a measurement.
    pub measured: usize,
    /// Epochs done.
    pub epochs_done: usize,
    /// Samples on the sphere that are of the ID class; they come first.
    pub id: usize,
    /// Class of every sample.
    pub labels: Vec<u8>,
    /// Its place in the test set.
    pub index: Vec<u32>,
}

/// Trainer to page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The trainer's own program is being downloaded (sent by `worker.js`).
    Download {
        /// Bytes so far.
        loaded: u64,
        /// Bytes in all; 0 where the server does not say.
        total: u64,
    },
    /// It runs.
    Ready {
        /// `webgpu` or `cpu`.
        backend: String,
        /// The adapter's name, or that of the CPU path.
        device: String,
    },
    /// The runs have their images.
    Prepared {
        /// The number of the request.
        generation: u32,
        /// One a run.
        runs: Vec<Prepared>,
    },
    /// A run has done a step.
    Stepped {
        /// Which.
        run: usize,
        /// Epochs done before this step's epoch.
        epoch: usize,
        /// The step's number in the epoch, from 0.
        step: usize,
        /// The loss before it.
        loss: f32,
        /// What it took.
        millis: f64,
        /// Images augmented and embedded in it: views, rotations included.
        views: usize,
    },
    /// A run is measured after an epoch. Attached: its snapshot.
    Measured {
        /// Which.
        run: usize,
        /// What was measured.
        entry: Box<HistoryEntry>,
        /// Where the samples stand.
        frame: Frame,
        /// Seconds it has trained for.
        seconds: f64,
        /// Bytes of memory that the program has.
        memory: u64,
    },
    /// Nothing moves any more: a pause, or every run is through.
    Rests {
        /// Whether every run has done its last epoch.
        finished: bool,
    },
    /// A bundle is being made.
    Saving {
        /// Images embedded so far.
        done: usize,
        /// In all.
        total: usize,
    },
    /// A bundle is packed. Attached: the zip.
    Saved {
        /// Which run.
        run: usize,
        /// What it was packed for, as it was asked for.
        used: bool,
    },
    /// A bundle is unpacked and good. Attached: `bundle.json`, model, bank, history, frames, one after
    /// the other.
    Opened {
        /// Its manifest.
        manifest: Box<Manifest>,
        /// Bytes of the first four files.
        sizes: [usize; 4],
    },
    /// Something could not be done; the runs rest where they are.
    Failed {
        /// One sentence: what happened and what to do.
        message: String,
    },
    /// The trainer itself is dead and must be started anew.
    Crashed {
        /// One sentence.
        message: String,
    },
}

worker_event!(Event, "trainer");

//! What the page and the engine say to each other; pixels travel beside it as bytes. How: [`crate::conversation`].

use crate::conversation::worker_event;
use nsa_core::bundle::{Explanation, Manifest};
use nsa_core::measure::History;
use nsa_core::model::Layer;
use nsa_core::score::Scorer;
use serde::{Deserialize, Serialize};

/// Page to engine. `job` is chosen by the page and comes back in every answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Check and load the bundle whose files are attached, one after the other: `bundle.json`, model, bank, history. It
    /// replaces the one before it only when it is good.
    Open {
        /// Job number.
        job: u32,
        /// What it is called where it was found.
        id: String,
        /// Bytes of the four files.
        sizes: [usize; 4],
    },
    /// Check the bundle in the zip attached and take it apart: see [`Event::Opened`]. The bundle loaded stays.
    Unpack {
        /// Job number.
        job: u32,
    },
    /// Score the `n` images attached as bytes (3 x 32 x 32 each), in batches.
    Score {
        /// Job number.
        job: u32,
        /// How many images.
        n: usize,
    },
    /// Say why the one image attached (3 x 32 x 32 bytes) has its scores.
    Explain {
        /// Job number.
        job: u32,
        /// How many training images to name.
        neighbours: usize,
        /// By which banks.
        banks: Banks,
    },
    /// Make the `n` images attached (3 x 32 x 32 bytes each) the normal ones, behind the encoder of the model loaded. It
    /// replaces those before only when it is good, and goes with the model.
    Fit {
        /// Job number.
        job: u32,
        /// How many images.
        n: usize,
    },
    /// Say what the first `fit` of the `n` images attached (3 x 32 x 32 bytes each), made the normal ones without training,
    /// are worth: how well they tell the next `id` images, which are like them, from the others. Nothing is replaced.
    Rate {
        /// Job number.
        job: u32,
        /// How many images.
        n: usize,
        /// So many are the normal ones.
        fit: usize,
        /// So many of the others are like them.
        id: usize,
    },
    /// Pack what [`Request::Fit`] made as a bundle; attached are the images again.
    Save {
        /// Job number.
        job: u32,
        /// Id of the bundle.
        id: String,
        /// Its title.
        title: String,
    },
    /// Draw `n` random views of the one image attached, as this model's training would have drawn them.
    Views {
        /// Job number.
        job: u32,
        /// How many views, at most [`MAX_VIEWS`].
        n: usize,
        /// Which views.
        seed: u64,
    },
    /// Say where the `n` images attached (3 x 32 x 32 bytes each) lie on the hypersphere.
    Project {
        /// Job number.
        job: u32,
        /// How many images.
        n: usize,
        /// Principal components are those of the first so many images.
        fit: usize,
        /// Images whose place was recorded in training: position among the `n`, angle and azimuth in radians. The
        /// picture is turned so that they lie there.
        known: Vec<(usize, f32, f32)>,
    },
    /// Forget a score job that is under way or waiting; what it still had to do is dropped silently.
    Cancel {
        /// The job to forget.
        job: u32,
    },
}

impl Request {
    /// Its job.
    pub fn job(&self) -> u32 {
        let (Self::Open { job, .. }
        | Self::Unpack { job }
        | Self::Score { job, .. }
        | Self::Explain { job, .. }
        | Self::Views { job, .. }
        | Self::Project { job, .. }
        | Self::Fit { job, .. }
        | Self::Rate { job, .. }
        | Self::Save { job, .. }
        | Self::Cancel { job }) = self;
        *job
    }
}

/// What images are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Banks {
    /// The banks of the bundle loaded.
    Bundle,
    /// Those of the normal images: see [`Request::Fit`].
    Normal,
}

/// Most views that are drawn at once.
pub const MAX_VIEWS: usize = 64;

/// Engine to page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The engine's own program is being downloaded (sent by `worker.js`).
    Download {
        /// Bytes so far.
        loaded: u64,
        /// Bytes in all; 0 where the server does not say.
        total: u64,
    },
    /// The engine runs and has warmed up.
    Ready {
        /// `webgpu` or `cpu`.
        backend: String,
        /// The adapter's name, or that of the CPU path.
        device: String,
    },
    /// A bundle is loaded, and images can be scored by it.
    Loaded {
        /// Job number.
        job: u32,
        /// Its `bundle.json`.
        manifest: Box<Manifest>,
        /// Its `history.json`.
        history: Box<History>,
    },
    /// A bundle is taken apart; attached are `bundle.json`, model, bank, history and frames, and of a person's own normal
    /// the pixels of its images.
    Opened {
        /// Job number.
        job: u32,
        /// Its manifest.
        manifest: Box<Manifest>,
        /// Bytes of the first four.
        sizes: [usize; 4],
    },
    /// Scores of images `first..` of a job.
    Scored {
        /// Job number.
        job: u32,
        /// Position of the first image.
        first: usize,
        /// One row an image: a value for every entry of [`Manifest::scores`], in that order.
        scores: Vec<Vec<f32>>,
        /// For every image, the angle in radians between its pooled encoder output and the ID mean.
        angles: Vec<f32>,
    },
    /// Where images lie on the hypersphere, in the order of the request.
    Projected {
        /// Job number.
        job: u32,
        /// Angle to the ID mean, radians.
        angles: Vec<f32>,
        /// Direction around it, radians.
        azimuths: Vec<f32>,
        /// First three principal components.
        points: Vec<[f32; 3]>,
        /// Share of the variance along each component, 0 to 1.
        explained: [f32; 3],
    },
    /// All images of a job are scored.
    Done {
        /// Job number.
        job: u32,
        /// Milliseconds it took.
        millis: f64,
        /// Bytes of memory that the engine holds; it never gives any back, so a leak would show here.
        memory: u64,
    },
    /// Why an image has its scores.
    Explained {
        /// Job number.
        job: u32,
        /// The reasons.
        explanation: Box<Explanation>,
    },
    /// So many of the normal images are embedded.
    Fitting {
        /// Job number.
        job: u32,
        /// How many.
        done: usize,
    },
    /// Banks of the normal images are there.
    Fitted {
        /// Job number.
        job: u32,
        /// What they would be saved with.
        manifest: Box<Manifest>,
        /// For every entry of [`Manifest::scores`] what each group of near copies has by banks that have not seen it.
        held_out: Vec<Vec<f32>>,
        /// How many different views the images show.
        views: usize,
        /// Milliseconds it took.
        millis: f64,
    },
    /// What a bank without training is worth.
    Rated {
        /// Job number.
        job: u32,
        /// The score that it is worth that by.
        layer: Layer,
        /// Likewise.
        scorer: Scorer,
        /// AUROC, 0 to 1.
        auroc: f64,
    },
    /// A fitted bundle is packed; the zip is attached.
    Saved {
        /// Job number.
        job: u32,
    },
    /// Views of an image, 3 x 32 x 32 bytes each.
    Drawn {
        /// Job number.
        job: u32,
        /// The views.
        views: Vec<Vec<u8>>,
    },
    /// A job failed; the engine goes on.
    Failed {
        /// Job number.
        job: u32,
        /// One sentence: what happened and what to do.
        message: String,
    },
    /// The engine itself is dead and must be started anew (sent by `worker.js`, or before a panic unwinds).
    Crashed {
        /// One sentence.
        message: String,
    },
}

impl Event {
    /// The job that it answers, if it does.
    pub fn job(&self) -> Option<u32> {
        match self {
            Self::Loaded { job, .. }
            | Self::Opened { job, .. }
            | Self::Scored { job, .. }
            | Self::Projected { job, .. }
            | Self::Done { job, .. }
            | Self::Explained { job, .. }
            | Self::Fitting { job, .. }
            | Self::Fitted { job, .. }
            | Self::Rated { job, .. }
            | Self::Saved { job }
            | Self::Drawn { job, .. }
            | Self::Failed { job, .. } => Some(*job),
            Self::Download { .. } | Self::Ready { .. } | Self::Crashed { .. } => None,
        }
    }
}

worker_event!(Event, "engine");

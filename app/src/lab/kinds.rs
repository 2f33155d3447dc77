//! The kinds of things that the page knows.

use crate::gallery::Side;
use crate::state::Subject;
use nsa_core::bundle::{Explanation, Manifest};
use nsa_core::measure::History;
use std::sync::Arc;

/// A loaded bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// What it is.
    pub manifest: Manifest,
    /// What was measured during its training.
    pub history: History,
}

/// Where the engine stands.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineState {
    /// The browser is asked what it can do.
    Choosing,
    /// The engine's program is on its way.
    Downloading {
        /// Bytes so far.
        loaded: u64,
        /// Bytes in all; 0 if unknown.
        total: u64,
    },
    /// It runs.
    Ready {
        /// The processor's name.
        device: String,
    },
    /// It is dead.
    Crashed,
}

/// What a problem is about. There is at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// The list of models.
    Catalog,
    /// The model chosen.
    Model,
    /// The gallery's images.
    Gallery,
    /// Scoring the gallery.
    Scoring,
    /// The engine.
    Engine,
    /// What was measured while the model was trained.
    Replay,
    /// The same of the model compared.
    Compare,
}

impl Topic {
    /// Whether the main job, scores of images, cannot be done.
    pub fn is_fatal(self) -> bool {
        !matches!(self, Self::Gallery | Self::Replay | Self::Compare)
    }
}

/// Something that failed, in one sentence that says what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What it is about.
    pub topic: Topic,
    /// The sentence.
    pub message: String,
}

/// A row of the engine's answer: one value for every score of the bundle.
pub type Row = Vec<f32>;

/// A person's own image.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnImage {
    /// Number of its own.
    pub key: u32,
    /// File name.
    pub name: String,
    /// What the model sees; none while it is read and if it cannot be.
    pub pixels: Option<Arc<[u8]>>,
    /// How far it is.
    pub progress: OwnProgress,
    /// Its angle to the ID mean in radians, once it is scored.
    pub angle: Option<f32>,
}

/// The image whose details are open.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Which image.
    pub subject: Subject,
    /// Its side; none of a person's own image.
    pub side: Option<Side>,
    /// File name of a person's own image.
    pub name: String,
    /// What the model sees.
    pub pixels: Arc<[u8]>,
}

/// What the engine has told of the image whose details are open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail {
    /// Why it has its scores.
    pub explanation: Option<Arc<Explanation>>,
    /// Views of it.
    pub views: Vec<Arc<[u8]>>,
    /// Which views.
    pub seed: u64,
    /// Why the engine had no answer.
    pub failed: Option<String>,
}

/// How far a person's own image is.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnProgress {
    /// The browser decodes it, or the engine has yet to score it.
    Waiting,
    /// The engine has scored it.
    Scored(Row),
    /// It cannot be scored, for this reason.
    Failed(String),
}

/// The main job as a whole: `data-state` of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Something is still on its way.
    Loading,
    /// Every tile has its score.
    Ready,
    /// Something that the main job needs has failed.
    Error,
}

impl Phase {
    /// Its word in `data-state`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Error => "error",
        }
    }
}

/// Scores of one kind, by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sides {
    /// Of ID images.
    pub id: Vec<f32>,
    /// Of OOD images.
    pub ood: Vec<f32>,
}

impl OwnImage {
    /// An image that is still to be read.
    pub fn waiting(key: u32, name: String) -> Self {
        Self { key, name, pixels: None, progress: OwnProgress::Waiting, angle: None }
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

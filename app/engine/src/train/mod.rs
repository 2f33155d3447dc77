//! Training in the browser: one or two runs, step by step in turn, by the same core code as `nsa train`.
//!
//! `trainer-cpu` and `trainer-webgpu` are the same few lines around `serve`, which speaks the [`protocol`] with the
//! page. What a run is, `LiveRun`, knows neither page nor clock and is tested natively.

pub mod protocol;
#[cfg(feature = "train")]
mod run;
#[cfg(feature = "train")]
mod save;
#[cfg(all(feature = "train", feature = "worker"))]
mod serve;
#[cfg(feature = "train")]
mod source;

#[cfg(feature = "train")]
pub use run::{Done, LiveRun, RunError};
#[cfg(feature = "train")]
pub use save::{Labels, pack};
#[cfg(all(feature = "train", feature = "worker"))]
pub use serve::serve_training;

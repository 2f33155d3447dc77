//! Training in the browser: one or two runs, step by step in turn, by the same core code as `nsa train`.
//!
//! `trainer-cpu` and `trainer-webgpu` are the same few lines around [`serve_training`], which speaks the [`protocol`] with the
//! page. What a run is, `LiveRun`, knows neither page nor clock and is tested natively.

pub mod protocol;
mod run;
mod save;
mod serve;
mod source;

pub use run::{Done, LiveRun, RunError};
pub use save::{Labels, pack};
pub use serve::serve_training;

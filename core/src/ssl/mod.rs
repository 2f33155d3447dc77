//! Self-supervised objectives (sections 2.1 and 2.4): what is compared, how it is learned.

mod config;
mod loss;
mod trainer;

pub use config::{ConfigError, Norm, Objective, TrainConfig, UnknownChoice};
pub use loss::{nt_xent_loss, simsiam_loss};
pub use trainer::{Trainer, TrainerError};

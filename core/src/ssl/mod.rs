//! Self-supervised objectives (sections 2.1 and 2.4).

mod config;
pub use config::{ConfigError, Norm, Objective, TrainConfig, UnknownChoice};

//! Every setting of a run, and the words that settings are given in.

mod augment;
mod objective;
mod pixels;
mod size;
mod train;
mod words;

pub use augment::AugmentConfig;
pub use objective::{Apart, Norm, Objective, Schedule};
pub use pixels::PixelNorm;
pub use size::{CHANNELS, IMAGE_BYTES, IMAGENET_SIZE, SIDES, SIZE, is_side};
pub use train::{ConfigError, TrainConfig};
pub use words::UnknownChoice;
pub(crate) use words::words;

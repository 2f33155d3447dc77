//! What can be wrong with a bundle. Each message is one sentence that names the file.

use crate::config::ConfigError;
use crate::features::FeatureError;
use crate::model::{Layer, WeightsError};
use crate::score::ScoreError;
use thiserror::Error;

/// Why a bundle is refused, or cannot be written.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A file with more bytes than any bundle of ours has.
    #[error("{file} must be at most {limit} bytes, found {found}")]
    TooLarge {
        /// The file.
        file: String,
        /// Its limit.
        limit: u64,
        /// Bytes found.
        found: u64,
    },
    /// JSON that does not parse, or lacks a field.
    #[error("{file} must be valid JSON of this format: {source}")]
    Json {
        /// The file.
        file: &'static str,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// Made by another version.
    #[error(
        "bundle.json must have format {expected}, found {found}: it was made by {}; export its run again with this one",
        if *found < *expected { "an earlier version, whose k-cos-mah was another score" } else { "a later version" }
    )]
    Format {
        /// What this code reads.
        expected: u32,
        /// What was found.
        found: u32,
    },
    /// A setting outside its range.
    #[error("bundle.json holds an impossible setting: {0}")]
    Config(#[from] ConfigError),
    /// A file shorter or longer than `bundle.json` says.
    #[error("{file} must have {expected} bytes, found {found}: the file is cut or changed, fetch it again")]
    Size {
        /// The file.
        file: String,
        /// As announced.
        expected: u64,
        /// As found.
        found: u64,
    },
    /// A file whose bytes changed.
    #[error("{file} does not have the checksum that bundle.json gives: the file is damaged, fetch it again")]
    Checksum {
        /// The file.
        file: String,
    },
    /// Tensors that are not there, of another shape or type, or not finite.
    #[error("{file}: {why}")]
    Content {
        /// The file.
        file: &'static str,
        /// What must hold and what was found.
        why: String,
    },
    /// Weights that do not fit.
    #[error("model.safetensors: {0}")]
    Weights(#[from] WeightsError),
    /// A bank that cannot score.
    #[error("bank.safetensors, layer {layer}: {source}")]
    Bank {
        /// The layer.
        layer: Layer,
        /// Why.
        source: ScoreError,
    },
    /// Features that are not a matrix of finite numbers.
    #[error("bank.safetensors, {tensor}: {source}")]
    Features {
        /// The tensor.
        tensor: String,
        /// Why.
        source: FeatureError,
    },
}

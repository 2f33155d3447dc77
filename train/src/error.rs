//! What can go wrong in `nsa`, and the exit status it gives.

use crate::data::{DataSourceError, DownloadError};
use crate::files::ReadError;
use crate::npy::NpyError;
use nsa_core::FeatureError;
use nsa_core::bundle::{AssembleError, BundleError, DetectError, FitError};
use nsa_core::config::ConfigError;
use nsa_core::data::DataError;
use nsa_core::eval::EvalError;
use nsa_core::model::{EmbedError, WeightsError};
use nsa_core::score::ScoreError;
use nsa_core::sphere::SphereError;
use nsa_core::ssl::guard::Collapse;
use nsa_core::ssl::{RunError, TrainerError, WatchError};
use std::path::PathBuf;
use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum NsaError {
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A setting outside its range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A configuration file that does not parse.
    #[error("{path}: {why}")]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// Where and what.
        why: String,
    },
    /// Images that cannot be read.
    #[error(transparent)]
    DataSource(#[from] DataSourceError),
    /// A data set that cannot be fetched.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A split that cannot be made.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An array file that cannot be read.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// A bundle that is refused.
    #[error("{path}: {source}")]
    Bundle {
        /// The bundle's folder.
        path: PathBuf,
        /// Why.
        source: BundleError,
    },
    /// A file that cannot be what it should.
    #[error("{path} must {must}, found {found}")]
    File {
        /// The file.
        path: PathBuf,
        /// What must hold of it.
        must: String,
        /// What it is instead.
        found: String,
    },
    /// A file that is not read at all.
    #[error("{path} {why}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: ReadError,
    },
    /// Arrays that a scorer or a metric refuses.
    #[error("{files}: {why}")]
    Arrays {
        /// The files.
        files: String,
        /// Why.
        why: String,
    },
    /// Some of many things failed; each was named before.
    #[error("{failed} of {total} {what} failed")]
    Some {
        /// The status that their failures give.
        status: u8,
        /// How many.
        failed: usize,
        /// Of how many.
        total: usize,
        /// What they are.
        what: &'static str,
    },
    /// A run that is being trained by another process.
    #[error("another process is training {path}")]
    Busy {
        /// The run's folder.
        path: PathBuf,
    },
    /// Not even the threads that compute can be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A fault of ours.
    #[error("it panicked: this is a fault of nsa; the message above says where")]
    Panicked,
    /// A file could not be read or written.
    #[error("cannot {verb} {path}: {source}")]
    Io {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No such device here.
    #[error("{0}")]
    Device(String),
    /// A device that was there, but did not do its work.
    #[error("{device} failed: {why}; `nsa devices` lists others, --device cpu always works")]
    #[cfg_attr(not(any(feature = "cuda", feature = "wgpu")), expect(dead_code, reason = "the processor does not fail"))]
    DeviceFailed {
        /// Its name.
        device: String,
        /// What its library said.
        why: String,
    },
    /// The network collapsed, or is not finite any more.
    #[error("training stopped in epoch {epoch}: {found}; {}", kept(*epoch))]
    Stopped {
        /// The epoch whose checkpoint was not written.
        epoch: usize,
        /// What was found.
        found: Collapse,
    },
    /// A checkpoint that is cut, or of another network.
    #[error("{path}: {source}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TrainerError,
    },
    /// Training could not go on.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// The network failed on images.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Weights that cannot be written or read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A weights file that is refused.
    #[error("{path}: {source}")]
    WeightsFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: WeightsError,
    },
    /// Features that are not finite.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// A scorer refused.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// An analysis refused.
    #[error(transparent)]
    Sphere(#[from] SphereError),
    /// A metric refused.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// A network could not be measured.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// A network gives no banks.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// A detector failed.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// Images cannot be made the normal ones.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Results could not be written as JSON.
    #[error("the result could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<RunError> for NsaError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Collapse { epoch, found } => Self::Stopped { epoch, found },
            RunError::Trainer(source) => Self::Trainer(source),
            RunError::Watch { source, .. } => Self::Watch(source),
        }
    }
}

/// What is left of a run that was stopped: each epoch ends with a checkpoint.
fn kept(epoch: usize) -> String {
    match epoch {
        0 | 1 => "no checkpoint was written yet".into(),
        _ => format!("the checkpoint of epoch {} is kept", epoch - 1),
    }
}

impl NsaError {
    /// 2 for bad usage or input, 1 for work that failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Config(_)
            | Self::ConfigFile { .. }
            | Self::DataSource(_)
            | Self::Data(_)
            | Self::Fit(_)
            | Self::Eval(_)
            | Self::Io { verb: "read", .. }
            | Self::Npy(
                NpyError::Io { verb: "read", .. }
                | NpyError::Refused { .. }
                | NpyError::Format { .. }
                | NpyError::Large { .. }
                | NpyError::Features { .. },
            )
            | Self::Bundle { .. }
            | Self::File { .. }
            | Self::Refused { .. }
            | Self::Arrays { .. }
            | Self::WeightsFile { .. }
            | Self::Checkpoint { .. }
            | Self::Device(_) => 2,
            Self::Some { status, .. } => *status,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_run_says_what_is_left_of_it() {
        let stopped = |epoch| NsaError::Stopped { epoch, found: Collapse::Loss { loss: f64::NAN } };
        assert_eq!(
            stopped(3).to_string(),
            "training stopped in epoch 3: the loss became NaN: try a smaller lr; the checkpoint of epoch 2 is kept"
        );
        assert!(stopped(1).to_string().ends_with("no checkpoint was written yet"));
        assert_eq!(stopped(1).exit_code(), 1);
    }
}

//! One trained model as the browser gets it: written and read in memory, checked byte for byte.
//!
//! A bundle is a folder of five files. `bundle.json` ([`Manifest`]) names the other four with their sizes and
//! checksums; the weights and banks make a [`Detector`]; [history](crate::measure::History) and
//! [frames](crate::measure::Frames) replay how training went.

mod archive;
mod assemble;
mod detector;
mod elsewhere;
mod error;
mod explain;
mod fit;
mod frames;
mod gallery;
mod manifest;
mod project;
mod read;
mod tensors;
mod write;

pub use archive::{MAX_ARCHIVE, Unpacked, from_zip, to_zip, zip_reason};
pub use assemble::{AssembleError, Assembled, BankPlan, Origin};
pub use detector::{DetectError, Detector, ImageScores};
pub use elsewhere::ELSEWHERE;
pub use error::BundleError;
pub use explain::{Ensemble, Explanation, Neighbour, Part};
pub use fit::{FitError, MAX_NORMAL, MIN_NORMAL, NORMAL_FILE};
pub use frames::FRAMES_FILE;
pub use gallery::{gallery_from_bytes, gallery_to_bytes};
pub use manifest::{Catalog, CatalogEntry, FORMAT, FileEntry, LayerEntry, Manifest, Normal, Provenance, ScoreEntry};
pub use project::Projection;
pub use read::{BANK_FILE, FILES, HISTORY_FILE, MANIFEST_FILE, MAX_FILE, MAX_MANIFEST, MODEL_FILE, is_id, sha256};
pub use write::stored_bank;

//! Why images could not be had.

use super::catalog::Known;
use super::picture::PictureError;
use crate::files::ReadError;
use nsa_core::data::{CHANNELS, DataError};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a data set cannot be read. Every message says what must hold, what was found, and what to do.
#[derive(Debug, Error)]
pub enum DataSourceError {
    /// Neither a data set's name nor a path.
    #[error("no data set is called {name:?}: use one of {known}, or folder:PATH for a folder or zip of images")]
    Unknown {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The data set's files are not there.
    #[error("no {title} files in {}: pass --root DIR or {remedy}", directory.display())]
    Missing {
        /// The data set for people.
        title: &'static str,
        /// Where they were looked for.
        directory: PathBuf,
        /// What else to do.
        remedy: String,
    },
    /// More images than memory should be filled with.
    #[error("{images} images of {side} x {side} need {:.1} GB of memory: at most {} GB are read at once", gb(*images, *side), MAX_READ >> 30)]
    TooMuch {
        /// Images asked for.
        images: usize,
        /// Their height and width.
        side: usize,
    },
    /// A run's images are not there any more.
    #[error("{source_name} has changed since the run began: {why}; put the images back, or train another run")]
    Changed {
        /// Where the images came from.
        source_name: String,
        /// What is different.
        why: String,
    },
    /// A file or folder that cannot be read at all.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that is not read at all.
    #[error("{} {why}", path.display())]
    Refused {
        /// Which file.
        path: PathBuf,
        /// Why not.
        why: ReadError,
    },
    /// An image file that gives no picture.
    #[error("{} must be an image as browsers show it (PNG, JPEG, WebP, GIF or BMP), found {source}", path.display())]
    Picture {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: PictureError,
    },
    /// A file that is not what its name says.
    #[error("{} must {must}, found {found}: {remedy}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What must hold of it.
        must: String,
        /// What it holds instead.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// An image folder without a single readable image.
    #[error("none of the {} images in {} could be read; the first, {}", failures.len(), path.display(), first(failures))]
    AllFailed {
        /// The folder or zip.
        path: PathBuf,
        /// Every image and why it failed.
        failures: Vec<Failure>,
    },
    /// Images and labels disagree.
    #[error("{}: {source}", path.display())]
    Images {
        /// Where they came from.
        path: PathBuf,
        /// What is wrong with them.
        source: DataError,
    },
}

/// Bytes of pixels that are read at once.
pub(super) const MAX_READ: usize = 8 << 30;

fn gb(images: usize, side: usize) -> f64 {
    images as f64 * (CHANNELS * side * side) as f64 / 1e9
}

/// One image that could not be read while others could.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Failure {
    /// Which one: its path inside the folder or zip.
    #[serde(rename = "image")]
    pub name: String,
    /// Why.
    pub why: String,
}

impl DataSourceError {
    /// A name that nothing has.
    pub(super) fn unknown(name: &str) -> Self {
        Self::Unknown { name: name.into(), known: super::catalog::names() }
    }

    /// None of the files of a known data set.
    pub(super) fn missing(known: &Known, directory: &Path) -> Self {
        let remedy = if known.files.is_empty() {
            format!("fetch them from {} into train/CLASS/ and test/CLASS/ there", known.home)
        } else {
            format!("run `nsa data get {}`", known.name)
        };
        Self::Missing { title: known.title, directory: directory.into(), remedy }
    }

    /// A file that is broken or something else than its name says.
    pub(super) fn format(path: &Path, must: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Format { path: path.into(), must: must.into(), found: found.into(), remedy: "pass another file" }
    }

    /// A file or folder that the system would not give.
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}

fn first(failures: &[Failure]) -> String {
    failures.first().map_or_else(String::new, |f| format!("{}: {}", f.name, f.why))
}

//! NumPy's `.npy` files: what `nsa` and other programs hand each other.
//!
//! Read are versions 1 to 3, little-endian, C order; `f32` and `f64` as values, integers as labels. Files come from
//! elsewhere: the header is capped, and the values announced must be exactly those that are there, which is checked
//! against the file's size before anything is allocated.

mod header;
mod images;
mod write;

pub use images::ImageReader;
pub use write::{RowWriter, write_f32, write_u8};

use crate::files::{self, ReadError, open_plain};
use crate::memory::{self, Short};
use header::{Header, Kind};
use nsa_core::data::{CHANNELS, SIZE};
use nsa_core::{FeatureError, Features};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// One score an image.
pub const SCORES: files::Kind = files::Kind { name: "array of scores", is: |path| is_array(path, Kind::F32, 1) };
/// A feature vector a row.
pub const FEATURES: files::Kind = files::Kind { name: "array of features", is: |path| is_array(path, Kind::F32, 2) };
/// `N x 3 x H x W`.
pub const IMAGES: files::Kind = files::Kind { name: "array of images", is: |path| is_array(path, Kind::F32, 4) };
/// A label an image.
pub const LABELS: files::Kind = files::Kind { name: "array of labels", is: |path| is_array(path, Kind::U8, 1) };

/// Whether a file is an array of this type and of so many dimensions.
fn is_array(path: &Path, kind: Kind, dimensions: usize) -> bool {
    open(path, &[kind]).is_ok_and(|(_, header, _)| header.shape.len() == dimensions)
}

/// Whether a matrix of so many rows can be read again.
pub fn check_size(path: &Path, rows: usize, dim: usize) -> Result<(), NpyError> {
    match rows.checked_mul(dim) {
        Some(values) if values <= MAX_VALUES => Ok(()),
        _ => Err(NpyError::format(path, format!("hold at most {MAX_VALUES} values"), shape(&[rows, dim]))),
    }
}

/// Values one file may hold: 8 GiB of `f32`.
const MAX_VALUES: usize = 1 << 31;

/// Why a `.npy` file cannot be read or written.
#[derive(Debug, Error)]
pub enum NpyError {
    /// The system would not give or take it.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not read at all.
    #[error("{} {why}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: ReadError,
    },
    /// It is not what it must be.
    #[error("{} must {must}, found {found}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What must hold of it.
        must: String,
        /// What it holds instead.
        found: String,
    },
    /// It does not fit into memory.
    #[error("{}: {short}", path.display())]
    Large {
        /// The file.
        path: PathBuf,
        /// By how much.
        short: Short,
    },
    /// Its values are not features.
    #[error("{}: {source}", path.display())]
    Features {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        source: FeatureError,
    },
}

impl NpyError {
    fn format(path: &Path, must: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Format { path: path.into(), must: must.into(), found: found.into() }
    }

    fn io(verb: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { verb, path: path.into(), source }
    }
}

/// An array of any number of dimensions, the last varying fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<T> {
    /// Sizes.
    pub shape: Vec<usize>,
    /// As many values as the product of the sizes.
    pub values: Vec<T>,
}

/// A matrix of `n x dim` finite values: one feature vector a row.
pub fn read_features(path: &Path) -> Result<Features, NpyError> {
    let array = read_f32(path)?;
    let [n, dim] = array.shape[..] else {
        return Err(NpyError::format(path, "have two dimensions (one feature vector a row)", shape(&array.shape)));
    };
    Features::new(n, dim, array.values).map_err(|source| NpyError::Features { path: path.into(), source })
}

/// One finite number an image: shape `n`, `n x 1` or `1 x n`. Nothing is rounded: scores may come from elsewhere.
pub fn read_vector(path: &Path) -> Result<Vec<f64>, NpyError> {
    let array = read(path, &[Kind::F32, Kind::F64], |kind, b| match kind {
        Kind::F64 => Ok(f64::from_le_bytes(first(b))),
        _ => Ok(f32::from_le_bytes(first(b)).into()),
    })?;
    if array.shape.iter().filter(|&&size| size != 1).count() > 1 || array.shape.is_empty() {
        return Err(NpyError::format(path, "have one dimension (one number an image)", shape(&array.shape)));
    }
    match array.values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(NpyError::format(path, "hold finite numbers", format!("{} at index {at}", array.values[at]))),
        None => Ok(array.values),
    }
}

/// Images of `n x 3 x 32 x 32` values in 0..1, as bytes (0 to 255) in the same order.
pub fn read_images(path: &Path) -> Result<Vec<u8>, NpyError> {
    let array = read_f32(path)?;
    if array.shape.len() != 4 || array.shape[1..] != [CHANNELS, SIZE, SIZE] {
        return Err(NpyError::format(path, "hold images, N x 3 x 32 x 32", shape(&array.shape)));
    }
    // Also true of NaN.
    match array.values.iter().position(|v| !(0.0..=1.0).contains(v)) {
        Some(at) => Err(NpyError::format(path, "hold values of 0 to 1", format!("{} at index {at}", array.values[at]))),
        None => Ok(array.values.iter().map(|v| (v * 255.0 + 0.5) as u8).collect()),
    }
}

/// An array of `f32`; `f64` is rounded.
pub fn read_f32(path: &Path) -> Result<Array<f32>, NpyError> {
    read(path, &[Kind::F32, Kind::F64], |kind, b| match kind {
        Kind::F64 => {
            let value = f64::from_le_bytes(first(b));
            let rounded = value as f32;
            if value.is_finite() && rounded.is_infinite() { Err(value) } else { Ok(rounded) }
        }
        _ => Ok(f32::from_le_bytes(first(b))),
    })
}

/// An array of labels: unsigned bytes, or integers of 32 or 64 bits. Labels are written by commands, but only read
/// by tests.
#[cfg(test)]
pub fn read_labels(path: &Path) -> Result<Array<i64>, NpyError> {
    read(path, &[Kind::U8, Kind::I32, Kind::I64], |kind, b| match kind {
        Kind::U8 => Ok(i64::from(b[0])),
        Kind::I32 => Ok(i32::from_le_bytes(first(b)).into()),
        _ => Ok(i64::from_le_bytes(first(b))),
    })
}

/// Reads and converts value by value, so that the file is never in memory twice. What does not fit is given back.
fn read<T>(path: &Path, kinds: &[Kind], convert: impl Fn(Kind, &[u8]) -> Result<T, f64>) -> Result<Array<T>, NpyError> {
    let (mut file, header, count) = open(path, kinds)?;
    if count > MAX_VALUES {
        return Err(NpyError::format(path, format!("hold at most {MAX_VALUES} values"), shape(&header.shape)));
    }
    let width = header.kind.bytes();
    let bytes = count as u64 * size_of::<T>() as u64;
    memory::check(bytes).map_err(|short| NpyError::Large { path: path.into(), short })?;
    let mut values = Vec::with_capacity(count);
    let mut value = [0; 8];
    for index in 0..count {
        file.read_exact(&mut value[..width]).map_err(|source| NpyError::io("read", path, source))?;
        values.push(convert(header.kind, &value[..width]).map_err(|value| {
            NpyError::format(path, "hold numbers that f32 holds (up to 3.4e38)", format!("{value:e} at index {index}"))
        })?);
    }
    Ok(Array { shape: header.shape, values })
}

/// A file whose values are of one of `kinds` and as many as its header says, at the first of them; and how many.
fn open(path: &Path, kinds: &[Kind]) -> Result<(BufReader<File>, Header, usize), NpyError> {
    let (file, length) = open_plain(path).map_err(|why| match why {
        ReadError::Io(source) => NpyError::io("read", path, source),
        why => NpyError::Refused { path: path.into(), why },
    })?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let (header, header_bytes) =
        Header::read(&mut file).map_err(|(must, found)| NpyError::format(path, must, found))?;
    if !kinds.contains(&header.kind) {
        let wanted: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        return Err(NpyError::format(path, format!("hold {}", wanted.join(" or ")), header.kind.name()));
    }
    let count = header.shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size));
    let bytes = count.and_then(|count| Some((count, count.checked_mul(header.kind.bytes())? as u64)));
    let Some((count, needed)) = bytes else {
        return Err(NpyError::format(path, format!("hold at most {MAX_VALUES} values"), shape(&header.shape)));
    };
    let there = length.saturating_sub(header_bytes);
    if needed != there {
        let must = format!("hold {needed} bytes after its header (shape {})", shape(&header.shape));
        return Err(NpyError::format(path, must, there.to_string()));
    }
    Ok((file, header, count))
}

/// The first `N` bytes, zeros where there are fewer.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

/// A shape for messages: `2 x 3`.
fn shape(sizes: &[usize]) -> String {
    if sizes.is_empty() {
        return "a single value".into();
    }
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

#[cfg(test)]
mod tests;

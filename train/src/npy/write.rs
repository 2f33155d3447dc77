//! Writing `.npy` files, version 1, as NumPy writes them.

use super::header::Kind;
use super::{NpyError, shape as show};
use crate::files::{PART, with_suffix};
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// Writes `f32` values of the given shape; there must be as many as its product.
pub fn write_f32(path: &Path, shape: &[usize], values: &[f32]) -> Result<(), NpyError> {
    write(path, Kind::F32, shape, values.iter().map(|v| v.to_le_bytes()))
}

/// Writes unsigned bytes of the given shape; there must be as many as its product.
pub fn write_u8(path: &Path, shape: &[usize], values: &[u8]) -> Result<(), NpyError> {
    write(path, Kind::U8, shape, values.iter().map(|v| v.to_le_bytes()))
}

/// Writes an array of `f32` row by row, so that it need not fit in memory. The file gets its name when it is whole.
pub struct RowWriter {
    path: PathBuf,
    file: BufWriter<File>,
    /// The shape, its first size the most rows there may be.
    shape: Vec<usize>,
    /// Values written so far.
    written: usize,
}

impl RowWriter {
    /// Begins a file of at most `rows` rows, each of the shape `row`.
    pub fn create(path: &Path, rows: usize, row: &[usize]) -> Result<Self, NpyError> {
        let io = |source| NpyError::io("write", path, source);
        let shape: Vec<usize> = [&[rows], row].concat();
        let mut file = BufWriter::with_capacity(1 << 16, File::create(with_suffix(path, PART)).map_err(io)?);
        file.write_all(&start(Kind::F32, &shape, 0)).map_err(io)?;
        Ok(Self { path: path.into(), file, shape, written: 0 })
    }

    /// Adds the values of one or more rows.
    pub fn write(&mut self, values: impl IntoIterator<Item = f32>) -> Result<(), NpyError> {
        for value in values {
            self.file.write_all(&value.to_le_bytes()).map_err(|source| NpyError::io("write", &self.path, source))?;
            self.written += 1;
        }
        Ok(())
    }

    /// Ends the file; its header says how many rows it got.
    pub fn finish(mut self) -> Result<usize, NpyError> {
        let io = |source| NpyError::io("write", &self.path, source);
        let row: usize = self.shape[1..].iter().product();
        let most = self.shape[0];
        if !self.written.is_multiple_of(row) || self.written > most * row {
            let must = format!("get at most {most} rows of {row} values");
            return Err(NpyError::format(&self.path, must, self.written.to_string()));
        }
        let length = start(Kind::F32, &self.shape, 0).len();
        self.shape[0] = self.written / row.max(1);
        self.file.rewind().map_err(io)?;
        self.file.write_all(&start(Kind::F32, &self.shape, length)).map_err(io)?;
        self.file.flush().map_err(io)?;
        std::fs::rename(with_suffix(&self.path, PART), &self.path).map_err(io)?;
        Ok(self.shape[0])
    }
}

impl Drop for RowWriter {
    /// What was not finished is not left behind.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(with_suffix(&self.path, PART));
    }
}

/// Writes a file, and takes an error for it if the values are not as many as the shape says.
pub(super) fn write<const N: usize>(
    path: &Path,
    kind: Kind,
    shape: &[usize],
    values: impl Iterator<Item = [u8; N]>,
) -> Result<(), NpyError> {
    let io = |source| NpyError::io("write", path, source);
    let mut file = BufWriter::with_capacity(1 << 16, File::create(path).map_err(io)?);
    file.write_all(&start(kind, shape, 0)).map_err(io)?;
    let mut written = 0;
    for value in values {
        file.write_all(&value).map_err(io)?;
        written += 1;
    }
    file.flush().map_err(io)?;
    // A file that lies about itself must not be left behind unnoticed.
    if shape.iter().product::<usize>() != written {
        return Err(NpyError::format(
            path,
            format!("get the values of its shape, {}", show(shape)),
            written.to_string(),
        ));
    }
    Ok(())
}

/// Everything before the values, padded to a multiple of 64 bytes, at least `length`, and ended by a line break.
fn start(kind: Kind, shape: &[usize], length: usize) -> Vec<u8> {
    let sizes: String = match shape {
        [one] => format!("{one},"),
        many => many.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({sizes}), }}", kind.descr());
    let before = 10;
    let whole = (before + text.len() + 1).next_multiple_of(64).max(length);
    text.extend(std::iter::repeat_n(' ', whole - before - text.len() - 1));
    text.push('\n');
    // Shapes have a few dimensions: the header is always far below 65,536 bytes.
    [b"\x93NUMPY\x01\x00".as_slice(), &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
}

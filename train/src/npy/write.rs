//! Writing `.npy` files, version 1, as NumPy writes them.

use super::header::Kind;
use super::{NpyError, shape as show};
use crate::error::NsaError;
use crate::files::{Output, Writing, writing};
use std::io::{BufWriter, Seek, Write};

/// Writes `f32` values of the given shape; there must be as many as its product.
pub fn write_f32(output: &Output, shape: &[usize], values: &[f32]) -> Result<(), NsaError> {
    write(output, Kind::F32, shape, values.iter().map(|v| v.to_le_bytes()))
}

/// Writes unsigned bytes of the given shape; there must be as many as its product.
pub fn write_u8(output: &Output, shape: &[usize], values: &[u8]) -> Result<(), NsaError> {
    write(output, Kind::U8, shape, values.iter().map(|v| v.to_le_bytes()))
}

/// Writes an array of `f32` row by row, so that it need not fit in memory. The file gets its name when it is whole.
pub struct RowWriter<'a> {
    output: &'a Output,
    file: BufWriter<Writing>,
    /// The shape, its first size the most rows there may be.
    shape: Vec<usize>,
    /// Values written so far.
    written: usize,
}

impl<'a> RowWriter<'a> {
    /// Begins a file of at most `rows` rows, each of the shape `row`.
    pub fn create(output: &'a Output, rows: usize, row: &[usize]) -> Result<Self, NsaError> {
        let shape: Vec<usize> = [&[rows], row].concat();
        let mut file = BufWriter::with_capacity(1 << 16, output.begin()?);
        file.write_all(&start(Kind::F32, &shape, 0)).map_err(writing(output.path()))?;
        Ok(Self { output, file, shape, written: 0 })
    }

    /// Adds the values of one or more rows.
    pub fn write(&mut self, values: impl IntoIterator<Item = f32>) -> Result<(), NsaError> {
        for value in values {
            self.file.write_all(&value.to_le_bytes()).map_err(writing(self.output.path()))?;
            self.written += 1;
        }
        Ok(())
    }

    /// Ends the file; its header says how many rows it got.
    pub fn finish(mut self) -> Result<usize, NsaError> {
        let path = self.output.path();
        let row: usize = self.shape[1..].iter().product();
        let most = self.shape[0];
        if !self.written.is_multiple_of(row) || self.written > most * row {
            let must = format!("get at most {most} rows of {row} values");
            return Err(NpyError::format(path, must, self.written.to_string()).into());
        }
        let length = start(Kind::F32, &self.shape, 0).len();
        self.shape[0] = self.written / row.max(1);
        self.file.rewind().map_err(writing(path))?;
        self.file.write_all(&start(Kind::F32, &self.shape, length)).map_err(writing(path))?;
        let file = self.file.into_inner().map_err(|error| writing(path)(error.into_error()))?;
        self.output.put(file)?;
        Ok(self.shape[0])
    }
}

/// Writes a file, unless the values are not as many as the shape says.
pub(super) fn write<const N: usize>(
    output: &Output,
    kind: Kind,
    shape: &[usize],
    values: impl Iterator<Item = [u8; N]>,
) -> Result<(), NsaError> {
    let io = writing(output.path());
    let mut file = BufWriter::with_capacity(1 << 16, output.begin()?);
    file.write_all(&start(kind, shape, 0)).map_err(&io)?;
    let mut written = 0;
    for value in values {
        file.write_all(&value).map_err(&io)?;
        written += 1;
    }
    let file = file.into_inner().map_err(|error| io(error.into_error()))?;
    // A file must not lie about itself.
    if shape.iter().product::<usize>() != written {
        let must = format!("get the values of its shape, {}", show(shape));
        return Err(NpyError::format(output.path(), must, written.to_string()).into());
    }
    output.put(file)
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

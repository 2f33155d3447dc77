//! Writing `.npy` files, version 1, as NumPy writes them.

use super::header::Kind;
use super::{NpyError, shape as show};
use nsa_core::data::{CHANNELS, ImageSet, SIZE};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes `f32` values of the given shape; there must be as many as its product.
pub fn write_f32(path: &Path, shape: &[usize], values: &[f32]) -> Result<(), NpyError> {
    write(path, Kind::F32, shape, values.iter().map(|v| v.to_le_bytes()))
}

/// Writes unsigned bytes of the given shape; there must be as many as its product.
pub fn write_u8(path: &Path, shape: &[usize], values: &[u8]) -> Result<(), NpyError> {
    write(path, Kind::U8, shape, values.iter().map(|v| v.to_le_bytes()))
}

/// Writes images as `f32` in 0..1, `n x 3 x 32 x 32`, without a copy of them all in memory.
pub fn write_images(path: &Path, images: &ImageSet) -> Result<(), NpyError> {
    let values = images.pixels().iter().map(|&byte| (f32::from(byte) / 255.0).to_le_bytes());
    write(path, Kind::F32, &[images.len(), CHANNELS, SIZE, SIZE], values)
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
    file.write_all(&start(kind, shape)).map_err(io)?;
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

/// Everything before the values, padded to a multiple of 64 bytes and ended by a line break.
fn start(kind: Kind, shape: &[usize]) -> Vec<u8> {
    let sizes: String = match shape {
        [one] => format!("{one},"),
        many => many.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({sizes}), }}", kind.descr());
    let before = 10;
    let whole = (before + text.len() + 1).next_multiple_of(64);
    text.extend(std::iter::repeat_n(' ', whole - before - text.len() - 1));
    text.push('\n');
    // Shapes have a few dimensions: the header is always far below 65,536 bytes.
    [b"\x93NUMPY\x01\x00".as_slice(), &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
}

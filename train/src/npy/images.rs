//! Images from a `.npy` file a batch at a time: those of a large set do not fit in memory.

use super::header::Kind;
use super::{NpyError, first, open, shape};
use nsa_core::data::CHANNELS;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Largest height and width of an image: ImageNet's networks want 224.
const MAX_SIDE: usize = 2048;

/// A file of images, `N x 3 x H x W` in 0..1.
pub struct ImageReader {
    path: PathBuf,
    file: BufReader<File>,
    kind: Kind,
    n: usize,
    size: [usize; 2],
    /// Images read so far.
    read: usize,
}

impl ImageReader {
    /// Opens a file and checks its shape against its size; the values are checked as they are read.
    pub fn open(path: &Path) -> Result<Self, NpyError> {
        let (file, header, _) = open(path, &[Kind::F32, Kind::F64])?;
        let sane = |side: usize| (1..=MAX_SIDE).contains(&side);
        match header.shape[..] {
            [n, CHANNELS, height, width] if n > 0 && sane(height) && sane(width) => {
                Ok(Self { path: path.into(), file, kind: header.kind, n, size: [height, width], read: 0 })
            }
            _ => {
                let must = format!("hold images, N x 3 x H x W with N at least 1 and sides of 1 to {MAX_SIDE}");
                Err(NpyError::format(path, must, shape(&header.shape)))
            }
        }
    }

    /// How many images.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Height and width.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// The next images, at most `n`; none at the end.
    pub fn next(&mut self, n: usize) -> Result<Vec<f32>, NpyError> {
        let n = n.min(self.n - self.read);
        let width = self.kind.bytes();
        let mut bytes = vec![0; n * CHANNELS * self.size[0] * self.size[1] * width];
        self.file.read_exact(&mut bytes).map_err(|source| NpyError::io("read", &self.path, source))?;
        let values: Vec<f32> = bytes
            .chunks_exact(width)
            .map(|b| {
                if self.kind == Kind::F64 { f64::from_le_bytes(first(b)) as f32 } else { f32::from_le_bytes(first(b)) }
            })
            .collect();
        // Also true of NaN.
        if let Some(at) = values.iter().position(|v| !(0.0..=1.0).contains(v)) {
            let image = self.read + at / (CHANNELS * self.size[0] * self.size[1]);
            let found = format!("{} in image {image}", values[at]);
            return Err(NpyError::format(&self.path, "hold values of 0 to 1", found));
        }
        self.read += n;
        Ok(values)
    }
}

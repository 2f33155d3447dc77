//! SVHN's cropped digits: `X` of 32 x 32 x 3 x N bytes and `y` of N labels 1 to 10, where 10 is the digit 0.

use super::Read;
use super::catalog::Known;
use super::error::DataSourceError;
use super::mat::{self, ByteArray};
use nsa_core::data::{CHANNELS, IMAGE_BYTES, ImageSet, SIZE, Split};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Images a file may have: the largest published part (`extra`) has 531,131.
const MAX_IMAGES: usize = 600_000;

/// Reads `train_32x32.mat` or `test_32x32.mat` in `root`.
pub(super) fn load(known: &Known, root: &Path, split: Split) -> Result<Read, DataSourceError> {
    let path = root.join(match split {
        Split::Train => "train_32x32.mat",
        Split::Test => "test_32x32.mat",
    });
    if !path.is_file() {
        return Err(DataSourceError::missing(known, root));
    }
    let file = File::open(&path).map_err(|source| DataSourceError::io(&path, source))?;
    let arrays = mat::read(BufReader::new(file), &["X", "y"], MAX_IMAGES * IMAGE_BYTES)
        .map_err(|mat::Broken(must, found)| DataSourceError::format(&path, must, found))?;

    let named = |name: &str| arrays.iter().find(|array| array.name == name);
    let (images, labels) = match (named("X"), named("y")) {
        (Some(images), Some(labels)) if fit(images, labels) => (images, labels),
        _ => {
            let found: Vec<String> = arrays.iter().map(|a| format!("{} {:?}", a.name, a.shape)).collect();
            let must = "have X of 32 x 32 x 3 x N and y of N values, N at least 1";
            return Err(DataSourceError::format(&path, must, found.join(", ")));
        }
    };
    let labels: Result<Vec<u8>, u8> =
        labels.values.iter().map(|&y| if (1..=10).contains(&y) { Ok(y % 10) } else { Err(y) }).collect();
    let labels = labels.map_err(|y| DataSourceError::format(&path, "have labels of 1 to 10", y.to_string()))?;
    let classes = known.classes.iter().map(|&name| name.to_string()).collect();
    let images = ImageSet::new(rows_first(&images.values), labels, classes)
        .map_err(|source| DataSourceError::Images { path: path.clone(), source })?;
    Ok(Read { images, files: vec![path] })
}

/// Whether images and labels have the sizes they must have.
fn fit(images: &ByteArray, labels: &ByteArray) -> bool {
    let n = labels.values.len();
    // A single image's last dimension is dropped by MATLAB.
    let shape: Vec<usize> = images.shape.iter().copied().chain([1]).take(4).collect();
    (1..=MAX_IMAGES).contains(&n) && shape == [SIZE, SIZE, CHANNELS, n] && images.shape.len() <= 4
}

/// MATLAB stores columns one after the other: turn each plane.
fn rows_first(columns: &[u8]) -> Vec<u8> {
    let mut out = vec![0; columns.len()];
    for (from, to) in columns.chunks_exact(SIZE * SIZE).zip(out.chunks_exact_mut(SIZE * SIZE)) {
        for (i, value) in to.iter_mut().enumerate() {
            *value = from[(i % SIZE) * SIZE + i / SIZE];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalog;
    use crate::data::mat::tests::{compressed, file, matrix};

    fn load_file(shape: &[i32], pixels: &[u8], labels: &[u8]) -> Result<ImageSet, DataSourceError> {
        let dir = tempfile::tempdir().unwrap();
        let y = matrix("y", &[labels.len() as i32, 1], 2, labels);
        std::fs::write(dir.path().join("test_32x32.mat"), file(&[compressed(&matrix("X", shape, 2, pixels)), y]))
            .unwrap();
        load(catalog::find("svhn").unwrap(), dir.path(), Split::Test).map(|read| read.images)
    }

    #[test]
    fn columns_become_rows_and_ten_becomes_zero() {
        let mut pixels = vec![0; 2 * IMAGE_BYTES];
        pixels[1] = 9; // image 0, red, column 0, row 1
        pixels[IMAGE_BYTES + 2 * 1024 + 5 * 32 + 7] = 8; // image 1, blue, column 5, row 7
        let set = load_file(&[32, 32, 3, 2], &pixels, &[10, 3]).unwrap();
        assert_eq!(set.labels(), [0, 3]);
        assert_eq!(set.image(0)[32], 9);
        assert_eq!(set.image(1)[2 * 1024 + 7 * 32 + 5], 8);
        assert_eq!(set.pixels().iter().filter(|&&v| v > 0).count(), 2);
    }

    #[test]
    fn sizes_and_labels_are_checked() {
        let says =
            |shape: &[i32], n: usize, labels: &[u8]| load_file(shape, &vec![0; n], labels).unwrap_err().to_string();
        assert!(says(&[32, 32, 3, 2], 2 * IMAGE_BYTES, &[1]).contains("must have X of 32 x 32 x 3 x N"));
        assert!(says(&[32, 32, 1, 3], IMAGE_BYTES, &[1]).contains("found X [32, 32, 1, 3], y [1, 1]"));
        assert!(says(&[32, 32, 3, 1], IMAGE_BYTES, &[11]).contains("must have labels of 1 to 10, found 11"));
        assert!(load_file(&[32, 32, 3], &[0; IMAGE_BYTES], &[1]).is_ok());
    }
}

//! Fashion-MNIST's format: IDX, bytes only.

use super::catalog::Known;
use super::error::DataSourceError;
use super::{Read, files};
use nsa_core::data::resize::to_model_size;
use nsa_core::data::{CHANNELS, IMAGE_BYTES, ImageSet, Split};
use std::path::{Path, PathBuf};

/// Unpacked bytes a file may have: five times Fashion-MNIST's largest.
const CAP: u64 = 256 << 20;
/// Images a file may have: small pictures grow to 3 KiB each.
const MAX_IMAGES: usize = 500_000;
/// The type code of unsigned bytes, the only one these sets use.
const UNSIGNED_BYTE: u8 = 8;

/// Reads the pair of files of `split` in `root`, or in the folders other programs make below it.
pub(super) fn load(known: &Known, root: &Path, split: Split) -> Result<Read, DataSourceError> {
    let stem = match split {
        Split::Train => "train",
        Split::Test => "t10k",
    };
    let directories = [root.to_path_buf(), root.join("raw"), root.join("FashionMNIST/raw")];
    let find = |kind: &str| -> Result<PathBuf, DataSourceError> {
        let plain = format!("{stem}-{kind}-ubyte");
        files::find(&directories, &[&format!("{plain}.gz"), &plain])
            .ok_or_else(|| DataSourceError::missing(known, root))
    };
    let (image_path, label_path) = (find("images-idx3")?, find("labels-idx1")?);
    let image_bytes = files::read(&image_path, CAP)?;
    let label_bytes = files::read(&label_path, CAP)?;
    let (shape, pixels) = parse::<3>(&image_path, &image_bytes)?;
    let ([n], labels) = parse::<1>(&label_path, &label_bytes)?;
    if n != shape[0] {
        let must = format!("have one label for each of the {} images in {}", shape[0], image_path.display());
        return Err(DataSourceError::format(&label_path, must, n.to_string()));
    }
    let classes = known.classes.iter().map(|&name| name.to_string()).collect();
    let images = ImageSet::new(to_planes(&image_path, shape, pixels)?, labels.to_vec(), classes)
        .map_err(|source| DataSourceError::Images { path: label_path.clone(), source })?;
    Ok(Read { images, files: vec![image_path, label_path] })
}

/// The sizes and the values of an IDX file with `D` dimensions.
fn parse<'a, const D: usize>(path: &Path, bytes: &'a [u8]) -> Result<([usize; D], &'a [u8]), DataSourceError> {
    let header = 4 + 4 * D;
    let magic = [0, 0, UNSIGNED_BYTE, D as u8];
    if bytes.len() < header || bytes[..4] != magic {
        let found = format!("{:02x?} and {} bytes in all", &bytes[..bytes.len().min(4)], bytes.len());
        return Err(DataSourceError::format(path, format!("begin with {magic:02x?} (IDX, {D} dimensions)"), found));
    }
    let mut shape = [0; D];
    for (size, word) in shape.iter_mut().zip(bytes[4..header].chunks_exact(4)) {
        *size = u32::from_be_bytes([word[0], word[1], word[2], word[3]]) as usize;
    }
    let values = &bytes[header..];
    if shape[0] > MAX_IMAGES {
        return Err(DataSourceError::format(path, format!("hold at most {MAX_IMAGES} items"), shape[0].to_string()));
    }
    let needed = shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size));
    if needed != Some(values.len()) || values.is_empty() {
        let must = format!("hold {shape:?} bytes after its header, and at least one");
        return Err(DataSourceError::format(path, must, values.len().to_string()));
    }
    Ok((shape, values))
}

/// Grey images of `[n, height, width]` to `n x 3 x 32 x 32`.
fn to_planes(path: &Path, [n, height, width]: [usize; 3], grey: &[u8]) -> Result<Vec<u8>, DataSourceError> {
    let wrong_size = |e: nsa_core::data::resize::ResizeError| {
        DataSourceError::format(path, "hold pictures that can be resized", e.to_string())
    };
    let mut pixels = Vec::with_capacity(n.min(1 << 20) * IMAGE_BYTES);
    let mut rgb = vec![0; height * width * CHANNELS];
    for picture in grey.chunks_exact(height * width) {
        for (pixel, &value) in rgb.chunks_exact_mut(CHANNELS).zip(picture) {
            pixel.fill(value);
        }
        pixels.extend_from_slice(&to_model_size(&rgb, width, height).map_err(wrong_size)?);
    }
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalog;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn idx(shape: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    fn load_pair(images: &[u8], labels: &[u8]) -> Result<ImageSet, DataSourceError> {
        let dir = tempfile::tempdir().unwrap();
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(images).unwrap();
        std::fs::write(dir.path().join("t10k-images-idx3-ubyte.gz"), gz.finish().unwrap()).unwrap();
        std::fs::write(dir.path().join("t10k-labels-idx1-ubyte"), labels).unwrap();
        load(catalog::find("fashion-mnist").unwrap(), dir.path(), Split::Test).map(|read| read.images)
    }

    #[test]
    fn a_packed_and_a_plain_file_make_a_set() {
        let grey: Vec<u8> = (0..2 * 28 * 28).map(|i| if i < 784 { 70 } else { 200 }).collect();
        let set = load_pair(&idx(&[2, 28, 28], &grey), &idx(&[2], &[3, 9])).unwrap();
        assert_eq!(set.labels(), [3, 9]);
        assert!(set.image(0).iter().all(|&v| v == 70) && set.image(1).iter().all(|&v| v == 200));
        assert_eq!(set.classes()[9], "ankle-boot");
    }

    #[test]
    fn headers_that_lie_are_refused() {
        let good = idx(&[1, 2, 2], &[0; 4]);
        let labels = idx(&[1], &[0]);
        let says = |images: &[u8], labels: &[u8]| load_pair(images, labels).unwrap_err().to_string();
        assert!(says(&good[..10], &labels).contains("must begin with [00, 00, 08, 03] (IDX, 3 dimensions)"));
        assert!(says(&good[..18], &labels).contains("must hold [1, 2, 2] bytes after its header"));
        assert!(says(&idx(&[9, u32::MAX, u32::MAX], &[0; 4]), &labels).contains("found 4"));
        assert!(says(&idx(&[600_000, 1, 1], &[0; 600_000]), &labels).contains("at most 500000 items"));
        assert!(says(&idx(&[0, 2, 2], &[]), &labels).contains("at least one"));
        assert!(says(&good, &idx(&[2], &[0, 0])).contains("must have one label for each of the 1 images"));
        assert!(says(&good, &idx(&[1], &[10])).contains("label 10, but there are 10 classes"));
        assert!(says(&good, &idx(&[1, 2, 2], &[0; 4])).contains("(IDX, 1 dimensions)"));
    }

    #[test]
    fn what_to_do_when_nothing_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let error = load(catalog::find("fashion-mnist").unwrap(), dir.path(), Split::Train).unwrap_err();
        assert!(error.to_string().ends_with("pass --root DIR or run `nsa data get fashion-mnist`"), "{error}");
    }
}

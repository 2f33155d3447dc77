//! A gallery: test images of a real data set, as the page shows them. Built locally, never committed.

use super::BundleError;
use super::tensors::{Reader, Stored};
use crate::data::{ImageSet, SIZE};

const FILE: &str = "gallery.safetensors";
/// At most this many images.
pub const MAX_IMAGES: usize = 10_000;

/// The images as a safetensors file: `images` `n x 3 x 32 x 32` bytes, `labels` `n` bytes.
pub fn gallery_to_bytes(images: &ImageSet) -> Result<Vec<u8>, BundleError> {
    let n = images.len();
    if images.side() != SIZE {
        let why = format!("images must be {SIZE} x {SIZE}, as the page shows them, found {0} x {0}", images.side());
        return Err(BundleError::Content { file: FILE, why });
    }
    let tensors = vec![
        ("images".into(), Stored::u8(&[n, 3, 32, 32], images.pixels())),
        ("labels".into(), Stored::u8(&[n], images.labels())),
    ];
    Stored::file(FILE, tensors)
}

/// Reads [`gallery_to_bytes`]; `classes` are the names from the bundle that the gallery is shown with.
pub fn gallery_from_bytes(bytes: &[u8], classes: &[String]) -> Result<ImageSet, BundleError> {
    let reader = Reader::new(FILE, bytes)?;
    let labels = reader.u8("labels")?;
    if labels.len() > MAX_IMAGES {
        return Err(reader.fault(format!("at most {MAX_IMAGES} images, found {}", labels.len())));
    }
    ImageSet::new(reader.u8("images")?, labels, classes.to_vec()).map_err(|e| reader.fault(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::IMAGE_BYTES;

    #[test]
    fn images_survive_and_unknown_labels_do_not() {
        let classes = vec!["a".to_string(), "b".to_string()];
        let images = ImageSet::new(vec![9; 2 * IMAGE_BYTES], vec![0, 1], classes.clone()).unwrap();
        let bytes = gallery_to_bytes(&images).unwrap();
        assert_eq!(gallery_from_bytes(&bytes, &classes).unwrap(), images);
        assert!(gallery_from_bytes(&bytes, &classes[..1]).unwrap_err().to_string().contains("label 1"));
        assert!(gallery_from_bytes(&bytes[..50], &classes).is_err());
        let large = ImageSet::with_side(224, vec![0; 3 * 224 * 224], vec![0], classes).unwrap();
        assert!(gallery_to_bytes(&large).unwrap_err().to_string().contains("found 224 x 224"));
    }
}

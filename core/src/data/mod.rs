//! Image sets and the one-vs-rest split of section 3.1 and appendix B.

mod own;
pub mod resize;
mod sets;
mod split;
pub mod synth_digits;

pub use crate::config::{CHANNELS, IMAGE_BYTES, SIZE};
pub use own::{MIN_ODD, MIN_OWN, OWN, OWN_CLASSES, OwnImages};
pub use sets::{Sets, Sides};
pub use split::{OneClassSplit, one_class_split};

use crate::config::words;
use thiserror::Error;

words! {
    "split",
    /// Which part of a data set.
    #[derive(Hash)]
    pub enum Split {
        /// Images to learn from.
        "train" => Train,
        /// Images to be scored.
        "test" => Test,
    }
}

/// Labelled images: `n x 3 x S x S`, one byte a value, channel planes red, green, blue. The side S is 32 but for
/// ImageNet's images, which have 224.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSet {
    side: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
    classes: Vec<String>,
}

/// Why images and labels are not an image set, or a split of it cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum DataError {
    /// Pixels and labels disagree.
    #[error(
        "{labels} labels need {} pixel bytes (3 x {side} x {side} each), found {pixels}",
        labels.saturating_mul(CHANNELS * side * side)
    )]
    Length {
        /// Height and width of an image.
        side: usize,
        /// Labels found.
        labels: usize,
        /// Pixel bytes found.
        pixels: usize,
    },
    /// A label without a class name.
    #[error("image {index} has label {label}, but there are {classes} classes")]
    Label {
        /// Which image.
        index: usize,
        /// Its label.
        label: u8,
        /// How many classes are named.
        classes: usize,
    },
    /// No such class.
    #[error("class must be one of 0..{classes}, found {class}")]
    Class {
        /// The class asked for.
        class: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// Too few images to train on.
    #[error("a data set of one's own must have at least {least} images, found {found}")]
    TooFew {
        /// As many there must be.
        least: usize,
        /// Images found.
        found: usize,
    },
    /// Pollution outside 0..1 or more outliers than there are.
    #[error("pollution must be at least 0 and below 1, with enough images of other classes to draw from: {why}")]
    Pollution {
        /// What was wrong.
        why: String,
    },
}

impl ImageSet {
    /// Checks that there are 3 x 32 x 32 bytes a label and a class name for every label.
    pub fn new(pixels: Vec<u8>, labels: Vec<u8>, classes: Vec<String>) -> Result<Self, DataError> {
        Self::with_side(SIZE, pixels, labels, classes)
    }

    /// Like [`ImageSet::new`], for images of `side x side` pixels.
    pub fn with_side(side: usize, pixels: Vec<u8>, labels: Vec<u8>, classes: Vec<String>) -> Result<Self, DataError> {
        if labels.len().checked_mul(CHANNELS * side * side) != Some(pixels.len()) {
            return Err(DataError::Length { side, labels: labels.len(), pixels: pixels.len() });
        }
        if let Some(index) = labels.iter().position(|&l| usize::from(l) >= classes.len()) {
            return Err(DataError::Label { index, label: labels[index], classes: classes.len() });
        }
        Ok(Self { side, pixels, labels, classes })
    }

    /// Height and width of every image.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Bytes of one image.
    pub fn image_bytes(&self) -> usize {
        CHANNELS * self.side * self.side
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The bytes of image `i`: 3,072 at 32 x 32.
    pub fn image(&self, i: usize) -> &[u8] {
        let bytes = self.image_bytes();
        &self.pixels[i * bytes..(i + 1) * bytes]
    }

    /// Bytes of all images.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The class of every image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Names of the classes, by label.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The images at `indices`, in that order.
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            side: self.side,
            pixels: indices.iter().flat_map(|&i| self.image(i).iter().copied()).collect(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
            classes: self.classes.clone(),
        }
    }

    /// Whether the three channels of every image are equal.
    pub fn is_grey(&self) -> bool {
        let area = self.side * self.side;
        (0..self.len()).all(|i| {
            let (red, others) = self.image(i).split_at(area);
            others.chunks(area).all(|channel| channel == red)
        })
    }

    /// The same images, 32 x 32, made smaller by [`resize::shrink`].
    ///
    /// # Errors
    /// [`DataError::Length`] if they are not 32 x 32.
    pub fn shrunk(&self, side: usize) -> Result<Self, DataError> {
        let length = DataError::Length { side: SIZE, labels: self.labels.len(), pixels: self.pixels.len() };
        let small = |image: &[u8]| Some(resize::shrink(image.try_into().ok()?, side));
        let pixels: Option<Vec<Vec<u8>>> = (0..self.len()).map(|i| small(self.image(i))).collect();
        let pixels = pixels.ok_or(length)?.concat();
        Ok(Self { side, pixels, labels: self.labels.clone(), classes: self.classes.clone() })
    }

    /// None if there are none.
    pub fn filled(sides: Sides<Self>) -> Option<Sides<Self>> {
        Some(sides).filter(|Sides { id, ood }| !id.is_empty() && !ood.is_empty())
    }

    /// Indices of the images of one class.
    pub fn of_class(&self, class: usize) -> Vec<usize> {
        of_class(&self.labels, class)
    }
}

fn of_class(labels: &[u8], class: usize) -> Vec<usize> {
    (0..labels.len()).filter(|&i| usize::from(labels[i]) == class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_pixels_must_agree() {
        assert!(ImageSet::new(vec![0; 10], vec![0], vec!["a".into()]).is_err());
        assert!(ImageSet::new(vec![0; IMAGE_BYTES], vec![1], vec!["a".into()]).is_err());
        let large = ImageSet::with_side(224, (0..4 * 224 * 224 * 3).map(|i| (i % 251) as u8).collect(), vec![0; 4], {
            vec!["a".into()]
        });
        let large = large.unwrap();
        assert_eq!((large.side(), large.image_bytes()), (224, 150_528));
        assert_eq!(large.select(&[2]).pixels(), large.image(2));
    }
}

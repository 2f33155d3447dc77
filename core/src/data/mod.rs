//! Image sets and the one-vs-rest split of section 3.1 and appendix B.

pub mod resize;
pub mod synth_digits;

use crate::rng::Rng;
use thiserror::Error;

/// Height and width of every image the models take (ImageNet-sized models aside).
pub const SIZE: usize = 32;
/// Colour channels of every image.
pub const CHANNELS: usize = 3;
/// Bytes of one image: 3 x 32 x 32.
pub const IMAGE_BYTES: usize = CHANNELS * SIZE * SIZE;

/// Which part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Images to learn from.
    Train,
    /// Images to be scored.
    Test,
}

/// Labelled images: `n x 3 x 32 x 32`, one byte a value, channel planes red, green, blue.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSet {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    classes: Vec<String>,
}

/// Why images and labels are not an image set, or a split of it cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum DataError {
    /// Pixels and labels disagree.
    #[error("{labels} labels need {} pixel bytes (3 x 32 x 32 each), found {pixels}", labels * IMAGE_BYTES)]
    Length {
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
        if labels.len().checked_mul(IMAGE_BYTES) != Some(pixels.len()) {
            return Err(DataError::Length { labels: labels.len(), pixels: pixels.len() });
        }
        if let Some(index) = labels.iter().position(|&l| usize::from(l) >= classes.len()) {
            return Err(DataError::Label { index, label: labels[index], classes: classes.len() });
        }
        Ok(Self { pixels, labels, classes })
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The 3072 bytes of image `i`.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * IMAGE_BYTES..(i + 1) * IMAGE_BYTES]
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
            pixels: indices.iter().flat_map(|&i| self.image(i).iter().copied()).collect(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
            classes: self.classes.clone(),
        }
    }

    /// Indices of the images of one class.
    pub fn of_class(&self, class: usize) -> Vec<usize> {
        (0..self.len()).filter(|&i| usize::from(self.labels[i]) == class).collect()
    }
}

/// What a one-class model is trained on: every image of the ID class, and the outliers mixed in.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OneClassSplit {
    /// Indices into the training set, inliers first.
    pub indices: Vec<usize>,
    /// How many of the last indices are outliers of other classes.
    pub outliers: usize,
}

/// The training images of `class`, polluted so that outliers make up the share `pollution` of the whole.
///
/// Outliers are drawn without repetition from the other classes of the training set, from `seed`.
pub fn one_class_split(train: &ImageSet, class: usize, pollution: f32, seed: u64) -> Result<OneClassSplit, DataError> {
    if class >= train.classes().len() {
        return Err(DataError::Class { class, classes: train.classes().len() });
    }
    if !(0.0..1.0).contains(&pollution) {
        return Err(DataError::Pollution { why: format!("found {pollution}") });
    }
    let mut indices = train.of_class(class);
    let others: Vec<usize> = (0..train.len()).filter(|&i| usize::from(train.labels()[i]) != class).collect();
    let p = f64::from(pollution);
    let outliers = (indices.len() as f64 * p / (1.0 - p)).round() as usize;
    if outliers > others.len() {
        return Err(DataError::Pollution { why: format!("{outliers} outliers needed, {} there", others.len()) });
    }
    let order = Rng::new(seed, "pollution", &[class as u64]).permutation(others.len());
    indices.extend(order[..outliers].iter().map(|&i| others[i]));
    Ok(OneClassSplit { indices, outliers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: &[u8]) -> ImageSet {
        let classes = vec!["a".into(), "b".into()];
        ImageSet::new(vec![0; labels.len() * IMAGE_BYTES], labels.to_vec(), classes).unwrap()
    }

    #[test]
    fn pollution_is_a_share_of_the_whole() {
        let mut labels = vec![0; 90];
        labels.extend(vec![1; 50]);
        let split = one_class_split(&set(&labels), 0, 0.1, 3).unwrap();
        assert_eq!((split.indices.len(), split.outliers), (100, 10));
        assert!(split.indices[90..].iter().all(|&i| labels[i] == 1));
        let mut distinct = split.indices.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 100);
        assert_eq!(split, one_class_split(&set(&labels), 0, 0.1, 3).unwrap());
        assert_ne!(split, one_class_split(&set(&labels), 0, 0.1, 4).unwrap());
    }

    #[test]
    fn impossible_splits_say_why() {
        let images = set(&[0, 0, 1]);
        assert!(one_class_split(&images, 2, 0.0, 0).is_err());
        assert!(one_class_split(&images, 0, 1.0, 0).is_err());
        assert!(one_class_split(&images, 0, 0.9, 0).unwrap_err().to_string().contains("18 outliers needed, 1 there"));
    }

    #[test]
    fn labels_and_pixels_must_agree() {
        assert!(ImageSet::new(vec![0; 10], vec![0], vec!["a".into()]).is_err());
        assert!(ImageSet::new(vec![0; IMAGE_BYTES], vec![1], vec!["a".into()]).is_err());
    }
}

//! How pixels are scaled before the encoder sees them.

use super::IMAGENET_SIZE;
use serde::{Deserialize, Serialize};

/// A mean and a standard deviation for red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelNorm {
    /// Subtracted from 0..1 pixels.
    pub mean: [f32; 3],
    /// Divides what is left.
    pub std: [f32; 3],
    /// Whether what is left of an image is then taken relative to the image's own mean and divided by its mean absolute
    /// deviation from it: global contrast normalisation, which is Deep SVDD's. It is no setting: the objective decides it.
    #[serde(skip)]
    pub contrast: bool,
}

impl PixelNorm {
    /// Of runs that ask for no other: the same for every set of small images.
    pub const CIFAR: Self = Self { mean: [0.5; 3], std: [0.25; 3], contrast: false };
    /// Mean and standard deviation of ImageNet's pixels, as torchvision's weights want them.
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], contrast: false };

    /// What weights of others for images of this height and width want.
    pub fn of_side(side: usize) -> Self {
        if side == IMAGENET_SIZE { Self::IMAGENET } else { Self::CIFAR }
    }
}

impl Default for PixelNorm {
    fn default() -> Self {
        Self::CIFAR
    }
}

//! How pixels are scaled before the encoder sees them. It belongs to the weights: others were trained otherwise.

use super::Stem;
use burn::tensor::{Tensor, backend::Backend};

/// Subtracted from 0..1 pixels of each channel, for 32 x 32 images.
pub const PIXEL_MEAN: [f32; 3] = [0.5; 3];
/// Divides what is left.
pub const PIXEL_STD: [f32; 3] = [0.25; 3];

/// A mean and a standard deviation for red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelNorm {
    /// Subtracted from 0..1 pixels.
    pub mean: [f32; 3],
    /// Divides what is left.
    pub std: [f32; 3],
}

impl PixelNorm {
    /// Our runs' on 32 x 32 images: [`PIXEL_MEAN`] and [`PIXEL_STD`].
    pub const CIFAR: Self = Self { mean: PIXEL_MEAN, std: PIXEL_STD };
    /// Mean and standard deviation of ImageNet's pixels, as torchvision's weights want them.
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

    /// Scales images (`N x 3 x H x W` in 0..1).
    pub fn apply<B: Backend>(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [n, c, h, w] = images.dims();
        let device = images.device();
        // A row for each image and channel: see `batch_norm` for why.
        let column = |values: [f32; 3]| {
            Tensor::<B, 1>::from_floats(values, &device).reshape([1, c]).repeat_dim(0, n).reshape([n * c, 1])
        };
        let rows = images.reshape([n * c, h * w]);
        ((rows - column(self.mean)) / column(self.std)).reshape([n, c, h, w])
    }
}

impl Stem {
    /// How runs with this stem scale pixels.
    pub fn pixels(self) -> PixelNorm {
        match self {
            Self::Cifar => PixelNorm::CIFAR,
            Self::Imagenet => PixelNorm::IMAGENET,
        }
    }
}

/// Pixels of 32 x 32 images in 0..1 to what the encoder takes: each channel minus [`PIXEL_MEAN`], divided by
/// [`PIXEL_STD`].
pub fn normalize_pixels<B: Backend>(images: Tensor<B, 4>) -> Tensor<B, 4> {
    PixelNorm::CIFAR.apply(images)
}

//! How pixels are scaled before the encoder sees them. It belongs to the weights: others were trained otherwise.

use crate::config::PixelNorm;
use crate::data::{CHANNELS, ImageSet};
use burn::tensor::{Tensor, backend::Backend};

/// Added to the contrast of an image, so that one of a single colour stays finite.
pub const CONTRAST_EPSILON: f64 = 1e-6;

impl PixelNorm {
    /// Mean and spread of every channel of these images, so that their scaled pixels have mean 0 and spread 1. A channel
    /// without spread is divided by the least that a run may ask for.
    pub fn of(images: &ImageSet) -> Self {
        let area = images.side() * images.side();
        let (mut sum, mut squares) = ([0.0_f64; CHANNELS], [0.0_f64; CHANNELS]);
        for (i, plane) in images.pixels().chunks_exact(area).enumerate() {
            for value in plane.iter().map(|&p| f64::from(p) / 255.0) {
                sum[i % CHANNELS] += value;
                squares[i % CHANNELS] += value * value;
            }
        }
        let n = (images.len() * area).max(1) as f64;
        let mean = sum.map(|s| s / n);
        let spread = |c: usize| (squares[c] / n - mean[c] * mean[c]).max(0.0).sqrt().max(1e-3);
        Self { mean: mean.map(|m| m as f32), std: [0, 1, 2].map(|c| spread(c) as f32), contrast: false }
    }

    /// Scales images (`N x 3 x H x W` in 0..1).
    pub fn apply<B: Backend>(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let [n, c, h, w] = images.dims();
        let device = images.device();
        // A row for each image and channel: see `batch_norm` for why.
        let column = |values: [f32; 3]| {
            Tensor::<B, 1>::from_floats(values, &device).reshape([1, c]).repeat_dim(0, n).reshape([n * c, 1])
        };
        let rows = images.reshape([n * c, h * w]);
        let scaled = (rows - column(self.mean)) / column(self.std);
        let scaled = if self.contrast { normalized(scaled.reshape([n, c * h * w])) } else { scaled };
        scaled.reshape([n, c, h, w])
    }
}

/// Images, a row each, without their brightness and contrast: minus their mean, over the mean absolute value of what is left.
fn normalized<B: Backend>(images: Tensor<B, 2>) -> Tensor<B, 2> {
    let centred = images.clone() - images.mean_dim(1);
    centred.clone() / (centred.abs().mean_dim(1) + CONTRAST_EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    #[test]
    fn images_scaled_by_their_own_statistics_have_mean_0_and_spread_1() {
        let pixels: Vec<u8> =
            (0..2 * 3 * 16 * 16).map(|i| if i / 256 % 3 == 1 { 40 } else { (i % 97) as u8 }).collect();
        let images = ImageSet::with_side(16, pixels.clone(), vec![0; 2], vec!["a".into()]).unwrap();
        let norm = PixelNorm::of(&images);
        assert!((norm.mean[1] - 40.0 / 255.0).abs() < 1e-6 && norm.std[1] == 1e-3);
        let floats: Vec<f32> = pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
        let batch = Tensor::<Flex, 1>::from_floats(&floats[..], &Default::default()).reshape([2, 3, 16, 16]);
        let red = norm.apply(batch).narrow(1, 0, 1).reshape([512]);
        let (mean, square) = (red.clone().mean().into_scalar(), red.square().mean().into_scalar());
        assert!(mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-4, "{mean} {square}");
    }

    /// Global contrast normalisation takes out what a lamp and a camera's exposure put into an image.
    #[test]
    fn an_image_without_its_contrast_is_the_same_in_any_light() {
        let values: Vec<f32> = (0..12).map(|i| 0.1 * (i % 7) as f32).collect();
        let image = Tensor::<Flex, 1>::from_floats(&values[..], &Default::default()).reshape([1, 3, 2, 2]);
        let dark = image.clone() * 0.3 + 0.05;
        let flat = image.zeros_like() + 0.4;
        let norm = PixelNorm { contrast: true, ..PixelNorm::CIFAR };
        let found = norm.apply(Tensor::cat(vec![image, dark, flat], 0)).into_data().into_vec::<f32>().unwrap();
        let mean = values.iter().sum::<f32>() / 12.0;
        let deviation = values.iter().map(|x| (x - mean).abs()).sum::<f32>() / 12.0;
        for (i, value) in values.iter().enumerate() {
            let expected = (value - mean) / deviation;
            assert!((found[i] - expected).abs() < 1e-4, "{}, expected {expected}", found[i]);
            assert!((found[12 + i] - expected).abs() < 1e-4, "darker: {}, expected {expected}", found[12 + i]);
            assert!(found[24 + i].abs() < 0.1, "rounding, and no more: {}", found[24 + i]);
        }
    }
}

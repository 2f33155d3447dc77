//! Random views of images (section 3.1; the list and the strengths are the field's, the paper does not state them).
//!
//! What is random is drawn on the host from [`Rng`], a few numbers an image; what is done with it are tensor
//! operations on the device. So the same seed gives the same views on every backend, and no pixel is read back.

use crate::config::AugmentConfig;
use crate::data::{CHANNELS, ImageSet};
use crate::rng::Rng;
use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

/// Weights of red, green and blue in grey (ITU-R BT.601, as torchvision has them).
pub(crate) const GREY: [f32; 3] = [0.2989, 0.587, 0.114];

/// A batch of images on a device, from which random views are drawn.
pub struct Views<B: Backend> {
    /// `N x 3 x S x S` in 0..1.
    images: Tensor<B, 4>,
    /// S.
    side: usize,
}

/// What happens to one image of a view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Top, left, height and width of the crop, in pixels.
    pub crop: [f32; 4],
    /// Whether it is mirrored.
    pub flip: bool,
    /// Factor on brightness; 1 keeps it.
    pub brightness: f32,
    /// Factor on contrast.
    pub contrast: f32,
    /// Factor on saturation.
    pub saturation: f32,
    /// Share of the circle by which hue is turned.
    pub hue: f32,
    /// Whether it becomes grey.
    pub grayscale: bool,
}

impl Draw {
    /// Draws what will happen to one image of `side x side` pixels.
    pub fn new(config: &AugmentConfig, side: usize, rng: &mut Rng) -> Self {
        let crop = random_crop(config.crop_min, side, rng);
        let flip = rng.chance(config.flip);
        let jitter = rng.chance(config.jitter);
        // Every number is drawn whether or not it is used, so that each image takes as many from the stream.
        let mut factor = |strength: f32| {
            let drawn = rng.range(1.0 - strength, 1.0 + strength);
            if jitter { drawn } else { 1.0 }
        };
        let (brightness, contrast, saturation) =
            (factor(config.brightness), factor(config.contrast), factor(config.saturation));
        let turned = rng.range(-config.hue, config.hue);
        let hue = if jitter { turned } else { 0.0 };
        Self { crop, flip, brightness, contrast, saturation, hue, grayscale: rng.chance(config.grayscale) }
    }
}

/// torchvision's RandomResizedCrop: area from `crop_min` to 1 of the image, aspect ratio from 3/4 to 4/3 (uniform in
/// its logarithm), up to ten tries, else the whole image.
fn random_crop(crop_min: f32, side: usize, rng: &mut Rng) -> [f32; 4] {
    let log_ratio = libm::logf(4.0 / 3.0);
    for _ in 0..10 {
        let area = (side * side) as f32 * rng.range(crop_min, 1.0);
        let ratio = libm::expf(rng.range(-log_ratio, log_ratio));
        let width = (area * ratio).sqrt().round() as usize;
        let height = (area / ratio).sqrt().round() as usize;
        if (1..=side).contains(&width) && (1..=side).contains(&height) {
            let top = rng.below(side - height + 1);
            let left = rng.below(side - width + 1);
            return [top as f32, left as f32, height as f32, width as f32];
        }
    }
    [0.0, 0.0, side as f32, side as f32]
}

impl<B: Backend> Views<B> {
    /// Brings the images at `indices` to the device.
    pub fn new(images: &ImageSet, indices: &[usize], device: &B::Device) -> Self {
        let floats: Vec<f32> =
            indices.iter().flat_map(|&i| images.image(i).iter().map(|&p| f32::from(p) / 255.0)).collect();
        let side = images.side();
        let shape = [indices.len(), CHANNELS, side, side];
        Self { images: Tensor::from_data(TensorData::new(floats, shape), device), side }
    }

    /// The images as they are, in 0..1: `N x 3 x S x S`.
    pub fn images(&self) -> Tensor<B, 4> {
        self.images.clone()
    }

    /// One random view of every image, in 0..1: `N x 3 x S x S`.
    pub fn draw(&self, config: &AugmentConfig, rng: &mut Rng) -> Tensor<B, 4> {
        let draws: Vec<Draw> = (0..self.images.dims()[0]).map(|_| Draw::new(config, self.side, rng)).collect();
        // torchvision shuffles the order of the colour operations for each image; here for each batch.
        self.apply(&draws, &rng.permutation(4))
    }

    /// The views that `draws` describe, one an image, in 0..1. `order` arranges brightness (0), contrast (1),
    /// saturation (2) and hue (3).
    pub fn apply(&self, draws: &[Draw], order: &[usize]) -> Tensor<B, 4> {
        let (n, side) = (draws.len(), self.side);
        // From here on an image is a row, `N x 3SS`, and what is drawn for it a column, `N x 1`.
        let column = |value: &dyn Fn(&Draw) -> f32| {
            let values: Vec<f32> = draws.iter().map(value).collect();
            Tensor::<B, 2>::from_data(TensorData::new(values, [n, 1]), &self.images.device())
        };
        let mut x = self.crop(draws).reshape([n, CHANNELS * side * side]);
        for operation in order {
            x = match operation {
                0 => x * column(&|d| d.brightness),
                2 if draws.iter().all(|d| d.saturation == 1.0) => x,
                1 => {
                    let mean = grey(&x).mean_dim(1);
                    blend(x, mean, column(&|d| d.contrast))
                }
                2 => {
                    let grey = in_all_channels(grey(&x));
                    blend(x, grey, column(&|d| d.saturation))
                }
                _ if draws.iter().all(|d| d.hue == 0.0) => x,
                _ => turn_hue(&x, column(&|d| d.hue)),
            }
            .clamp(0.0, 1.0);
        }
        if draws.iter().any(|d| d.grayscale) {
            let grey = in_all_channels(grey(&x));
            x = blend(x, grey, column(&|d| if d.grayscale { 0.0 } else { 1.0 }));
        }
        x.reshape([n, CHANNELS, side, side])
    }

    /// Crops, scales back to the whole size and mirrors. Bilinear scaling is linear and separable, so a crop is two
    /// small matrices an image: `rows (S x S) * image * columns (S x S)`.
    fn crop(&self, draws: &[Draw]) -> Tensor<B, 3> {
        let (n, side) = (draws.len(), self.side);
        let columns = self.scaling(draws, &|d| (d.crop[1], d.crop[3], d.flip));
        let rows = self.scaling(draws, &|d| (d.crop[0], d.crop[2], false)).transpose();
        let rows = rows.reshape([n, 1, side * side]).repeat_dim(1, CHANNELS).reshape([n * CHANNELS, side, side]);
        let along_x = self.images.clone().reshape([n, CHANNELS * side, side]).matmul(columns);
        rows.matmul(along_x.reshape([n * CHANNELS, side, side]))
    }

    /// For each image the matrix (`S x S`, input by output position) that scales a range of pixels to S by linear
    /// interpolation between pixel centres. `range` gives where it starts, how long it is, and whether it is mirrored.
    fn scaling(&self, draws: &[Draw], range: &dyn Fn(&Draw) -> (f32, f32, bool)) -> Tensor<B, 3> {
        let (device, side) = (self.images.device(), self.side);
        let positions: Vec<f32> = draws
            .iter()
            .flat_map(|draw| {
                let (start, length, mirrored) = range(draw);
                (0..side).map(move |i| {
                    let i = if mirrored { side - 1 - i } else { i };
                    let at = (i as f32 + 0.5) * length / side as f32 - 0.5;
                    start + at.clamp(0.0, length - 1.0)
                })
            })
            .collect();
        let wanted = Tensor::<B, 3>::from_data(TensorData::new(positions, [draws.len(), 1, side]), &device);
        let pixel = Tensor::<B, 1, Int>::arange(0..side as i64, &device).float().reshape([1, side, 1]);
        // A pixel's weight falls linearly from 1 at its centre to 0 at its neighbours'.
        ((wanted - pixel).abs() * -1.0 + 1.0).clamp_min(0.0)
    }
}

/// One channel of every image, `N x SS`.
fn channel<B: Backend>(x: &Tensor<B, 2>, index: usize) -> Tensor<B, 2> {
    let pixels = x.dims()[1] / CHANNELS;
    x.clone().narrow(1, index * pixels, pixels)
}

/// `N x 3SS` to `N x SS`.
fn grey<B: Backend>(x: &Tensor<B, 2>) -> Tensor<B, 2> {
    channel(x, 0) * GREY[0] + channel(x, 1) * GREY[1] + channel(x, 2) * GREY[2]
}

/// `N x SS` to `N x 3SS`.
fn in_all_channels<B: Backend>(grey: Tensor<B, 2>) -> Tensor<B, 2> {
    Tensor::cat(vec![grey; CHANNELS], 1)
}

/// `factor` of `x` and the rest of `other`.
fn blend<B: Backend>(x: Tensor<B, 2>, other: Tensor<B, 2>, factor: Tensor<B, 2>) -> Tensor<B, 2> {
    x * factor.clone() + other * (factor * -1.0 + 1.0)
}

/// Turns the hue of `N x 3SS` by `N x 1` shares of the circle, in HSV.
fn turn_hue<B: Backend>(x: &Tensor<B, 2>, turn: Tensor<B, 2>) -> Tensor<B, 2> {
    let (r, g, b) = (channel(x, 0), channel(x, 1), channel(x, 2));
    let value = r.clone().max_pair(g.clone()).max_pair(b.clone());
    let chroma = value.clone() - r.clone().min_pair(g.clone()).min_pair(b.clone());
    let divisor = chroma.clone() + chroma.clone().equal_elem(0.0).float();
    // Which channel is largest, the first where several are.
    let is_r = r.clone().equal(value.clone()).float();
    let is_g = g.clone().equal(value.clone()).float() * (is_r.clone() * -1.0 + 1.0);
    let is_b = (is_r.clone() + is_g.clone()) * -1.0 + 1.0;
    let sextant = is_r * ((g.clone() - b.clone()) / divisor.clone())
        + is_g * ((b - r.clone()) / divisor.clone() + 2.0)
        + is_b * ((r - g) / divisor + 4.0)
        + turn * 6.0;
    // Back to RGB: each channel falls from the value by the chroma, by how far the hue is from the channel's own.
    let back = |offset: f32| {
        let k = sextant.clone() + offset;
        let k = k.clone() - (k / 6.0).floor() * 6.0;
        let distance = k.clone().min_pair(k * -1.0 + 4.0).clamp(0.0, 1.0);
        value.clone() - chroma.clone() * distance
    };
    Tensor::cat(vec![back(5.0), back(3.0), back(1.0)], 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{IMAGE_BYTES, SIZE, Split, synth_digits};
    use burn_flex::Flex;

    const KEEP: Draw = Draw {
        crop: [0.0, 0.0, 32.0, 32.0],
        flip: false,
        brightness: 1.0,
        contrast: 1.0,
        saturation: 1.0,
        hue: 0.0,
        grayscale: false,
    };

    fn image() -> ImageSet {
        let pixels = synth_digits::image(synth_digits::SEED, Split::Test, 4, 0).to_vec();
        ImageSet::new(pixels, vec![0], vec!["4".into()]).unwrap()
    }

    fn apply(draw: Draw) -> Vec<f32> {
        let views = Views::<Flex>::new(&image(), &[0], &Default::default());
        views.apply(&[draw], &[0, 1, 2, 3]).into_data().into_vec().unwrap()
    }

    fn assert_close(found: &[f32], expected: impl Iterator<Item = f32>) {
        for (i, (f, e)) in found.iter().zip(expected).enumerate() {
            assert!((f - e).abs() < 1e-4, "value {i}: {f}, expected {e}");
        }
    }

    #[test]
    fn a_draw_that_keeps_everything_gives_the_image_back() {
        assert_close(&apply(KEEP), image().pixels().iter().map(|&p| f32::from(p) / 255.0));
    }

    #[test]
    fn a_flip_mirrors_the_columns() {
        let plain = apply(KEEP);
        let mirrored = (0..IMAGE_BYTES).map(|at| plain[at - at % SIZE + SIZE - 1 - at % SIZE]);
        assert_close(&apply(Draw { flip: true, ..KEEP }), mirrored);
    }

    #[test]
    fn a_crop_reads_inside_its_box_only() {
        // One row, one column: every output pixel is that pixel.
        let plain = apply(KEEP);
        let found = apply(Draw { crop: [5.0, 9.0, 1.0, 1.0], ..KEEP });
        assert_close(&found, (0..IMAGE_BYTES).map(|at| plain[at / 1024 * 1024 + 5 * SIZE + 9]));
    }

    #[test]
    fn hue_goes_round_the_circle_and_comes_back() {
        let once = apply(Draw { hue: 0.5, ..KEEP });
        assert!(once.iter().zip(&apply(KEEP)).any(|(a, b)| (a - b).abs() > 0.05));
        assert_close(&apply(Draw { hue: 1.0, ..KEEP }), apply(KEEP).into_iter());
    }

    #[test]
    fn a_grey_image_has_equal_channels() {
        let found = apply(Draw { grayscale: true, ..KEEP });
        assert_close(&found[..1024], found[1024..2048].iter().copied());
    }

    #[test]
    fn crops_stay_inside_and_cover_the_asked_area() {
        let mut rng = Rng::new(0, "crops", &[]);
        let mut areas = Vec::new();
        for _ in 0..2000 {
            let [top, left, height, width] = random_crop(0.2, 32, &mut rng);
            assert!(top + height <= 32.0 && left + width <= 32.0 && height >= 1.0 && width >= 1.0);
            areas.push(height * width / 1024.0);
        }
        let mean = areas.iter().sum::<f32>() / 2000.0;
        assert!((0.52..0.62).contains(&mean), "mean area {mean}");
        assert!(areas.iter().all(|a| *a > 0.17));
    }

    #[test]
    fn large_images_are_cropped_and_flipped_at_their_own_size() {
        let side = 224;
        let pixels: Vec<u8> = (0..3 * side * side).map(|i| (i * 31 % 256) as u8).collect();
        let images = ImageSet::with_side(side, pixels.clone(), vec![0], vec!["any".into()]).unwrap();
        let views = Views::<Flex>::new(&images, &[0], &Default::default());
        let whole = Draw { crop: [0.0, 0.0, 224.0, 224.0], ..KEEP };
        let apply = |draw| views.apply(&[draw], &[0, 1, 2, 3]).into_data().into_vec::<f32>().unwrap();
        assert_close(&apply(whole), pixels.iter().map(|&p| f32::from(p) / 255.0));
        let flipped = apply(Draw { flip: true, ..whole });
        assert_close(
            &flipped,
            (0..pixels.len()).map(|at| f32::from(pixels[at - at % side + side - 1 - at % side]) / 255.0),
        );
        let mut rng = Rng::new(0, "crops", &[]);
        let areas: Vec<f32> = (0..500).map(|_| random_crop(0.2, side, &mut rng)).map(|[_, _, h, w]| h * w).collect();
        assert!(areas.iter().any(|&area| area > 40_000.0) && areas.iter().all(|&area| area > 9_900.0));
        assert_eq!(views.draw(&AugmentConfig::default(), &mut rng).dims(), [1, 3, 224, 224]);
    }

    #[test]
    fn views_are_those_of_the_seed() {
        let views = Views::<Flex>::new(&image(), &[0], &Default::default());
        let draw = |seed| {
            let mut rng = Rng::new(seed, "augment", &[0, 0]);
            views.draw(&AugmentConfig::default(), &mut rng).into_data().into_vec::<f32>().unwrap()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}

//! Batch normalisation and its gradients in few passes over memory, on images that lie side by side ([`crate::lanes`]).
//!
//! With m values a channel, `x' = (x - mean) / deviation` and `y = gamma x' + beta`; then what is added and, where a
//! rectifier follows, a cut at zero. From the gradient dy of the result, zero where the rectifier cut the result off:
//!
//! - what is added has the gradient `dy`;
//! - `dbeta = sum dy` and `dgamma = sum dy x'`;
//! - `dx = gamma / deviation (dy - dbeta / m - x' dgamma / m)`.
//!
//! Sums are taken in `f32` over the pixels of an image and in `f64` over images. Their order does not depend on the
//! number of threads, so a run repeats to the last bit.

use crate::lanes::{LANES, images_in_group};
use crate::rectifier::rectifier;
use crate::threads::{each, each_with, widely};

/// Added to the variance, as in PyTorch.
const EPSILON: f64 = 1e-5;

/// Sums that are taken side by side, for the processor to have something to do while one is being added to.
const CHAINS: usize = 4;

/// `G x C x H x W x 16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maps {
    /// Images.
    pub n: usize,
    /// Channels.
    pub channels: usize,
    /// Positions, `H * W`.
    pub area: usize,
}

/// What a channel of a group of images adds to its mean and variance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    /// Sum of the values.
    total: f64,
    /// Sum of the squares of the images' means, times their positions.
    squares: f64,
    /// Sum of the squared distances from the images' means.
    within: f64,
}

/// How a channel is normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// Mean.
    pub mean: f32,
    /// Variance, by the number of values and not one less.
    pub var: f32,
    /// Learned scale.
    pub gamma: f32,
    /// Learned shift.
    pub beta: f32,
}

impl Channel {
    fn deviation(&self) -> f32 {
        (self.var + EPSILON as f32).sqrt()
    }

    fn scale(&self) -> f32 {
        self.gamma * (1.0 / self.deviation())
    }
}

impl Moments {
    /// Those of some images' channel (`area x 16`), of which the first `images` count.
    pub fn of(channel: &[f32], images: usize) -> Self {
        let area = channel.len() as f64 / LANES as f64;
        let (totals, means, within) = widely(|| {
            let totals = lane_sums(channel, |x, _| x);
            let means = totals.map(|total| total / area as f32);
            (totals, means, lane_sums(channel, |x, lane| (x - means[lane]) * (x - means[lane])))
        });
        let sum = |values: &[f32; LANES]| values[..images].iter().map(|&value| f64::from(value)).sum::<f64>();
        let squares = area * means[..images].iter().map(|&mean| f64::from(mean).powi(2)).sum::<f64>();
        Self { total: sum(&totals), squares, within: sum(&within) }
    }
}

impl Maps {
    /// Values of one channel of one group.
    fn line(&self) -> usize {
        self.area * LANES
    }

    /// What each channel of each group gives, `G x C`.
    pub fn moments(&self, x: &[f32]) -> Vec<Moments> {
        let of_line = |(i, line): (usize, &[f32])| Moments::of(line, images_in_group(self.n, i / self.channels));
        x.chunks_exact(self.line()).enumerate().map(of_line).collect()
    }

    /// Mean and variance of each channel, from what its groups give: `G x C`.
    pub fn statistics(&self, moments: &[Moments]) -> Vec<[f32; 2]> {
        let count = (self.n * self.area) as f64;
        let of_channel = |c: usize| {
            let mut sum = Moments::default();
            for group in moments.iter().skip(c).step_by(self.channels) {
                sum.total += group.total;
                sum.squares += group.squares;
                sum.within += group.within;
            }
            let mean = sum.total / count;
            let between = (sum.squares / count - mean.powi(2)).max(0.0);
            [mean as f32, (sum.within / count + between) as f32]
        };
        (0..self.channels).map(of_channel).collect()
    }

    /// Results: `x` normalised, on top of what is added, and cut off at zero if `rectify`.
    pub fn normalise(&self, x: &[f32], add: Option<&[f32]>, rectify: bool, channels: &[Channel]) -> Vec<f32> {
        let cut = rectifier(rectify);
        let mut results = vec![0.0; x.len()];
        self.each_line(&mut results, |c, at, results| {
            let (Channel { mean, beta, .. }, scale) = (channels[c], channels[c].scale());
            let results = results.iter_mut().zip(&x[at..]);
            let normal = |x: f32| (x - mean) * scale + beta;
            match add {
                Some(add) => results.zip(&add[at..]).for_each(|((y, &x), add)| *y = cut(normal(x) + add)),
                None => results.for_each(|(y, &x)| *y = cut(normal(x))),
            }
        });
        results
    }

    /// Makes `dy` zero where a rectifier cut the result off, if there is one, and returns dgamma and dbeta.
    pub fn cut(&self, dy: &mut [f32], result: Option<&[f32]>, x: &[f32], channels: &[Channel]) -> [Vec<f32>; 2] {
        let line = self.line();
        let mut sums = vec![[0.0; 2]; dy.len() / line.max(1)];
        each_with(dy, self.channels * line, &mut sums, self.channels, |group, dy, sums| {
            for (c, (dy, sums)) in dy.chunks_exact_mut(line).zip(sums).enumerate() {
                let at = (group * self.channels + c) * line;
                let (x, result) = (&x[at..][..line], result.map(|result| &result[at..][..line]));
                *sums = widely(|| {
                    if let Some(result) = result {
                        dy.iter_mut().zip(result).for_each(|(dy, &y)| *dy = if y <= 0.0 { 0.0 } else { *dy });
                    }
                    products(x, dy, channels[c].mean)
                });
            }
        });
        let of_channel =
            |which: usize, c: usize| sums.iter().skip(c).step_by(self.channels).map(|s| s[which]).sum::<f64>();
        let dgamma = |c: usize| (of_channel(0, c) / f64::from(channels[c].deviation())) as f32;
        [(0..self.channels).map(dgamma).collect(), (0..self.channels).map(|c| of_channel(1, c) as f32).collect()]
    }

    /// Writes `dx` over `x`, which nobody needs any more; `dy` is zero already where the result was cut off.
    pub fn gradient(&self, x: &mut [f32], dy: &[f32], channels: &[Channel], [dgamma, dbeta]: &[Vec<f32>; 2]) {
        let count = (self.n * self.area) as f32;
        self.each_line(x, |c, at, x| {
            let (mean, scale) = (channels[c].mean, channels[c].scale());
            let (level, slope) = (dbeta[c] / count, dgamma[c] / count / channels[c].deviation());
            x.iter_mut().zip(&dy[at..]).for_each(|(x, &dy)| *x = scale * (dy - level - (*x - mean) * slope));
        });
    }

    /// Fills the channels of every group by `fill(channel, position of its first value, values)`, and leaves zeros where
    /// there is no image.
    fn each_line(&self, values: &mut [f32], fill: impl Fn(usize, usize, &mut [f32]) + Sync) {
        let line = self.line();
        each(values, (self.channels * line).max(1), |group, maps, (): &mut ()| {
            for (c, values) in maps.chunks_exact_mut(line).enumerate() {
                widely(|| fill(c, (group * self.channels + c) * line, values));
            }
            let images = images_in_group(self.n, group);
            if images < LANES {
                maps.chunks_exact_mut(LANES).for_each(|pixel| pixel[images..].fill(0.0));
            }
        });
    }
}

/// For each image the sum over pixels of `f(value, image)`.
#[inline(always)]
fn lane_sums(channel: &[f32], f: impl Fn(f32, usize) -> f32) -> [f32; LANES] {
    let mut sums = [[0.0_f32; LANES]; CHAINS];
    let (pixels, _) = channel.as_chunks::<LANES>();
    let (whole, rest) = pixels.as_chunks::<CHAINS>();
    for pixels in whole {
        for chain in 0..CHAINS {
            (0..LANES).for_each(|lane| sums[chain][lane] += f(pixels[chain][lane], lane));
        }
    }
    for pixel in rest {
        (0..LANES).for_each(|lane| sums[0][lane] += f(pixel[lane], lane));
    }
    std::array::from_fn(|lane| (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]))
}

/// The sums of `dy (x - mean)` and of `dy`.
#[inline(always)]
fn products(x: &[f32], dy: &[f32], mean: f32) -> [f64; 2] {
    let mut sums = [[[0.0_f32; LANES]; 2]; 2];
    let (x, _) = x.as_chunks::<LANES>();
    let (dy, _) = dy.as_chunks::<LANES>();
    for (i, (x, dy)) in x.iter().zip(dy).enumerate() {
        let sums = &mut sums[i % 2];
        for lane in 0..LANES {
            sums[0][lane] += dy[lane] * (x[lane] - mean);
            sums[1][lane] += dy[lane];
        }
    }
    [0, 1].map(|which| sums.iter().flat_map(|sums| sums[which]).map(f64::from).sum())
}

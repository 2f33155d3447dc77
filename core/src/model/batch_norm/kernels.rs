//! Batch normalisation of feature maps and its gradients in as few passes over memory as there can be, on plain slices.
//!
//! With m values a channel, `x' = (x - mean) / deviation` and `y = gamma x' + beta`, cut off at zero where a rectifier
//! follows. From the gradient dy of the result, which counts only where the rectifier let the value pass:
//!
//! - `dbeta = sum dy` and `dgamma = sum dy x'`;
//! - `dx = gamma / deviation (dy - dbeta / m - x' dgamma / m)`.

use crate::model::threads::{all, each};

/// Values of a row that are added up side by side.
const LANES: usize = 16;

/// `N x C x H x W` as `N * C` rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maps {
    /// Channels.
    pub channels: usize,
    /// Positions, `H * W`.
    pub area: usize,
    /// Whether a rectifier follows.
    pub relu: bool,
}

/// How a channel is normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// Mean.
    pub mean: f32,
    /// `sqrt(var + epsilon)`.
    pub deviation: f32,
    /// Learned scale.
    pub gamma: f32,
    /// Learned shift.
    pub beta: f32,
}

impl Channel {
    fn scale(&self) -> f32 {
        self.gamma / self.deviation
    }

    /// Before the rectifier.
    #[inline(always)]
    fn result(&self, x: f32) -> f32 {
        (x - self.mean) * self.scale() + self.beta
    }
}

impl Maps {
    /// Mean and variance (by the number of values, not one less) of each channel, from those of its rows.
    pub fn statistics(&self, x: &[f32]) -> Vec<[f32; 2]> {
        let (area, count) = (self.area as f64, (x.len() / self.channels) as f64);
        all(self.channels, |c| {
            let (mut total, mut squares, mut within) = (0.0, 0.0, 0.0);
            for row in self.rows(x, c) {
                let sum_of_row = sum(row, |x| x);
                let mean = (sum_of_row / area) as f32;
                within += sum(row, |x| (x - mean).powi(2));
                total += sum_of_row;
                squares += area * f64::from(mean).powi(2);
            }
            let mean = total / count;
            let between = (squares / count - mean.powi(2)).max(0.0);
            [mean as f32, (within / count + between) as f32]
        })
    }

    /// Results, in place of `x`.
    pub fn normalise(&self, x: &mut [f32], channels: &[Channel]) {
        self.each_row(x, |_, c, row| {
            let channel = channels[c];
            for x in row {
                let result = channel.result(*x);
                *x = if self.relu { result.max(0.0) } else { result };
            }
        });
    }

    /// `dx`, in place of `dy`; `dgamma` and `dbeta` come back.
    pub fn backward(&self, x: &[f32], dy: &mut [f32], channels: &[Channel]) -> [Vec<f32>; 2] {
        let sums = all(self.channels, |c| self.sums(self.rows(x, c).zip(self.rows(dy, c)), channels[c]));
        let [dgamma, dbeta] = [0, 1].map(|which| sums.iter().map(|sums| sums[which]).collect::<Vec<f32>>());

        let count = (x.len() / self.channels) as f32;
        self.each_row(dy, |i, c, row| {
            let channel = channels[c];
            let (level, slope) = (dbeta[c] / count, dgamma[c] / count / channel.deviation);
            for (dy, &x) in row.iter_mut().zip(&x[i * self.area..]) {
                *dy = channel.scale() * (self.passed(*dy, x, channel) - level - (x - channel.mean) * slope);
            }
        });
        [dgamma, dbeta]
    }

    /// `dgamma` and `dbeta` of one channel.
    #[inline(always)]
    fn sums<'a>(&self, rows: impl Iterator<Item = (&'a [f32], &'a [f32])>, channel: Channel) -> [f32; 2] {
        let mut totals = [0.0_f64; 2];
        for (x, dy) in rows {
            let mut sums = [[0.0_f32; LANES]; 2];
            let mut add = |i: usize, x: f32, dy: f32| {
                let dy = self.passed(dy, x, channel);
                sums[0][i] += dy * (x - channel.mean);
                sums[1][i] += dy;
            };
            let ((x, x_rest), (dy, dy_rest)) = (x.as_chunks::<LANES>(), dy.as_chunks::<LANES>());
            for (x, dy) in x.iter().zip(dy) {
                (0..LANES).for_each(|i| add(i, x[i], dy[i]));
            }
            (0..x_rest.len()).for_each(|i| add(i, x_rest[i], dy_rest[i]));
            totals.iter_mut().zip(sums).for_each(|(total, sums)| *total += sums.map(f64::from).iter().sum::<f64>());
        }
        [(totals[0] / f64::from(channel.deviation)) as f32, totals[1] as f32]
    }

    /// The gradient that the rectifier lets pass.
    #[inline(always)]
    fn passed(&self, dy: f32, x: f32, channel: Channel) -> f32 {
        if self.relu && channel.result(x) <= 0.0 { 0.0 } else { dy }
    }

    /// Fills every row by `fill(row, channel, values)`.
    fn each_row(&self, values: &mut [f32], fill: impl Fn(usize, usize, &mut [f32]) + Sync) {
        each(values, self.channels * self.area, |image, maps, (): &mut ()| {
            for (c, row) in maps.chunks_exact_mut(self.area).enumerate() {
                fill(image * self.channels + c, c, row);
            }
        });
    }

    /// Those of one channel.
    fn rows<'a>(&self, x: &'a [f32], channel: usize) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        x.chunks_exact(self.area).skip(channel).step_by(self.channels)
    }
}

/// The sum of `f` of the values, in `f32` within a lane and in `f64` over lanes.
#[inline(always)]
fn sum(row: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut sums = [0.0_f32; LANES];
    let (whole, rest) = row.as_chunks::<LANES>();
    for values in whole {
        (0..LANES).for_each(|i| sums[i] += f(values[i]));
    }
    sums.iter_mut().zip(rest).for_each(|(sum, &value)| *sum += f(value));
    sums.map(f64::from).iter().sum()
}

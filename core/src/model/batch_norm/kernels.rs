//! Batch normalisation of feature maps and its gradients in few passes over memory, on plain slices.
//!
//! With m values a channel, `x' = (x - mean) / deviation` and `y = gamma x' + beta`; then what is added and, where a
//! rectifier follows, a cut at zero. From the gradient dy of the result, zero where the rectifier cut the result off:
//!
//! - what is added has the gradient `dy`;
//! - `dbeta = sum dy` and `dgamma = sum dy x'`;
//! - `dx = gamma / deviation (dy - dbeta / m - x' dgamma / m)`.
//!
//! How sums are taken does not depend on the number of threads, so a run repeats to the last bit.

use crate::model::rectifier::rectifier;
use crate::threads::{all, each, widely};

/// Values of a row that are added up side by side.
const LANES: usize = 16;

/// `N x C x H x W` as `N * C` rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maps {
    /// Channels.
    pub channels: usize,
    /// Positions, `H * W`.
    pub area: usize,
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
        self.gamma * (1.0 / self.deviation)
    }
}

impl Maps {
    /// Mean and variance (by the number of values, not one less) of each channel, from those of its rows.
    pub fn statistics(&self, x: &[f32]) -> Vec<[f32; 2]> {
        let (area, count) = (self.area as f64, (x.len() / self.channels) as f64);
        all(self.channels, |c| {
            let (mut total, mut squares, mut within) = (0.0, 0.0, 0.0);
            for row in self.rows(x, c) {
                let of_row = widely(|| sum(row, |x| x));
                let mean = (of_row / area) as f32;
                within += widely(|| sum(row, |x| (x - mean).powi(2)));
                total += of_row;
                squares += area * f64::from(mean).powi(2);
            }
            let mean = total / count;
            let between = (squares / count - mean.powi(2)).max(0.0);
            [mean as f32, (within / count + between) as f32]
        })
    }

    /// Results: `x` normalised, on top of what is added, and cut off at zero if `rectify`.
    pub fn normalise(&self, x: &[f32], add: Option<&[f32]>, rectify: bool, channels: &[Channel]) -> Vec<f32> {
        let cut = rectifier(rectify);
        let mut results = vec![0.0; x.len()];
        self.each_row(&mut results, |c, at, results| {
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

    /// Makes `dy` zero where a rectifier cut the result `y` off.
    pub fn cut(&self, dy: &mut [f32], y: &[f32]) {
        self.each_row(dy, |_, at, dy| {
            dy.iter_mut().zip(&y[at..]).for_each(|(dy, &y)| *dy = if y <= 0.0 { 0.0 } else { *dy });
        });
    }

    /// `dx`, `dgamma` and `dbeta` from `dy`, where it is zero already if the result was cut off.
    pub fn gradients(&self, x: &[f32], dy: &[f32], channels: &[Channel]) -> [Vec<f32>; 3] {
        let sums = all(self.channels, |c| {
            let rows = self.rows(x, c).zip(self.rows(dy, c));
            let of_rows = rows.map(|(x, dy)| widely(|| products(x, dy, channels[c].mean)));
            let [products, sum] = of_rows.fold([0.0; 2], |total, row| [total[0] + row[0], total[1] + row[1]]);
            [(products / f64::from(channels[c].deviation)) as f32, sum as f32]
        });

        let count = (x.len() / self.channels) as f32;
        let mut dx = vec![0.0; x.len()];
        self.each_row(&mut dx, |c, at, dx| {
            let ([dgamma, dbeta], Channel { mean, deviation, .. }, scale) = (sums[c], channels[c], channels[c].scale());
            let (level, slope) = (dbeta / count, dgamma / count / deviation);
            let pairs = dx.iter_mut().zip(&x[at..]).zip(&dy[at..]);
            pairs.for_each(|((dx, &x), &dy)| *dx = scale * (dy - level - (x - mean) * slope));
        });
        let [dgamma, dbeta] = [0, 1].map(|which| sums.iter().map(|sums| sums[which]).collect());
        [dx, dgamma, dbeta]
    }

    /// Fills every row by `fill(channel, position of its first value, values)`.
    fn each_row(&self, values: &mut [f32], fill: impl Fn(usize, usize, &mut [f32]) + Sync) {
        each(values, self.channels * self.area, |image, maps, (): &mut ()| {
            for (c, row) in maps.chunks_exact_mut(self.area).enumerate() {
                widely(|| fill(c, (image * self.channels + c) * self.area, row));
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

/// The sums of `dy (x - mean)` and of `dy`, in the same way.
#[inline(always)]
fn products(x: &[f32], dy: &[f32], mean: f32) -> [f64; 2] {
    let mut sums = [[0.0_f32; LANES]; 2];
    let mut add = |i: usize, x: f32, dy: f32| {
        sums[0][i] += dy * (x - mean);
        sums[1][i] += dy;
    };
    let ((x, x_rest), (dy, dy_rest)) = (x.as_chunks::<LANES>(), dy.as_chunks::<LANES>());
    for (x, dy) in x.iter().zip(dy) {
        (0..LANES).for_each(|i| add(i, x[i], dy[i]));
    }
    (0..x_rest.len()).for_each(|i| add(i, x_rest[i], dy_rest[i]));
    sums.map(|sums| sums.map(f64::from).iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// All of it in `f64`: statistics, results, dx, and dgamma with dbeta.
    fn reference(maps: Maps, x: &[f32], add: &[f32], dy: &[f32], rectify: bool, learned: &[[f32; 2]]) -> [Vec<f64>; 4] {
        let [mut statistics, mut y, mut dx, mut sums] = [vec![], vec![0.0; x.len()], vec![0.0; x.len()], vec![]];
        for (c, &learned) in learned.iter().enumerate() {
            let own: Vec<usize> = (0..x.len()).filter(|i| i / maps.area % maps.channels == c).collect();
            let ([gamma, beta], count) = (learned.map(f64::from), own.len() as f64);
            let mean = own.iter().map(|&i| f64::from(x[i])).sum::<f64>() / count;
            let var = own.iter().map(|&i| (f64::from(x[i]) - mean).powi(2)).sum::<f64>() / count;
            let deviation = (var + 1e-5).sqrt();
            let normal = |i: usize| (f64::from(x[i]) - mean) / deviation;
            let result = |i: usize| gamma * normal(i) + beta + f64::from(add[i]);
            let passed = |i: usize| if rectify && result(i) <= 0.0 { 0.0 } else { f64::from(dy[i]) };
            let dbeta: f64 = own.iter().map(|&i| passed(i)).sum();
            let dgamma: f64 = own.iter().map(|&i| passed(i) * normal(i)).sum();
            for &i in &own {
                y[i] = if rectify { result(i).max(0.0) } else { result(i) };
                dx[i] = gamma / deviation * (passed(i) - dbeta / count - normal(i) * dgamma / count);
            }
            statistics.extend([mean, var]);
            sums.extend([dgamma, dbeta]);
        }
        [statistics, y, dx, sums]
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let maps = Maps { channels: 2, area: 4 };
        let x = [f32::NAN, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0];
        let channel = |[mean, var]: [f32; 2]| Channel { mean, deviation: var.sqrt(), gamma: 1.0, beta: 0.0 };
        let channels: Vec<Channel> = maps.statistics(&x).into_iter().map(channel).collect();
        let results = maps.normalise(&x, None, true, &channels);
        assert!(results[..4].iter().all(|y| y.is_nan()) && results[4..].iter().all(|y| y.is_finite()), "{results:?}");
        let mut dy = [1.0; 8];
        maps.cut(&mut dy, &results);
        let [dx, ..] = maps.gradients(&x, &dy, &channels);
        assert!(dx[..4].iter().all(|dx| dx.is_nan()) && dx[4..].iter().all(|dx| dx.is_finite()), "{dx:?}");
    }

    #[test]
    fn they_are_exact_to_a_few_units_of_f32() {
        let mut rng = Rng::new(7, "batch norm", &[]);
        for (n, channels, area) in [(16, 3, 1024), (64, 5, 16), (128, 4, 1), (9, 2, 35)] {
            for (rectify, adds) in [(false, false), (true, false), (false, true), (true, true)] {
                let maps = Maps { channels, area };
                let mut random = |mean: f64, deviation: f64| -> Vec<f32> {
                    (0..n * channels * area).map(|_| (mean + deviation * rng.normal()) as f32).collect()
                };
                // A mean that is large beside the deviation, as after a rectifier.
                let (x, dy, add) = (random(3.0, 1.0), random(0.0, 1.0), random(0.2, f64::from(u8::from(adds))));
                let add = if adds { add } else { vec![0.0; x.len()] };
                let learned: Vec<[f32; 2]> =
                    (0..channels).map(|c| [0.7 - 0.4 * c as f32, 0.2 * c as f32 - 0.3]).collect();
                let [statistics, y, dx, sums] = reference(maps, &x, &add, &dy, rectify, &learned);

                let found = maps.statistics(&x);
                let of = |(&[gamma, beta], &[mean, var]): (&[f32; 2], &[f32; 2])| Channel {
                    mean,
                    deviation: (var + 1e-5).sqrt(),
                    gamma,
                    beta,
                };
                let normalisation: Vec<Channel> = learned.iter().zip(&found).map(of).collect();
                let results = maps.normalise(&x, adds.then_some(&add), rectify, &normalisation);
                let mut passed = dy;
                if rectify {
                    maps.cut(&mut passed, &results);
                }
                let [gradient, dgamma, dbeta] = maps.gradients(&x, &passed, &normalisation);

                let close = |name: &str, found: &[f32], expected: &[f64], most: f64| {
                    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
                    let pairs = found.iter().zip(expected);
                    let worst = pairs.map(|(f, e)| (f64::from(*f) - e).abs() / largest).fold(0.0, f64::max);
                    let case = format!("{n} x {channels} x {area}, {rectify}, {adds}, {name}: {worst:.1e}");
                    println!("{case}");
                    assert!(worst < most, "{case}");
                };
                close("statistics", found.as_flattened(), &statistics, 3e-7);
                close("results", &results, &y, 5e-7);
                close("gradient", &gradient, &dx, 2e-6);
                let found: Vec<f32> =
                    dgamma.into_iter().zip(dbeta).flat_map(|(dgamma, dbeta)| [dgamma, dbeta]).collect();
                close("sums", &found, &sums, 2e-6);
            }
        }
    }
}

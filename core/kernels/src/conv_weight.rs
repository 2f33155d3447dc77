//! The gradient of a convolution's weight, on images that lie side by side ([`crate::lanes`]).
//!
//! Each of its values is a sum, over images and positions, of a gradient times the pixel that the weight met there. A
//! tile is the sums of `TILE` by `TILE` channels for one value of the kernel, in registers while they walk over some
//! lines; for the other values of the kernel the same lines are near. Sixteen images are added up side by side, and
//! across at the end only.
//!
//! Work is cut into tasks by channels and by images, whatever the number of threads, so a run repeats to the last bit.

use crate::geometry::{Geometry, Tap, Taps};
use crate::lanes::{LANES, groups};
use crate::threads::each;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Channels of a tile, of results and of images.
const TILE: usize = 4;
/// Channels of results in one task, and of images that are walked over at a time.
const RESULTS: usize = 16;
const IMAGES: usize = 64;
/// Tasks that are enough for the threads there are.
const TASKS: usize = 4;
/// Bytes of images and gradients that stay in the second cache, and of a tile's that stay in the first.
const SECOND: usize = 512 << 10;
const FIRST: usize = 24 << 10;

/// The gradient of the weight, `O x C x K x K`, from images (`G x C x H x W x 16`) and the gradient of the results
/// (`G x O x H' x W' x 16`).
pub fn weight_gradient(g: &Geometry, images: &[f32], gradient: &[f32]) -> Vec<f32> {
    let lines = Lines::of(g);
    let len = g.output[0] * lines.per_result();
    // Channels of a task; where they are few, tasks are cut by images, too, and their sums added up below.
    let channels = if g.output[0].is_multiple_of(RESULTS) { RESULTS } else { g.output[0] };
    let blocks = g.output[0] / channels.max(1);
    let shares = TASKS.div_ceil(blocks.max(1)).min(groups(g.n)).max(1);
    let share = groups(g.n).div_ceil(shares);
    let mut sums = vec![0.0; shares * len];
    each(&mut sums, (channels * lines.per_result()).max(1), |i, sum, near: &mut Vec<f32>| {
        let start = i / blocks * share;
        let own = start.min(groups(g.n))..(start + share).min(groups(g.n));
        lines.add(i % blocks * channels, own, images, gradient, sum, near);
    });
    let (total, others) = sums.split_at_mut(len);
    for sum in others.chunks_exact(len) {
        total.iter_mut().zip(sum).for_each(|(total, value)| *total += value);
    }
    sums.truncate(len);
    sums
}

/// Which places of the results meet which pixels, by value of the kernel.
struct Lines {
    input: [usize; 3],
    output: [usize; 3],
    kernel: usize,
    /// By row of the kernel and line of the results, the line of the images.
    rows: Vec<Vec<Option<usize>>>,
    /// By column of the kernel: place in a line of the results, place in a line of the images.
    columns: Vec<Vec<[usize; 2]>>,
}

impl Lines {
    fn of(g: &Geometry) -> Self {
        let met = |taps: &Taps, kernel: usize| -> Vec<Option<usize>> {
            let of = |taps: &Vec<Tap>| taps.iter().find(|tap| tap.kernel == kernel).map(|tap| tap.at);
            taps.iter().map(of).collect()
        };
        let (rows, columns) = (g.taps(0), g.taps(1));
        let pairs =
            |kernel| met(&columns, kernel).into_iter().enumerate().filter_map(|(x, at)| Some([x, at?])).collect();
        Self {
            input: g.input,
            output: g.output,
            kernel: g.kernel,
            rows: (0..g.kernel).map(|kernel| met(&rows, kernel)).collect(),
            columns: (0..g.kernel).map(pairs).collect(),
        }
    }

    /// Weights of one channel of the results.
    fn per_result(&self) -> usize {
        self.input[0] * self.kernel * self.kernel
    }

    /// Adds to the weights of some channels of the results, from `first` on, what the groups `own` give.
    fn add(
        &self,
        first: usize,
        own: Range<usize>,
        images: &[f32],
        gradient: &[f32],
        sum: &mut [f32],
        near: &mut Vec<f32>,
    ) {
        let ([channels, ih, iw], [all_results, oh, ow]) = (self.input, self.output);
        let (results, area) = (sum.len() / self.per_result(), self.kernel * self.kernel);
        let (of_image, of_result) = (ih * iw * LANES, oh * ow * LANES);
        let some = (SECOND / 4 / (results * of_result + channels.min(IMAGES) * of_image)).max(1);
        near.resize(area * TILE * TILE * LANES, 0.0);
        let mut sums = vec![0.0; area * TILE * TILE];
        for block in (0..channels).step_by(IMAGES) {
            for start in own.clone().step_by(some) {
                for o in (0..results).step_by(TILE) {
                    for c in (block..channels.min(block + IMAGES)).step_by(TILE) {
                        Arch::new().dispatch(Tile {
                            lines: self,
                            groups: some.min(own.end - start),
                            images: &images[(start * channels + c) * of_image..],
                            gradient: &gradient[(start * all_results + first + o) * of_result..],
                            channels: [TILE.min(results - o), TILE.min(channels - c)],
                            near,
                            sums: &mut sums,
                        });
                        for (at, value) in sums.iter().enumerate() {
                            let (tap, to, from) = (at / (TILE * TILE), o + at / TILE % TILE, c + at % TILE);
                            if to < results && from < channels {
                                sum[(to * channels + from) * area + tap] += value;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Sums of up to [`TILE`] by [`TILE`] channels over some groups of images.
struct Tile<'a> {
    lines: &'a Lines,
    groups: usize,
    /// Of the first group, from the tile's first channel on: `C x H x W x 16`; the next groups follow.
    images: &'a [f32],
    /// Likewise, `O x H' x W' x 16`.
    gradient: &'a [f32],
    /// How many channels of results and of images there are.
    channels: [usize; 2],
    /// Sums that have not been added up across images yet, `K x K x TILE x TILE x 16`.
    near: &'a mut [f32],
    /// `K x K x TILE x TILE`.
    sums: &'a mut [f32],
}

impl WithSimd for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Lines { input: [of_images, ih, iw], output: [of_results, oh, ow], kernel, .. } = *self.lines;
        // Registers that hold a pixel's sixteen images.
        let per_pixel = LANES / S::F32_LANES;
        let (images, gradient) = (S::as_simd_f32s(self.images).0, S::as_simd_f32s(self.gradient).0);
        let kept = S::as_mut_simd_f32s(self.near).0;
        let (of_image, of_result) = (ih * iw * per_pixel, oh * ow * per_pixel);
        // Lines of results, or whole groups if they are small.
        let lines = (FIRST / (TILE * LANES * 4 * (ow + ih.div_ceil(oh) * iw))).max(1);
        let near = (lines / oh).max(1);
        let blocks = (0..self.groups).step_by(near).flat_map(|g| (0..oh).step_by(lines).map(move |y| (g, y)));
        for (first, start) in blocks {
            let (groups, block) = (first..self.groups.min(first + near), start..oh.min(start + lines));
            let (begins, ends) = (first == 0 && start == 0, groups.end == self.groups && block.end == oh);
            let tiles = kept.chunks_exact_mut(TILE * TILE * per_pixel).zip(self.sums.chunks_exact_mut(TILE * TILE));
            for (tap, (kept, sums)) in tiles.enumerate() {
                let (rows, columns) = (&self.lines.rows[tap / kernel], &self.lines.columns[tap % kernel]);
                for part in 0..per_pixel {
                    let mut own = [[simd.splat_f32s(0.0); TILE]; TILE];
                    if !begins {
                        for i in 0..TILE {
                            for j in 0..TILE {
                                own[i][j] = kept[(i * TILE + j) * per_pixel + part];
                            }
                        }
                    }
                    for group in groups.clone() {
                        for y in block.clone() {
                            let Some(row) = rows[y] else { continue };
                            // A channel that is not there is read as the last one; nobody looks at its sums.
                            let ys: [&[S::f32s]; TILE] = std::array::from_fn(|i| {
                                let channel = group * of_results + i.min(self.channels[0] - 1);
                                &gradient[channel * of_result + y * ow * per_pixel..][..ow * per_pixel]
                            });
                            let xs: [&[S::f32s]; TILE] = std::array::from_fn(|i| {
                                let channel = group * of_images + i.min(self.channels[1] - 1);
                                &images[channel * of_image + row * iw * per_pixel..][..iw * per_pixel]
                            });
                            for [y, x] in columns {
                                let (y, x) = (y * per_pixel + part, x * per_pixel + part);
                                let mut pixels = [simd.splat_f32s(0.0); TILE];
                                for j in 0..TILE {
                                    pixels[j] = xs[j][x];
                                }
                                for i in 0..TILE {
                                    let gradient = ys[i][y];
                                    for j in 0..TILE {
                                        own[i][j] = simd.mul_add_e_f32s(gradient, pixels[j], own[i][j]);
                                    }
                                }
                            }
                        }
                    }
                    for i in 0..TILE {
                        for j in 0..TILE {
                            if ends {
                                let before = if part == 0 { 0.0 } else { sums[i * TILE + j] };
                                sums[i * TILE + j] = before + simd.reduce_sum_f32s(own[i][j]);
                            } else {
                                kept[(i * TILE + j) * per_pixel + part] = own[i][j];
                            }
                        }
                    }
                }
            }
        }
    }
}

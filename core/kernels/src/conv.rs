//! A convolution and the gradient of its images, on images that lie side by side ([`crate::lanes`]).
//!
//! Nothing is unfolded: a tile is `CHANNELS` results of up to `PIXELS` pixels of sixteen images, held in registers
//! while the kernel walks over the channels that are read. Each value of the weight meets whole registers, so it is
//! fine with any number of channels and pixels, and what lies in the padding is left out instead of multiplied by zero:
//! of a 3x3 kernel on 2x2 pixels that is more than half. The way back is the same walk with the taps turned around.

use crate::geometry::{Geometry, Tap, Taps};
use crate::lanes::{LANES, groups, images_in_group};
use crate::norm::Moments;
use crate::rectifier::rectifier;
use crate::threads::{each, each_with, widely};
use pulp::{Arch, Simd, WithSimd};

/// Channels of a tile.
const CHANNELS: usize = 8;
/// Pixels of a tile, where there are registers for them. They are of one line, and meet the same values of the kernel.
const PIXELS: usize = 3;
/// Bytes of what is read that should stay in the nearest cache while a line is computed.
const NEAR: usize = 16 << 10;

/// The convolution of `images` (`G x C x H x W x 16`) by `weight` (`O x C x K x K`), `G x O x H' x W' x 16`, and what a
/// batch norm after it needs, `G x O`: moments are taken while the results are near.
pub fn convolve(g: &Geometry, images: &[f32], weight: &[f32]) -> (Vec<f32>, Vec<Moments>) {
    let (product, line) = (Product::forward(g, weight), g.output[1] * g.output[2] * LANES);
    let mut results = vec![0.0; groups(g.n) * g.output[0] * line];
    let mut moments = vec![Moments::default(); groups(g.n) * g.output[0]];
    each_with(&mut results, g.output[0] * line, &mut moments, g.output[0], |group, results, moments| {
        product.add(group, 0, images, results, |first, results| {
            for (moments, channel) in moments[first..].iter_mut().zip(results.chunks_exact(line)) {
                *moments = Moments::of(channel, images_in_group(g.n, group));
            }
        });
    });
    (results, moments)
}

/// The convolution and a bias on top of what `results` (`G x O x H' x W' x 16`) holds; then a rectifier. What it leaves where
/// the last group has no image is of no meaning: no batch norm and no gradient comes after it.
pub fn convolve_onto(g: &Geometry, images: &[f32], weight: &[f32], bias: &[f32], rectify: bool, results: &mut [f32]) {
    let (product, line) = (Product::forward(g, weight), g.output[1] * g.output[2] * LANES);
    let cut = rectifier(rectify);
    // A batch has few groups: where tiles do not part a group from the next, each is a thread's work.
    let channels = if g.output[0].is_multiple_of(CHANNELS) { CHANNELS } else { g.output[0] };
    each(results, channels * line, |i, results, (): &mut ()| {
        let (group, first) = (i * channels / g.output[0], i * channels % g.output[0]);
        product.add(group, first, images, results, |first, results| {
            for (bias, channel) in bias[first..].iter().zip(results.chunks_exact_mut(line)) {
                widely(|| channel.iter_mut().for_each(|y| *y = cut(*y + bias)));
            }
        });
    });
}

/// The gradient of the images, `G x C x H x W x 16`, from that of the results.
pub fn image_gradient(g: &Geometry, gradient: &[f32], weight: &[f32]) -> Vec<f32> {
    let (product, len) = (Product::back(g, weight), g.input_len() * LANES);
    let mut images = vec![0.0; groups(g.n) * len];
    each(&mut images, len, |group, images, (): &mut ()| product.add(group, 0, gradient, images, |_, _| ()));
    images
}

/// A convolution, either way.
struct Product {
    /// Channels, height and width of what is read, and of what is computed.
    reads: [usize; 3],
    computes: [usize; 3],
    /// Values of a channel's kernel, and of one of its rows.
    area: usize,
    side: usize,
    rows: Taps,
    columns: Vec<Columns>,
    /// `tiles x channels read x K x K x CHANNELS`.
    weight: Vec<f32>,
}

/// Up to [`PIXELS`] places of a line that meet the same values of the kernel.
struct Columns {
    places: Vec<usize>,
    /// Which value along the line, and for each place the pixel that it meets.
    taps: Vec<(usize, [usize; PIXELS])>,
}

impl Product {
    fn forward(g: &Geometry, weight: &[f32]) -> Self {
        let [output, input, area] = [g.output[0], g.input[0], g.kernel * g.kernel];
        let weight = packed(output, input, area, |o, c, at| weight[(o * input + c) * area + at]);
        let (rows, columns) = (g.taps(0), columns(&g.taps(1)));
        Self { reads: g.input, computes: g.output, area, side: g.kernel, rows, columns, weight }
    }

    fn back(g: &Geometry, weight: &[f32]) -> Self {
        let [output, input, area] = [g.output[0], g.input[0], g.kernel * g.kernel];
        let weight = packed(input, output, area, |c, o, at| weight[(o * input + c) * area + at]);
        let (rows, columns) = (g.taps_back(0), columns(&g.taps_back(1)));
        Self { reads: g.output, computes: g.input, area, side: g.kernel, rows, columns, weight }
    }

    /// Adds to the results of a group, from channel `first` on (a tile begins there). Each tile of channels is shown to
    /// `finish` with its first channel while it is near.
    fn add(
        &self,
        group: usize,
        first: usize,
        reads: &[f32],
        results: &mut [f32],
        mut finish: impl FnMut(usize, &mut [f32]),
    ) {
        let read = self.reads.iter().product::<usize>() * LANES;
        let tile = CHANNELS * self.computes[1] * self.computes[2] * LANES;
        let weights = self.weight.chunks_exact(self.reads[0] * self.area * CHANNELS).skip(first / CHANNELS);
        for (i, (results, weight)) in results.chunks_mut(tile).zip(weights).enumerate() {
            let reads = &reads[group * read..][..read];
            Arch::new().dispatch(Tile { product: self, reads, weight, results: &mut *results });
            finish(first + i * CHANNELS, results);
        }
    }
}

/// `tiles x read x area x CHANNELS`, zero beyond the channels that are computed.
fn packed(computes: usize, reads: usize, area: usize, value: impl Fn(usize, usize, usize) -> f32) -> Vec<f32> {
    let tiles = computes.div_ceil(CHANNELS);
    let mut packed = Vec::with_capacity(tiles * reads * area * CHANNELS);
    for tile in 0..tiles {
        for (read, at) in (0..reads).flat_map(|read| (0..area).map(move |at| (read, at))) {
            let channels =
                (tile * CHANNELS..(tile + 1) * CHANNELS).map(|c| if c < computes { value(c, read, at) } else { 0.0 });
            packed.extend(channels);
        }
    }
    packed
}

/// Places put together by the values of the kernel that they meet.
fn columns(taps: &Taps) -> Vec<Columns> {
    let mut all: Vec<Columns> = Vec::new();
    for (place, taps) in taps.iter().enumerate() {
        let same = |c: &&mut Columns| {
            c.places.len() < PIXELS && c.taps.iter().map(|(kernel, _)| *kernel).eq(taps.iter().map(|tap| tap.kernel))
        };
        if let Some(columns) = all.iter_mut().find(same) {
            columns.taps.iter_mut().zip(taps).for_each(|((_, at), tap)| at[columns.places.len()] = tap.at);
            columns.places.push(place);
        } else {
            let taps = taps.iter().map(|tap| (tap.kernel, [tap.at; PIXELS])).collect();
            all.push(Columns { places: vec![place], taps });
        }
    }
    all
}

/// Up to [`CHANNELS`] results of a group of images.
struct Tile<'a> {
    product: &'a Product,
    /// `C x H x W x 16`.
    reads: &'a [f32],
    /// `C x K x K x CHANNELS`.
    weight: &'a [f32],
    /// `CHANNELS x H' x W' x 16` or fewer channels.
    results: &'a mut [f32],
}

impl WithSimd for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { reads: [channels, height, width], computes, area, .. } = *self.product;
        // Registers that hold a pixel's sixteen images.
        let per_pixel = LANES / S::F32_LANES;
        let near = (NEAR / (3 * width * LANES * 4)).clamp(4, channels.max(4));
        let (reads, results) = (S::as_simd_f32s(self.reads).0, S::as_mut_simd_f32s(self.results).0);
        let (weight, _) = self.weight.as_chunks::<CHANNELS>();
        let [of_channel, of_result] = [height * width * per_pixel, computes[1] * computes[2] * per_pixel];
        for (reads, weight) in reads.chunks(near * of_channel).zip(weight.chunks(near * area)) {
            for (y, rows) in self.product.rows.iter().enumerate() {
                for columns in &self.product.columns {
                    for part in 0..per_pixel {
                        let walk = Walk {
                            simd,
                            reads,
                            weight,
                            area,
                            side: self.product.side,
                            of_channel,
                            of_row: width * per_pixel,
                            per_pixel,
                            part,
                            rows,
                            taps: &columns.taps,
                        };
                        let place = |x: usize| (y * computes[2] + x) * per_pixel + part;
                        match columns.places[..] {
                            [a, b, c] if S::REGISTER_COUNT >= 32 && cfg!(not(target_arch = "wasm32")) => {
                                walk.onto([place(a), place(b), place(c)], 0, results, of_result)
                            }
                            [a, b] if S::REGISTER_COUNT >= 32 && cfg!(not(target_arch = "wasm32")) => {
                                walk.onto([place(a), place(b)], 0, results, of_result)
                            }
                            ref places => {
                                for (i, x) in places.iter().enumerate() {
                                    walk.onto([place(*x)], i, results, of_result);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The way of a tile over what it reads.
#[derive(Clone, Copy)]
struct Walk<'a, S: Simd> {
    simd: S,
    reads: &'a [S::f32s],
    weight: &'a [[f32; CHANNELS]],
    area: usize,
    side: usize,
    of_channel: usize,
    of_row: usize,
    per_pixel: usize,
    part: usize,
    rows: &'a [Tap],
    taps: &'a [(usize, [usize; PIXELS])],
}

impl<S: Simd> Walk<'_, S> {
    /// Adds to the results at `P` places (those from `first` on), a channel each `stride`.
    #[inline(always)]
    fn onto<const P: usize>(&self, places: [usize; P], first: usize, results: &mut [S::f32s], stride: usize) {
        let zero = self.simd.splat_f32s(0.0);
        let mut sums = [[zero; CHANNELS]; P];
        let channels = self.reads.chunks_exact(self.of_channel).zip(self.weight.chunks_exact(self.area));
        for (channel, weight) in channels {
            for row in self.rows {
                let line = &channel[row.at * self.of_row..][..self.of_row];
                let weight = &weight[row.kernel * self.side..][..self.side];
                for (kernel, at) in self.taps {
                    let weight = &weight[*kernel];
                    let mut pixels = [zero; P];
                    for p in 0..P {
                        pixels[p] = line[at[first + p] * self.per_pixel + self.part];
                    }
                    for c in 0..CHANNELS {
                        let weight = self.simd.splat_f32s(weight[c]);
                        for p in 0..P {
                            sums[p][c] = self.simd.mul_add_e_f32s(weight, pixels[p], sums[p][c]);
                        }
                    }
                }
            }
        }
        for c in 0..CHANNELS {
            if c * stride >= results.len() {
                return;
            }
            for p in 0..P {
                let result = &mut results[c * stride + places[p]];
                *result = self.simd.add_f32s(*result, sums[p][c]);
            }
        }
    }
}

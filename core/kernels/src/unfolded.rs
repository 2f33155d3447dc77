//! A convolution and its two gradients as matrix products of unfolded images, on plain slices.
//!
//! Images unfold into `U = window x positions` ([`Geometry::unfold`]); with the weight as `W = O x window`:
//!
//! - result `Y = W U`, `O x positions`;
//! - gradient of the weight `dW = dY U^T`;
//! - gradient of the images `fold(W^T dY)`, or for stride 1, which is faster, the transposed convolution of dY.
//!
//! The last layers of a ResNet have few positions and a large weight, which each product reads from memory: small images
//! are therefore multiplied several at a time, side by side. Such groups are spread over threads. How images are grouped
//! and in which order sums are taken does not depend on the number of threads, so a run repeats to the last bit.

use crate::geometry::Geometry;
use crate::rectifier::rectifier;
use crate::threads::{each, widely};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Positions that are enough for one product.
const POSITIONS: usize = 256;

/// `N x C x H x W` by `O x C x K x K` to `N x O x H' x W'`.
// Programs built for size compile callers so, and what is inlined into them.
#[inline(never)]
pub fn forward(g: &Geometry, images: &[f32], weight: &[f32]) -> Vec<f32> {
    let mut results = vec![0.0; g.n * g.output_len()];
    each(&mut results, group(g) * g.output_len(), |i, results, [unfolded, product]: &mut Scratch| {
        let images = part(images, i * group(g) * g.input_len(), results.len() / g.output_len() * g.input_len());
        if results.len() == g.output_len() {
            return unfold_and_multiply(g, images, weight, unfolded, results);
        }
        product.resize(results.len(), 0.0);
        unfold_and_multiply(g, images, weight, unfolded, product);
        apart(product, results, g.output[0], g.positions());
    });
    results
}

/// The same with a bias, on top of what `results` holds; then a rectifier.
#[inline(never)]
pub fn forward_onto(g: &Geometry, images: &[f32], weight: &[f32], bias: &[f32], rectify: bool, results: &mut [f32]) {
    let cut = rectifier(rectify);
    each(results, group(g) * g.output_len(), |i, results, [unfolded, product]: &mut Scratch| {
        let n = results.len() / g.output_len();
        let images = part(images, i * group(g) * g.input_len(), n * g.input_len());
        product.resize(results.len(), 0.0);
        unfold_and_multiply(g, images, weight, unfolded, product);
        for (i, result) in results.chunks_exact_mut(g.positions()).enumerate() {
            let (image, channel) = (i / g.output[0], i % g.output[0]);
            let product = &product[(channel * n + image) * g.positions()..][..g.positions()];
            let bias = bias[channel];
            widely(|| result.iter_mut().zip(product).for_each(|(y, add)| *y = cut(*y + add + bias)));
        }
    });
}

/// Images of one product.
fn group(g: &Geometry) -> usize {
    (POSITIONS / g.positions()).max(1)
}

/// `Y = W U` of some images, side by side: `O x (images * positions)`.
fn unfold_and_multiply(g: &Geometry, images: &[f32], weight: &[f32], unfolded: &mut Vec<f32>, product: &mut [f32]) {
    let unfolded = unfold(g, images, unfolded);
    multiply(rows_mut(product, unfolded.ncols()), Accum::Replace, rows(weight, g.window()), unfolded);
}

/// Images side by side, `window x (images * positions)`.
fn unfold<'a>(g: &Geometry, images: &[f32], unfolded: &'a mut Vec<f32>) -> MatRef<'a, f32> {
    let n = images.len() / g.input_len();
    unfolded.resize(g.window() * n * g.positions(), 0.0);
    for (i, image) in images.chunks_exact(g.input_len()).enumerate() {
        g.unfold(image, n, i, unfolded);
    }
    rows(unfolded, n * g.positions())
}

/// `O x (N * positions)` to `N x O x positions`.
fn apart(beside: &[f32], images: &mut [f32], channels: usize, positions: usize) {
    let columns = beside.len() / channels;
    for (i, image) in images.chunks_exact_mut(channels * positions).enumerate() {
        for (channel, row) in image.chunks_exact_mut(positions).zip(beside.chunks_exact(columns)) {
            channel.copy_from_slice(&row[i * positions..][..positions]);
        }
    }
}

/// At most `len` values from `start` on.
fn part(values: &[f32], start: usize, len: usize) -> &[f32] {
    &values[start..values.len().min(start + len)]
}

fn rows(values: &[f32], columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, values.len() / columns, columns)
}

fn rows_mut(values: &mut [f32], columns: usize) -> MatMut<'_, f32> {
    let count = values.len() / columns;
    MatMut::from_row_major_slice_mut(values, count, columns)
}

fn multiply(result: MatMut<'_, f32>, accumulate: Accum, left: MatRef<'_, f32>, right: MatRef<'_, f32>) {
    matmul(result, accumulate, left, right, 1.0, Par::Seq);
}

/// Room for two matrices.
type Scratch = [Vec<f32>; 2];

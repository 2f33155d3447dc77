//! A convolution and its two gradients as matrix products of unfolded images, on plain slices.
//!
//! An image unfolds into `U = window x positions` ([`Geometry::unfold`]); with the weight as `W = O x window`:
//!
//! - result `Y = W U`, `O x positions`;
//! - gradient of the weight `dW = sum over images of dY U^T`;
//! - gradient of an image `fold(W^T dY)`, or for stride 1, which is faster, the transposed convolution of dY.
//!
//! Images are independent and spread over threads. Sums over images are taken in a fixed order, so that a run repeats
//! to the last bit whatever the number of threads.

use super::geometry::Geometry;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Images whose weight gradients are added up by one thread.
const GROUP: usize = 8;

/// `N x C x H x W` by `O x C x K x K` to `N x O x H' x W'`.
pub fn forward(g: &Geometry, images: &[f32], weight: &[f32]) -> Vec<f32> {
    let mut results = vec![0.0; g.n * g.output_len()];
    each(&mut results, g.output_len(), |i, result, scratch| {
        let unfolded = unfold(g, &images[i * g.input_len()..][..g.input_len()], scratch);
        multiply(rows_mut(result, g.positions()), Accum::Replace, rows(weight, g.window()), unfolded);
    });
    results
}

/// The gradient of the weight, `O x C x K x K`, from that of the results.
pub fn weight_gradient(g: &Geometry, images: &[f32], gradient: &[f32]) -> Vec<f32> {
    let len = g.output[0] * g.window();
    let groups: Vec<_> = images.chunks(GROUP * g.input_len()).zip(gradient.chunks(GROUP * g.output_len())).collect();
    let mut sums = vec![0.0; groups.len() * len];
    each(&mut sums, len, |i, sum, scratch| {
        let (images, gradient) = groups[i];
        for (image, gradient) in images.chunks_exact(g.input_len()).zip(gradient.chunks_exact(g.output_len())) {
            let unfolded = unfold(g, image, scratch);
            multiply(rows_mut(sum, g.window()), Accum::Add, rows(gradient, g.positions()), unfolded.transpose());
        }
    });
    let mut total = vec![0.0; len];
    for sum in sums.chunks_exact(len) {
        total.iter_mut().zip(sum).for_each(|(total, value)| *total += value);
    }
    total
}

/// The gradient of the images, `N x C x H x W`, from that of the results.
pub fn image_gradient(g: &Geometry, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    if let Some(transposed) = g.transposed() {
        return forward(&transposed, gradient, &turned(g, weight));
    }
    let mut images = vec![0.0; g.n * g.input_len()];
    each(&mut images, g.input_len(), |i, image, scratch| {
        scratch.resize(g.window() * g.positions(), 0.0);
        let gradient = rows(&gradient[i * g.output_len()..][..g.output_len()], g.positions());
        multiply(rows_mut(scratch, g.positions()), Accum::Replace, rows(weight, g.window()).transpose(), gradient);
        g.fold(scratch, image);
    });
    images
}

/// The weight of the transposed convolution: `O x C x K x K` to `C x O x K x K`, each kernel turned by 180 degrees.
fn turned(g: &Geometry, weight: &[f32]) -> Vec<f32> {
    let area = g.kernel * g.kernel;
    let kernel = |o: usize, c: usize| weight[(o * g.input[0] + c) * area..][..area].iter().rev();
    (0..g.input[0]).flat_map(|c| (0..g.output[0]).flat_map(move |o| kernel(o, c))).copied().collect()
}

fn unfold<'a>(g: &Geometry, image: &[f32], scratch: &'a mut Vec<f32>) -> MatRef<'a, f32> {
    scratch.resize(g.window() * g.positions(), 0.0);
    g.unfold(image, scratch);
    rows(scratch, g.positions())
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

/// Fills `values`, `len` at a time, by `fill(position, piece, scratch)`.
#[cfg(not(target_arch = "wasm32"))]
fn each(values: &mut [f32], len: usize, fill: impl Fn(usize, &mut [f32], &mut Vec<f32>) + Sync) {
    use rayon::prelude::*;
    let pieces = values.par_chunks_exact_mut(len).enumerate();
    pieces.for_each_init(Vec::new, |scratch, (i, piece)| fill(i, piece, scratch));
}

/// Fills `values`, `len` at a time, by `fill(position, piece, scratch)`.
#[cfg(target_arch = "wasm32")]
fn each(values: &mut [f32], len: usize, fill: impl Fn(usize, &mut [f32], &mut Vec<f32>)) {
    let mut scratch = Vec::new();
    values.chunks_exact_mut(len).enumerate().for_each(|(i, piece)| fill(i, piece, &mut scratch));
}

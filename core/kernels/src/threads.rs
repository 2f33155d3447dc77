//! Work on slices: spread over threads, where there are any, and in the widest registers that the processor has. How many
//! threads there are does not change results.

use pulp::Arch;

#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

/// Does `work`, compiled for the widest registers. That reaches what the compiler inlines: short loops.
#[inline(always)]
pub fn widely<T>(work: impl FnOnce() -> T) -> T {
    Arch::new().dispatch(work)
}

/// Fills `values`, `len` at a time (the last piece may be shorter), by `fill(number, piece, scratch)`. Each thread uses
/// its scratch again and again.
#[cfg(not(target_arch = "wasm32"))]
pub fn each<S: Default>(values: &mut [f32], len: usize, fill: impl Fn(usize, &mut [f32], &mut S) + Sync) {
    let pieces = values.par_chunks_mut(len).enumerate();
    pieces.for_each_init(S::default, |scratch, (i, piece)| fill(i, piece, scratch));
}

/// Fills `values`, `len` at a time (the last piece may be shorter), by `fill(number, piece, scratch)`.
#[cfg(target_arch = "wasm32")]
pub fn each<S: Default>(values: &mut [f32], len: usize, fill: impl Fn(usize, &mut [f32], &mut S)) {
    let mut scratch = S::default();
    values.chunks_mut(len).enumerate().for_each(|(i, piece)| fill(i, piece, &mut scratch));
}

/// The same with a second slice that is filled beside, `beside_len` at a time.
#[cfg(not(target_arch = "wasm32"))]
pub fn each_with<T: Send>(
    values: &mut [f32],
    len: usize,
    beside: &mut [T],
    beside_len: usize,
    fill: impl Fn(usize, &mut [f32], &mut [T]) + Sync,
) {
    let pieces = values.par_chunks_mut(len).zip(beside.par_chunks_mut(beside_len)).enumerate();
    pieces.for_each(|(i, (piece, beside))| fill(i, piece, beside));
}

/// The same with a second slice that is filled beside, `beside_len` at a time.
#[cfg(target_arch = "wasm32")]
pub fn each_with<T>(
    values: &mut [f32],
    len: usize,
    beside: &mut [T],
    beside_len: usize,
    fill: impl Fn(usize, &mut [f32], &mut [T]),
) {
    let pieces = values.chunks_mut(len).zip(beside.chunks_mut(beside_len)).enumerate();
    pieces.for_each(|(i, (piece, beside))| fill(i, piece, beside));
}

/// Fills several slices of one length at once, `len` values of each at a time, by `fill(number, pieces)`.
pub fn each_of<const N: usize>(slices: [&mut [f32]; N], len: usize, fill: impl Fn(usize, [&mut [f32]; N]) + Sync) {
    let count = slices.first().map_or(0, |slice| slice.len().div_ceil(len));
    let mut rest = slices.map(|slice| slice.chunks_mut(len));
    let pieces = (0..count).map(|_| rest.each_mut().map(|pieces| pieces.next().unwrap_or_default()));
    let pieces: Vec<[&mut [f32]; N]> = pieces.collect();
    #[cfg(not(target_arch = "wasm32"))]
    pieces.into_par_iter().enumerate().for_each(|(i, pieces)| fill(i, pieces));
    #[cfg(target_arch = "wasm32")]
    pieces.into_iter().enumerate().for_each(|(i, pieces)| fill(i, pieces));
}

/// `work` of 0 to `count` - 1.
#[cfg(not(target_arch = "wasm32"))]
pub fn all<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    (0..count).into_par_iter().map(&work).collect()
}

/// `work` of 0 to `count` - 1.
#[cfg(target_arch = "wasm32")]
pub fn all<T>(count: usize, work: impl Fn(usize) -> T) -> Vec<T> {
    (0..count).map(work).collect()
}

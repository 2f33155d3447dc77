//! Work on slices, spread over threads where there are any and in the widest registers that the processor has. How many
//! threads there are does not change results.

use pulp::Arch;

#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

/// Does `work`, compiled for the widest registers as far as the compiler puts it all in one function.
#[inline(always)]
pub fn widely<T>(work: impl FnOnce() -> T) -> T {
    Arch::new().dispatch(work)
}

/// Fills `values`, `len` at a time (the last piece may be shorter), by `fill(number, piece, scratch)`. Each thread uses
/// its scratch again and again.
#[cfg(not(target_arch = "wasm32"))]
pub fn each<S: Default>(values: &mut [f32], len: usize, fill: impl Fn(usize, &mut [f32], &mut S) + Sync) {
    let pieces = values.par_chunks_mut(len).enumerate();
    pieces.for_each_init(S::default, |scratch, (i, piece)| widely(|| fill(i, piece, scratch)));
}

/// Fills `values`, `len` at a time (the last piece may be shorter), by `fill(number, piece, scratch)`.
#[cfg(target_arch = "wasm32")]
pub fn each<S: Default>(values: &mut [f32], len: usize, fill: impl Fn(usize, &mut [f32], &mut S)) {
    let mut scratch = S::default();
    values.chunks_mut(len).enumerate().for_each(|(i, piece)| widely(|| fill(i, piece, &mut scratch)));
}

//! The blocked matrix product behind everything that compares all queries with all training features.
//!
//! A block of queries is multiplied with a block of vectors in f32, so that 10,000 x 5,000 products never lie in memory at
//! once.

use crate::Features;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use std::ops::Range;
use std::thread::{Builder, ScopedJoinHandle};

/// Queries in a block of the product.
const QUERY_BLOCK: usize = 256;
/// Bank vectors in a block: 256 x 1,024 products are 1 MB, which stays in the cache until they are used.
const BANK_BLOCK: usize = 1024;

/// Folds the inner products of each query with all bank vectors into one value a query.
///
/// `start` makes a query's state, `fold` takes the products with bank vectors `offset..`, in order, and `finish`
/// turns the state into the result. Queries are shared out between threads where there are any.
pub(crate) fn fold_products<S, R: Send>(
    queries: &Features,
    bank: &Features,
    start: impl Fn(usize) -> S + Sync,
    fold: impl Fn(&mut S, usize, &[f32]) + Sync,
    finish: impl Fn(S, usize) -> R + Sync,
) -> Vec<R> {
    let work = |range: Range<usize>| {
        let mut results = Vec::with_capacity(range.len());
        let mut products = vec![0.0_f32; QUERY_BLOCK.min(range.len()) * BANK_BLOCK.min(bank.n())];
        for first in range.clone().step_by(QUERY_BLOCK) {
            let rows = first..(first + QUERY_BLOCK).min(range.end);
            let mut states: Vec<S> = rows.clone().map(&start).collect();
            for offset in (0..bank.n()).step_by(BANK_BLOCK) {
                let width = BANK_BLOCK.min(bank.n() - offset);
                let tile = &mut products[..rows.len() * width];
                multiply(queries, rows.clone(), bank, offset..offset + width, tile);
                for (state, line) in states.iter_mut().zip(tile.chunks_exact(width)) {
                    fold(state, offset, line);
                }
            }
            results.extend(states.into_iter().zip(rows).map(|(state, row)| finish(state, row)));
        }
        results
    };
    let blocks = queries.n().div_ceil(QUERY_BLOCK);
    // One in wasm, where it cannot be asked.
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(blocks);
    if threads == 1 {
        return work(0..queries.n());
    }
    let share = queries.n().div_ceil(threads);
    std::thread::scope(|scope| {
        let work = &work;
        let part = move |t: usize| work(t * share..((t + 1) * share).min(queries.n()).max(t * share));
        // Where the system gives no thread, this one does the part.
        let spawn = |t| Builder::new().spawn_scoped(scope, move || part(t)).map_err(|_| part(t));
        let parts: Vec<_> = (0..threads).map(spawn).collect();
        let join = |started: Result<ScopedJoinHandle<'_, Vec<R>>, Vec<R>>| match started.map(ScopedJoinHandle::join) {
            Ok(Ok(results)) | Err(results) => results,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
        };
        parts.into_iter().flat_map(join).collect()
    })
}

/// `out = queries[rows] * bank[columns]^T`, row-major.
fn multiply(queries: &Features, rows: Range<usize>, bank: &Features, columns: Range<usize>, out: &mut [f32]) {
    let dim = queries.dim();
    let (m, n) = (rows.len(), columns.len());
    let lhs = MatRef::from_row_major_slice(&queries.values()[rows.start * dim..rows.end * dim], m, dim);
    let rhs = MatRef::from_row_major_slice(&bank.values()[columns.start * dim..columns.end * dim], n, dim);
    matmul(MatMut::from_row_major_slice_mut(out, m, n), Accum::Replace, lhs, rhs.transpose(), 1.0, Par::Seq);
}

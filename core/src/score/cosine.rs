//! Angles between feature vectors, and the blocked matrix product behind every search.
//!
//! Cosines of all pairs come from a matrix product in f32, a block of queries against a block of the bank, so that
//! 10,000 x 5,000 of them never lie in memory at once. An f32 cosine near 1 says little about a small angle
//! (arccos(1 - 6e-8) is already 3.5e-4 radians), so the few best candidates are compared again by an angle computed
//! from their difference in f64: a copy of a training image scores 0 on every machine.

use crate::Features;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use std::ops::Range;

/// Queries in a block of the product.
const QUERY_BLOCK: usize = 256;
/// Bank vectors in a block: 256 x 1,024 products are 1 MB, which stays in the cache until they are used.
const BANK_BLOCK: usize = 1024;
/// Candidates refined in f64 beyond those asked for: those that f32 may have put in the wrong order.
const EXTRA_CANDIDATES: usize = 4;

/// The rows divided by their lengths; or the index of a row that is zero.
pub(crate) fn unit_rows(features: &Features) -> Result<Features, usize> {
    let mut values = Vec::with_capacity(features.values().len());
    for (row, vector) in features.rows().enumerate() {
        // In f64 neither the square of 1e38 nor that of 1e-38 leaves the range.
        let length = vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        if length == 0.0 {
            return Err(row);
        }
        values.extend(vector.iter().map(|&x| (f64::from(x) / length) as f32));
    }
    Features::new(features.n(), features.dim(), values).map_err(|_| 0)
}

/// The angle in radians between two unit vectors, exact to rounding also where the cosine is near 1 or -1.
pub(crate) fn angle(u: &[f32], v: &[f32]) -> f64 {
    // Four sums side by side, because f64 additions may not be reordered by the compiler.
    let (mut minus, mut plus) = ([0.0_f64; 4], [0.0_f64; 4]);
    let (u_blocks, u_rest) = u.as_chunks::<4>();
    let (v_blocks, v_rest) = v.as_chunks::<4>();
    let mut add = |lane: usize, a: f32, b: f32| {
        let (a, b) = (f64::from(a), f64::from(b));
        minus[lane] += (a - b) * (a - b);
        plus[lane] += (a + b) * (a + b);
    };
    for (a, b) in u_blocks.iter().zip(v_blocks) {
        for lane in 0..4 {
            add(lane, a[lane], b[lane]);
        }
    }
    for (&a, &b) in u_rest.iter().zip(v_rest) {
        add(0, a, b);
    }
    2.0 * minus.iter().sum::<f64>().sqrt().atan2(plus.iter().sum::<f64>().sqrt())
}

/// The angle in radians between two vectors of any length but 0, in f64.
pub(crate) fn angle_between(u: &[f64], v: &[f64]) -> f64 {
    let length = |x: &[f64]| x.iter().map(|a| a * a).sum::<f64>().sqrt();
    let (nu, nv) = (length(u), length(v));
    let (mut minus, mut plus) = (0.0, 0.0);
    for (a, b) in u.iter().zip(v) {
        let (a, b) = (a / nu, b / nv);
        minus += (a - b) * (a - b);
        plus += (a + b) * (a + b);
    }
    2.0 * minus.sqrt().atan2(plus.sqrt())
}

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
        let parts: Vec<_> = (0..threads)
            .map(|t| scope.spawn(move || work(t * share..((t + 1) * share).min(queries.n()).max(t * share))))
            .collect();
        let join = |part: std::thread::ScopedJoinHandle<'_, Vec<R>>| match part.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
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

/// The largest values of a stream with their positions; of equal values, the first to come.
pub(crate) struct Largest {
    keep: usize,
    above: f32,
    best: Vec<(usize, f32)>,
}

impl Largest {
    pub(crate) fn new(keep: usize) -> Self {
        Self { keep, above: f32::NEG_INFINITY, best: Vec::with_capacity(2 * keep) }
    }

    /// Takes values of positions `offset..`, without position `skip`.
    pub(crate) fn take(&mut self, offset: usize, values: &[f32], skip: Option<usize>) {
        for (chunk, start) in values.chunks(16).zip((offset..).step_by(16)) {
            // Most chunks hold nothing new, and this maximum is a few vector instructions.
            if chunk.iter().copied().fold(f32::NEG_INFINITY, f32::max) <= self.above {
                continue;
            }
            for (position, &value) in (start..).zip(chunk) {
                if value > self.above && Some(position) != skip {
                    self.best.push((position, value));
                    if self.best.len() == 2 * self.keep {
                        self.shrink();
                    }
                }
            }
        }
    }

    fn shrink(&mut self) {
        if self.best.len() > self.keep {
            self.best.select_nth_unstable_by(self.keep - 1, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            self.best.truncate(self.keep);
            self.above = self.best[self.keep - 1].1;
        }
    }

    /// Up to `keep` positions, in no order.
    pub(crate) fn positions(mut self) -> Vec<usize> {
        self.shrink();
        self.best.into_iter().map(|(position, _)| position).collect()
    }
}

/// For each unit query the `count` nearest unit bank vectors with their angles in radians, nearest first, of equal
/// angles the lower index first. With `leave_one_out`, query `i` is bank vector `i` and not its own neighbour.
pub(crate) fn nearest(
    bank: &Features,
    queries: &Features,
    count: usize,
    leave_one_out: bool,
) -> Vec<Vec<(usize, f32)>> {
    let skip = |query: usize| leave_one_out.then_some(query);
    fold_products(
        queries,
        bank,
        |query| (Largest::new(count + EXTRA_CANDIDATES), skip(query)),
        |(largest, skip), offset, cosines| largest.take(offset, cosines, *skip),
        |(largest, _), query| {
            let query = queries.row(query);
            let exact = |i: usize| (i, angle(query, bank.row(i)));
            let mut found: Vec<(usize, f64)> = largest.positions().into_iter().map(exact).collect();
            found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            found.truncate(count);
            found.into_iter().map(|(i, angle)| (i, angle as f32)).collect()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn random(n: usize, dim: usize, seed: u64) -> Features {
        let mut rng = Rng::new(seed, "cosine test", &[]);
        Features::new(n, dim, (0..n * dim).map(|_| rng.normal() as f32).collect()).unwrap()
    }

    #[test]
    fn blocks_and_threads_change_nothing() {
        // More than one block both ways, and sizes that fill none of them.
        let (queries, bank) =
            (unit_rows(&random(600, 7, 1)).unwrap(), unit_rows(&random(2 * BANK_BLOCK + 5, 7, 2)).unwrap());
        let found = nearest(&bank, &queries, 3, false);
        assert_eq!(found.len(), 600);
        for (query, found) in queries.rows().zip(&found) {
            let mut all: Vec<(usize, f64)> = bank.rows().map(|row| angle(query, row)).enumerate().collect();
            all.sort_by(|a, b| a.1.total_cmp(&b.1));
            let expected: Vec<(usize, f32)> = all[..3].iter().map(|&(i, a)| (i, a as f32)).collect();
            assert_eq!(found, &expected);
        }
    }

    #[test]
    fn small_and_large_angles_keep_their_digits() {
        for tilt in [1e-6_f64, 1e-3, 0.5, 3.0] {
            let v = [tilt.cos(), tilt.sin()];
            assert!((angle_between(&[2.0, 0.0], &v) - tilt).abs() < 1e-15 + 1e-12 * tilt, "{tilt}");
            let found = angle(&[1.0, 0.0], &[v[0] as f32, v[1] as f32]);
            assert!((found - tilt).abs() < 2e-7 * tilt.max(1.0), "{tilt} gave {found}");
        }
        assert_eq!(angle(&[0.6, 0.8], &[0.6, 0.8]), 0.0);
    }

    #[test]
    fn a_vector_is_not_its_own_neighbour_but_its_copy_is() {
        let bank = unit_rows(&Features::new(3, 2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0]).unwrap()).unwrap();
        let found = nearest(&bank, &bank, 1, true);
        assert_eq!(found[0], [(2, 0.0)]);
        assert_eq!(found[2], [(0, 0.0)]);
        assert!((found[1][0].1 - std::f32::consts::FRAC_PI_2).abs() < 1e-6);
    }

    #[test]
    fn the_order_f32_gets_wrong_is_put_right() {
        // Both cosines round to 1 in f32; only the second vector is the query itself.
        let bank = Features::new(2, 2, vec![1.0, 1e-4, 1.0, 0.0]).unwrap();
        let bank = unit_rows(&bank).unwrap();
        let query = Features::new(1, 2, vec![1.0, 0.0]).unwrap();
        assert_eq!(nearest(&bank, &query, 1, false)[0], [(1, 0.0)]);
    }

    #[test]
    fn extreme_values_normalise_and_zero_is_named() {
        let wild = Features::new(2, 2, vec![3e38, 3e38, 1e-40, 0.0]).unwrap();
        let unit = unit_rows(&wild).unwrap();
        assert!((unit.row(0)[0] - 0.5_f32.sqrt()).abs() < 1e-7 && unit.row(1)[0] == 1.0);
        assert_eq!(unit_rows(&Features::new(2, 2, vec![1.0, 0.0, 0.0, 0.0]).unwrap()), Err(1));
    }
}

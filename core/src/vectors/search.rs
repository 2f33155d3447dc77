//! Exact nearest neighbours: preselected by matrix products in f32, decided in f64.
//!
//! All distances of 10,000 queries to 5,000 vectors are one matrix product, |x - y|^2 = |x|^2 + |y|^2 - 2 xy, and in f32 it
//! is fast. But it is a difference of large terms where vectors are far from the origin and near to each other, as the
//! features of one class are: there f32 puts them in any order. So vectors are seen from their median, which a few wild
//! ones do not move, in units of their usual distance from it; and each is given the smallest distance that rounding
//! allows it, by the bounds of Higham's "Accuracy and Stability of Numerical Algorithms", section 3.1. In the order of
//! these bounds vectors are compared in f64, until no other can be nearer. Where that does not come to an end soon (a query
//! among many copies, say), all vectors are compared: the result is that of all pairs in f64, at any offset and scale.

use super::product::fold_products;
use crate::Features;
use nsa_kernels::threads::{all, each_with};

/// Candidates that are kept beyond those asked for.
const EXTRA_CANDIDATES: usize = 16;
/// Vectors of which the median is taken, at most: near the middle is good enough.
const SAMPLE: usize = 256;
/// In usual distances, what is farther from the median is compared in f64 only: squares of f32 end at 1e38.
const WILD: f64 = 1e15;
/// Half a unit in the last place of 1 in f32.
const ROUNDING: f64 = (f32::EPSILON / 2.0) as f64;

/// Vectors of f64 that are made from what is stored in f32.
pub(crate) trait Points: Sync {
    /// How many.
    fn n(&self) -> usize;
    /// Values of each.
    fn dim(&self) -> usize;
    /// Writes values `first..` of vector `i`, as many as `out` has.
    fn read(&self, i: usize, first: usize, out: &mut [f64]);
}

impl Points for Features {
    fn n(&self) -> usize {
        self.n()
    }

    fn dim(&self) -> usize {
        self.dim()
    }

    fn read(&self, i: usize, first: usize, out: &mut [f64]) {
        out.iter_mut().zip(&self.row(i)[first..]).for_each(|(to, &from)| *to = f64::from(from));
    }
}

/// Vectors that are ready to be searched.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// Where the vectors are seen from.
    centre: Vec<f64>,
    /// What distances from there are multiplied by.
    scale: f64,
    seen: Seen,
    /// Of each vector half its squared length, less what rounding may take from it.
    halves: Vec<f32>,
    /// Of each vector what rounding may add to its product with a query of length 1.
    slacks: Vec<f32>,
}

/// Vectors as they are seen from a centre.
#[derive(Debug, Clone)]
struct Seen {
    values: Features,
    /// Squared lengths.
    squares: Vec<f64>,
    /// Those that are too far away for f32; their values are zero.
    wild: Vec<usize>,
}

impl Search {
    /// Prepares `points`.
    pub(crate) fn new(points: &impl Points) -> Self {
        let centre = median(points);
        let lengths = all(points.n(), |i| {
            let mut row = vec![0.0; points.dim()];
            points.read(i, 0, &mut row);
            squared_distance(&row, &centre).sqrt()
        });
        let mut lengths: Vec<f64> = lengths.into_iter().filter(|length| *length > 0.0).collect();
        // A power of two, so that scaling rounds nothing.
        let scale = if lengths.is_empty() { 1.0 } else { (-middle(&mut lengths).log2().round()).exp2() };
        let seen = Seen::new(points, &centre, scale);
        let n = points.dim() as f64 + 8.0;
        let underflow = n * f64::from(f32::MIN_POSITIVE);
        let gamma = n * ROUNDING / (1.0 - n * ROUNDING);
        let mut halves: Vec<f32> =
            seen.squares.iter().map(|square| (0.5 * square * (1.0 - 8.0 * ROUNDING) - underflow) as f32).collect();
        // Never near, and compared all the same.
        seen.wild.iter().for_each(|&i| halves[i] = f32::MAX);
        let slacks =
            seen.squares.iter().map(|square| (gamma * (1.0 + 4.0 * ROUNDING) * square.sqrt()) as f32).collect();
        Self { centre, scale, seen, halves, slacks }
    }

    /// For each query the `count` nearest of `points`, which this was made of, with their squared distances: nearest
    /// first, of equal distances the lower index first. With `leave_one_out`, query `i` is vector `i` and not its own
    /// neighbour.
    pub(crate) fn nearest(
        &self,
        points: &impl Points,
        queries: &impl Points,
        count: usize,
        leave_one_out: bool,
    ) -> Vec<Vec<(usize, f64)>> {
        let keep = count + EXTRA_CANDIDATES;
        let seen = Seen::new(queries, &self.centre, self.scale);
        let wild = |query: usize| seen.wild.binary_search(&query).is_ok();
        let start = |query: usize| State {
            largest: Largest::new(keep),
            skip: leave_one_out.then_some(query),
            length: (seen.squares[query].sqrt() * (1.0 + 4.0 * ROUNDING)) as f32,
            bounds: Vec::new(),
        };
        // |x - y|^2 is smallest where xy - |x|^2 / 2 is largest.
        let fold = |state: &mut State, offset: usize, products: &[f32]| {
            let vectors = self.halves[offset..].iter().zip(&self.slacks[offset..]);
            state.bounds.clear();
            state.bounds.extend(products.iter().zip(vectors).map(|(p, (half, slack))| p - half + state.length * slack));
            state.largest.take(offset, &state.bounds, state.skip);
        };
        let finish = |state: State, query: usize| {
            let mut found = Found::new(points, queries, query, count);
            let others = |i: &usize| Some(*i) != state.skip;
            let certain = !wild(query) && {
                self.seen.wild.iter().filter(|i| others(i)).for_each(|&i| found.compare(i));
                self.decide(&mut found, state.largest, seen.squares[query])
            };
            if !certain {
                found.nearest.clear();
                (0..points.n()).filter(others).for_each(|i| found.compare(i));
            }
            found.nearest
        };
        fold_products(&seen.values, &self.seen.values, start, fold, finish)
    }

    /// Compares candidates until no vector can be nearer than those found; whether that came to an end.
    fn decide(&self, found: &mut Found<'_, impl Points>, largest: Largest, square: f64) -> bool {
        let keep = largest.keep;
        let candidates = largest.descending();
        let rounding = square * (self.centre.len() as f64 + 8.0) * f64::EPSILON;
        let none_nearer = |found: &Found<'_, _>, bound: f32| {
            let least = square - 2.0 * f64::from(bound) - rounding;
            found.farthest().is_some_and(|d| d * self.scale * self.scale < least)
        };
        for &(i, bound) in &candidates {
            if none_nearer(found, bound) {
                return true;
            }
            if self.halves[i] < f32::MAX {
                found.compare(i);
            }
        }
        // What was not kept is bounded by the last that was.
        candidates.len() < keep || candidates.last().is_some_and(|&(_, bound)| none_nearer(found, bound))
    }
}

struct State {
    largest: Largest,
    skip: Option<usize>,
    length: f32,
    bounds: Vec<f32>,
}

impl Seen {
    fn new(points: &impl Points, centre: &[f64], scale: f64) -> Self {
        let (n, dim) = (points.n(), points.dim());
        let (mut values, mut squares) = (vec![0.0_f32; n * dim], vec![0.0; n]);
        let sane = |square: f64| square < WILD * WILD;
        each_with(&mut values, dim, &mut squares, 1, |i, out, square| {
            let mut row = vec![0.0; dim];
            points.read(i, 0, &mut row);
            square[0] = squared_distance(&row, centre) * scale * scale;
            if sane(square[0]) {
                let seen = row.iter().zip(centre).map(|(x, c)| (x - c) * scale);
                out.iter_mut().zip(seen).for_each(|(to, from)| *to = from as f32);
            }
        });
        let wild: Vec<usize> = (0..n).filter(|&i| !sane(squares[i])).collect();
        wild.iter().for_each(|&i| squares[i] = 0.0);
        Self { values: Features::of_finite(n, dim, values), squares, wild }
    }
}

/// The nearest vectors to one query so far.
struct Found<'a, P> {
    points: &'a P,
    query: Vec<f64>,
    row: Vec<f64>,
    count: usize,
    nearest: Vec<(usize, f64)>,
}

impl<'a, P: Points> Found<'a, P> {
    fn new(points: &'a P, queries: &impl Points, query: usize, count: usize) -> Self {
        let mut vector = vec![0.0; queries.dim()];
        queries.read(query, 0, &mut vector);
        Self { points, row: vec![0.0; vector.len()], query: vector, count, nearest: Vec::with_capacity(count + 1) }
    }

    /// The squared distance that a nearer vector must be below, once there are as many as asked for.
    fn farthest(&self) -> Option<f64> {
        self.nearest.get(self.count - 1).map(|(_, d)| *d)
    }

    fn compare(&mut self, i: usize) {
        self.points.read(i, 0, &mut self.row);
        let distance = squared_distance(&self.query, &self.row);
        let before = |&(j, d): &(usize, f64)| d.total_cmp(&distance).then(j.cmp(&i)).is_lt();
        let at = self.nearest.partition_point(before);
        if at < self.count {
            self.nearest.insert(at, (i, distance));
            self.nearest.truncate(self.count);
        }
    }
}

/// |a - b|^2, in four sums side by side, because f64 additions may not be reordered by the compiler.
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a_blocks, a_rest) = a.as_chunks::<4>();
    let (b_blocks, b_rest) = b.as_chunks::<4>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..4 {
            sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
}

/// The median of each value, of a sample spread evenly over the vectors.
fn median(points: &impl Points) -> Vec<f64> {
    let (n, dim) = (points.n(), points.dim());
    let count = n.min(SAMPLE);
    let mut rows = vec![0.0; count * dim];
    for (k, row) in rows.chunks_exact_mut(dim).enumerate() {
        points.read(k * n / count, 0, row);
    }
    let mut column = vec![0.0; count];
    let of_column = |j: usize| {
        column.iter_mut().zip(rows.chunks_exact(dim)).for_each(|(to, row)| *to = row[j]);
        middle(&mut column)
    };
    (0..dim).map(of_column).collect()
}

/// The upper median.
fn middle(values: &mut [f64]) -> f64 {
    let at = values.len() / 2;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The largest values of a stream with their positions; of equal values, the first to come.
struct Largest {
    keep: usize,
    above: f32,
    best: Vec<(usize, f32)>,
}

impl Largest {
    fn new(keep: usize) -> Self {
        Self { keep, above: f32::NEG_INFINITY, best: Vec::with_capacity(2 * keep) }
    }

    /// Takes values of positions `offset..`, without position `skip`.
    fn take(&mut self, offset: usize, values: &[f32], skip: Option<usize>) {
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
            self.best.select_nth_unstable_by(self.keep - 1, order);
            self.best.truncate(self.keep);
            self.above = self.best[self.keep - 1].1;
        }
    }

    /// Up to `keep` positions with their values, largest first.
    fn descending(mut self) -> Vec<(usize, f32)> {
        self.shrink();
        self.best.sort_unstable_by(order);
        self.best
    }
}

fn order(a: &(usize, f32), b: &(usize, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn random(n: usize, dim: usize, seed: u64) -> Features {
        let mut rng = Rng::new(seed, "search test", &[]);
        Features::new(n, dim, (0..n * dim).map(|_| rng.normal() as f32).collect()).unwrap()
    }

    fn all_pairs(points: &Features, queries: &Features, skip: bool) -> Vec<Vec<(usize, f64)>> {
        let wide = |row: &[f32]| row.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let of = |(q, query): (usize, &[f32])| {
            let distance = |(i, row): (usize, &[f32])| (i, squared_distance(&wide(query), &wide(row)));
            let others = points.rows().enumerate().filter(|(i, _)| !skip || *i != q);
            let mut all: Vec<(usize, f64)> = others.map(distance).collect();
            all.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
            all
        };
        queries.rows().enumerate().map(of).collect()
    }

    fn assert_found(points: &Features, queries: &Features, count: usize, skip: bool) {
        let found = Search::new(points).nearest(points, queries, count, skip);
        for (i, (found, all)) in found.iter().zip(all_pairs(points, queries, skip)).enumerate() {
            assert_eq!(found, &all[..count], "query {i}");
        }
        assert_eq!(found.len(), queries.n());
    }

    #[test]
    fn blocks_and_threads_change_nothing() {
        // More than one block both ways, and sizes that fill none of them.
        assert_found(&random(2053, 7, 2), &random(600, 7, 1), 3, false);
    }

    #[test]
    fn as_many_as_there_are_and_all_but_oneself() {
        let points = random(40, 3, 3);
        assert_found(&points, &random(5, 3, 4), 40, false);
        assert_found(&points, &points, 39, true);
        assert_found(&random(1, 3, 5), &random(2, 3, 6), 1, false);
    }

    #[test]
    fn of_copies_the_first_are_found() {
        let points = Features::new(60, 2, [1.0, 0.25].repeat(60)).unwrap();
        let queries = Features::new(3, 2, vec![1.0, 0.25, 1.0, 0.5, -7.0, 1e-3]).unwrap();
        assert_found(&points, &queries, 4, false);
        assert_found(&points, &points, 2, true);
    }
}

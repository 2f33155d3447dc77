//! Squared distance to the nearest training features: DN2 (Bergman et al. 2020) and PANDA (Reiss et al. 2021).

use super::ScoreError;
use super::bank::{check_k, check_width};
use crate::Features;
use crate::vectors::search::Search;

/// Training features as they are, for distances between features that are not normalised.
#[derive(Debug, Clone)]
pub struct KnnL2 {
    train: Features,
    search: Search,
}

impl KnnL2 {
    /// Keeps the training features, `n x dim`.
    pub fn fit(train: &Features) -> Self {
        Self { train: train.clone(), search: Search::new(train) }
    }

    /// Sum of the squared distances to the `k` nearest training features; DN2 and PANDA take k = 2. High = anomalous.
    pub fn score(&self, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.train.dim(), queries)?;
        check_k(k, self.train.n())?;
        let sum = |found: Vec<(usize, f64)>| {
            let score = found.iter().map(|(_, distance)| distance).sum::<f64>() as f32;
            if score.is_finite() { Ok(score) } else { Err(ScoreError::Overflow { what: "the squared distance" }) }
        };
        self.search.nearest(&self.train, queries, k, false).into_iter().map(sum).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Sums of the `k` smallest squared distances of all pairs.
    fn all_pairs(train: &Features, queries: &Features, k: usize) -> Vec<f32> {
        let sum = |query: &[f32]| {
            let squared =
                |x: &[f32]| -> f64 { x.iter().zip(query).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum() };
            let mut all: Vec<f64> = train.rows().map(squared).collect();
            all.sort_by(f64::total_cmp);
            all[..k].iter().sum::<f64>() as f32
        };
        queries.rows().map(sum).collect()
    }

    fn assert_exact(train: &Features, queries: &Features, what: &str) {
        for k in [1, 2, 7] {
            let found = KnnL2::fit(train).score(k, queries).unwrap();
            for (f, e) in found.iter().zip(all_pairs(train, queries, k)) {
                assert!((f - e).abs() <= 1e-6 * e, "{what}, k = {k}: {f}, of all pairs {e}");
            }
        }
    }

    fn normal(n: usize, dim: usize, seed: u64, place: impl Fn(f64, usize) -> f64) -> Features {
        let mut rng = Rng::new(seed, "knn", &[]);
        let values = (0..n * dim).map(|i| place(rng.normal(), i / dim) as f32);
        Features::new(n, dim, values.collect()).unwrap()
    }

    /// Scikit-learn's kind of fault: distances by |x|^2 + |y|^2 - 2 xy lose all digits far from the origin.
    #[test]
    fn any_offset_and_any_scale_give_the_distances_of_all_pairs() {
        for (offset, scale) in [(0.0, 1.0), (1000.0, 1.0), (1e6, 1.0), (1.0, 1e-4), (0.0, 1e-18), (0.0, 1e15)] {
            let place = |x: f64, _: usize| offset + scale * x;
            let what = format!("{offset} + {scale} normal");
            assert_exact(&normal(1500, 4, 1, place), &normal(300, 4, 2, place), &what);
            assert_exact(&normal(300, 40, 3, place), &normal(50, 40, 4, place), &what);
        }
    }

    /// One row far away must not take the digits of the others.
    #[test]
    fn a_wild_row_costs_no_neighbour() {
        for far in [1e6, 1e15, 1e30] {
            let train = normal(200, 16, 5, |x, row| if row == 199 { far } else { x });
            let queries = normal(50, 16, 6, |x, _| x);
            assert_exact(&train, &queries, &format!("a row of {far}"));
        }
        // And a query beside it has it as its neighbour.
        let train = normal(200, 16, 5, |x, row| if row == 199 { 1e18 } else { x });
        let beside = Features::new(1, 16, vec![1.001e18; 16]).unwrap();
        let expected = all_pairs(&train, &beside, 1)[0];
        let found = KnnL2::fit(&train).score(1, &beside).unwrap()[0];
        assert!((found / expected - 1.0).abs() < 1e-6, "{found}, of all pairs {expected}");
    }

    #[test]
    fn two_clusters_far_apart_and_many_copies_are_searched_in_full() {
        let place = |x: f64, row: usize| if row.is_multiple_of(2) { 1e5 + x } else { -1e5 + 1e-3 * x };
        assert_exact(&normal(400, 8, 7, place), &normal(40, 8, 8, place), "two clusters");
        let copies = |x: f64, row: usize| if row < 100 { 0.25 } else { x };
        assert_exact(&normal(200, 8, 9, copies), &normal(20, 8, 10, |x, _| 0.25 + 1e-6 * x), "copies");
    }

    #[test]
    fn wrong_k_and_wild_values_are_errors() {
        let train = Features::new(2, 1, vec![0.0, 1.0]).unwrap();
        let knn = KnnL2::fit(&train);
        assert_eq!(knn.score(1, &train).unwrap(), [0.0, 0.0]);
        assert_eq!(knn.score(3, &train), Err(ScoreError::Neighbours { k: 3, n: 2 }));
        let wild = Features::new(1, 1, vec![3e38]).unwrap();
        assert!(matches!(knn.score(1, &wild), Err(ScoreError::Overflow { .. })));
    }
}

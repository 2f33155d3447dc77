//! Squared distance to the nearest training features: DN2 (Bergman et al. 2020) and PANDA (Reiss et al. 2021).

use super::ScoreError;
use super::bank::check_width;
use super::cosine::{Largest, fold_products};
use super::spectrum::mean;
use crate::Features;

/// Candidates compared again in f64 beyond those asked for.
const EXTRA_CANDIDATES: usize = 4;

/// Training features as they are, for distances between features that are not normalised.
#[derive(Debug, Clone)]
pub struct KnnL2 {
    train: Features,
    mean: Vec<f64>,
    /// Centred at the mean, so that f32 products keep the digits in which the features differ.
    centred: Features,
    /// Half the squared length of each centred feature.
    halves: Vec<f32>,
}

impl KnnL2 {
    /// Keeps the training features, `n x dim`.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let mean = mean(train);
        let centred = centre(train, &mean)?;
        let half = |row: &[f32]| (0.5 * row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()) as f32;
        let halves = centred.rows().map(half).collect();
        Ok(Self { train: train.clone(), mean, centred, halves })
    }

    /// Sum of the squared distances to the `k` nearest training features; DN2 and PANDA take k = 2. High = anomalous.
    pub fn score(&self, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(&self.train, queries)?;
        let n = self.train.n();
        if !(1..=n).contains(&k) {
            return Err(ScoreError::Neighbours { k, n });
        }
        // |x - y|^2 is smallest where x.y - |x|^2 / 2 is largest.
        let fold = |(largest, near): &mut (Largest, Vec<f32>), offset: usize, products: &[f32]| {
            near.clear();
            near.extend(products.iter().zip(&self.halves[offset..]).map(|(p, half)| p - half));
            largest.take(offset, near, None);
        };
        let finish = |(largest, _): (Largest, Vec<f32>), query: usize| {
            let query = queries.row(query);
            let squared = |i: usize| -> f64 {
                query.iter().zip(self.train.row(i)).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
            };
            let mut distances: Vec<f64> = largest.positions().into_iter().map(squared).collect();
            distances.sort_by(f64::total_cmp);
            // Fewer than k are left where products overflowed.
            if distances.len() < k { f32::NAN } else { distances[..k].iter().sum::<f64>() as f32 }
        };
        let start = |_| (Largest::new(k + EXTRA_CANDIDATES), Vec::new());
        let scores = fold_products(&centre(queries, &self.mean)?, &self.centred, start, fold, finish);
        match scores.iter().all(|s| s.is_finite()) {
            true => Ok(scores),
            false => Err(ScoreError::Overflow { what: "the squared distance" }),
        }
    }
}

fn centre(features: &Features, mean: &[f64]) -> Result<Features, ScoreError> {
    let values = features.rows().flat_map(|row| row.iter().zip(mean).map(|(&x, m)| (f64::from(x) - m) as f32));
    Ok(Features::new(features.n(), features.dim(), values.collect())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn it_agrees_with_all_pairs_also_far_from_the_origin() {
        let mut rng = Rng::new(1, "knn", &[]);
        let mut draw = |n| Features::new(n, 4, (0..4 * n).map(|_| 1000.0 + rng.normal() as f32).collect()).unwrap();
        let (train, queries) = (draw(1500), draw(300));
        let scores = KnnL2::fit(&train).unwrap().score(2, &queries).unwrap();
        for (query, score) in queries.rows().zip(scores) {
            let squared =
                |x: &[f32]| -> f64 { x.iter().zip(query).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum() };
            let mut all: Vec<f64> = train.rows().map(squared).collect();
            all.sort_by(f64::total_cmp);
            assert_eq!(score, (all[0] + all[1]) as f32);
        }
    }

    #[test]
    fn wrong_k_and_wild_values_are_errors() {
        let train = Features::new(2, 1, vec![0.0, 1.0]).unwrap();
        let knn = KnnL2::fit(&train).unwrap();
        assert_eq!(knn.score(1, &train).unwrap(), [0.0, 0.0]);
        assert_eq!(knn.score(3, &train), Err(ScoreError::Neighbours { k: 3, n: 2 }));
        let wild = Features::new(1, 1, vec![3e38]).unwrap();
        assert!(matches!(knn.score(1, &wild), Err(ScoreError::Overflow { .. })));
    }
}

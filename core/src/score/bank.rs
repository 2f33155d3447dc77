//! A bank: the training features of one layer, and the four angular scores against them (section 2.5).

use super::cosine::{angle_between, nearest, unit_rows};
use super::whitening::{RELATIVE_TOLERANCE, Whitening, whiten};
use super::{ScoreError, Scorer};
use crate::Features;

/// What a bank is made of, and what is stored of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BankParts {
    /// Training features as the encoder gave them, `n x dim`; maybe a coreset of those the rest was fitted on.
    pub features: Features,
    /// Mean of all training features, `dim` values.
    pub mean: Vec<f32>,
    /// `rank x dim`: row r is eigenvector r of the sample covariance over the square root of its eigenvalue.
    pub whitening: Features,
}

/// The training features of one layer, ready to score others.
///
/// A score is an angle in radians, 0 to pi; high means anomalous.
#[derive(Debug, Clone)]
pub struct Bank {
    parts: BankParts,
    /// The features' directions, `n x dim`.
    units: Features,
    /// Their directions from the mean in Mahalanobis space, `n x rank`.
    whitened: Features,
}

impl Bank {
    /// Fits mean and whitening to `train`, `n x dim` with n at least 2, keeping every direction whose eigenvalue is
    /// above [`RELATIVE_TOLERANCE`] of the largest.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        Self::fit_with(train, RELATIVE_TOLERANCE, None)
    }

    /// [`Bank::fit`] with another tolerance, or with at most `max_rank` directions: see [`Whitening::fit`].
    pub fn fit_with(train: &Features, tolerance: f64, max_rank: Option<usize>) -> Result<Self, ScoreError> {
        let Whitening { mean, matrix } = Whitening::fit(train, tolerance, max_rank)?;
        Self::from_parts(BankParts { features: train.clone(), mean, whitening: matrix })
    }

    /// Puts a stored bank together, whatever its source: shapes and values are checked.
    ///
    /// # Errors
    /// Mean or whitening of another width than the features; a mean that is not finite; a training feature that is
    /// zero, or that is the mean in Mahalanobis space, and so has no direction there.
    pub fn from_parts(parts: BankParts) -> Result<Self, ScoreError> {
        let dim = parts.features.dim();
        if parts.mean.len() != dim {
            return Err(ScoreError::Dimension { what: "the bank's mean", expected: dim, found: parts.mean.len() });
        }
        if let Some(index) = parts.mean.iter().position(|x| !x.is_finite()) {
            return Err(ScoreError::MeanNotFinite { index, value: parts.mean[index] });
        }
        let (rank, found) = (parts.whitening.n(), parts.whitening.dim());
        if found != dim || rank > dim {
            return Err(ScoreError::Whitening { dim, rank, found });
        }
        let units =
            unit_rows(&parts.features).map_err(|row| ScoreError::ZeroVector { what: "training feature", row })?;
        let whitened = whitened_units(&parts, &parts.features, "training feature (in Mahalanobis space)")?;
        Ok(Self { parts, units, whitened })
    }

    /// What to store.
    pub fn parts(&self) -> &BankParts {
        &self.parts
    }

    /// Dimensions kept by the whitening.
    pub fn rank(&self) -> usize {
        self.parts.whitening.n()
    }

    /// How many training features there are to compare with.
    pub fn n(&self) -> usize {
        self.units.n()
    }

    /// One angle in radians for each query, high = anomalous; k-Cos is the angle to the `k`-th nearest training
    /// feature, c-Cos the angle to their mean and without use for `k`.
    ///
    /// c-Cos in Mahalanobis space is whitened but not centred: centred at the mean, the mean itself would be the zero
    /// vector, to which there is no angle.
    ///
    /// # Errors
    /// Queries of another width; `k` outside 1 to n; a query or a mean without direction; a scorer that is not one
    /// of [`Scorer::ANGULAR`].
    pub fn score(&self, scorer: Scorer, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        self.check_queries(queries)?;
        match scorer {
            Scorer::KCos | Scorer::KCosMah => {
                let (bank, units) = self.in_space(scorer, queries)?;
                kth_angles(bank, &units, k)
            }
            Scorer::CCos => angles_to_mean(&self.parts.mean, queries),
            Scorer::CCosMah => {
                let mean = Features::new(1, self.parts.mean.len(), self.parts.mean.clone())?;
                let matrix = &self.parts.whitening;
                let centre: Vec<f64> = whiten(matrix, &mean, None)?.row(0).iter().map(|&x| f64::from(x)).collect();
                angles_to(
                    &centre,
                    &whiten(matrix, queries, None)?,
                    "in Mahalanobis space",
                    "query (in Mahalanobis space)",
                )
            }
            other => Err(ScoreError::NotAngular(other)),
        }
    }

    /// Smallest and largest score of the bank's own features with k = 1.
    ///
    /// Leave-one-out, by index: a training feature is never its own neighbour, but an exact copy of it is one. The
    /// mean and the whitening stay those of all features, as each weighs only 1/n in them.
    pub fn training_range(&self, scorer: Scorer) -> Result<[f32; 2], ScoreError> {
        let scores = match scorer {
            Scorer::KCos | Scorer::KCosMah => {
                if self.n() < 2 {
                    return Err(ScoreError::TooFew { what: "a leave-one-out range", needed: 2, found: self.n() });
                }
                let bank = if scorer == Scorer::KCos { &self.units } else { &self.whitened };
                nearest(bank, bank, 1, true).into_iter().map(|found| found[0].1).collect()
            }
            other => self.score(other, 1, &self.parts.features)?,
        };
        let fold = |[low, high]: [f32; 2], s: &f32| [low.min(*s), high.max(*s)];
        Ok(scores.iter().fold([f32::INFINITY, f32::NEG_INFINITY], fold))
    }

    /// A bank of at most `size` of the features, those that [`Bank::coreset`] names; mean and whitening stay those
    /// of the full bank.
    pub fn shrink(&self, size: usize) -> Self {
        let indices = self.coreset(size);
        let pick = |all: &Features| all.select(&indices).unwrap_or_else(|_| all.clone());
        Self {
            parts: BankParts { features: pick(&self.parts.features), ..self.parts.clone() },
            units: pick(&self.units),
            whitened: pick(&self.whitened),
        }
    }

    /// Indices of at most `size` (at least one) features that cover the bank: greedy k-centre by angle, in order of
    /// choice; all of them in their own order if `size` is not below n.
    pub fn coreset(&self, size: usize) -> Vec<usize> {
        super::coreset::k_centre(&self.units, size)
    }

    /// The `count` training features nearest to one query (all, if there are fewer) as (index in
    /// [`BankParts::features`], angle in radians), nearest first, in the space that the scorer compares in.
    pub fn nearest(&self, scorer: Scorer, query: &[f32], count: usize) -> Result<Vec<(usize, f32)>, ScoreError> {
        let query = Features::new(1, query.len(), query.to_vec())?;
        self.check_queries(&query)?;
        let (bank, units) = self.in_space(scorer, &query)?;
        if count == 0 {
            return Ok(Vec::new());
        }
        Ok(nearest(bank, &units, count.min(self.n()), false).into_iter().flatten().collect())
    }

    /// The bank's and the queries' directions, plain or in Mahalanobis space.
    fn in_space(&self, scorer: Scorer, queries: &Features) -> Result<(&Features, Features), ScoreError> {
        match scorer {
            Scorer::KCos | Scorer::CCos => {
                let units = unit_rows(queries).map_err(|row| ScoreError::ZeroVector { what: "query", row })?;
                Ok((&self.units, units))
            }
            Scorer::KCosMah | Scorer::CCosMah => {
                Ok((&self.whitened, whitened_units(&self.parts, queries, "query (in Mahalanobis space)")?))
            }
            other => Err(ScoreError::NotAngular(other)),
        }
    }

    fn check_queries(&self, queries: &Features) -> Result<(), ScoreError> {
        check_width(&self.parts.features, queries)
    }
}

/// k-Cos without a bank: no covariance is computed, so one training feature is enough.
pub(crate) fn k_cos(train: &Features, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError> {
    check_width(train, queries)?;
    let unit = |f: &Features, what| unit_rows(f).map_err(|row| ScoreError::ZeroVector { what, row });
    kth_angles(&unit(train, "training feature")?, &unit(queries, "query")?, k)
}

/// c-Cos without a bank.
pub(crate) fn c_cos(train: &Features, queries: &Features) -> Result<Vec<f32>, ScoreError> {
    check_width(train, queries)?;
    let mean: Vec<f32> = super::spectrum::mean(train).into_iter().map(|x| x as f32).collect();
    angles_to_mean(&mean, queries)
}

pub(crate) fn check_width(train: &Features, queries: &Features) -> Result<(), ScoreError> {
    let (expected, found) = (train.dim(), queries.dim());
    if expected == found { Ok(()) } else { Err(ScoreError::Dimension { what: "queries", expected, found }) }
}

/// Angles of unit queries to their `k`-th nearest unit bank vector.
fn kth_angles(bank: &Features, queries: &Features, k: usize) -> Result<Vec<f32>, ScoreError> {
    let n = bank.n();
    if !(1..=n).contains(&k) {
        return Err(ScoreError::Neighbours { k, n });
    }
    Ok(nearest(bank, queries, k, false).into_iter().map(|found| found[k - 1].1).collect())
}

fn angles_to_mean(mean: &[f32], queries: &Features) -> Result<Vec<f32>, ScoreError> {
    let centre: Vec<f64> = mean.iter().map(|&x| f64::from(x)).collect();
    angles_to(&centre, queries, "", "query")
}

/// Directions from the mean in Mahalanobis space, `n x rank`.
fn whitened_units(parts: &BankParts, features: &Features, what: &'static str) -> Result<Features, ScoreError> {
    unit_rows(&whiten(&parts.whitening, features, Some(&parts.mean))?)
        .map_err(|row| ScoreError::ZeroVector { what, row })
}

/// Angles of all rows to one centre.
fn angles_to(
    centre: &[f64],
    features: &Features,
    space: &'static str,
    what: &'static str,
) -> Result<Vec<f32>, ScoreError> {
    if centre.iter().all(|&x| x == 0.0) {
        return Err(ScoreError::ZeroMean { space });
    }
    let mut vector = vec![0.0; features.dim()];
    let mut angles = Vec::with_capacity(features.n());
    for (row, values) in features.rows().enumerate() {
        if values.iter().all(|&x| x == 0.0) {
            return Err(ScoreError::ZeroVector { what, row });
        }
        vector.iter_mut().zip(values).for_each(|(v, &x)| *v = f64::from(x));
        angles.push(angle_between(&vector, centre) as f32);
    }
    Ok(angles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use std::f32::consts::{FRAC_PI_2, PI};

    fn random(n: usize, dim: usize, seed: u64) -> Features {
        let mut rng = Rng::new(seed, "bank test", &[]);
        let values = (0..n * dim).map(|i| (rng.normal() * (1.0 + (i % dim) as f64) + 1.0) as f32);
        Features::new(n, dim, values.collect()).unwrap()
    }

    #[test]
    fn scores_are_angles_by_hand() {
        // On two axes, with mean (1, 1) / 2 and covariance diag(1, 1) / 3 + ...: plain scores are elementary.
        let train = Features::new(4, 2, vec![1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 3.0]).unwrap();
        let queries = Features::new(3, 2, vec![5.0, 5.0, -1.0, 0.0, 0.0, 0.1]).unwrap();
        let bank = Bank::fit(&train).unwrap();
        let close = |found: Vec<f32>, expected: [f32; 3]| {
            assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-6), "{found:?} for {expected:?}");
        };
        close(bank.score(Scorer::KCos, 1, &queries).unwrap(), [PI / 4.0, FRAC_PI_2, 0.0]);
        close(bank.score(Scorer::KCos, 3, &queries).unwrap(), [PI / 4.0, PI, FRAC_PI_2]);
        let to_mean = (1.0_f32 / 0.75).atan();
        close(bank.score(Scorer::CCos, 1, &queries).unwrap(), [to_mean - PI / 4.0, PI - to_mean, FRAC_PI_2 - to_mean]);
    }

    #[test]
    fn mahalanobis_scores_ignore_a_change_of_coordinates() {
        // Any invertible linear map of all features leaves Mahalanobis space the same, up to a rotation.
        let (train, queries) = (random(80, 5, 1), random(30, 5, 2));
        let mix = |f: &Features| {
            let mapped = f
                .rows()
                .flat_map(|r| (0..5).map(|j| r[j] * (1.0 + j as f32) + 0.5 * r[(j + 1) % 5] - 0.25 * r[(j + 3) % 5]));
            Features::new(f.n(), 5, mapped.collect()).unwrap()
        };
        let (plain, mixed) = (Bank::fit(&train).unwrap(), Bank::fit(&mix(&train)).unwrap());
        for scorer in [Scorer::KCosMah, Scorer::CCosMah] {
            let a = plain.score(scorer, 1, &queries).unwrap();
            let b = mixed.score(scorer, 1, &mix(&queries)).unwrap();
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4), "{scorer}: {a:?} {b:?}");
        }
        let moved = |s: Scorer| {
            let (a, b) = (plain.score(s, 1, &queries).unwrap(), mixed.score(s, 1, &mix(&queries)).unwrap());
            a.iter().zip(&b).any(|(a, b)| (a - b).abs() > 1e-2)
        };
        assert!(moved(Scorer::KCos) && moved(Scorer::CCos), "plain angles do change");
    }

    #[test]
    fn copies_score_zero_and_length_does_not_matter() {
        let train = random(300, 64, 3);
        let bank = Bank::fit(&train).unwrap();
        assert_eq!(bank.score(Scorer::KCos, 1, &train).unwrap(), vec![0.0; 300]);
        assert_eq!(bank.score(Scorer::KCosMah, 1, &train).unwrap(), vec![0.0; 300]);
        let scaled = Features::new(300, 64, train.values().iter().map(|x| x * 0.37).collect()).unwrap();
        let scores = bank.score(Scorer::KCos, 1, &scaled).unwrap();
        assert!(scores.iter().all(|&s| s < 1e-6), "{:?}", scores.iter().copied().fold(0.0, f32::max));
    }

    #[test]
    fn one_query_scores_as_it_does_among_many() {
        let (train, queries) = (random(700, 32, 4), random(400, 32, 5));
        let bank = Bank::fit(&train).unwrap();
        for scorer in Scorer::ANGULAR {
            let together = bank.score(scorer, 1, &queries).unwrap();
            for i in [0, 255, 256, 399] {
                let alone = bank.score(scorer, 1, &queries.select(&[i]).unwrap()).unwrap()[0];
                assert!((alone - together[i]).abs() < 1e-6, "{scorer} {i}: {alone} {}", together[i]);
            }
        }
    }

    #[test]
    fn the_training_range_leaves_each_one_out_but_not_its_copy() {
        let train = Features::new(4, 2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.2, 1.0, 0.0]).unwrap();
        let [low, high] = Bank::fit(&train).unwrap().training_range(Scorer::KCos).unwrap();
        assert_eq!(low, 0.0, "rows 0 and 3 are copies");
        assert!((high - (FRAC_PI_2 - 0.2_f32.atan())).abs() < 1e-6, "row 1 is nearest to row 2, not to itself");
    }

    #[test]
    fn parts_make_the_same_bank_and_bad_parts_none() {
        let (train, queries) = (random(60, 8, 6), random(10, 8, 7));
        let bank = Bank::fit(&train).unwrap();
        let again = Bank::from_parts(bank.parts().clone()).unwrap();
        for scorer in Scorer::ANGULAR {
            assert_eq!(bank.score(scorer, 2, &queries), again.score(scorer, 2, &queries));
        }
        let parts = bank.parts();
        let with = |change: &dyn Fn(&mut BankParts)| {
            let mut parts = parts.clone();
            change(&mut parts);
            Bank::from_parts(parts).unwrap_err().to_string()
        };
        assert!(with(&|p| p.mean.truncate(7)).starts_with("the bank's mean must have 8 values"));
        assert!(with(&|p| p.mean[3] = f32::NAN).ends_with("value 3 is NaN"));
        assert!(with(&|p| p.whitening = random(9, 8, 1)).contains("rank at most 8, found 9 x 8"));
        assert!(with(&|p| p.whitening = random(3, 7, 1)).contains("found 3 x 7"));
        let zero = |p: &mut BankParts| p.features = Features::new(1, 8, vec![0.0; 8]).unwrap();
        assert_eq!(with(&zero), "training feature 0 is zero, so it has no direction");
        let at_mean = |p: &mut BankParts| p.features = Features::new(1, 8, p.mean.clone()).unwrap();
        assert!(with(&at_mean).contains("in Mahalanobis space"));
        let huge = |p: &mut BankParts| p.whitening = Features::new(1, 8, vec![3e38; 8]).unwrap();
        assert!(with(&huge).contains("finite"));
    }

    #[test]
    fn wrong_questions_get_an_answer_that_helps() {
        let bank = Bank::fit(&random(20, 4, 8)).unwrap();
        let error = |scorer, k, q: &Features| bank.score(scorer, k, q).unwrap_err();
        assert_eq!(error(Scorer::KCos, 0, &random(2, 4, 1)), ScoreError::Neighbours { k: 0, n: 20 });
        assert_eq!(error(Scorer::KCosMah, 21, &random(2, 4, 1)), ScoreError::Neighbours { k: 21, n: 20 });
        assert_eq!(error(Scorer::Kde, 1, &random(2, 4, 1)), ScoreError::NotAngular(Scorer::Kde));
        let wide = error(Scorer::CCos, 1, &random(2, 5, 1)).to_string();
        assert_eq!(wide, "queries must have 4 values each, as the training features have, found 5");
        let zero = Features::new(2, 4, vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        for scorer in [Scorer::KCos, Scorer::CCos, Scorer::CCosMah] {
            assert!(matches!(error(scorer, 1, &zero), ScoreError::ZeroVector { row: 1, .. }), "{scorer}");
        }
        let balanced = Features::new(2, 2, vec![1.0, 0.5, -1.0, -0.5]).unwrap();
        let none = Bank::fit(&balanced).unwrap().score(Scorer::CCos, 1, &random(1, 2, 1)).unwrap_err();
        assert!(matches!(none, ScoreError::ZeroMean { .. }));
    }

    #[test]
    fn a_smaller_bank_keeps_its_space_and_only_loses_neighbours() {
        let (train, queries) = (random(200, 6, 9), random(50, 6, 10));
        let bank = Bank::fit(&train).unwrap();
        let small = bank.shrink(40);
        assert_eq!((small.n(), small.rank(), &small.parts().mean), (40, 6, &bank.parts().mean));
        assert_eq!(small.parts().features, train.select(&bank.coreset(40)).unwrap());
        for scorer in [Scorer::KCos, Scorer::KCosMah] {
            let full = bank.score(scorer, 1, &queries).unwrap();
            let less = small.score(scorer, 1, &queries).unwrap();
            assert!(full.iter().zip(&less).all(|(f, l)| l >= f), "{scorer}: fewer neighbours cannot be nearer");
        }
        assert_eq!(bank.score(Scorer::CCosMah, 1, &queries), small.score(Scorer::CCosMah, 1, &queries));
        assert_eq!(bank.shrink(500).n(), 200);
    }

    #[test]
    fn nearest_names_the_neighbours_that_the_score_comes_from() {
        let (train, queries) = (random(50, 6, 11), random(5, 6, 12));
        let bank = Bank::fit(&train).unwrap();
        for scorer in [Scorer::KCos, Scorer::KCosMah] {
            for (i, query) in queries.rows().enumerate() {
                let found = bank.nearest(scorer, query, 4).unwrap();
                assert_eq!(found.len(), 4);
                for (k, (_, angle)) in found.iter().enumerate() {
                    assert_eq!(*angle, bank.score(scorer, k + 1, &queries).unwrap()[i]);
                }
                let copy = bank.nearest(scorer, train.row(17), 1).unwrap();
                assert_eq!(copy, [(17, 0.0)]);
            }
        }
        assert_eq!(bank.nearest(Scorer::KCos, train.row(0), 99).unwrap().len(), 50);
        assert!(bank.nearest(Scorer::KCos, &[1.0, f32::INFINITY, 0.0, 0.0, 0.0, 0.0], 1).is_err());
    }
}

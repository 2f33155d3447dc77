//! A bank: the training features of one layer, and the angular scores against them (section 2.5).

use super::coreset::{Coreset, hubs, k_centre, random};
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
    /// Which of the training images each feature is of, by position in the run's split; none if that is not known.
    pub index: Option<Vec<u32>>,
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
    /// Their directions from the origin in Mahalanobis space, `n x rank`.
    uncentred: Features,
    /// Where the mean lies in Mahalanobis space, `rank` values: the distance between the two.
    centre: Vec<f64>,
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
        let index = Some((0..train.n() as u32).collect());
        Self::from_parts(BankParts { features: train.clone(), mean, whitening: matrix, index })
    }

    /// Puts a stored bank together, whatever its source: shapes and values are checked.
    ///
    /// # Errors
    /// Mean or whitening of another width than the features; a mean that is not finite; a training feature that is
    /// zero, or that is the mean or the origin in Mahalanobis space, and so has no direction there.
    pub fn from_parts(parts: BankParts) -> Result<Self, ScoreError> {
        let dim = parts.features.dim();
        if parts.mean.len() != dim {
            return Err(ScoreError::Dimension { what: "the bank's mean", expected: dim, found: parts.mean.len() });
        }
        if let Some(index) = parts.mean.iter().position(|x| !x.is_finite()) {
            return Err(ScoreError::MeanNotFinite { index, value: parts.mean[index] });
        }
        if let Some(index) = parts.index.as_ref().filter(|index| index.len() != parts.features.n()) {
            let (expected, found) = (parts.features.n(), index.len());
            return Err(ScoreError::Index { expected, found });
        }
        let (rank, found) = (parts.whitening.n(), parts.whitening.dim());
        if found != dim || rank > dim {
            return Err(ScoreError::Whitening { dim, rank, found });
        }
        let units =
            unit_rows(&parts.features).map_err(|row| ScoreError::ZeroVector { what: "training feature", row })?;
        let what = "training feature (in Mahalanobis space)";
        let centre = Features::new(1, dim, parts.mean.clone())?;
        let centre: Vec<f64> = whiten(&parts.whitening, &centre, None)?.row(0).iter().map(|&x| f64::from(x)).collect();
        let from_mean = whiten(&parts.whitening, &parts.features, Some(&parts.mean))?;
        let whitened = directions(&from_mean, what)?;
        let uncentred = directions(&moved(&from_mean, &centre)?, what)?;
        Ok(Self { parts, units, whitened, uncentred, centre })
    }

    /// The same features in a Mahalanobis space of at most `rank` (at least one) directions: those of largest spread.
    pub fn with_rank(&self, rank: usize) -> Result<Self, ScoreError> {
        let kept: Vec<usize> = (0..rank.clamp(1, self.rank())).collect();
        let whitening = self.parts.whitening.select(&kept)?;
        Self::from_parts(BankParts { whitening, ..self.parts.clone() })
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
            Scorer::KCos | Scorer::KCosMah | Scorer::KCosMahCentred => {
                let (bank, units) = self.in_space(scorer, queries)?;
                kth_angles(bank, &units, k)
            }
            Scorer::CCos => angles_to_mean(&self.parts.mean, queries),
            Scorer::CCosMah => angles_to(
                &self.centre,
                &whiten(&self.parts.whitening, queries, None)?,
                "in Mahalanobis space",
                "query (in Mahalanobis space)",
            ),
            other => Err(ScoreError::NotAngular(other)),
        }
    }

    /// Smallest and largest score of the bank's own features with k = 1.
    ///
    /// Leave-one-out, by index: a training feature is never its own neighbour, but an exact copy of it is one. The
    /// mean and the whitening stay those of all features, as each weighs only 1/n in them.
    pub fn training_range(&self, scorer: Scorer) -> Result<[f32; 2], ScoreError> {
        let scores = match scorer {
            Scorer::KCos | Scorer::KCosMah | Scorer::KCosMahCentred => {
                if self.n() < 2 {
                    return Err(ScoreError::TooFew { what: "a leave-one-out range", needed: 2, found: self.n() });
                }
                let bank = self.directions_for(scorer)?;
                nearest(bank, bank, 1, true).into_iter().map(|found| found[0].1).collect()
            }
            other => self.score(other, 1, &self.parts.features)?,
        };
        let fold = |[low, high]: [f32; 2], s: &f32| [low.min(*s), high.max(*s)];
        Ok(scores.iter().fold([f32::INFINITY, f32::NEG_INFINITY], fold))
    }

    /// A bank of at most `size` of the features, those that [`Bank::coreset`] names; mean and whitening stay those
    /// of the full bank.
    pub fn shrink(&self, size: usize, how: Coreset) -> Self {
        let indices = self.coreset(size, how);
        let pick = |all: &Features| all.select(&indices).unwrap_or_else(|_| all.clone());
        let index = self.parts.index.as_ref().map(|index| indices.iter().map(|&i| index[i]).collect());
        Self {
            parts: BankParts { features: pick(&self.parts.features), index, ..self.parts.clone() },
            units: pick(&self.units),
            whitened: pick(&self.whitened),
            uncentred: pick(&self.uncentred),
            centre: self.centre.clone(),
        }
    }

    /// Indices of at most `size` (at least one) features that stand for the bank; all of them in their own order if
    /// `size` is not below n.
    pub fn coreset(&self, size: usize, how: Coreset) -> Vec<usize> {
        match how {
            Coreset::Hubs => hubs(&[&self.units, &self.whitened, &self.uncentred], size),
            Coreset::KCentre => k_centre(&self.units, size),
            Coreset::Random => random(self.n(), size),
        }
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

    /// The bank's directions in the space that the scorer compares in.
    fn directions_for(&self, scorer: Scorer) -> Result<&Features, ScoreError> {
        match scorer {
            Scorer::KCos | Scorer::CCos => Ok(&self.units),
            Scorer::KCosMahCentred => Ok(&self.whitened),
            // Where c-Cos (Mah) measures, too.
            Scorer::KCosMah | Scorer::CCosMah => Ok(&self.uncentred),
            other => Err(ScoreError::NotAngular(other)),
        }
    }

    /// The bank's and the queries' directions, plain or in Mahalanobis space.
    fn in_space(&self, scorer: Scorer, queries: &Features) -> Result<(&Features, Features), ScoreError> {
        let bank = self.directions_for(scorer)?;
        if matches!(scorer, Scorer::KCos | Scorer::CCos) {
            let units = unit_rows(queries).map_err(|row| ScoreError::ZeroVector { what: "query", row })?;
            return Ok((bank, units));
        }
        let from_mean = whiten(&self.parts.whitening, queries, Some(&self.parts.mean))?;
        let space = if scorer == Scorer::KCosMahCentred { from_mean } else { moved(&from_mean, &self.centre)? };
        Ok((bank, directions(&space, "query (in Mahalanobis space)")?))
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

/// Directions of features in Mahalanobis space, `n x rank`.
fn directions(space: &Features, what: &'static str) -> Result<Features, ScoreError> {
    unit_rows(space).map_err(|row| ScoreError::ZeroVector { what, row })
}

/// Features seen from the mean, as they are seen from the origin: whitening is linear, so it need not be done twice.
fn moved(from_mean: &Features, centre: &[f64]) -> Result<Features, ScoreError> {
    let row = |row: &[f32]| row.iter().zip(centre).map(|(&x, c)| (f64::from(x) + c) as f32).collect::<Vec<f32>>();
    Ok(Features::new(from_mean.n(), from_mean.dim(), from_mean.rows().flat_map(row).collect())?)
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
mod tests;

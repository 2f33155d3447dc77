//! A bank: the training features of one layer, and the angular scores against them (section 2.5).
//!
//! All of them are of directions: of y / |y|, also in Mahalanobis space ([`Reading`]).

use super::coreset::{Coreset, hubs, k_centre, random};
use super::frame::unit_scales;
use super::whitening::{RELATIVE_TOLERANCE, Whitening, whiten};
use super::{ScoreError, Scorer, range_of};
use crate::Features;
use crate::vectors::cosine::{Directions, angle_between, nearest, scales};
use crate::vectors::search::Search;
use crate::vectors::spectrum::mean;
use std::borrow::Cow;
use std::sync::OnceLock;

/// Which vectors mean and whitening are fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Features divided by their length. The paper's table 11 decides for this one: its c-Cos (Mah) and GDE, which is of
    /// unit features, differ by 0.6 points on average.
    Unit,
    /// Features as the encoder gave them.
    Raw,
}

/// What a bank is made of, and what is stored of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BankParts {
    /// Training features as the encoder gave them, `n x dim`; maybe a coreset of those the rest was fitted on.
    pub features: Features,
    /// Which reading of them `mean` and `whitening` are of.
    pub reading: Reading,
    /// Mean of all training features in this reading, `dim` values: of unit features the mean direction.
    pub mean: Vec<f64>,
    /// `rank x dim`: row r is eigenvector r of the sample covariance over the square root of its eigenvalue.
    pub whitening: Features,
    /// Where the mean lies in Mahalanobis space, `rank` values: see [`Whitening`].
    pub centre: Vec<f64>,
    /// Which of the training images each feature is of, by position in the run's split; none if that is not known.
    pub index: Option<Vec<u32>>,
}

/// The training features of one layer, ready to score others.
///
/// A score is an angle in radians, 0 to pi; high means anomalous.
#[derive(Debug, Clone)]
pub struct Bank {
    parts: BankParts,
    /// The features, in the bank's reading, in Mahalanobis space and seen from their mean, `n x rank`.
    whitened: Features,
    /// The features' directions by [`Space`], once one is asked for: none needs what another cannot give.
    prepared: [OnceLock<Result<Prepared, ScoreError>>; 3],
}

/// Where angles are measured.
#[derive(Debug, Clone, Copy)]
enum Space {
    /// Between features as they are.
    Plain,
    /// In Mahalanobis space, seen from the origin: whitened, not centred.
    FromOrigin,
    /// In Mahalanobis space, seen from the mean.
    FromMean,
}

#[derive(Debug, Clone)]
struct Prepared {
    /// One over the length of each feature.
    scales: Vec<f64>,
    search: Search,
}

impl Space {
    const ALL: [Self; 3] = [Self::Plain, Self::FromOrigin, Self::FromMean];

    fn of(scorer: Scorer) -> Result<Self, ScoreError> {
        match scorer {
            Scorer::KCos | Scorer::CCos => Ok(Self::Plain),
            Scorer::KCosMah | Scorer::CCosMah => Ok(Self::FromOrigin),
            Scorer::KCosMahCentred => Ok(Self::FromMean),
            other => Err(ScoreError::NotAngular(other)),
        }
    }

    fn feature(self) -> &'static str {
        match self {
            Self::Plain => "training feature",
            Self::FromOrigin | Self::FromMean => "training feature (in Mahalanobis space)",
        }
    }

    fn query(self) -> &'static str {
        match self {
            Self::Plain => "query",
            Self::FromOrigin | Self::FromMean => "query (in Mahalanobis space)",
        }
    }
}

impl Scorer {
    /// Which reading of the features a bank's score is of, and what the bank is asked for; none of scorers that no bank has.
    pub fn reading(self) -> Option<(Reading, Self)> {
        match self {
            Self::KCosMahRaw => Some((Reading::Raw, Self::KCosMah)),
            Self::CCosMahRaw => Some((Reading::Raw, Self::CCosMah)),
            _ => Self::ANGULAR.contains(&self).then_some((Reading::Unit, self)),
        }
    }
}

impl Reading {
    /// What each of `features` is multiplied by.
    fn scales(self, features: &Features, what: &'static str) -> Result<Vec<f64>, ScoreError> {
        match self {
            Self::Unit => unit_scales(features, what),
            Self::Raw => Ok(vec![1.0; features.n()]),
        }
    }
}

impl Prepared {
    fn new(space: Space, vectors: &Features, shift: Option<&[f64]>) -> Result<Self, ScoreError> {
        let scales = scales(vectors, shift).map_err(|row| ScoreError::ZeroVector { what: space.feature(), row })?;
        let search = Search::new(&Directions { vectors, shift, scales: &scales });
        Ok(Self { scales, search })
    }
}

impl BankParts {
    /// The centre of a stored bank, by its rounded whitening and mean.
    pub fn centre_of(whitening: &Features, mean: &[f64]) -> Vec<f64> {
        let along = |row: &[f32]| row.iter().zip(mean).map(|(&w, m)| f64::from(w) * m).sum();
        whitening.rows().map(along).collect()
    }
}

impl Bank {
    /// Fits mean and whitening to the directions of `train`, `n x dim` with n at least 2, keeping every direction whose
    /// eigenvalue is above [`RELATIVE_TOLERANCE`] of the largest.
    ///
    /// # Errors
    /// A zero feature; features that all point the same way.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        Self::fit_with(train, RELATIVE_TOLERANCE, None)
    }

    /// [`Bank::fit`] with another tolerance, or with at most `max_rank` directions: see [`Whitening`].
    pub fn fit_with(train: &Features, tolerance: f64, max_rank: Option<usize>) -> Result<Self, ScoreError> {
        Self::fit_reading(train, Reading::Unit, tolerance, max_rank)
    }

    /// [`Bank::fit`] to the features as they are, of at most `max_rank` directions.
    pub fn fit_raw(train: &Features, max_rank: Option<usize>) -> Result<Self, ScoreError> {
        Self::fit_reading(train, Reading::Raw, RELATIVE_TOLERANCE, max_rank)
    }

    fn fit_reading(
        train: &Features,
        reading: Reading,
        tolerance: f64,
        max_rank: Option<usize>,
    ) -> Result<Self, ScoreError> {
        let scales = reading.scales(train, Space::Plain.feature())?;
        let Whitening { mean, matrix: whitening, centre } =
            Whitening::fit(&Directions::of(train, &scales), tolerance, max_rank)?;
        let index = Some((0..train.n() as u32).collect());
        Self::from_parts(BankParts { features: train.clone(), reading, mean, whitening, centre, index })
    }

    /// Puts a stored bank together, whatever its source: shapes and values are checked. What a score needs besides is
    /// checked by [`Bank::check`].
    ///
    /// # Errors
    /// Mean or whitening of another width than the features; a mean that is not finite; features that are not finite in
    /// Mahalanobis space; of unit features, one that is zero.
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
        if parts.centre.len() != rank {
            return Err(ScoreError::Dimension { what: "the bank's centre", expected: rank, found: parts.centre.len() });
        }
        let scales = parts.reading.scales(&parts.features, Space::Plain.feature())?;
        let whitened = whiten(&parts.whitening, &Directions::of(&parts.features, &scales), &parts.mean)?;
        Ok(Self { parts, whitened, prepared: Default::default() })
    }

    /// The same features in a Mahalanobis space of at most `rank` (at least one) directions: those of largest spread.
    pub fn with_rank(&self, rank: usize) -> Result<Self, ScoreError> {
        let kept: Vec<usize> = (0..rank.clamp(1, self.rank())).collect();
        let whitening = self.parts.whitening.select(&kept)?;
        let centre = kept.iter().map(|&row| self.parts.centre[row]).collect();
        Self::from_parts(BankParts { whitening, centre, ..self.parts.clone() })
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
        self.parts.features.n()
    }

    /// Whether the bank can give a score.
    ///
    /// # Errors
    /// A training feature, or for c-Cos their mean, that has no direction where the scorer measures: one that is zero, or
    /// that is the mean or the origin in Mahalanobis space. A scorer that is not one of [`Scorer::ANGULAR`].
    pub fn check(&self, scorer: Scorer) -> Result<(), ScoreError> {
        match scorer {
            Scorer::CCos => check_mean(&self.parts.mean, ""),
            Scorer::CCosMah => check_mean(&self.parts.centre, "in Mahalanobis space"),
            other => self.directions(Space::of(other)?).map(|_| ()),
        }
    }

    /// One angle in radians for each query, high = anomalous; k-Cos is the angle to the `k`-th nearest training
    /// feature, c-Cos the angle to their mean and without use for `k`.
    ///
    /// Neither is centred in Mahalanobis space but [`Scorer::KCosMahCentred`]: centred at the mean, the mean itself would
    /// be the zero vector, to which there is no angle.
    ///
    /// # Errors
    /// Queries of another width; `k` outside 1 to n; a query without direction; whatever [`Bank::check`] says.
    pub fn score(&self, scorer: Scorer, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.parts.features.dim(), queries)?;
        match scorer {
            Scorer::CCos => angles_to_mean(&self.parts.mean, queries),
            Scorer::CCosMah => {
                self.check(scorer)?;
                let whitened = self.whiten(queries)?;
                let centre = &self.parts.centre;
                let from_origin =
                    |row: &[f32]| row.iter().zip(centre).map(|(&x, c)| f64::from(x) + c).collect::<Vec<_>>();
                let rows = whitened.rows().map(from_origin).enumerate();
                rows.map(|(row, vector)| angle_to(centre, &vector, Space::FromOrigin.query(), row)).collect()
            }
            other => {
                let space = Space::of(other)?;
                check_k(k, self.n())?;
                Ok(self.nearest_in(space, queries, k)?.into_iter().map(|found| found[k - 1].1).collect())
            }
        }
    }

    /// Smallest and largest score of the bank's own features with k = 1.
    ///
    /// Leave-one-out, by index: a training feature is never its own neighbour, but an exact copy of it is one. The
    /// mean and the whitening stay those of all features, as each weighs only 1/n in them.
    pub fn training_range(&self, scorer: Scorer) -> Result<[f32; 2], ScoreError> {
        let scores: Vec<f32> = match scorer {
            Scorer::KCos | Scorer::KCosMah | Scorer::KCosMahCentred => {
                if self.n() < 2 {
                    return Err(ScoreError::TooFew { what: "a leave-one-out range", needed: 2, found: self.n() });
                }
                let (bank, search) = self.directions(Space::of(scorer)?)?;
                nearest(search, bank, bank, 1, true).into_iter().map(|found| found[0].1).collect()
            }
            other => self.score(other, 1, &self.parts.features)?,
        };
        Ok(range_of(&scores))
    }

    /// A bank of at most `size` of the features, those that [`Bank::coreset`] names; mean and whitening stay those
    /// of the full bank.
    pub fn shrink(&self, size: usize, how: Coreset) -> Result<Self, ScoreError> {
        let indices = self.coreset(size, how)?;
        let index = self.parts.index.as_ref().map(|index| indices.iter().map(|&i| index[i]).collect());
        Ok(Self {
            parts: BankParts { features: self.parts.features.select(&indices)?, index, ..self.parts.clone() },
            whitened: self.whitened.select(&indices)?,
            prepared: Default::default(),
        })
    }

    /// Indices of at most `size` (at least one) features that stand for the bank; all of them in their own order if
    /// `size` is not below n.
    ///
    /// Hubs are counted in every space in which all features have a direction.
    pub fn coreset(&self, size: usize, how: Coreset) -> Result<Vec<usize>, ScoreError> {
        let plain = || self.directions(Space::Plain);
        Ok(match how {
            Coreset::Hubs => {
                let spaces: Vec<_> = Space::ALL.into_iter().filter_map(|space| self.directions(space).ok()).collect();
                if spaces.is_empty() {
                    plain()?;
                }
                hubs(&spaces, size)
            }
            Coreset::KCentre => k_centre(plain()?.0, size),
            Coreset::Random => random(self.n(), size),
        })
    }

    /// The `count` training features nearest to one query (all, if there are fewer) as (index in
    /// [`BankParts::features`], angle in radians), nearest first, in the space that the scorer compares in.
    pub fn nearest(&self, scorer: Scorer, query: &[f32], count: usize) -> Result<Vec<(usize, f32)>, ScoreError> {
        let query = Features::new(1, query.len(), query.to_vec())?;
        check_width(self.parts.features.dim(), &query)?;
        let space = Space::of(scorer)?;
        if count == 0 {
            return Ok(Vec::new());
        }
        Ok(self.nearest_in(space, &query, count.min(self.n()))?.into_iter().flatten().collect())
    }

    /// Queries in Mahalanobis space, seen from the mean.
    fn whiten(&self, queries: &Features) -> Result<Features, ScoreError> {
        let scales = self.parts.reading.scales(queries, Space::Plain.query())?;
        whiten(&self.parts.whitening, &Directions::of(queries, &scales), &self.parts.mean)
    }

    fn nearest_in(&self, space: Space, queries: &Features, k: usize) -> Result<Vec<Vec<(usize, f32)>>, ScoreError> {
        let vectors = match space {
            Space::Plain => Cow::Borrowed(queries),
            Space::FromOrigin | Space::FromMean => Cow::Owned(self.whiten(queries)?),
        };
        let (bank, search) = self.directions(space)?;
        nearest_of(space, search, bank, &vectors, k)
    }

    /// The bank's directions in a space, ready to be searched.
    fn directions(&self, space: Space) -> Result<(Directions<'_>, &Search), ScoreError> {
        let (vectors, shift) = match space {
            Space::Plain => (&self.parts.features, None),
            Space::FromOrigin => (&self.whitened, Some(&self.parts.centre[..])),
            Space::FromMean => (&self.whitened, None),
        };
        let prepared = self.prepared[space as usize].get_or_init(|| Prepared::new(space, vectors, shift));
        let prepared = prepared.as_ref().map_err(Clone::clone)?;
        Ok((Directions { vectors, shift, scales: &prepared.scales }, &prepared.search))
    }
}

/// k-Cos without a bank: no covariance is computed, so one training feature is enough.
#[derive(Debug, Clone)]
pub(super) struct Nearest {
    train: Features,
    prepared: Prepared,
}

impl Nearest {
    pub(super) fn fit(train: &Features) -> Result<Self, ScoreError> {
        Ok(Self { train: train.clone(), prepared: Prepared::new(Space::Plain, train, None)? })
    }

    pub(super) fn score(&self, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.train.dim(), queries)?;
        check_k(k, self.train.n())?;
        let train = Directions { vectors: &self.train, shift: None, scales: &self.prepared.scales };
        let found = nearest_of(Space::Plain, &self.prepared.search, train, queries, k)?;
        Ok(found.into_iter().map(|found| found[k - 1].1).collect())
    }
}

/// c-Cos without a bank.
#[derive(Debug, Clone)]
pub(super) struct Mean(Vec<f64>);

impl Mean {
    pub(super) fn fit(train: &Features) -> Result<Self, ScoreError> {
        let mean = mean(&Directions::of(train, &unit_scales(train, Space::Plain.feature())?));
        check_mean(&mean, "")?;
        Ok(Self(mean))
    }

    pub(super) fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.0.len(), queries)?;
        angles_to_mean(&self.0, queries)
    }
}

/// The `k` nearest of a bank's directions to queries, which lie in the same space.
fn nearest_of(
    space: Space,
    search: &Search,
    bank: Directions<'_>,
    queries: &Features,
    k: usize,
) -> Result<Vec<Vec<(usize, f32)>>, ScoreError> {
    let scales = scales(queries, bank.shift).map_err(|row| ScoreError::ZeroVector { what: space.query(), row })?;
    Ok(nearest(search, bank, Directions { vectors: queries, shift: bank.shift, scales: &scales }, k, false))
}

pub(crate) fn check_width(expected: usize, queries: &Features) -> Result<(), ScoreError> {
    let found = queries.dim();
    if expected == found { Ok(()) } else { Err(ScoreError::Dimension { what: "queries", expected, found }) }
}

pub(crate) fn check_k(k: usize, n: usize) -> Result<(), ScoreError> {
    if (1..=n).contains(&k) { Ok(()) } else { Err(ScoreError::Neighbours { k, n }) }
}

fn check_mean(mean: &[f64], space: &'static str) -> Result<(), ScoreError> {
    if mean.iter().all(|&x| x == 0.0) { Err(ScoreError::ZeroMean { space }) } else { Ok(()) }
}

fn angles_to_mean(mean: &[f64], queries: &Features) -> Result<Vec<f32>, ScoreError> {
    check_mean(mean, "")?;
    let mut vector = vec![0.0; queries.dim()];
    let mut to_mean = |(row, values): (usize, &[f32])| {
        vector.iter_mut().zip(values).for_each(|(v, &x)| *v = f64::from(x));
        angle_to(mean, &vector, Space::Plain.query(), row)
    };
    queries.rows().enumerate().map(&mut to_mean).collect()
}

/// The angle of a vector, which is row `row` of `what`, to a centre.
fn angle_to(centre: &[f64], vector: &[f64], what: &'static str, row: usize) -> Result<f32, ScoreError> {
    if vector.iter().all(|&x| x == 0.0) {
        return Err(ScoreError::ZeroVector { what, row });
    }
    Ok(angle_between(vector, centre) as f32)
}

#[cfg(test)]
mod tests;

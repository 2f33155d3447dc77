//! Any scorer, fitted.

use super::bank::{Mean, Nearest};
use super::{
    Bank, Csi, Dirichlet, Energy, Gde, Goad, Kde, KnnL2, Length, Mahalanobis, MahalanobisShrunk, MinusMean, OcSvm,
    ScoreError, Scorer, last_classifier,
};
use crate::Features;

/// A scorer fitted to training features, ready to score others.
#[derive(Debug, Clone)]
pub struct Fitted(Fit);

#[derive(Debug, Clone)]
enum Fit {
    // Without a bank, which would compute a covariance that these two do not need.
    Nearest(Nearest),
    Mean(Mean),
    /// With what it is asked for.
    Bank(Scorer, Box<Bank>),
    Kde(Kde),
    Gde(Gde),
    OcSvm(OcSvm),
    KnnL2(KnnL2),
    Mahalanobis(Mahalanobis),
    MahalanobisShrunk(MahalanobisShrunk),
    Length(Length),
    MinusMean(MinusMean),
    Csi(Csi),
    Goad(Goad),
    Dirichlet(Dirichlet),
    Energy(Energy),
}

impl Scorer {
    /// Fits the scorer to `train`, `n x dim`.
    ///
    /// # Errors
    /// Whatever it cannot be fitted to: see the type of each.
    pub fn fit(self, train: &Features) -> Result<Fitted, ScoreError> {
        let fit = match self {
            Self::KCos => Fit::Nearest(Nearest::fit(train)?),
            Self::CCos => Fit::Mean(Mean::fit(train)?),
            Self::KCosMah | Self::KCosMahCentred | Self::CCosMah => Fit::Bank(self, Box::new(Bank::fit(train)?)),
            Self::KCosMahRaw => Fit::Bank(Self::KCosMah, Box::new(Bank::fit_raw(train, None)?)),
            Self::CCosMahRaw => Fit::Bank(Self::CCosMah, Box::new(Bank::fit_raw(train, None)?)),
            Self::Kde => Fit::Kde(Kde::fit(train)?),
            Self::Gde => Fit::Gde(Gde::fit(train)?),
            Self::GdeRaw => Fit::Gde(Gde::fit_raw(train)?),
            Self::OcSvm => Fit::OcSvm(OcSvm::fit(train)?),
            Self::KnnL2 => Fit::KnnL2(KnnL2::fit(train)),
            Self::Mahalanobis => Fit::Mahalanobis(Mahalanobis::fit(train)?),
            Self::MahalanobisShrunk => Fit::MahalanobisShrunk(MahalanobisShrunk::fit(train)?),
            Self::Length => Fit::Length(Length::fit(train)),
            Self::ShiftLogProb => Fit::MinusMean(MinusMean::of_right_answers(train)),
            Self::Logit | Self::Restoration => Fit::MinusMean(MinusMean::fit(train)),
            Self::Csi => Fit::Csi(Csi::fit(train)?),
            Self::Goad => Fit::Goad(Goad::fit(train)?),
            Self::Dirichlet => Fit::Dirichlet(Dirichlet::fit(train)?),
            Self::Energy => Fit::Energy(Energy::fit(train)),
            Self::Stoc => Fit::Gde(last_classifier(train)?),
        };
        Ok(Fitted(fit))
    }
}

impl Fitted {
    /// One value for each of `queries` (`m x dim`), high = anomalous.
    ///
    /// `k` counts for the scores by nearest neighbours, the k-Cos ones and [`Scorer::KnnL2`]: see [`Scorer::default_k`].
    ///
    /// # Errors
    /// Queries of another width; `k` outside 1 to n; what the scorer refuses.
    pub fn score(&self, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        match &self.0 {
            Fit::Nearest(fit) => fit.score(k, queries),
            Fit::Mean(fit) => fit.score(queries),
            Fit::Bank(scorer, fit) => fit.score(*scorer, k, queries),
            Fit::Kde(fit) => fit.score(queries),
            Fit::Gde(fit) => fit.score(queries),
            Fit::OcSvm(fit) => fit.score(queries),
            Fit::KnnL2(fit) => fit.score(k, queries),
            Fit::Mahalanobis(fit) => fit.score(queries),
            Fit::MahalanobisShrunk(fit) => fit.score(queries),
            Fit::Length(fit) => fit.score(queries),
            Fit::MinusMean(fit) => fit.score(queries),
            Fit::Csi(fit) => fit.score(queries),
            Fit::Goad(fit) => fit.score(queries),
            Fit::Dirichlet(fit) => fit.score(queries),
            Fit::Energy(fit) => fit.score(queries),
        }
    }
}

/// Fits any scorer to `train` (`n x dim`) and scores `queries` (`m x dim`): see [`Scorer::fit`] and [`Fitted::score`].
pub fn score_all(scorer: Scorer, k: usize, train: &Features, queries: &Features) -> Result<Vec<f32>, ScoreError> {
    scorer.fit(train)?.score(k, queries)
}

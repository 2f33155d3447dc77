//! Anomaly scores of features (section 2.5, appendices C and G). High means anomalous.
//!
//! The paper's four scores are angles, and a [`Bank`] gives them: to the nearest training feature (k-Cos) or to the
//! mean of all (c-Cos), each in the plain feature space or in Mahalanobis space, where the training features are
//! spread equally in all directions. A fifth, [`Scorer::KCosMahCentred`], is equation 2 to the letter.
//!
//! ```
//! use nsa_core::Features;
//! use nsa_core::score::{Bank, Scorer};
//!
//! let train = Features::new(3, 2, vec![1.0, 0.1, 1.0, -0.1, 0.9, 0.0])?;
//! let queries = Features::new(2, 2, vec![1.0, 0.1, 0.0, 1.0])?;
//! let scores = Bank::fit(&train)?.score(Scorer::KCos, 1, &queries)?;
//! assert_eq!(scores[0], 0.0); // a copy of a training feature
//! assert!(scores[1] > 1.4); // almost a right angle away, in radians
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bank;
mod coreset;
pub(crate) mod cosine;
mod ensemble;
mod error;
mod fitted;
mod gaussian;
mod gde;
mod kde;
mod kernel;
mod knn;
mod mahalanobis;
mod oc_svm;
pub(crate) mod product;
pub(crate) mod search;
pub(crate) mod spectrum;
mod whitening;

pub use bank::{Bank, BankParts};
pub use coreset::{Coreset, UnknownCoreset};
pub use ensemble::{ensemble, scaled};
pub use error::ScoreError;
pub use fitted::{Fitted, score_all};
pub use gde::Gde;
pub use kde::Kde;
pub use knn::KnnL2;
pub use mahalanobis::{Mahalanobis, MahalanobisShrunk};
pub use oc_svm::OcSvm;
pub use whitening::{RELATIVE_TOLERANCE, Whitening};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How features become one number an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scorer {
    /// Angle to the nearest training feature.
    KCos,
    /// The same in Mahalanobis space, whitened but not centred: the paper's default.
    ///
    /// Equation 2 centres. But in the paper's tables 6 to 8 k-Cos (Mah) and c-Cos (Mah) of the flat maps agree to 0.1
    /// (83.58 and 83.52, 91.20 and 91.12, 84.46 and 84.40), and fall apart where the mean is zero (77.41 and 54.64 behind
    /// a batch norm): so they would if neither was centred, and there is no reason for it if one was.
    KCosMah,
    /// Equation 2 to the letter, whitened and centred: near chance by nature.
    ///
    /// Seen from their mean, whitened features of a Gaussian class lie in all directions alike, and so do those of
    /// anything else: what an angle from there leaves out, how far away a query is, was all there was to see.
    KCosMahCentred,
    /// Angle to the mean of the training features.
    CCos,
    /// The same in Mahalanobis space, whitened but not centred.
    CCosMah,
    /// Kernel density of the directions (Sohn et al. 2020).
    Kde,
    /// One Gaussian with full covariance, of the directions (Sohn et al. 2020).
    Gde,
    /// The same of the features as they are.
    GdeRaw,
    /// One-class support vector machine with a Gaussian kernel of the directions.
    OcSvm,
    /// Squared distance to the nearest training features, as they are (DN2, PANDA).
    KnnL2,
    /// Mahalanobis distance of the directions (SSD).
    Mahalanobis,
    /// Mahalanobis distance of the features as they are, by a shrunk covariance (Ledoit & Wolf 2004): also of raw pixels.
    MahalanobisShrunk,
}

impl Scorer {
    /// Angles, given by a [`Bank`]: the paper's four, and k-Cos (Mah) with centring.
    pub const ANGULAR: [Self; 5] = [Self::KCos, Self::KCosMah, Self::KCosMahCentred, Self::CCos, Self::CCosMah];
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::KCos,
        Self::KCosMah,
        Self::KCosMahCentred,
        Self::CCos,
        Self::CCosMah,
        Self::Kde,
        Self::Gde,
        Self::GdeRaw,
        Self::OcSvm,
        Self::KnnL2,
        Self::Mahalanobis,
        Self::MahalanobisShrunk,
    ];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::KCos => "k-cos",
            Self::KCosMah => "k-cos-mah",
            Self::KCosMahCentred => "k-cos-mah-centred",
            Self::CCos => "c-cos",
            Self::CCosMah => "c-cos-mah",
            Self::Kde => "kde",
            Self::Gde => "gde",
            Self::GdeRaw => "gde-raw",
            Self::OcSvm => "oc-svm",
            Self::KnnL2 => "knn-l2",
            Self::Mahalanobis => "mahalanobis",
            Self::MahalanobisShrunk => "mahalanobis-shrunk",
        }
    }

    /// How many neighbours its authors look at: DN2's are two, the paper's k is 1. Of no meaning to most scorers.
    pub fn default_k(self) -> usize {
        if self == Self::KnnL2 { 2 } else { 1 }
    }
}

/// A word that names no scorer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "scorer must be one of k-cos, k-cos-mah, k-cos-mah-centred, c-cos, c-cos-mah, kde, gde, gde-raw, oc-svm, knn-l2, mahalanobis, mahalanobis-shrunk, found '{found}'"
)]
pub struct UnknownScorer {
    /// The word.
    pub found: String,
}

impl FromStr for Scorer {
    type Err = UnknownScorer;
    fn from_str(text: &str) -> Result<Self, UnknownScorer> {
        let named = Self::ALL.into_iter().find(|scorer| scorer.name() == text);
        named.ok_or_else(|| UnknownScorer { found: text.into() })
    }
}

impl fmt::Display for Scorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad`, so that a width given by a table is kept.
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;

    #[test]
    fn every_way_to_write_a_scorer_is_the_same() {
        for scorer in Scorer::ALL {
            assert_eq!(scorer.to_string().parse(), Ok(scorer));
            assert_eq!(serde_json::to_string(&scorer).unwrap(), format!("\"{scorer}\""));
        }
        let error = "cosine".parse::<Scorer>().unwrap_err().to_string();
        assert!(error.contains("k-cos-mah, ") && error.ends_with("found 'cosine'"), "{error}");
    }

    #[test]
    fn every_scorer_ranks_the_opposite_side_highest() {
        let mut rng = crate::rng::Rng::new(1, "score", &[]);
        let mut draw = |n: usize, side: f64| {
            let values = (0..n * 6).map(|i| (if i % 6 == 0 { side } else { 0.3 } + 0.2 * rng.normal()) as f32);
            Features::new(n, 6, values.collect()).unwrap()
        };
        let (train, id, ood) = (draw(200, 1.0), draw(50, 1.0), draw(50, -1.0));
        for scorer in Scorer::ALL {
            let score = |q| score_all(scorer, 2, &train, q).unwrap();
            let auroc = crate::eval::auroc(&score(&id), &score(&ood)).unwrap();
            // Seen from the mean, 200 Gaussian features lie in every direction of six dimensions: an angle to the
            // nearest of them says nothing about how far away a query is.
            let blind = scorer == Scorer::KCosMahCentred;
            assert!(auroc > if blind { 0.3 } else { 0.99 }, "{scorer}: {auroc}");
            let wide = Features::new(1, 7, vec![1.0; 7]).unwrap();
            assert!(matches!(score_all(scorer, 2, &train, &wide), Err(ScoreError::Dimension { .. })), "{scorer}");
        }
        let bank = Bank::fit(&train).unwrap();
        for scorer in Scorer::ANGULAR {
            assert_eq!(score_all(scorer, 1, &train, &ood), bank.score(scorer, 1, &ood));
        }
    }
}

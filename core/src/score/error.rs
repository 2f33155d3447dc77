//! What can be wrong with features, or with what is asked of them.

use super::Scorer;
use crate::FeatureError;
use crate::eval::EvalError;
use crate::vectors::SpectrumError;
use thiserror::Error;

/// Why there is no score.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ScoreError {
    /// Values that are no feature matrix.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// Eigenvalues that could not be had.
    #[error(transparent)]
    Spectrum(#[from] SpectrumError),
    /// Scores that have no AUROC.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// Features of different layers or models.
    #[error("{what} must have {expected} values each, as the training features have, found {found}")]
    Dimension {
        /// What has the wrong width.
        what: &'static str,
        /// Width of the training features.
        expected: usize,
        /// Width found.
        found: usize,
    },
    /// Too few training features for this score.
    #[error("{what} needs at least {needed} training features, found {found}")]
    TooFew {
        /// What was asked for.
        what: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// More training features than a score's memory is meant for.
    #[error("{what} takes at most {limit} training features, found {found}")]
    TooMany {
        /// What was asked for.
        what: &'static str,
        /// How many it takes.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// The zero vector has no direction, so no angle to anything.
    #[error("{what} {row} is zero, so it has no direction")]
    ZeroVector {
        /// Which matrix, and in which space.
        what: &'static str,
        /// Its row.
        row: usize,
    },
    /// An index that does not name every training feature.
    #[error("a bank's index must name each of its {expected} training features once, found {found}")]
    Index {
        /// Features in the bank.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// The mean of the training features has no direction.
    #[error("the mean of the training features is zero {space}, so c-Cos has nothing to compare with")]
    ZeroMean {
        /// In which space.
        space: &'static str,
    },
    /// All training features are the same, so there is no covariance to whiten by and no bandwidth.
    #[error("the training features must differ from each other, but all {n} are the same up to rounding")]
    Constant {
        /// How many there are.
        n: usize,
    },
    /// `k` outside the bank.
    #[error("k must be 1 to {n}, the number of training features to choose from, found {k}")]
    Neighbours {
        /// What was asked for.
        k: usize,
        /// How many there are.
        n: usize,
    },
    /// A whitening matrix that does not fit its bank.
    #[error("the whitening matrix must be rank x {dim} with rank at most {dim}, found {rank} x {found}")]
    Whitening {
        /// Width of the bank's features.
        dim: usize,
        /// Rows of the matrix.
        rank: usize,
        /// Columns of the matrix.
        found: usize,
    },
    /// A mean with a NaN or an infinity.
    #[error("the mean of a bank must be finite, but value {index} is {value}")]
    MeanNotFinite {
        /// Position of the first bad value.
        index: usize,
        /// The value itself.
        value: f64,
    },
    /// A bank gives the angular scores only.
    #[error("a bank gives k-cos, k-cos-mah, k-cos-mah-centred, c-cos and c-cos-mah, not {0}")]
    NotAngular(Scorer),
    /// Features that are no row of CSI's.
    #[error("csi takes rows of 4 (d + 1) values, four projections and four logits (the row `shifts`), found {found}")]
    NotCsi {
        /// Values found.
        found: usize,
    },
    /// Features that are no row of GOAD's.
    #[error("goad takes rows of 36 d values, a projection for each transformation (the row `shifts`), found {found}")]
    NotGoad {
        /// Values found.
        found: usize,
    },
    /// Features that are no row of answers.
    #[error(
        "dirichlet takes rows of T x T log-probabilities, of all answers to each of T transformations, found {found} values that \
         are none"
    )]
    NotDirichlet {
        /// Values found.
        found: usize,
    },
    /// Only the ensemble of something is a score.
    #[error("an ensemble needs at least one member")]
    NoMembers,
    /// Members that score different numbers of images.
    #[error("ensemble members must score the same images: member {member} has {found} scores, member 0 has {expected}")]
    Members {
        /// Position of the member.
        member: usize,
        /// Scores of the first member.
        expected: usize,
        /// Scores of this one.
        found: usize,
    },
    /// A training range without width cannot scale anything.
    #[error("the training scores of ensemble member {member} must spread, but all lie in {low}..{high}")]
    Range {
        /// Position of the member.
        member: usize,
        /// Smallest training score.
        low: f32,
        /// Largest training score.
        high: f32,
    },
    /// An iteration that did not come to rest.
    #[error("{what} did not converge in {steps} steps")]
    NotConverged {
        /// What was computed.
        what: &'static str,
        /// How many steps were made.
        steps: usize,
    },
    /// A score that is no number: the features' values are too large for the arithmetic.
    #[error("{what} must be finite; the features are too large or too close to singular")]
    Overflow {
        /// What was computed.
        what: &'static str,
    },
}

//! What can be wrong with features on a sphere.

use crate::FeatureError;
use crate::vectors::SpectrumError;
use thiserror::Error;

/// Why there is no measure or no picture.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SphereError {
    /// Values that are no feature matrix.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// Eigenvalues that could not be had.
    #[error(transparent)]
    Spectrum(#[from] SpectrumError),
    /// Too few features.
    #[error("{what} needs at least {needed} features, found {found}")]
    TooFew {
        /// What was asked for.
        what: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// Too few dimensions.
    #[error("{what} needs features of at least {needed} values each, found {found}")]
    TooNarrow {
        /// What was asked for.
        what: &'static str,
        /// How many values it needs.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// Features of different layers or models.
    #[error("features must have {expected} values each, found {found}")]
    Dimension {
        /// Width expected.
        expected: usize,
        /// Width found.
        found: usize,
    },
    /// The zero vector is on no sphere.
    #[error("feature {row} is zero, so it has no direction")]
    ZeroVector {
        /// Its row.
        row: usize,
    },
    /// Features without a common direction.
    #[error("the directions of the features must not cancel out: their mean is zero")]
    NoMeanDirection,
    /// A collapsed network: kappa would be infinite.
    #[error("the {n} features all point in the same direction up to rounding, so kappa is infinite")]
    Collapsed {
        /// How many features there are.
        n: usize,
    },
    /// A kernel without width.
    #[error("the bandwidth must be finite and above 0, found {found}")]
    Bandwidth {
        /// What was given or estimated.
        found: f64,
    },
}

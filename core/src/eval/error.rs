//! What can be wrong with scores and labels.

use thiserror::Error;

/// Why there is no metric.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum EvalError {
    /// A side without images.
    #[error("there must be at least one {what}")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// A NaN or an infinity.
    #[error("scores must be finite, but {what} score {index} is {value}")]
    NotFinite {
        /// Which side.
        what: &'static str,
        /// Position of the first bad score.
        index: usize,
        /// The score itself.
        value: f64,
    },
    /// Features and labels of different sets.
    #[error("every feature needs a label: found {features} {what} features and {labels} labels")]
    Labels {
        /// Which set.
        what: &'static str,
        /// Features found.
        features: usize,
        /// Labels found.
        labels: usize,
    },
    /// Features of different layers or models.
    #[error("test features must have {expected} values each, as the training features have, found {found}")]
    Dimension {
        /// Width of the training features.
        expected: usize,
        /// Width found.
        found: usize,
    },
    /// A classifier of one class.
    #[error("a probe needs training features of at least two classes")]
    OneClass,
    /// `k` outside the training set.
    #[error("k must be 1 to {n}, the number of training features, found {k}")]
    Neighbours {
        /// What was asked for.
        k: usize,
        /// How many there are.
        n: usize,
    },
    /// A setting outside its range.
    #[error("{what} must be finite and above 0, found {found}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// What was found.
        found: f64,
    },
    /// A share that leaves nothing, or everything.
    #[error("the rate of false alarms must be above 0 and below 1, found {found}")]
    Rate {
        /// What was found.
        found: f64,
    },
    /// The zero vector has no direction.
    #[error("{what} feature {row} is zero, so it has no direction")]
    ZeroVector {
        /// Which set.
        what: &'static str,
        /// Its row.
        row: usize,
    },
}

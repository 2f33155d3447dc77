//! Anomaly scores of features (section 2.5, appendices C and G). High means anomalous.

use serde::{Deserialize, Serialize};

/// How features become one number an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scorer {
    /// Angle to the nearest training feature.
    KCos,
    /// The same in Mahalanobis space: the paper's default.
    KCosMah,
    /// Angle to the mean of the training features.
    CCos,
    /// The same in Mahalanobis space, whitened but not centred.
    CCosMah,
}

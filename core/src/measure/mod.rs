//! What is measured of a network, and by which names: numbers that are kept with a run and shown beside it.

mod frames;
mod scorer;

pub use frames::{Frames, MAX_SAMPLES};
pub use scorer::Scorer;

use serde::{Deserialize, Serialize};

/// What was measured during training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// One entry an evaluated epoch, in order; epoch 0 is before training.
    pub epochs: Vec<HistoryEntry>,
}

/// One evaluated epoch. Every measure is of the pooled encoder output y, on test images unless it says otherwise.
// Unknown fields are refused: histories of earlier versions have scores of another reading under the same names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HistoryEntry {
    /// Epochs trained so far.
    pub epoch: usize,
    /// Mean training loss of the last epoch; none before training.
    pub loss: Option<f64>,
    /// Images of the ID class.
    pub id: Compactness,
    /// Images of the other classes.
    pub ood: Compactness,
    /// AUROC (0..1) of each scorer on test images.
    pub auroc: Vec<(Scorer, f64)>,
    /// AUROC (0..1) of each scorer on validation images: what choices are made by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<(Scorer, f64)>,
    /// How well the features tell the data set's classes apart; none where training images have one class only, and
    /// in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
}

impl HistoryEntry {
    /// AUROC (0..1) of a scorer on test images; none if it was not measured.
    pub fn rate(&self, scorer: Scorer) -> Option<f64> {
        self.auroc.iter().find(|(measured, _)| *measured == scorer).map(|(_, rate)| *rate)
    }
}

/// How well frozen features tell the data set's classes apart (appendix A), by labels that training never sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Quality {
    /// Accuracy (0..1) of a linear classifier.
    pub linear_probe: f64,
    /// Accuracy (0..1) of weighted nearest neighbours with k = 1.
    pub knn_1: f64,
    /// The same with k = 20, or with as many as there are training features.
    pub knn_20: f64,
}

/// How compactly features lie on the hypersphere (section 2.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compactness {
    /// Concentration of the fitted von Mises-Fisher distribution.
    pub kappa: f64,
    /// Length of the mean of the unit vectors.
    pub mean_resultant_length: f64,
    /// Squared MMD against uniform samples of the sphere.
    pub mmd2: f64,
    /// Effective rank of the features.
    pub effective_rank: f64,
    /// Mean spread of a dimension of the unit vectors, as a share of a uniform distribution's: 0 is one point,
    /// 1 is uniform. None in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
}

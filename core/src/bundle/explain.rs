//! Why an image has the scores it has.

use super::Manifest;
use crate::model::Layer;
use crate::score::{Scorer, scaled};
use serde::{Deserialize, Serialize};

/// What is behind one image's scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// A value for every entry of [`Manifest::scores`], in that order. High is anomalous.
    pub scores: Vec<f32>,
    /// Angle in radians between the pooled encoder output and the mean of the training images.
    pub angle: f32,
    /// The ensemble and its parts.
    pub ensemble: Option<Ensemble>,
    /// For every entry of [`Manifest::scores`] the nearest training images, nearest first, in the space that the
    /// score compares in: that of the layer, or its Mahalanobis space.
    pub neighbours: Vec<Vec<Neighbour>>,
}

/// A training image near to the one that is explained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its position among the run's training images ([`crate::config::TrainConfig::split`]); none if the bundle does
    /// not tell.
    pub position: Option<u32>,
    /// Angle in radians.
    pub angle: f32,
}

/// Several scores as one (section 2.5, appendix C): each scaled by the range of its training scores, then summed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    /// The sum of the parts.
    pub sum: f32,
    /// What each member adds. Below 0: less anomalous than every training image; above 1: more.
    pub parts: Vec<Part>,
}

/// What one member adds to an ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Position of the member in [`Manifest::scores`].
    pub score: usize,
    /// Its scaled score.
    pub value: f32,
}

impl Manifest {
    /// The members of the paper's "Ens." among this bundle's scores: k-Cos and k-Cos (Mah) of the encoder's feature
    /// maps, c-Cos and c-Cos (Mah) of the heads' layers (appendix C). The paper leaves open where pooled maps belong;
    /// here they go with the maps that they are pooled from.
    pub fn ensemble_members(&self) -> Vec<usize> {
        let belongs = |layer: Layer, scorer: Scorer| match layer.is_conv() {
            true => matches!(scorer, Scorer::KCos | Scorer::KCosMah),
            false => matches!(scorer, Scorer::CCos | Scorer::CCosMah),
        };
        (0..self.scores.len()).filter(|&i| belongs(self.scores[i].layer, self.scores[i].scorer)).collect()
    }

    /// The ensemble of one image's `scores`, a value for every entry of [`Manifest::scores`].
    ///
    /// The same sum as [`crate::score::ensemble`]. None without members, or if the training scores of one have no
    /// width.
    pub fn ensemble(&self, scores: &[f32]) -> Option<Ensemble> {
        let members = self.ensemble_members();
        let part = |&i: &usize| Some((i, scaled(*scores.get(i)?, self.scores[i].training_range)?));
        let parts: Vec<(usize, f64)> = members.iter().map(part).collect::<Option<_>>()?;
        let sum = parts.iter().map(|(_, value)| value).sum::<f64>() as f32;
        let parts: Vec<Part> = parts.into_iter().map(|(score, value)| Part { score, value: value as f32 }).collect();
        (!parts.is_empty()).then_some(Ensemble { sum, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::ScoreEntry;
    use crate::score::ensemble;

    fn manifest(scores: &[(&str, Scorer, [f32; 2])]) -> Manifest {
        let json = include_str!("../../../assets/bundles/digits/bundle.json");
        let mut manifest: Manifest = serde_json::from_str(json).unwrap();
        let entry = |&(layer, scorer, training_range): &(&str, Scorer, [f32; 2])| ScoreEntry {
            layer: layer.parse().unwrap(),
            scorer,
            auroc_validation: Some(0.9),
            auroc_full: Some(0.9),
            auroc_exported: Some(0.9),
            training_range,
        };
        manifest.scores = scores.iter().map(entry).collect();
        manifest
    }

    #[test]
    fn the_ensemble_is_the_sum_of_its_members_scaled() {
        let manifest = manifest(&[
            ("conv3", Scorer::KCos, [0.0, 0.5]),
            ("conv3", Scorer::CCos, [0.0, 1.0]),
            ("conv4-1x1", Scorer::KCosMah, [0.4, 0.8]),
            ("head1", Scorer::KCos, [0.0, 1.0]),
            ("head1", Scorer::CCosMah, [0.2, 0.3]),
        ]);
        assert_eq!(manifest.ensemble_members(), [0, 2, 4]);
        let scores = [0.25, 9.0, 0.2, 9.0, 0.7];
        let found = manifest.ensemble(&scores).unwrap();
        let member = |i: usize| (vec![scores[i]], manifest.scores[i].training_range);
        assert_eq!(found.sum, ensemble(&[member(0), member(2), member(4)]).unwrap()[0]);
        let values: Vec<f32> = found.parts.iter().map(|part| part.value).collect();
        // Below the training range a part is negative, above it more than 1.
        for (value, expected) in values.iter().zip([0.5, -0.5, 5.0]) {
            assert!((value - expected).abs() < 1e-5, "{values:?}");
        }
    }

    #[test]
    fn no_member_or_no_width_is_no_ensemble() {
        assert_eq!(manifest(&[("conv4", Scorer::CCos, [0.0, 1.0])]).ensemble(&[0.5]), None);
        assert_eq!(manifest(&[("conv4", Scorer::KCos, [0.5, 0.5])]).ensemble(&[0.5]), None);
        assert_eq!(manifest(&[("conv4", Scorer::KCos, [0.0, 1.0])]).ensemble(&[]), None);
    }
}

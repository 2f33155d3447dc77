//! `RUN/eval.json`: what a trained run reaches on the whole test set, by layer, scorer and ensemble.

use crate::error::NsaError;
use crate::files;
use nsa_core::eval::RocSummary;
use nsa_core::model::Layer;
use nsa_core::score::{Scorer, range_of};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's name in a run's folder.
pub const EVAL_FILE: &str = "eval.json";
/// Bytes it may have.
const MAX_BYTES: u64 = 16 << 20;
/// Bars of a histogram of scores.
const BARS: usize = 40;

/// The whole evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Evaluation {
    /// SHA-256 of the checkpoint that was evaluated; of a bundle, of its weights.
    pub checkpoint: String,
    /// Epochs it was trained for.
    pub epoch: usize,
    /// Where it was evaluated.
    pub device: String,
    /// Training images, which are the bank; a bundle keeps some of them.
    pub train: usize,
    /// Validation images of the ID class and of all others; none of a bundle.
    pub validation: [usize; 2],
    /// Test images of the ID class.
    pub id: usize,
    /// Test images of all other classes.
    pub ood: usize,
    /// A row for each feature map, in the order of the paper's tables 6-8.
    pub layers: Vec<LayerRow>,
    /// Sums of scores (appendix C).
    pub ensembles: Vec<EnsembleRow>,
    /// How the default score is spread.
    pub histogram: Option<Histogram>,
}

/// One feature map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LayerRow {
    /// Which.
    pub layer: Layer,
    /// Values a feature has.
    pub dim: usize,
    /// Directions that the whitening keeps; none if no angular score was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Directions kept where this map is a member of an ensemble, if fewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ensemble_rank: Option<usize>,
    /// What each scorer reaches.
    pub scores: Vec<ScoreRow>,
    /// Scorers that could not score it, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

impl LayerRow {
    /// Whether this scorer was tried: it has a row, or failed.
    fn has(&self, scorer: Scorer) -> bool {
        self.scores.iter().any(|score| score.scorer == scorer) || self.failed.iter().any(|f| f.scorer == scorer)
    }
}

/// One scorer on one feature map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreRow {
    /// The scorer.
    pub scorer: Scorer,
    /// AUROC (0..1) on validation images, if there are any: what a choice is made by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// What it reaches on test images.
    #[serde(flatten)]
    pub reached: RocSummary,
}

/// A scorer that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The scorer.
    pub scorer: Scorer,
    /// Why.
    pub why: String,
}

/// A sum of scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EnsembleRow {
    /// `ens`, `all-conv-blocks` or `all-blocks`.
    pub name: String,
    /// The members: every scorer of a part on every feature map of it.
    pub parts: Vec<Part>,
    /// AUROC (0..1) on validation images, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// What the sum reaches, unless a member failed.
    pub reached: Option<RocSummary>,
    /// Why it reaches nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Members of an ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The feature maps.
    pub layers: Vec<Layer>,
    /// The scorers.
    pub scorers: Vec<Scorer>,
}

/// How many test images have a score in each of equally wide bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Histogram {
    /// The feature map.
    pub layer: Layer,
    /// The scorer.
    pub scorer: Scorer,
    /// Left edge of the first bar.
    pub low: f32,
    /// Right edge of the last bar.
    pub high: f32,
    /// Images of the ID class in each bar.
    pub id: Vec<u32>,
    /// Other images in each bar.
    pub ood: Vec<u32>,
}

impl Histogram {
    /// Counts scores.
    pub fn new(layer: Layer, scorer: Scorer, id: &[f32], ood: &[f32]) -> Self {
        let ([low, high], [ood_low, ood_high]) = (range_of(id), range_of(ood));
        let (low, high) = (low.min(ood_low), high.max(ood_high));
        let bar = |score: f32| (((score - low) / (high - low) * BARS as f32) as usize).min(BARS - 1);
        let count = |scores: &[f32]| {
            let mut bars = vec![0; BARS];
            scores.iter().for_each(|&score| bars[bar(score)] += 1);
            bars
        };
        Self { layer, scorer, low, high, id: count(id), ood: count(ood) }
    }
}

impl Evaluation {
    /// The evaluation in a run's folder, if there is one.
    pub fn read(run: &Path) -> Result<Option<Self>, NsaError> {
        let path = run.join(EVAL_FILE);
        if !path.exists() {
            return Ok(None);
        }
        serde_json::from_slice(&files::read_capped(&path, MAX_BYTES)?)
            .map(Some)
            .map_err(|e| NsaError::ConfigFile { path, why: e.to_string() })
    }

    /// Writes it into a run's folder, whole or not at all.
    pub fn write(&self, run: &Path) -> Result<(), NsaError> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        files::write_atomic(&run.join(EVAL_FILE), &json)
    }

    /// Whether this was tried: it is in the table or among what failed.
    pub fn has(&self, layer: Layer, scorer: Scorer) -> bool {
        self.layers.iter().find(|row| row.layer == layer).is_some_and(|row| row.has(scorer))
    }

    /// Adds what an older evaluation of the same checkpoint has and this one has not.
    pub fn merge(&mut self, older: Self) {
        for row in older.layers {
            match self.layers.iter_mut().find(|mine| mine.layer == row.layer) {
                None => self.layers.push(row),
                Some(mine) => {
                    mine.rank = mine.rank.or(row.rank);
                    mine.ensemble_rank = mine.ensemble_rank.or(row.ensemble_rank);
                    let scores: Vec<_> = row.scores.into_iter().filter(|s| !mine.has(s.scorer)).collect();
                    let failed: Vec<_> = row.failed.into_iter().filter(|f| !mine.has(f.scorer)).collect();
                    mine.scores.extend(scores);
                    mine.failed.extend(failed);
                    mine.scores.sort_by_key(|s| s.scorer);
                    mine.failed.sort_by_key(|f| f.scorer);
                }
            }
        }
        self.layers.sort_by_key(|row| row.layer);
        if self.ensembles.is_empty() {
            self.ensembles = older.ensembles;
        }
        self.histogram = self.histogram.take().or(older.histogram);
    }
}

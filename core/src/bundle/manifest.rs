//! The JSON files of a bundle: what the model is, where it came from, and what was measured.

use crate::config::TrainConfig;
use crate::model::Layer;
use crate::score::Scorer;
use serde::{Deserialize, Serialize};

/// Version of the bundle format that this code reads and writes. Format 1 called `k-cos-mah` what is
/// `k-cos-mah-centred` now; format 2 whitened features as the encoder gave them, format 3 unit features.
pub const FORMAT: u32 = 3;

/// `assets/catalog.json`: which bundles there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// [`FORMAT`].
    pub format: u32,
    /// Id of the bundle that opens first.
    pub default: String,
    /// All bundles.
    pub bundles: Vec<CatalogEntry>,
}

/// One bundle, in as much detail as a menu needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CatalogEntry {
    /// Name of its folder under `assets/bundles/`.
    pub id: String,
    /// For people.
    pub title: String,
    /// Data set.
    pub dataset: String,
    /// In-distribution class.
    pub id_class: usize,
    /// As `nsa train --objective` has it.
    pub objective: String,
    /// `none`, `f`, `g`, `both`.
    pub norm: String,
    /// Share of outliers in training.
    pub pollution: f32,
    /// Base width of the encoder.
    pub width: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// Bytes of all its files.
    pub bytes: u64,
}

impl CatalogEntry {
    /// What the catalogue says of a bundle whose files have so many bytes, `bundle.json` with them.
    pub fn of(manifest: &Manifest, bytes: u64) -> Self {
        let config = &manifest.config;
        Self {
            id: manifest.id.clone(),
            title: manifest.title.clone(),
            dataset: config.dataset.clone(),
            id_class: config.id_class,
            objective: config.objective.to_string(),
            norm: config.norm.to_string(),
            pollution: config.pollution,
            width: config.width,
            epochs: config.epochs,
            bytes,
        }
    }
}

/// `bundle.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the folder.
    pub id: String,
    /// For people.
    pub title: String,
    /// Every setting of the run.
    pub config: TrainConfig,
    /// Names of the data set's classes, by label.
    pub classes: Vec<String>,
    /// Where the model came from.
    pub provenance: Provenance,
    /// Set where the banks are not of the training images, but of a person's own: see [`super::Detector::fit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal: Option<Normal>,
    /// Subtracted from the 0..1 pixels of each channel, before division by [`Manifest::pixel_std`].
    pub pixel_mean: [f32; 3],
    /// See [`Manifest::pixel_mean`].
    pub pixel_std: [f32; 3],
    /// Every layer that has a bank.
    pub layers: Vec<LayerEntry>,
    /// Every score the bundle can give, with what it reached.
    pub scores: Vec<ScoreEntry>,
    /// The other files: name, bytes, checksum.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// Whether all its scores are angles of maps of the encoder and projector: nothing is fitted for them, and the network
    /// itself says nothing of an image.
    pub fn is_plain(&self) -> bool {
        let own_row = |layer| matches!(layer, Layer::Shifts | Layer::Prototypes);
        self.scores.iter().all(ScoreEntry::is_angle) && !self.layers.iter().any(|layer| own_row(layer.name))
    }

    /// Whether angles are taken of a layer. Its bank is whitened as they need it; others keep features for what is fitted
    /// to them.
    pub(super) fn is_angular(&self, layer: Layer) -> bool {
        self.scores.iter().any(|score| score.layer == layer && score.is_angle())
    }

    /// Position in [`Manifest::scores`] of the score shown first: the best on validation images; of equals the last, which
    /// is of the deepest layer. Where none were held back, k-Cos (Mah) of the deepest layer, the paper's default; of a
    /// person's own normal k-Cos of it, which `results/FIT.md` finds best.
    pub fn default_score(&self) -> usize {
        let rates = self.scores.iter().enumerate().filter_map(|(at, score)| Some((at, score.auroc_validation?)));
        let best = rates.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at);
        let scorer = if self.normal.is_some() { Scorer::KCos } else { Scorer::KCosMah };
        best.or(self.scores.iter().rposition(|score| score.scorer == scorer)).unwrap_or(0)
    }
}

/// A person's own normal images behind an encoder that was trained on others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Normal {
    /// Id of the bundle that the encoder is of.
    pub encoder: String,
    /// How many images there are.
    pub images: usize,
    /// Images no farther apart than this angle (radians) in the deepest block are near copies: see
    /// [`super::Detector::variety`]. Bundles of earlier versions have none.
    #[serde(default)]
    pub near: f32,
}

/// Where a model came from and what it cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Provenance {
    /// Commit of the code that trained it.
    pub commit: String,
    /// Kind of device and its name.
    pub device: String,
    /// Seconds of training, evaluation included, summed over resumed parts.
    pub wall_seconds: f64,
    /// Where the images came from, and how they differ from the published ones if they do.
    pub data_source: String,
    /// Images trained on, outliers included.
    pub train_images: usize,
    /// Outliers among them.
    pub outliers: usize,
    /// Test images of the ID class.
    pub test_id: usize,
    /// Test images of all other classes.
    pub test_ood: usize,
    /// The command that made it.
    pub command: String,
}

/// A feature map that has a bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerEntry {
    /// The feature map, for example `conv4-1x1`.
    pub name: Layer,
    /// Values a feature has.
    pub dim: usize,
    /// Dimensions kept by the whitening.
    pub rank: usize,
    /// Training features in the exported bank.
    pub bank: usize,
    /// Training features in the full bank.
    pub full_bank: usize,
}

/// One score: a layer, a scorer, what it reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScoreEntry {
    /// The layer.
    pub layer: Layer,
    /// The scorer.
    pub scorer: Scorer,
    /// AUROC (0..1) on validation images with the full bank: the score shown first has the highest. None where no images
    /// were held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auroc_validation: Option<f64>,
    /// AUROC (0..1) on the whole test set with the full bank. None of a person's own normal: it has no test set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auroc_full: Option<f64>,
    /// AUROC (0..1) on the whole test set with the exported bank: what the browser can reach. None likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auroc_exported: Option<f64>,
    /// Smallest and largest score of the training images; where it is an angle, each without itself in the bank
    /// ([`crate::score::held_out`] of a person's own normal).
    pub training_range: [f32; 2],
}

impl ScoreEntry {
    /// Whether a [`Bank`](crate::score::Bank) gives it: an angle. Others are fitted to the bank's features.
    pub fn is_angle(&self) -> bool {
        Scorer::ANGULAR.contains(&self.scorer)
    }
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// File name, without a path.
    pub name: String,
    /// Its exact size.
    pub bytes: u64,
    /// SHA-256, 64 hexadecimal digits.
    pub sha256: String,
}

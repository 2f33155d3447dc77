//! The JSON files of a bundle: what the model is, where it came from, and what was measured.

use crate::score::Scorer;
use crate::ssl::TrainConfig;
use serde::{Deserialize, Serialize};

/// Version of the bundle format that this code reads and writes. In format 1 `k-cos-mah` was the centred reading.
pub const FORMAT: u32 = 2;

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
    /// `simsiam`, `byol`, `simclr`, `simclr-rot`.
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
    /// Position in [`Manifest::scores`] of the score shown first: the best on validation images; of equals the last, which
    /// is of the deepest layer.
    pub fn default_score(&self) -> usize {
        let rates = self.scores.iter().map(|score| score.auroc_validation).enumerate();
        rates.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(at, _)| at)
    }
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
    /// Name of the feature map, for example `conv4-1x1`.
    pub name: String,
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
    /// The layer's name.
    pub layer: String,
    /// The scorer.
    pub scorer: Scorer,
    /// AUROC (0..1) on validation images with the full bank: the score shown first has the highest.
    pub auroc_validation: f64,
    /// AUROC (0..1) on the whole test set with the full bank.
    pub auroc_full: f64,
    /// AUROC (0..1) on the whole test set with the exported bank: what the browser can reach.
    pub auroc_exported: f64,
    /// Smallest and largest score of the training images, each without itself in the bank.
    pub training_range: [f32; 2],
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

/// `history.json`: what was measured during training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// One entry an evaluated epoch, in order; epoch 0 is before training.
    pub epochs: Vec<HistoryEntry>,
}

/// One evaluated epoch. Every measure is of the pooled encoder output y, on test images unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// The same of those scorers that see the length of features, with every feature divided by its length.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auroc_unit: Vec<(Scorer, f64)>,
    /// AUROC (0..1) of each scorer on validation images: what choices are made by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<(Scorer, f64)>,
    /// How well the features tell the data set's classes apart; none where training images have one class only, and
    /// in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
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

//! A loaded bundle that scores images: what `nsa predict` and the browser both call.

use super::read::MODEL_FILE;
use super::{BundleError, Manifest};
use crate::features::{FeatureError, Features};
use crate::model::{EmbedError, Network, embed, load_weights};
use crate::score::{Bank, ScoreError, Scorer};
use burn::tensor::backend::Backend;
use thiserror::Error;

/// A network and its banks.
pub struct Detector<B: Backend> {
    manifest: Manifest,
    network: Network<B>,
    banks: Vec<(String, Bank)>,
    device: B::Device,
}

/// What a detector says of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageScores {
    /// A value for every entry of [`Manifest::scores`], in that order. High is anomalous.
    pub scores: Vec<f32>,
    /// Angle in radians between the pooled encoder output and the mean of the training images.
    pub angle: f32,
}

/// Why images could not be scored.
#[derive(Debug, Error)]
pub enum DetectError {
    /// The network failed on them.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Their features are not finite.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The scorer refused them.
    #[error("{scorer} on {layer}: {source}")]
    Score {
        /// The layer.
        layer: String,
        /// The scorer.
        scorer: Scorer,
        /// Why.
        source: ScoreError,
    },
}

impl<B: Backend> Detector<B> {
    /// Builds a detector from the bytes of a bundle's files, all checked.
    pub fn new(manifest: Manifest, model: &[u8], bank: &[u8], device: B::Device) -> Result<Self, BundleError> {
        manifest.check_file(MODEL_FILE, model)?;
        let banks = manifest.read_banks(bank)?;
        let network = load_weights(manifest.config.network().init(0, &device), model)?;
        Ok(Self { manifest, network, banks, device })
    }

    /// The bundle's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The banks by layer.
    pub fn banks(&self) -> &[(String, Bank)] {
        &self.banks
    }

    /// Scores one batch of images (`pixels`: n x 3 x 32 x 32 bytes).
    pub async fn score(&self, pixels: &[u8]) -> Result<Vec<ImageScores>, DetectError> {
        let layers: Vec<&str> = self.banks.iter().map(|(layer, _)| layer.as_str()).collect();
        let n = pixels.len() / crate::data::IMAGE_BYTES;
        let embedded = embed(&self.network, pixels, &layers, &self.device).await?;
        let mut features = Vec::with_capacity(layers.len());
        for ((_, bank), values) in self.banks.iter().zip(embedded) {
            features.push(Features::new(n, bank.parts().mean.len(), values)?);
        }
        let score = |layer: &str, scorer: Scorer| {
            let refused = |source| DetectError::Score { layer: layer.into(), scorer, source };
            let at = layers.iter().position(|known| *known == layer).unwrap_or_default();
            self.banks[at].1.score(scorer, 1, &features[at]).map_err(refused)
        };
        let mut columns = Vec::with_capacity(self.manifest.scores.len());
        for entry in &self.manifest.scores {
            columns.push(score(&entry.layer, entry.scorer)?);
        }
        // The deepest pooled layer that has a bank stands for the embedding.
        let deepest = layers.iter().rfind(|l| l.starts_with("conv") && l.ends_with("-1x1")).unwrap_or(&layers[0]);
        let angles = score(deepest, Scorer::CCos)?;
        Ok((0..n).map(|i| ImageScores { scores: columns.iter().map(|c| c[i]).collect(), angle: angles[i] }).collect())
    }
}

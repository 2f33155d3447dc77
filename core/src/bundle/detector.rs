//! A loaded bundle that scores images: what `nsa predict` and the browser both call.

use super::read::MODEL_FILE;
use super::{BundleError, Explanation, Manifest, Neighbour, ScoreEntry};
use crate::augment::Views;
use crate::data::resize::shrink;
use crate::data::{DataError, IMAGE_BYTES, ImageSet};
use crate::features::{FeatureError, Features};
use crate::model::{EmbedError, FeaturesOf, Layer, Network, embed_by, load_weights};
use crate::rng::Rng;
use crate::score::{Bank, Fitted, ScoreError, Scorer};
use crate::sphere::SphereError;
use burn::tensor::backend::Backend;
use std::fmt::Debug;
use std::sync::Arc;
use thiserror::Error;

/// A network and its banks.
#[derive(Debug, Clone)]
pub struct Detector<B: Backend> {
    manifest: Manifest,
    /// The file that the weights came from: what is saved again has the same.
    model: Arc<[u8]>,
    pub(super) network: Network<B>,
    banks: Vec<(Layer, Bank)>,
    /// By position in the manifest's scores: those that are no angles, fitted to their banks.
    fitted: Vec<Option<Arc<dyn Scores>>>,
    features_of: FeaturesOf<B>,
    pub(super) device: B::Device,
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
    /// They are no images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Their features are not finite.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// They have no place on the hypersphere.
    #[error(transparent)]
    Sphere(#[from] SphereError),
    /// The scorer refused them.
    #[error("{scorer} on {layer}: {source}")]
    Score {
        /// The layer.
        layer: Layer,
        /// The scorer.
        scorer: Scorer,
        /// Why.
        source: ScoreError,
    },
}

/// A scorer behind a pointer: a program that only ever makes [`Detector::plain`] is linked without the others.
trait Scores: Debug + Send + Sync {
    /// [`Fitted::score`].
    fn score(&self, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError>;
}

impl Scores for Fitted {
    fn score(&self, k: usize, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        Fitted::score(self, k, queries)
    }
}

impl<B: Backend> Detector<B> {
    /// Builds a detector from the bytes of a bundle's files, all checked.
    pub fn new(manifest: Manifest, model: &[u8], bank: &[u8], device: B::Device) -> Result<Self, BundleError> {
        let mut detector = Self { features_of: Network::features, ..Self::plain(manifest, model, bank, device)? };
        let fitted = detector.manifest.fit_scores(&detector.banks)?.into_iter();
        detector.fitted = fitted.map(|fitted| fitted.map(|fitted| Arc::new(fitted) as Arc<dyn Scores>)).collect();
        Ok(detector)
    }

    /// [`Detector::new`] of a bundle that [`Manifest::is_plain`]: other scores would be refused. What those take is not linked
    /// into a program that asks for no more.
    pub fn plain(manifest: Manifest, model: &[u8], bank: &[u8], device: B::Device) -> Result<Self, BundleError> {
        manifest.check_file(MODEL_FILE, model)?;
        let banks = manifest.read_banks(bank)?;
        let network = load_weights(manifest.config.network().undrawn(&device), model)?.folded();
        let fitted = vec![None; manifest.scores.len()];
        Ok(Self { manifest, model: model.into(), network, banks, fitted, features_of: Network::maps, device })
    }

    /// A network that knows no images yet: [`Detector::fit`] gives it banks.
    pub(super) fn without_banks(manifest: Manifest, model: Vec<u8>, network: Network<B>, device: B::Device) -> Self {
        Self {
            manifest,
            model: model.into(),
            network,
            banks: Vec::new(),
            fitted: Vec::new(),
            features_of: Network::maps,
            device,
        }
    }

    /// The same network behind other banks, whose scores are angles.
    pub(super) fn with_banks(&self, manifest: Manifest, banks: Vec<(Layer, Bank)>) -> Self {
        let fitted = manifest.scores.iter().map(|_| None).collect();
        Self { manifest, banks, fitted, ..self.clone() }
    }

    /// `model.safetensors` as it came.
    pub(super) fn model(&self) -> &[u8] {
        &self.model
    }

    /// The bundle's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The network, for inference.
    pub fn network(&self) -> &Network<B> {
        &self.network
    }

    /// The banks by layer.
    pub fn banks(&self) -> &[(Layer, Bank)] {
        &self.banks
    }

    /// Scores one batch of images (`pixels`: n x 3 x 32 x 32 bytes).
    pub async fn score(&self, pixels: &[u8]) -> Result<Vec<ImageScores>, DetectError> {
        self.score_features(&self.features(pixels).await?)
    }

    /// Scores one batch of images and says of each why: its nearest training images by every score, at most
    /// `neighbours` of them, and the ensemble's parts.
    pub async fn explain(&self, pixels: &[u8], neighbours: usize) -> Result<Vec<Explanation>, DetectError> {
        let features = self.features(pixels).await?;
        let scores = self.score_features(&features)?;
        let explain = |(i, image): (usize, ImageScores)| {
            let nearest = |entry: &ScoreEntry| self.nearest(entry, &features, i, neighbours);
            let neighbours = self.manifest.scores.iter().map(nearest).collect::<Result<_, _>>()?;
            let ensemble = self.manifest.ensemble(&image.scores);
            Ok(Explanation { scores: image.scores, angle: image.angle, ensemble, neighbours })
        };
        scores.into_iter().enumerate().map(explain).collect()
    }

    /// `n` random views of one image (3 x 32 x 32 bytes), as this model's training would have drawn them: `n` images.
    pub async fn views(&self, image: &[u8], n: usize, seed: u64) -> Result<Vec<u8>, DetectError> {
        if image.len() != IMAGE_BYTES || n == 0 {
            return Err(EmbedError::Pixels { image: IMAGE_BYTES, found: image.len() * n.min(1) }.into());
        }
        let copies = ImageSet::new(image.repeat(n), vec![0; n], vec![String::new()])?;
        let views = Views::<B>::new(&copies, &(0..n).collect::<Vec<_>>(), &self.device);
        let drawn = views.draw(&self.manifest.config.augment, &mut Rng::new(seed, "shown views", &[]));
        let device = |why: String| DetectError::Embed(EmbedError::Device(why));
        let values = drawn.into_data_async().await.map_err(|e| device(e.to_string()))?;
        let values = values.convert::<f32>().into_vec::<f32>().map_err(|e| device(format!("{e:?}")))?;
        Ok(values.into_iter().map(|v| (v * 255.0).round().clamp(0.0, 255.0) as u8).collect())
    }

    /// Features of every layer that has a bank, in the banks' order.
    pub(super) async fn features(&self, pixels: &[u8]) -> Result<Vec<Features>, DetectError> {
        let layers: Vec<Layer> = self.banks.iter().map(|(layer, _)| *layer).collect();
        let n = pixels.len() / IMAGE_BYTES;
        let embedded = self.embed(pixels, &layers).await?;
        let widths = self.banks.iter().map(|(_, bank)| bank.parts().mean.len());
        widths.zip(embedded).map(|(dim, values)| Ok(Features::new(n, dim, values)?)).collect()
    }

    /// What the network makes of images of 32 x 32, at the size that it was trained on.
    pub(super) async fn embed(&self, pixels: &[u8], layers: &[Layer]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let (images, rest) = pixels.as_chunks::<IMAGE_BYTES>();
        if images.is_empty() || !rest.is_empty() {
            return Err(EmbedError::Pixels { image: IMAGE_BYTES, found: pixels.len() });
        }
        let side = self.manifest.config.image_size;
        let shrunk: Vec<u8> = images.iter().flat_map(|image| shrink(image, side)).collect();
        embed_by(self.features_of, &self.network, &shrunk, side, layers, &self.device).await
    }

    fn score_features(&self, features: &[Features]) -> Result<Vec<ImageScores>, DetectError> {
        let score = |layer: Layer, scorer: Scorer, fitted: Option<&dyn Scores>| {
            let refused = |source| DetectError::Score { layer, scorer, source };
            let (at, k) = (self.position(layer), scorer.default_k());
            let queries = &features[at];
            fitted
                .map_or_else(|| self.banks[at].1.score(scorer, k, queries), |fitted| fitted.score(k, queries))
                .map_err(refused)
        };
        let mut columns = Vec::with_capacity(self.manifest.scores.len());
        for (entry, fitted) in self.manifest.scores.iter().zip(&self.fitted) {
            columns.push(score(entry.layer, entry.scorer, fitted.as_deref())?);
        }
        let angles = score(self.deepest().0, Scorer::CCos, None)?;
        let image = |(i, angle)| ImageScores { scores: columns.iter().map(|c| c[i]).collect(), angle };
        Ok(angles.into_iter().enumerate().map(image).collect())
    }

    /// The training images nearest to image `i` where a score compares angles; none where it does not.
    fn nearest(
        &self,
        entry: &ScoreEntry,
        features: &[Features],
        i: usize,
        count: usize,
    ) -> Result<Vec<Neighbour>, DetectError> {
        let (layer, scorer) = (entry.layer, entry.scorer);
        if !Scorer::ANGULAR.contains(&scorer) {
            return Ok(Vec::new());
        }
        let refused = |source| DetectError::Score { layer, scorer, source };
        let at = self.position(layer);
        let bank = &self.banks[at].1;
        let index = bank.parts().index.as_ref();
        let neighbour = |(row, angle)| Neighbour { position: index.map(|index| index[row]), angle };
        let found = bank.nearest(scorer, features[at].row(i), count).map_err(refused)?;
        Ok(found.into_iter().map(neighbour).collect())
    }

    /// Where a layer's bank stands.
    fn position(&self, layer: Layer) -> usize {
        let found = self.banks.iter().position(|(known, _)| *known == layer);
        found.expect("the manifest was checked: every score's layer has a bank")
    }

    /// The deepest pooled layer that has a bank: it stands for the embedding.
    pub(super) fn deepest(&self) -> (Layer, &Bank) {
        let pooled = |(layer, _): &&(Layer, Bank)| matches!(layer, Layer::Pooled(_));
        let (layer, bank) = self.banks.iter().rfind(pooled).unwrap_or(&self.banks[0]);
        (*layer, bank)
    }
}

//! From a trained network to its bundle: weights, banks, what each score reaches with them, and the manifest of it all.

use super::{FORMAT, LayerEntry, Manifest, Provenance, ScoreEntry, stored_bank};
use crate::Features;
use crate::config::TrainConfig;
use crate::data::{ImageSet, Sets, Sides};
use crate::model::{EmbedError, Layer, Network, WeightsError, embed_all, load_weights, read_weights};
use crate::score::{Bank, BankParts, Coreset, Fitted, ScoreError, Scorer, auroc_of, range_of};
use burn::tensor::backend::Backend;
use thiserror::Error;

/// Why a network gives no bundle.
#[derive(Debug, Error)]
pub enum AssembleError {
    /// Its weights cannot be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// It did not embed the images.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Its features cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// What a run says of itself in its bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Id of the bundle.
    pub id: String,
    /// Title of the bundle.
    pub title: String,
    /// Names of the data set's classes, by label.
    pub classes: Vec<String>,
    /// See [`Provenance::commit`].
    pub commit: String,
    /// See [`Provenance::device`].
    pub device: String,
    /// See [`Provenance::wall_seconds`].
    pub wall_seconds: f64,
    /// See [`Provenance::data_source`].
    pub data_source: String,
    /// Outliers among the images trained on.
    pub outliers: usize,
    /// See [`Provenance::command`].
    pub command: String,
}

/// Which banks a bundle gets.
#[derive(Debug, Clone, Copy)]
pub struct BankPlan<'a> {
    /// The feature maps that get one, besides those that the objective's own scores are of.
    pub layers: &'a [Layer],
    /// Training features kept in each at most.
    pub size: usize,
    /// How they are chosen.
    pub coreset: Coreset,
    /// Images embedded at once.
    pub batch: usize,
}

/// A bundle's parts that come from its network.
#[derive(Debug, Clone)]
pub struct Assembled {
    pub(super) manifest: Manifest,
    pub(super) model: Vec<u8>,
    /// In the order of the plan's layers.
    pub(super) banks: Vec<(Layer, Bank)>,
    /// `normal.safetensors`, where the banks are of a person's own images.
    pub(super) normal: Option<Vec<u8>>,
}

impl Assembled {
    /// Embeds the images, all that there are, and fits the banks of `plan`. Every AUROC is measured with weights and banks
    /// as they are stored. See [`embed_all`] for `pause`.
    pub async fn new<B: Backend>(
        network: Network<B>,
        config: &TrainConfig,
        images: Sets<&ImageSet>,
        plan: BankPlan<'_>,
        origin: Origin,
        device: &B::Device,
        pause: impl AsyncFnMut(usize),
    ) -> Result<Self, AssembleError> {
        let model = read_weights(&network).await?;
        // As those who load the bundle will compute.
        let network = load_weights(network, &model)?.folded();
        let mut assembled = Self {
            manifest: manifest(config, images.map(ImageSet::len), origin),
            model,
            banks: Vec::new(),
            normal: None,
        };
        assembled.fit(&network, images, plan, device, pause).await?;
        Ok(assembled)
    }

    async fn fit<B: Backend>(
        &mut self,
        network: &Network<B>,
        images: Sets<&ImageSet>,
        BankPlan { layers: asked, size, coreset, batch }: BankPlan<'_>,
        device: &B::Device,
        mut pause: impl AsyncFnMut(usize),
    ) -> Result<(), AssembleError> {
        let own = self.manifest.config.objective.own_scores();
        // What only the authors' own scores need comes behind what was asked for.
        let mut layers = asked.to_vec();
        own.iter().for_each(|(layer, _)| {
            if !layers.contains(layer) {
                layers.push(*layer)
            }
        });
        let layers = &layers[..];
        let train = embed_all(network, images.train, layers, batch, device, &mut pause).await?;
        let mut judged = Vec::new();
        for set in images.judged() {
            judged.push(embed_all(network, set, layers, batch, device, &mut pause).await?);
        }
        for (i, &layer) in layers.iter().enumerate() {
            let full = if asked.contains(&layer) { Bank::fit(&train[i])? } else { own_bank(&train[i])? };
            let bank = stored_bank(&full.shrink(size, coreset)?)?;
            self.manifest.layers.push(LayerEntry {
                name: layer,
                dim: train[i].dim(),
                rank: bank.rank(),
                bank: bank.parts().features.n(),
                full_bank: train[i].n(),
            });
            let sides = |first: usize| Sides { id: &judged[first][i], ood: &judged[first + 1][i] };
            let (test, validation) = (sides(0), images.validation.map(|_| sides(2)));
            if asked.contains(&layer) {
                for scorer in Scorer::ANGULAR {
                    let rate = |bank: &Bank, sides| auroc_of(sides, |q| bank.score(scorer, scorer.default_k(), q));
                    self.manifest.scores.push(ScoreEntry {
                        layer,
                        scorer,
                        auroc_validation: validation.map(|sides| rate(&full, sides)).transpose()?,
                        auroc_full: Some(rate(&full, test)?),
                        auroc_exported: Some(rate(&bank, test)?),
                        training_range: full.training_range(scorer)?,
                    });
                }
            }
            for &(_, scorer) in own.iter().filter(|(of, _)| *of == layer) {
                let (fitted, stored) = (scorer.fit(&train[i])?, scorer.fit(&bank.parts().features)?);
                let rate = |fitted: &Fitted, sides| auroc_of(sides, |q| fitted.score(scorer.default_k(), q));
                self.manifest.scores.push(ScoreEntry {
                    layer,
                    scorer,
                    auroc_validation: validation.map(|sides| rate(&fitted, sides)).transpose()?,
                    auroc_full: Some(rate(&fitted, test)?),
                    auroc_exported: Some(rate(&stored, test)?),
                    training_range: range_of(&fitted.score(scorer.default_k(), &train[i])?),
                });
            }
            self.banks.push((layer, bank));
        }
        Ok(())
    }
}

/// Values that the bank of a row holds at most that only the authors' own score is of: 1 MB in half precision.
const OWN_VALUES: usize = 1 << 19;

/// A bank of rows that no angle is taken of: of some of the images where rows are wide, and whitened in one direction, because
/// every bank has one.
fn own_bank(train: &Features) -> Result<Bank, ScoreError> {
    let kept = (OWN_VALUES / train.dim()).clamp(2, train.n().max(2));
    let rows: Vec<usize> = (0..kept).map(|i| i * train.n() / kept).collect();
    let bank = Bank::fit_raw(&train.select(&rows)?, Some(1))?;
    let index = Some(rows.iter().map(|&row| row as u32).collect());
    Bank::from_parts(BankParts { index, ..bank.parts().clone() })
}

/// A manifest without layers, scores and files; of so many images.
pub(super) fn manifest(config: &TrainConfig, images: Sets<usize>, origin: Origin) -> Manifest {
    let pixels = config.pixel_norm();
    Manifest {
        format: FORMAT,
        id: origin.id,
        title: origin.title,
        config: config.clone(),
        classes: origin.classes,
        provenance: Provenance {
            commit: origin.commit,
            device: origin.device,
            wall_seconds: origin.wall_seconds,
            data_source: origin.data_source,
            train_images: images.train,
            outliers: origin.outliers,
            test_id: images.test.id,
            test_ood: images.test.ood,
            command: origin.command,
        },
        normal: None,
        pixel_mean: pixels.mean,
        pixel_std: pixels.std,
        layers: Vec::new(),
        scores: Vec::new(),
        files: Vec::new(),
    }
}

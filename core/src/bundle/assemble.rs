//! From a trained network to what a bundle says of it: banks, and what each score reaches with them.

use super::{LayerEntry, ScoreEntry, stored_bank};
use crate::Features;
use crate::data::ImageSet;
use crate::eval::{EvalError, auroc};
use crate::model::{EmbedError, Network, embed_all};
use crate::score::{Bank, Coreset, ScoreError, Scorer};
use burn::tensor::backend::Backend;
use thiserror::Error;

/// Why a network gives no banks.
#[derive(Debug, Error)]
pub enum AssembleError {
    /// It did not embed the images.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Its features cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// Its scores cannot be ranked.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// The images that banks are made of and judged on.
#[derive(Debug, Clone, Copy)]
pub struct Judges<'a> {
    /// All images trained on.
    pub train: &'a ImageSet,
    /// Validation images of the ID class, and of the others.
    pub validation: [&'a ImageSet; 2],
    /// All test images of the ID class, and of the others.
    pub test: [&'a ImageSet; 2],
}

/// A bank a layer, and what `bundle.json` says of them.
#[derive(Debug, Clone)]
pub struct Banks {
    /// In the order of the layers asked for.
    pub banks: Vec<(String, Bank)>,
    /// One a bank.
    pub layers: Vec<LayerEntry>,
    /// What every angular scorer reaches with every bank.
    pub scores: Vec<ScoreEntry>,
}

impl Banks {
    /// Embeds the images at `layers` in batches of `batch` and fits a bank to each, of at most `size` features,
    /// chosen by `coreset`. Every
    /// AUROC is measured with the bank as it is stored. See [`embed_all`] for `pause`.
    ///
    /// The network should have the weights that are stored with it: see [`crate::model::save_weights`].
    pub async fn fit<B: Backend>(
        network: &Network<B>,
        images: Judges<'_>,
        layers: &[&str],
        (size, coreset): (usize, Coreset),
        batch: usize,
        device: &B::Device,
        mut pause: impl AsyncFnMut(usize),
    ) -> Result<Self, AssembleError> {
        let train = embed_all(network, images.train, layers, batch, device, &mut pause).await?;
        let mut judged = Vec::new();
        for set in images.validation.into_iter().chain(images.test) {
            judged.push(embed_all(network, set, layers, batch, device, &mut pause).await?);
        }

        let mut all = Self { banks: Vec::new(), layers: Vec::new(), scores: Vec::new() };
        for (i, layer) in layers.iter().enumerate() {
            let full = Bank::fit(&train[i])?;
            let bank = stored_bank(&full.shrink(size, coreset)?)?;
            all.layers.push(LayerEntry {
                name: layer.to_string(),
                dim: train[i].dim(),
                rank: bank.rank(),
                bank: bank.parts().features.n(),
                full_bank: train[i].n(),
            });
            let [validation, test] = [0, 2].map(|set| [&judged[set][i], &judged[set + 1][i]]);
            for scorer in Scorer::ANGULAR {
                all.scores.push(ScoreEntry {
                    layer: layer.to_string(),
                    scorer,
                    auroc_validation: rate(&full, scorer, validation)?,
                    auroc_full: rate(&full, scorer, test)?,
                    auroc_exported: rate(&bank, scorer, test)?,
                    training_range: full.training_range(scorer)?,
                });
            }
            all.banks.push((layer.to_string(), bank));
        }
        Ok(all)
    }
}

fn rate(bank: &Bank, scorer: Scorer, [id, ood]: [&Features; 2]) -> Result<f64, AssembleError> {
    Ok(auroc(&bank.score(scorer, 1, id)?, &bank.score(scorer, 1, ood)?)?)
}

//! A trained run as a bundle in one file: what `nsa export` writes, packed.

use super::run::{BATCH, LiveRun, RunError};
use burn::tensor::backend::AutodiffBackend;
use nsa_core::bundle::{AssembleError, Assembled, BankPlan, BundleError, Origin, to_zip};
use nsa_core::config::TrainConfig;
use nsa_core::data::{OWN, Sets};
use nsa_core::model::Layer;
use nsa_core::score::Coreset;
use nsa_core::ssl::{Trainer, TrainerError};
use thiserror::Error;

/// The banks of a bundle, as in `nsa export`.
const PLAN: BankPlan<'_> = BankPlan { layers: &Layer::POOLED, size: 6000, coreset: Coreset::Hubs, batch: BATCH };

/// Why a run cannot be saved.
#[derive(Debug, Error)]
pub enum SaveError {
    /// Nothing is trained yet.
    #[error("there is nothing to save before the first measurement")]
    Nothing,
    /// The checkpoint cannot be taken up.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// The network gives no bundle.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The bundle cannot be written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The run cannot be gone through.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// What the page says of a run that is saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// Id of the bundle.
    pub id: String,
    /// Title of the bundle.
    pub title: String,
    /// The device it was trained on.
    pub device: String,
    /// Seconds it has trained for.
    pub seconds: f64,
}

/// The bundle of a run as it stood after its last measured epoch, as a zip. Every AUROC in it is measured on the whole
/// test set with the weights and banks as stored. See `embed_all` in the core for `pause`.
pub async fn pack<B: AutodiffBackend>(
    live: &LiveRun<B>,
    labels: Labels,
    pause: impl AsyncFnMut(usize),
) -> Result<Vec<u8>, SaveError> {
    if live.checkpoint().is_empty() {
        return Err(SaveError::Nothing);
    }
    let (run, config) = (live.run(), live.run().config());
    let network = Trainer::<B>::resume(config.clone(), live.checkpoint(), run.device().clone())?.network();
    let (validation, test) = live.judged()?;
    let images = Sets { train: run.images(), validation, test: test.as_ref() };
    let origin = Origin {
        id: labels.id,
        title: labels.title,
        classes: live.test().classes(),
        commit: format!("NSA Lab {}, in a browser", env!("CARGO_PKG_VERSION")),
        device: labels.device,
        wall_seconds: labels.seconds,
        data_source: live.test().name().into(),
        outliers: live.outliers(),
        command: command(config, live.rates(), run.history().epochs.last().map_or(0, |e| e.epoch)),
    };
    let assembled = Assembled::new(network, config, images, PLAN, origin, run.device(), pause).await?;
    Ok(to_zip(&assembled.to_files(run.history(), run.frames())?)?)
}

/// How `nsa` trains the same run, and where this one departed from it.
fn command(config: &TrainConfig, rates: &[(usize, usize, f64)], epochs: usize) -> String {
    let mut text = match config.dataset.as_str() {
        OWN => "trained in a browser on images that only the person has who trained it",
        _ => "nsa train --config SETTINGS.toml --out RUN, with the settings of this bundle",
    }
    .to_string();
    let start = rates.first().map_or(config.lr, |(_, _, lr)| *lr);
    for (epoch, step, lr) in rates.iter().skip(1) {
        text += &format!("; in epoch {}, step {}, the learning rate was set to {lr}", epoch + 1, step + 1);
    }
    if rates.len() > 1 {
        text += &format!("; it began with {start}");
    }
    if epochs < config.epochs {
        text += &format!("; stopped after epoch {epochs} of {}", config.epochs);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_steered_says_so() {
        let config = TrainConfig { epochs: 20, lr: 5e-4, ..TrainConfig::default() };
        let whole = command(&config, &[(0, 0, 5e-4)], 20);
        assert!(whole.starts_with("nsa train --config") && !whole.contains(';'));
        let steered = command(&config, &[(0, 0, 1e-3), (2, 4, 5e-4)], 7);
        let own = command(&TrainConfig { dataset: OWN.into(), ..config }, &[(0, 0, 5e-4)], 20);
        assert!(own.starts_with("trained in a browser on images that only") && !own.contains("nsa train"), "{own}");
        assert!(steered.contains("in epoch 3, step 5, the learning rate was set to 0.0005"), "{steered}");
        assert!(steered.contains("began with 0.001") && steered.ends_with("stopped after epoch 7 of 20"), "{steered}");
    }
}

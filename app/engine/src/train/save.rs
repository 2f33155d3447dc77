//! A trained run as a bundle in one file: what `nsa export` writes, packed.

use super::run::{BATCH, LiveRun, RunError, draw};
use burn::tensor::backend::AutodiffBackend;
use nsa_core::bundle::{AssembleError, Banks, BundleError, BundleParts, FORMAT, Judges, Manifest, Provenance, to_zip};
use nsa_core::config::TrainConfig;
use nsa_core::data::{Split, synth_digits};
use nsa_core::model::{WeightsError, load_weights, read_weights};
use nsa_core::score::Coreset;
use nsa_core::ssl::{Trainer, TrainerError};
use thiserror::Error;

/// The feature maps that get a bank, as in `nsa export`.
const LAYERS: [&str; 4] = ["conv1-1x1", "conv2-1x1", "conv3-1x1", "conv4-1x1"];
/// Training features kept in each bank at most, and how they are chosen, as in `nsa export`.
const BANK: (usize, Coreset) = (6000, Coreset::Hubs);

/// Why a run cannot be saved.
#[derive(Debug, Error)]
pub enum SaveError {
    /// Nothing is trained yet.
    #[error("there is nothing to save before the first measurement")]
    Nothing,
    /// The snapshot cannot be taken up.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// The weights cannot be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The network gives no banks.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The bundle cannot be written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The run cannot be gone through.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// What is written into a bundle beside what the run knows itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
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
    run: &LiveRun<B>,
    origin: Origin,
    pause: impl AsyncFnMut(usize),
) -> Result<Vec<u8>, SaveError> {
    if run.snapshot().is_empty() {
        return Err(SaveError::Nothing);
    }
    let device = run.device();
    let network = Trainer::<B>::restore(run.config().clone(), run.snapshot(), device.clone())?.network();
    let model = read_weights(&network).await?;
    // As those who load the bundle will compute.
    let network = load_weights(network, &model)?.folded();

    let test = synth_digits::labels(Split::Test);
    let is_id = |i: &usize| usize::from(test[*i]) == run.config().id_class;
    let (id, ood): (Vec<usize>, Vec<usize>) = (0..test.len()).partition(is_id);
    let draw = |indices: &[usize]| draw(run.config(), Split::Test, indices).map_err(RunError::from);
    let (id, ood, (train, outliers)) = (draw(&id)?, draw(&ood)?, run.images());
    let judges = Judges { train, validation: run.validation(), test: [&id, &ood] };
    let Banks { banks, layers, scores } = Banks::fit(&network, judges, &LAYERS, BANK, BATCH, device, pause).await?;

    let manifest = Manifest {
        format: FORMAT,
        id: origin.id,
        title: origin.title,
        config: run.config().clone(),
        classes: synth_digits::CLASSES.map(String::from).to_vec(),
        provenance: Provenance {
            commit: format!("NSA Lab {}, in a browser", env!("CARGO_PKG_VERSION")),
            device: origin.device,
            wall_seconds: origin.seconds,
            data_source: "synth-digits".into(),
            train_images: train.len(),
            outliers,
            test_id: id.len(),
            test_ood: ood.len(),
            command: command(run.config(), run.rates(), run.history().epochs.last().map_or(0, |e| e.epoch)),
        },
        pixel_mean: run.config().network().pixels.mean,
        pixel_std: run.config().network().pixels.std,
        layers,
        scores,
        files: vec![],
    };
    let parts = BundleParts { manifest, model, banks: &banks, history: run.history(), frames: run.frames() };
    Ok(to_zip(&parts.to_files()?)?)
}

/// How `nsa` trains the same run, and where this one departed from it.
fn command(config: &TrainConfig, rates: &[(usize, usize, f64)], epochs: usize) -> String {
    let mut text = "nsa train --config SETTINGS.toml --out RUN, with the settings of this bundle".to_string();
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
        assert!(steered.contains("in epoch 3, step 5, the learning rate was set to 0.0005"), "{steered}");
        assert!(steered.contains("began with 0.001") && steered.ends_with("stopped after epoch 7 of 20"), "{steered}");
    }
}

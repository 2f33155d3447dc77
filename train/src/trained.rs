//! A trained run with its images: what `nsa eval` and `nsa export` start from.

use crate::data::{DataSourceError, Opened};
use crate::error::NsaError;
use crate::run::RunFolder;
use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use nsa_core::bundle::sha256;
use nsa_core::config::TrainConfig;
use nsa_core::data::{ImageSet, OneClassSplit, Sets, Sides};
use nsa_core::model::Network;
use nsa_core::ssl::Watch;
use std::path::Path;

/// A run, its checkpoint, and the images it is judged on.
pub struct Trained {
    /// The run.
    pub run: RunFolder,
    /// The images it was trained on, all test images, and the validation images.
    pub sets: Sets<ImageSet>,
    checkpoint: Vec<u8>,
}

/// The validation images of a run, of its ID class and of the others, from the training set.
pub fn validation(
    config: &TrainConfig,
    split: &OneClassSplit,
    train: &mut Opened,
) -> Result<Sides<ImageSet>, DataSourceError> {
    let places = Watch::validation_places(config, split, train.labels());
    places.try_map(|places| Ok(train.read(&places)?.images))
}

impl Trained {
    /// Opens a run that has finished at least one epoch.
    pub fn open(path: &Path, root: Option<&Path>) -> Result<Self, NsaError> {
        let run = RunFolder::open(path)?;
        let checkpoint = RunFolder::checkpoint_of(path)?;
        let config = &run.config;
        let (mut whole, mut test) = run.data(root)?;
        let train = whole.read_again(&run.record.split.indices)?;
        let validation = validation(config, &run.record.split, &mut whole)?;
        let mut of_class = |others| {
            let indices = test.of_class(config.id_class, others);
            test.read(&indices).map(|loaded| loaded.images)
        };
        let test = Sides { id: of_class(false)?, ood: of_class(true)? };
        Ok(Self { sets: Sets { train, validation: ImageSet::filled(validation), test }, checkpoint, run })
    }

    /// The network, for inference.
    pub fn network<B: Backend>(&self, device: &B::Device) -> Result<Network<B>, NsaError> {
        Ok(self.network_and_epoch(device)?.0)
    }

    /// The network and how many epochs it was trained for.
    pub fn network_and_epoch<B: Backend>(&self, device: &B::Device) -> Result<(Network<B>, usize), NsaError> {
        let run = &self.run;
        let trainer = RunFolder::trainer::<Autodiff<B>>(run.path(), &run.config, &self.checkpoint, device)?;
        Ok((trainer.network(), trainer.epochs_done()))
    }

    /// Checksum of the checkpoint.
    pub fn checkpoint_sha256(&self) -> String {
        sha256(&self.checkpoint)
    }
}

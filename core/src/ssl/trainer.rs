//! One training run: a network, its optimiser, and where it stands.

use super::{Objective, TrainConfig, nt_xent_loss, simsiam_loss};
use crate::augment::Views;
use crate::data::ImageSet;
use crate::model::Network;
use crate::rng::Rng;
use burn::module::{AutodiffModule, Module};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::{Adam, AdamConfig, GradientsParams, Optimizer};
use burn::record::{FullPrecisionSettings, NamedMpkBytesRecorder, Recorder};
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use thiserror::Error;

/// Trains a network by a [`TrainConfig`], epoch by epoch, the same way natively and in the browser.
///
/// Everything random is drawn from streams named by (seed, epoch, step), so a run that is continued from a
/// checkpoint at the end of an epoch sees exactly what it would have seen.
pub struct Trainer<B: AutodiffBackend> {
    config: TrainConfig,
    network: Network<B>,
    optimizer: OptimizerAdaptor<Adam, Network<B>, B>,
    epochs_done: usize,
    device: B::Device,
}

/// Why training cannot go on.
#[derive(Debug, Error)]
pub enum TrainerError {
    /// Fewer images than a batch norm can normalise.
    #[error("training needs at least 2 images, found {0}")]
    TooFew(usize),
    /// A checkpoint that is cut, of another version, or of another network.
    #[error("the checkpoint cannot be read: {0}")]
    Checkpoint(String),
}

impl<B: AutodiffBackend> Trainer<B> {
    /// A run that has not begun.
    pub fn new(config: TrainConfig, device: B::Device) -> Self {
        let network = config.network().init(config.seed, &device);
        Self { config, network, optimizer: optimizer(), epochs_done: 0, device }
    }

    /// The settings.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Epochs finished.
    pub fn epochs_done(&self) -> usize {
        self.epochs_done
    }

    /// The network as it stands, for inference.
    pub fn network(&self) -> Network<B::InnerBackend> {
        self.network.valid()
    }

    /// How many steps an epoch of `images` images has: the last, smaller batch is left out (its batch norm would
    /// be another one), unless it is the only one.
    pub fn steps_per_epoch(&self, images: usize) -> usize {
        (images / self.config.batch).max(1)
    }

    /// The image indices of one epoch, a batch an entry.
    pub fn batches(&self, images: usize, epoch: usize) -> Vec<Vec<usize>> {
        let order = Rng::new(self.config.seed, "order", &[epoch as u64]).permutation(images);
        order.chunks(self.config.batch).take(self.steps_per_epoch(images)).map(<[usize]>::to_vec).collect()
    }

    /// One optimiser step on two views of the batch `indices` of `images`; returns the loss, still on the device.
    pub fn step(
        &mut self,
        images: &ImageSet,
        indices: &[usize],
        epoch: usize,
        step: usize,
    ) -> Tensor<B::InnerBackend, 1> {
        let numbers = [epoch as u64, step as u64];
        let views = Views::<B>::new(images, indices, &self.device);
        let mut rng = Rng::new(self.config.seed, "augment", &numbers);
        let mut first = views.draw(&self.config.augment, &mut rng);
        let mut second = views.draw(&self.config.augment, &mut rng);
        if self.config.objective == Objective::SimclrRot {
            (first, second) = (four_rotations(first), four_rotations(second));
        }
        let rate = self.learning_rate(epoch, step, self.steps_per_epoch(images.len()));
        self.step_on_views(first, second, rate)
    }

    /// One optimiser step on views that are already drawn; the loss is the one before the step.
    fn step_on_views(&mut self, first: Tensor<B, 4>, second: Tensor<B, 4>, rate: f64) -> Tensor<B::InnerBackend, 1> {
        let z1 = self.network.forward(first);
        let z2 = self.network.forward(second);
        let loss = match (self.config.objective, &self.network.predictor) {
            (Objective::Simsiam, Some(predictor)) => {
                let (p1, p2) = (predictor.forward(z1.clone()), predictor.forward(z2.clone()));
                simsiam_loss(p1, z1, p2, z2)
            }
            _ => nt_xent_loss(z1, z2, self.config.temperature),
        };
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        self.network = self.optimizer.step(rate, self.network.clone(), gradients);
        loss.inner()
    }

    /// Tells the run that an epoch is finished.
    pub fn finish_epoch(&mut self) {
        self.epochs_done += 1;
    }

    /// Cosine decay from the peak to 0 over the whole run.
    fn learning_rate(&self, epoch: usize, step: usize, steps_per_epoch: usize) -> f64 {
        let done = (epoch * steps_per_epoch + step) as f64 / (self.config.epochs * steps_per_epoch) as f64;
        self.config.lr * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
    }

    /// Everything needed to continue exactly: weights, batch-norm statistics, Adam's moments, epochs done.
    pub fn checkpoint(&self) -> Result<Vec<u8>, TrainerError> {
        let record = (self.network.clone().into_record(), self.optimizer.to_record(), self.epochs_done);
        let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
        Recorder::<B>::record(&recorder, record, ()).map_err(|e| TrainerError::Checkpoint(e.to_string()))
    }

    /// Continues a run from [`Trainer::checkpoint`].
    pub fn resume(config: TrainConfig, checkpoint: Vec<u8>, device: B::Device) -> Result<Self, TrainerError> {
        let recorder = NamedMpkBytesRecorder::<FullPrecisionSettings>::default();
        let (network, state, epochs_done) =
            Recorder::<B>::load(&recorder, checkpoint, &device).map_err(|e| TrainerError::Checkpoint(e.to_string()))?;
        let fresh = Self::new(config, device);
        Ok(Self {
            network: fresh.network.load_record(network),
            optimizer: fresh.optimizer.load_record(state),
            epochs_done,
            ..fresh
        })
    }
}

/// `N x 3 x S x S` to `4N x 3 x S x S`: the images, then turned by 90, 180 and 270 degrees.
fn four_rotations<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let quarter = x.clone().swap_dims(2, 3).flip([2]);
    Tensor::cat(vec![x.clone(), quarter.clone(), x.flip([2, 3]), quarter.flip([2, 3])], 0)
}

/// Adam with PyTorch's epsilon (burn's default is a thousand times larger).
fn optimizer<B: AutodiffBackend>() -> OptimizerAdaptor<Adam, Network<B>, B> {
    AdamConfig::new().with_epsilon(1e-8).init()
}

#[cfg(test)]
mod against_torch;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Split, synth_digits};
    use crate::model::save_weights;
    use crate::ssl::Norm;
    use burn::backend::Autodiff;
    use burn_flex::Flex;

    type B = Autodiff<Flex>;

    fn config(objective: Objective) -> TrainConfig {
        TrainConfig { objective, norm: Norm::Both, width: 2, batch: 8, epochs: 4, ..TrainConfig::default() }
    }

    fn images() -> ImageSet {
        synth_digits::generate(synth_digits::SEED, Split::Train, 2)
    }

    fn train(trainer: &mut Trainer<B>, images: &ImageSet, epochs: usize) -> Vec<f32> {
        let mut losses = Vec::new();
        for _ in 0..epochs {
            let epoch = trainer.epochs_done();
            for (step, batch) in trainer.batches(images.len(), epoch).iter().enumerate() {
                losses.push(trainer.step(images, batch, epoch, step).into_scalar());
            }
            trainer.finish_epoch();
        }
        losses
    }

    #[test]
    fn a_resumed_run_ends_with_the_weights_of_one_that_never_stopped() {
        let images = images();
        for objective in [Objective::Simsiam, Objective::Simclr, Objective::SimclrRot] {
            let mut whole = Trainer::<B>::new(config(objective), Default::default());
            let losses = train(&mut whole, &images, 4);

            let mut first = Trainer::<B>::new(config(objective), Default::default());
            let mut parts = train(&mut first, &images, 2);
            let checkpoint = first.checkpoint().unwrap();
            let mut second = Trainer::<B>::resume(config(objective), checkpoint, Default::default()).unwrap();
            parts.extend(train(&mut second, &images, 2));

            assert_eq!(losses, parts, "{objective}");
            assert_eq!(save_weights(&whole.network()).unwrap(), save_weights(&second.network()).unwrap());
        }
    }

    #[test]
    fn a_cut_checkpoint_is_refused() {
        let bytes = Trainer::<B>::new(config(Objective::Simclr), Default::default()).checkpoint().unwrap();
        let cut = bytes[..bytes.len() / 2].to_vec();
        assert!(Trainer::<B>::resume(config(Objective::Simclr), cut, Default::default()).is_err());
    }

    #[test]
    fn an_epoch_sees_every_image_once_and_leaves_the_small_batch_out() {
        let trainer = Trainer::<B>::new(config(Objective::Simclr), Default::default());
        let batches = trainer.batches(20, 0);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8]);
        let mut seen: Vec<usize> = batches.concat();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 16);
        assert_ne!(batches, trainer.batches(20, 1));
        assert_eq!(trainer.batches(5, 0)[0].len(), 5);
    }

    #[test]
    fn rotations_are_quarter_turns() {
        let x = Tensor::<Flex, 4>::from_floats([[[[1.0, 2.0], [3.0, 4.0]]]], &Default::default());
        let turned = four_rotations(x).into_data().into_vec::<f32>().unwrap();
        assert_eq!(
            turned,
            [[1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 1.0, 3.0], [4.0, 3.0, 2.0, 1.0], [3.0, 1.0, 4.0, 2.0]].concat()
        );
    }

    #[test]
    fn the_rate_falls_from_its_peak_to_zero() {
        let trainer = Trainer::<B>::new(config(Objective::Simclr), Default::default());
        assert_eq!(trainer.learning_rate(0, 0, 10), 1e-4);
        assert!((trainer.learning_rate(2, 0, 10) - 0.5e-4).abs() < 1e-12);
        assert!(trainer.learning_rate(4, 0, 10) < 1e-12);
    }
}

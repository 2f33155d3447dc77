//! Batches, rotations, rates.

use super::*;
use crate::config::Norm;
use crate::data::{Split, synth_digits};
use burn::backend::Autodiff;
use burn::module::{Module, ModuleMapper, Param};
use burn_flex::Flex;

type B = Autodiff<Flex>;

pub(super) fn config(objective: Objective) -> TrainConfig {
    let norm = if objective.is_rival() { Norm::None } else { Norm::Both };
    TrainConfig { objective, norm, width: 2, batch: 8, epochs: 4, ..TrainConfig::default() }
}

pub(super) fn images() -> ImageSet {
    synth_digits::generate(synth_digits::SEED, Split::Train, 2)
}

pub(super) fn train(trainer: &mut Trainer<B>, images: &ImageSet, epochs: usize) -> Vec<f32> {
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

/// Weights of nothing but zeros: a network that does not look at its images.
struct Blind;

impl ModuleMapper<B> for Blind {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        param.map(|tensor| if D > 1 { tensor.zeros_like().require_grad() } else { tensor })
    }
}

/// What Deep SVDD forbids biases for (propositions 1 and 2 of Ruff et al. 2018): with them a network that does not look at its
/// images puts every one at the centre, and nothing is left to learn; without them it must look.
#[test]
fn with_biases_deep_svdd_collapses_to_its_centre_and_without_it_cannot() {
    let images = images();
    let learned = |svdd_biases: bool| {
        let config = TrainConfig { svdd_biases, epochs: 40, lr: 0.1, ..config(Objective::DeepSvdd) };
        let mut trainer = Trainer::<B>::new(config, Default::default());
        trainer.calibrate(&images);
        trainer.network = trainer.network.clone().map(&mut Blind);
        train(&mut trainer, &images, 40)
    };
    let with = learned(true);
    let last = with.iter().rev().take(5).fold(0.0_f32, |largest, loss| largest.max(*loss));
    assert!(with[0] > 0.04 && last < 1e-3 * with[0], "from {} to {last}", with[0]);
    let without = learned(false);
    assert!(without.iter().all(|loss| (loss - without[0]).abs() < 1e-6 * without[0]), "{without:?}");
}

#[test]
fn the_rate_falls_from_its_peak_to_zero() {
    let trainer = Trainer::<B>::new(config(Objective::Simclr), Default::default());
    let rate = |epoch: usize| trainer.config().learning_rate(10 * epoch, 10 * trainer.config().epochs);
    assert_eq!(rate(0), 1e-4);
    assert!((rate(2) - 0.5e-4).abs() < 1e-12);
    assert!(rate(4) < 1e-12);
}

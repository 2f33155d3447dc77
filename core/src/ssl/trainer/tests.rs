//! Batches, rotations, rates.

use super::*;
use crate::config::{AugmentConfig, Norm};
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
    let x = Tensor::<Flex, 4>::from_floats([[[[1.0, 2.0], [3.0, 4.0]]]], &Default::default()).repeat_dim(0, 4);
    let turned = turned(x).into_data().into_vec::<f32>().unwrap();
    assert_eq!(
        turned,
        [[1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 1.0, 3.0], [4.0, 3.0, 2.0, 1.0], [3.0, 1.0, 4.0, 2.0]].concat()
    );
}

/// Every picture of a view has a crop and colours of its own, each of an image's four turns too; and a step that is taken
/// again sees the same.
#[test]
fn each_turn_of_an_image_draws_its_own_view() {
    let (images, indices) = (images(), [3, 5]);
    for objective in [Objective::SimclrRot, Objective::Droc, Objective::Stoc, Objective::Csi] {
        let trainer = Trainer::<B>::new(config(objective), Default::default());
        let shown = |step| trainer.shown(&images, &indices, Rng::new(0, "augment", &[step]));
        let pictures = |step| -> Vec<Vec<f32>> {
            let upright = |view: Tensor<B, 4>| {
                let back = Shifts::Turns.all().into_iter().zip([0, 3, 2, 1]);
                let chunks =
                    back.zip(view.chunk(4, 0)).map(|((_, turns), chunk)| Shifts::Turns.all()[turns].apply(chunk));
                let data = Tensor::cat(chunks.collect(), 0).into_data().into_vec::<f32>().unwrap();
                data.chunks(3 * 32 * 32).map(<[f32]>::to_vec).collect::<Vec<_>>()
            };
            shown(step).views.into_iter().flat_map(upright).collect()
        };
        let drawn = pictures(0);
        assert_eq!((drawn.len(), &drawn), (16, &pictures(0)), "{objective}");
        for (i, picture) in drawn.iter().enumerate() {
            assert!(!drawn[..i].contains(picture), "{objective}: picture {i} is a copy");
        }
        assert_ne!(drawn, pictures(1), "{objective}");
        let which: &[usize] = if objective == Objective::Csi { &[0, 0, 1, 1, 2, 2, 3, 3] } else { &[] };
        assert_eq!(shown(0).which, which, "{objective}");
        // Without randomness the four are the image and its turns.
        let still = AugmentConfig { crop_min: 1.0, flip: 0.0, jitter: 0.0, grayscale: 0.0, ..Default::default() };
        let config = TrainConfig { augment: still, ..config(objective) };
        let trainer = Trainer::<B>::new(config, Default::default());
        let view = trainer.shown(&images, &indices, Rng::new(0, "augment", &[0])).views.remove(0);
        let image = trainer.network.pixels().apply(Views::<B>::new(&images, &indices, &Default::default()).images());
        let expected = Tensor::cat(Shifts::Turns.all().iter().map(|turn| turn.apply(image.clone())).collect(), 0);
        let difference = (view - expected).abs().max().into_scalar();
        assert!(difference < 1e-4, "{objective}: {difference}");
    }
}

/// What DROC and STOC minimise looks one way, from the first view to the second; SimCLR(-)'s looks both ways.
#[test]
fn droc_and_stoc_learn_by_the_n_pair_loss() {
    for (objective, exchanged) in [(Objective::Droc, false), (Objective::Stoc, false), (Objective::SimclrRot, true)] {
        let loss = |back: bool| {
            let trainer = Trainer::<B>::new(TrainConfig { norm: Norm::None, ..config(objective) }, Default::default());
            let mut shown = trainer.shown(&images(), &[0, 4, 7], Rng::new(0, "augment", &[0]));
            if back {
                shown.views.reverse();
            }
            trainer.loss(&shown).into_scalar()
        };
        assert_eq!(
            (loss(false) - loss(true)).abs() < 1e-5,
            exchanged,
            "{objective}: {} and {}",
            loss(false),
            loss(true)
        );
    }
}

/// DROCC's images are normalised among themselves, whatever the anomalies beside them are.
#[test]
fn drocc_s_images_and_anomalies_pass_apart() {
    let trainer = Trainer::<B>::new(config(Objective::Drocc), Default::default());
    let shown = trainer.shown(&images(), &[0, 1, 2, 3], Rng::new(0, "augment", &[0]));
    let alone = trainer.network.forward(shown.views[0].clone());
    let added =
        crate::ssl::hardest(&shown.views[0], shown.beside.clone().unwrap().inner(), |x| trainer.network.forward(x));
    let lengths = added.clone().flatten::<2>(1, 3).square().sum_dim(1).sqrt().into_data().into_vec::<f32>().unwrap();
    assert!(lengths.iter().all(|length| (length - 8.0).abs() < 1e-4), "{lengths:?}");
    let anomalies = trainer.network.forward(shown.views[0].clone() + Tensor::from_inner(added));
    let expected = (inlier_loss(alone) + outlier_loss(anomalies)).into_scalar();
    let found = trainer.loss(&shown).into_scalar();
    assert!((found - expected).abs() < 1e-4, "{found}, expected {expected}");
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

//! Collapsed networks and healthy ones.

use super::*;
use crate::augment::Views;
use crate::config::{Norm, Objective, TrainConfig};
use crate::data::{ImageSet, Split, synth_digits};
use crate::model::{Layer, Network, NetworkConfig, embed, l2_normalize};
use crate::rng::Rng;
use crate::sphere::compactness;
use crate::ssl::Trainer;
use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn_flex::Flex;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

type B = Autodiff<Flex>;

fn images() -> ImageSet {
    synth_digits::generate(synth_digits::SEED, Split::Train, 4)
}

/// The features of all images at a layer. Nothing waits on the CPU.
fn features(network: &Network<Flex>, images: &ImageSet, layer: Layer) -> Features {
    let (layers, device) = ([layer], Default::default());
    let work = pin!(embed(network, images.pixels(), images.side(), &layers, &device));
    let Poll::Ready(values) = work.poll(&mut Context::from_waker(Waker::noop())) else { panic!("it waits") };
    let values = values.unwrap().remove(0);
    Features::new(images.len(), values.len() / images.len(), values).unwrap()
}

fn cloud(centre: f32, noise: f32) -> Features {
    let mut rng = Rng::new(4, "guard", &[]);
    let values = (0..200 * 64).map(|i| if i % 64 < 8 { centre } else { 0.0 } + noise * rng.normal() as f32);
    Features::new(200, 64, values.collect()).unwrap()
}

#[test]
fn features_of_one_point_are_caught_and_very_compact_ones_are_not() {
    let check = |features: &Features| check_features(features, "test images", Layer::EMBEDDING);
    let error = check(&cloud(1.0, 1e-5)).unwrap_err();
    assert!(matches!(error, Collapse::Spread { n: 200, spread, .. } if spread < 1e-4), "{error}");
    let told = error.to_string();
    assert!(told.contains("all 200 test images point the same way") && told.contains("smaller lr"), "{told}");
    // Kappa of about 2e6, a hundred times what the most compact run of ours has had.
    let compact = cloud(1.0, 0.005);
    check(&compact).unwrap();
    let measured = compactness(&compact, 0).unwrap();
    assert!(measured.kappa > 1e5, "{}", measured.kappa);
    check_rank(&measured, "test images").unwrap();
}

#[test]
fn features_without_a_direction_are_caught() {
    let mut values = cloud(1.0, 1.0).values().to_vec();
    values[..128].fill(0.0);
    let error =
        check_features(&Features::new(200, 64, values).unwrap(), "ID test images", Layer::EMBEDDING).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 of the 200 ID test images have conv4-1x1 features of nothing but zeros: try a smaller lr"
    );
}

#[test]
fn logits_that_all_say_the_same_are_caught_and_directions_that_are_the_same_are_not() {
    let logits = |spread: f32| Features::new(50, 1, (0..50).map(|i| 20.0 + spread * (i % 2) as f32).collect()).unwrap();
    let check = |logits: &Features| check_logits(logits, "ID test images", Layer::Head(1));
    assert_eq!(check(&logits(0.1)), Ok(()));
    let error = check(&logits(1e-4)).unwrap_err().to_string();
    assert!(error.contains("its head1 logits of all 50 ID test images are the same"), "{error}");
    assert!(error.contains("a standard deviation of 0.00005 where at least 0.001 must be left"), "{error}");
    // The features behind them may point one way, but somewhere.
    check_directions(&cloud(1.0, 0.0), "ID test images", Layer::EMBEDDING).unwrap();
    let nowhere = Features::new(2, 2, vec![1.0, 0.0, 0.0, 0.0]).unwrap();
    assert!(matches!(
        check_directions(&nowhere, "ID test images", Layer::EMBEDDING),
        Err(Collapse::Zero { zero: 1, n: 2, .. })
    ));
}

#[test]
fn features_on_a_line_are_caught_although_they_spread() {
    let mut rng = Rng::new(5, "guard", &[]);
    let values = (0..100 * 16)
        .map(|i| if (i / 16) % 2 == 0 { 1.0 } else { -1.0 } * (1.0 + (i % 16) as f32) + 1e-5 * rng.normal() as f32);
    let line = Features::new(100, 16, values.collect()).unwrap();
    check_features(&line, "OOD test images", Layer::EMBEDDING).unwrap();
    let rank = crate::sphere::effective_rank(&line).unwrap();
    let measured = Compactness { effective_rank: rank, ..Default::default() };
    assert!(matches!(check_rank(&measured, "OOD test images"), Err(Collapse::Rank { .. })), "{rank}");
}

#[test]
fn an_auroc_of_exactly_one_half_is_a_failure_where_it_cannot_be_chance() {
    let rates = |last| [(Scorer::KCos, 0.5), (Scorer::CCos, last)];
    assert_eq!(check_auroc(&rates(0.5), 10_000), Err(Collapse::Chance));
    assert_eq!(check_auroc(&rates(0.5), 100), Ok(()));
    assert_eq!(check_auroc(&rates(0.500_01), 1_000_000), Ok(()));
    assert!(check_loss(f64::NAN).unwrap_err().to_string().starts_with("the loss became NaN"));
    assert_eq!(check_loss(-0.97), Ok(()));
}

/// Trains and checks the features before every epoch and after the last.
fn stays_apart(images: &ImageSet, config: TrainConfig) {
    let epochs = config.epochs;
    let what = format!("{}, norm {}, batch {}", config.objective, config.norm, config.batch);
    let mut trainer = Trainer::<B>::new(config, Default::default());
    for epoch in 0..=epochs {
        let last = trainer.network().layers().pop().unwrap();
        for layer in [Layer::EMBEDDING, last] {
            let features = features(&trainer.network(), images, layer);
            let found = check_features(&features, "images", layer);
            assert!(found.is_ok(), "{what}, epoch {epoch}: {}", found.unwrap_err());
        }
        if epoch == epochs {
            return;
        }
        for (step, batch) in trainer.batches(images.len(), epoch).iter().enumerate() {
            let loss = trainer.step(images, batch, epoch, step).into_scalar();
            check_loss(f64::from(loss)).unwrap_or_else(|found| panic!("{what}, epoch {epoch}, step {step}: {found}"));
        }
        trainer.finish_epoch();
    }
}

const OBJECTIVES: [Objective; 4] = [Objective::Simsiam, Objective::Byol, Objective::Simclr, Objective::SimclrRot];

#[test]
fn every_objective_keeps_its_features_apart() {
    let images = images();
    for objective in OBJECTIVES {
        for norm in [Norm::None, Norm::Both] {
            let base = TrainConfig { width: 2, batch: 20, epochs: 3, lr: 1e-3, ..TrainConfig::default() };
            stays_apart(&images, TrainConfig { objective, norm, ..base });
        }
    }
}

/// The batch sizes of table 3.
#[test]
fn batches_of_32_and_of_512_are_stable() {
    let images = synth_digits::generate(synth_digits::SEED, Split::Train, 52);
    for objective in OBJECTIVES {
        for norm in [Norm::None, Norm::Both] {
            for (batch, epochs) in [(32, 1), (512, 2)] {
                let base = TrainConfig { width: 2, lr: 1e-3, ..TrainConfig::default() };
                stays_apart(&images, TrainConfig { objective, norm, batch, epochs, ..base });
            }
        }
    }
}

/// What SimSiam's stop-grad and predictor prevent: attraction without either collapses, and is caught.
#[test]
fn a_run_that_only_pulls_views_together_collapses_and_is_caught() {
    let images = images().select(&[0, 5, 10, 15, 20, 25, 30, 35]);
    let device = Default::default();
    let all: Vec<usize> = (0..images.len()).collect();
    let mut network: Network<B> =
        NetworkConfig { width: 2, objective: Objective::Simclr, head_batch_norm: false, ..Default::default() }
            .init(0, &device);
    let mut optimizer = AdamConfig::new().init::<B, Network<B>>();
    let config = TrainConfig::default();
    let check = |network: &Network<B>| {
        check_features(&features(&network.valid(), &images, Layer::Head(2)), "images", Layer::Head(2))
    };
    check(&network).unwrap();
    for step in 0..400 {
        let views = Views::<B>::new(&images, &all, &device);
        let mut rng = Rng::new(0, "collapse", &[step]);
        let [z1, z2] = [(), ()]
            .map(|()| l2_normalize(network.forward(network.pixels().apply(views.draw(&config.augment, &mut rng)))));
        let loss = (z1 * z2).sum_dim(1).mean().neg();
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(3e-2, network, gradients);
        if step % 20 == 19
            && let Err(found) = check(&network)
        {
            assert!(matches!(found, Collapse::Spread { .. }), "{found}");
            // The batch norms keep the encoder's own output apart, so it must not be all that is watched.
            let embedding = features(&network.valid(), &images, Layer::EMBEDDING);
            assert!(spread(&embedding).unwrap() > 10.0 * MIN_SPREAD, "step {step}");
            return;
        }
    }
    panic!("not caught: {:?}", spread(&features(&network.valid(), &images, Layer::Head(2))));
}

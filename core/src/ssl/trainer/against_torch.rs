//! Whole training steps against PyTorch (`tests/golden/make_torch.py`): losses, gradients, Adam, the batch norms'
//! running statistics and BYOL's target together (its fourth loss is what a target that moved three times gives).

use super::{Target, Trainer};
use crate::config::PixelNorm;
use crate::config::{Norm, Objective, TrainConfig};
use crate::model::load_weights;
use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use burn_store::{BurnToPyTorchAdapter, ModuleSnapshot};
use safetensors::SafeTensors;
use serde::Deserialize;
use std::collections::BTreeMap;

type B = Autodiff<Flex>;

#[derive(Deserialize)]
struct Golden {
    networks: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    objective: Objective,
    width: usize,
    training: Training,
}

#[derive(Deserialize)]
struct Training {
    rate: f64,
    norm: Norm,
    temperature: f32,
    momentum: f64,
    /// Before the first step and after each of three.
    losses: Vec<f32>,
    /// Weights and running statistics after the third step.
    state: BTreeMap<String, Sample>,
}

#[derive(Deserialize)]
struct Sample {
    at: Vec<usize>,
    values: Vec<f32>,
}

/// The two views of the eight images: `8 x 3 x 32 x 32` each.
fn views() -> [Tensor<B, 4>; 2] {
    let file = SafeTensors::deserialize(include_bytes!("../../../../tests/golden/torch_images.safetensors")).unwrap();
    let pixels: Vec<f32> = file.tensor("images").unwrap().data().iter().map(|&p| f32::from(p) / 255.0).collect();
    let (first, second) = pixels.split_at(pixels.len() / 2);
    [first, second].map(|half| {
        let data = TensorData::new(half.to_vec(), [half.len() / 3072, 3, 32, 32]);
        PixelNorm::CIFAR.apply(Tensor::from_data(data, &Default::default()))
    })
}

/// Every tensor of the network by PyTorch's name, in f32.
fn state(trainer: &Trainer<B>) -> BTreeMap<String, Vec<f32>> {
    let snapshots = trainer.network.valid().collect(None, Some(Box::new(BurnToPyTorchAdapter)), false);
    let named = snapshots.into_iter().map(|snapshot| {
        let path = snapshot.full_path();
        let name = path.strip_prefix("encoder.").unwrap_or(&path).to_string();
        (name, snapshot.to_data().unwrap().into_vec().unwrap())
    });
    named.collect()
}

#[test]
fn three_steps_lead_where_pytorch_s_lead() {
    let golden: Golden = serde_json::from_str(include_str!("../../../../tests/golden/torch.json")).unwrap();
    for Case { objective, width, training: expected } in golden.networks {
        let weights: &[u8] = match objective {
            Objective::Simsiam => include_bytes!("../../../../tests/golden/torch_simsiam.safetensors"),
            Objective::Byol => include_bytes!("../../../../tests/golden/torch_byol.safetensors"),
            _ => include_bytes!("../../../../tests/golden/torch_simclr.safetensors"),
        };
        let (norm, temperature) = (expected.norm, expected.temperature);
        let config = TrainConfig { objective, width, norm, temperature, ..TrainConfig::default() };
        let mut trainer = Trainer::<B>::new(config, Default::default());
        let load = |seed| load_weights(trainer.config.network().init(seed, &trainer.device), weights).unwrap();
        let (network, target) = (load(0), trainer.target.is_some().then(|| Target::new(load(1))));
        (trainer.network, trainer.target) = (network, target);

        let [first, second] = views();
        let Training { rate, momentum, .. } = expected;
        let mut step = || trainer.step_on_views(first.clone(), second.clone(), rate, momentum).into_scalar();
        let mut losses = vec![step(), step(), step()];
        let after = state(&trainer);
        losses.push(trainer.step_on_views(first, second, rate, momentum).into_scalar());

        let of_losses = losses.iter().zip(&expected.losses).map(|(f, e)| (f - e).abs()).fold(0.0, worst);
        assert!(of_losses < 2e-5, "{objective}: losses {losses:?}, reference {:?}", expected.losses);

        assert!(after.keys().eq(expected.state.keys()), "{objective}: {:?}", after.keys());
        let (mut of_statistics, mut of_weights) = (0.0, 0.0);
        for (name, sample) in &expected.state {
            for (&at, value) in sample.at.iter().zip(&sample.values) {
                let difference = (after[name][at] - value).abs();
                if name.contains("running_") {
                    let difference = difference / value.abs().max(1.0);
                    assert!(difference < 2e-5, "{objective}: {name}[{at}] differs by {difference}");
                    of_statistics = worst(of_statistics, difference);
                } else {
                    // As a share of how far three steps of Adam can move a weight.
                    let difference = difference / (3.0 * rate as f32);
                    assert!(difference < 5e-3, "{objective}: {name}[{at}] differs by {difference} of its way");
                    of_weights = worst(of_weights, difference);
                }
            }
        }
        println!("{objective}: losses {of_losses:.1e}, statistics {of_statistics:.1e}, weights {of_weights:.1e}");
    }
}

/// The larger of two; NaN is the worst.
fn worst(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}

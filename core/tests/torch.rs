//! Networks, losses and views against PyTorch and torchvision (`tests/golden/make_torch.py`). Training steps are
//! compared in `src/ssl/trainer/against_torch.rs`; what the paper claims of gradients is in `src/ssl/gradients.rs`.

// clippy.toml allows it in tests, but does not see that these helpers are part of them.
#![allow(clippy::unwrap_used)]

use burn::backend::Autodiff;
use burn::tensor::{Tensor, TensorData, backend::Backend};
use burn_flex::Flex;
use nsa_core::augment::{Draw, Views};
use nsa_core::config::PixelNorm;
use nsa_core::config::{Norm, Objective};
use nsa_core::data::ImageSet;
use nsa_core::model::{NetworkConfig, load_weights};
use nsa_core::ssl::{byol_loss, nt_xent_loss, simsiam_loss};
use safetensors::SafeTensors;
use serde::Deserialize;
use std::collections::BTreeMap;

type Grad = Autodiff<Flex>;

#[derive(Deserialize)]
struct Golden {
    networks: Vec<NetworkCase>,
    losses: Vec<LossCase>,
    views: Vec<ViewCase>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/torch.json")).unwrap()
}

/// Some values of a large tensor, and moments of all of them.
#[derive(Deserialize)]
struct Sample {
    at: Vec<usize>,
    values: Vec<f32>,
    mean: f64,
    std: f64,
}

impl Sample {
    /// The largest difference, as a share of `scale`.
    fn difference<B: Backend, const D: usize>(&self, found: Tensor<B, D>, scale: f64) -> f64 {
        let found: Vec<f32> = found.into_data().into_vec().unwrap();
        let n = found.len() as f64;
        let mean = found.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let std = (found.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt();
        let of_values = self.at.iter().zip(&self.values).map(|(&at, v)| f64::from((found[at] - v).abs()));
        of_values.chain([(mean - self.mean).abs(), (std - self.std).abs()]).fold(0.0, worst) / scale
    }
}

/// The larger of two; NaN is the worst.
fn worst(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The images both sides computed with.
fn images(indices: &[usize]) -> ImageSet {
    let file = SafeTensors::deserialize(include_bytes!("../../tests/golden/torch_images.safetensors")).unwrap();
    let pixels = file.tensor("images").unwrap().data().to_vec();
    let count = pixels.len() / 3072;
    ImageSet::new(pixels, vec![0; count], vec!["any".into()]).unwrap().select(indices)
}

fn weights(objective: Objective) -> &'static [u8] {
    match objective {
        Objective::Simsiam => include_bytes!("../../tests/golden/torch_simsiam.safetensors"),
        Objective::Byol => include_bytes!("../../tests/golden/torch_byol.safetensors"),
        _ => include_bytes!("../../tests/golden/torch_simclr.safetensors"),
    }
}

#[derive(Deserialize)]
struct NetworkCase {
    objective: Objective,
    width: usize,
    forward: Vec<ForwardCase>,
}

#[derive(Deserialize)]
struct ForwardCase {
    norm: Norm,
    maps: BTreeMap<String, Sample>,
}

#[test]
fn a_state_dict_of_pytorch_gives_pytorch_s_feature_maps() {
    let device = Default::default();
    let set = images(&[0, 9]);
    let floats: Vec<f32> = set.pixels().iter().map(|&p| f32::from(p) / 255.0).collect();
    let pixels = PixelNorm::CIFAR.apply(Tensor::<Flex, 4>::from_data(TensorData::new(floats, [2, 3, 32, 32]), &device));
    let mut largest = 0.0;
    for NetworkCase { objective, width, forward } in golden().networks {
        for ForwardCase { norm, maps } in forward {
            let network = NetworkConfig { width, objective, norm, ..Default::default() }.init::<Flex>(0, &device);
            let network = load_weights(network, weights(objective)).unwrap();
            let z = network.forward(pixels.clone());
            for (name, expected) in &maps {
                let found = match name.as_str() {
                    "z" => z.clone(),
                    "p" => network.predictor.as_ref().unwrap().forward(z.clone()),
                    layer => network.features(pixels.clone(), &[layer.parse().unwrap()]).swap_remove(0),
                };
                let difference = expected.difference(found, expected.std.max(1.0));
                assert!(difference < 1e-5, "{objective}, norm {norm}: {name} differs by {difference}");
                largest = worst(largest, difference);
            }
            // Each of the names this network has was compared, in one norm at least.
            let compared = maps.keys().filter(|name| name.parse().is_ok_and(|layer| network.knows(layer))).count();
            assert!(norm != Norm::None || compared == network.layers().len(), "{objective}: {compared} maps");
        }
    }
    println!("feature maps: {largest:.1e}");
}

#[derive(Deserialize)]
struct LossCase {
    loss: String,
    temperature: f32,
    shape: [usize; 2],
    inputs: Vec<Vec<f32>>,
    value: f64,
    gradients: Vec<Option<Vec<f32>>>,
}

#[test]
fn losses_and_their_gradients_agree() {
    let device = Default::default();
    let (mut largest, mut largest_gradient) = (0.0, 0.0);
    for case in golden().losses {
        let what = format!("{} of {:?} at {}", case.loss, case.shape, case.temperature);
        let leaf = |values: &Vec<f32>| {
            Tensor::<Grad, 2>::from_data(TensorData::new(values.clone(), case.shape), &device).require_grad()
        };
        let inputs: Vec<_> = case.inputs.iter().map(leaf).collect();
        let loss = match &inputs[..] {
            [p1, z1, p2, z2] => {
                let loss = if case.loss == "byol" { byol_loss } else { simsiam_loss };
                loss(p1.clone(), z1.clone(), p2.clone(), z2.clone())
            }
            [z1, z2] => nt_xent_loss(z1.clone(), z2.clone(), case.temperature),
            other => panic!("{} inputs", other.len()),
        };
        let difference = (f64::from(loss.clone().into_scalar()) - case.value).abs();
        assert!(difference < 1e-5, "{what}: differs by {difference}");
        largest = worst(largest, difference);
        let gradients = loss.backward();
        for (i, (input, expected)) in inputs.iter().zip(&case.gradients).enumerate() {
            let Some(expected) = expected else {
                // The stop-grad: burn has no gradient at all, or zeros.
                let none = input.grad(&gradients).is_none_or(|g| g.abs().max().into_scalar() == 0.0);
                assert!(none, "{what}: a gradient came through the stop-grad to input {i}");
                continue;
            };
            let found: Vec<f32> = input.grad(&gradients).unwrap().into_data().into_vec().unwrap();
            // A gradient is as large as the features are small, so differences are shares of its largest value.
            let scale = expected.iter().fold(0.0f32, |a, x| a.max(x.abs()));
            let difference = found.iter().zip(expected).map(|(f, e)| f64::from((f - e).abs() / scale)).fold(0.0, worst);
            assert!(difference < 1e-5, "{what}: gradient of input {i} differs by {difference} of its largest value");
            largest_gradient = worst(largest_gradient, difference);
        }
    }
    println!("losses: {largest:.1e}, gradients: {largest_gradient:.1e}");
}

#[derive(Deserialize)]
struct ViewCase {
    draw: DrawCase,
    order: Vec<usize>,
    images: Vec<usize>,
    view: Sample,
}

#[derive(Deserialize, Debug)]
struct DrawCase {
    crop: [f32; 4],
    flip: bool,
    brightness: f32,
    contrast: f32,
    saturation: f32,
    hue: f32,
    grayscale: bool,
}

#[test]
fn views_are_torchvision_s() {
    let mut largest = 0.0;
    for ViewCase { draw: d, order, images: indices, view } in golden().views {
        let draw = Draw {
            crop: d.crop,
            flip: d.flip,
            brightness: d.brightness,
            contrast: d.contrast,
            saturation: d.saturation,
            hue: d.hue,
            grayscale: d.grayscale,
        };
        let views = Views::<Flex>::new(&images(&indices), &[0, 1], &Default::default());
        let difference = view.difference(views.apply(&[draw, draw], &order), 1.0);
        assert!(difference < 1e-5, "{d:?} in the order {order:?} differs by {difference}");
        largest = worst(largest, difference);
    }
    println!("views: {largest:.1e}");
}

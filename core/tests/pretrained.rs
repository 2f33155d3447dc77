//! ResNet-18, 50 and 152 behind both stems against PyTorch and torchvision (`tests/golden/make_pretrained.py`).
//! Weights and images follow from a formula, so that only the results are stored.

// clippy.toml allows it in tests, but does not see that these helpers are part of them.
#![allow(clippy::unwrap_used)]

use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use burn_store::{BurnToPyTorchAdapter, ModuleSnapshot};
use nsa_core::config::Norm;
use nsa_core::data::resize::to_imagenet_size;
use nsa_core::model::{Arch, EncoderConfig, Pretrained, ResNet, StateDict, Stem};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    pictures: Vec<Picture>,
}

/// Some bytes of a picture as torchvision shows it to its networks.
#[derive(Deserialize)]
struct Picture {
    height: usize,
    width: usize,
    at: Vec<usize>,
    values: Vec<u8>,
}

#[derive(Deserialize)]
struct Case {
    arch: String,
    stem: Stem,
    width: usize,
    height: usize,
    breadth: usize,
    maps: BTreeMap<String, Map>,
}

/// Some values of a map of two images, and moments of all of them.
#[derive(Deserialize)]
struct Map {
    dim: usize,
    at: Vec<usize>,
    values: Vec<f64>,
    mean: f64,
    std: f64,
}

/// `count` numbers of 0..1: the finaliser of MurmurHash3 on a hash (FNV-1a) of the name and the position.
fn uniform(name: &str, count: usize) -> Vec<f64> {
    let start = name.bytes().fold(2_166_136_261_u32, |x, byte| (x ^ u32::from(byte)).wrapping_mul(16_777_619));
    let number = |i: usize| {
        let mut x = start.wrapping_add((i as u32).wrapping_mul(0x9E37_79B9));
        x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from(x ^ (x >> 16)) / 4_294_967_296.0
    };
    (0..count).map(number).collect()
}

fn weight(name: &str, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let bound = (6.0 / (count / shape[0]) as f64).sqrt();
    let value = |u: f64| match name {
        _ if shape.len() > 1 => (2.0 * u - 1.0) * bound,
        name if name.ends_with("running_mean") => 0.6 * u - 0.3,
        name if name.ends_with("running_var") => 0.5 + 1.5 * u,
        name if name.ends_with("weight") => 0.5 + u,
        _ => 0.4 * u - 0.2,
    };
    uniform(name, count).into_iter().map(|u| value(u) as f32).collect()
}

/// The formula's weights for every tensor of an encoder, by PyTorch's names.
fn weights(config: EncoderConfig) -> StateDict {
    let network = ResNet::<Flex>::new(config, &Default::default());
    let mut state = StateDict::default();
    for snapshot in network.collect(None, Some(Box::new(BurnToPyTorchAdapter)), false) {
        let (name, shape) = (snapshot.full_path(), snapshot.shape.as_slice().to_vec());
        let values = weight(&name, &shape);
        state.insert(name, shape, values).unwrap();
    }
    state
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/pretrained.json")).unwrap()
}

#[test]
fn pictures_are_cropped_as_torchvision_crops_them() {
    for Picture { height, width, at, values } in golden().pictures {
        let bytes = uniform("picture", height * width * 3).into_iter().map(|u| (256.0 * u).floor() as u8);
        let found = to_imagenet_size(&bytes.collect::<Vec<u8>>(), width, height).unwrap();
        // Both round to whole bytes, but not the same intermediate results.
        for (at, value) in at.into_iter().zip(values) {
            assert!(found[at].abs_diff(value) <= 1, "{height} x {width}: {} at {at}, expected {value}", found[at]);
        }
    }
}

#[test]
fn every_feature_map_is_torchvision_s() {
    let device = Default::default();
    let mut compared = Vec::new();
    for Case { arch, stem, width, height, breadth, maps } in golden().cases {
        let what = format!("{arch}, {stem}, width {width}, {height} x {breadth}");
        let config = EncoderConfig { arch: arch.parse::<Arch>().unwrap(), stem, width };
        let network = Pretrained::<Flex>::load(config, Norm::None, weights(config), &device).unwrap();
        let bytes = uniform("images", 2 * 3 * height * breadth).into_iter().map(|u| (256.0 * u).floor() as f32 / 255.0);
        let images = TensorData::new(bytes.collect::<Vec<f32>>(), [2, 3, height, breadth]);
        let images = stem.pixels().apply(Tensor::<Flex, 4>::from_data(images, &device));

        let layers = network.layers(height, breadth);
        assert!(layers.iter().all(|(layer, dim)| maps[&layer.to_string()].dim == *dim), "{what}: {layers:?}");
        assert_eq!(layers.len(), maps.len(), "{what}");
        let mut largest = 0.0;
        for (name, expected) in &maps {
            let found: Vec<f32> =
                network.layer(images.clone(), name.parse().unwrap()).unwrap().into_data().into_vec().unwrap();
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            assert_eq!(found.len(), 2 * expected.dim, "{what}: {name}");
            let mean = found.iter().sum::<f64>() / found.len() as f64;
            let std = (found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / found.len() as f64).sqrt();
            let scale = expected.mean.hypot(expected.std);
            let of_values = expected.at.iter().zip(&expected.values).map(|(&at, value)| (found[at] - value).abs());
            let of_moments = [(mean - expected.mean).abs(), (std - expected.std).abs()];
            for difference in of_values.chain(of_moments).map(|difference| difference / scale) {
                assert!(difference < 1e-4, "{what}: {name} differs by {difference}");
                largest = difference.max(largest);
            }
        }
        println!("{what}: {largest:.1e}");
        compared.push((arch, stem));
    }
    for arch in ["resnet18", "resnet50", "resnet152"] {
        for stem in [Stem::Cifar, Stem::Imagenet] {
            assert!(compared.contains(&(arch.into(), stem)), "{arch}, {stem} was not compared");
        }
    }
}

//! `nsa embed` from the outside: files that PyTorch wrote, and our own bundles' weights.

// clippy.toml allows it in tests, but does not see that these helpers are part of them.
#![allow(clippy::unwrap_used)]

mod common;

use burn_flex::Flex;
use common::{Lab, left_behind, read_npy, uniform, write_npy};
use nsa_core::bundle::Manifest;
use nsa_core::data::{Split, synth_digits};
use nsa_core::model::{Layer, embed, load_weights};
use std::path::Path;

fn golden(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden").join(name).display().to_string()
}

/// The two images of 40 x 40 that the reference is of.
fn write_images(path: &Path) {
    let bytes = uniform("images", 2 * 3 * 40 * 40).into_iter().map(|u| (256.0 * u).floor() as f32 / 255.0);
    write_npy(path, "2, 3, 40, 40", &bytes.collect::<Vec<f32>>());
}

#[test]
fn files_of_torch_save_give_pytorch_s_features() {
    let lab = Lab::new();
    write_images(&lab.path("x.npy"));
    let reference: serde_json::Value =
        serde_json::from_slice(&std::fs::read(golden("pretrained.json")).unwrap()).unwrap();
    let case = reference["cases"].as_array().unwrap().iter().find(|case| case["width"] == 1).unwrap();
    for file in ["pretrained.pth", "pretrained_legacy.pth"] {
        for (layer, map) in case["maps"].as_object().unwrap() {
            let weights = golden(file);
            let line = format!(
                "embed --weights {weights} --arch resnet18 --stem imagenet --width 1 --images x.npy --layer {layer} \
                 --device cpu --out f.npy"
            );
            lab.nsa(&line).succeeds();
            let found = read_npy(&lab.path("f.npy"));
            assert_eq!(found.len() as u64, 2 * map["dim"].as_u64().unwrap(), "{file}: {layer}");
            let number = |value: &serde_json::Value| value.as_f64().unwrap();
            let scale = number(&map["mean"]).hypot(number(&map["std"]));
            for (at, value) in map["at"].as_array().unwrap().iter().zip(map["values"].as_array().unwrap()) {
                let at = at.as_u64().unwrap() as usize;
                let difference = (f64::from(found[at]) - number(value)).abs() / scale;
                assert!(difference < 1e-4, "{file}: {layer}[{at}] differs by {difference}");
            }
        }
    }
}

#[test]
fn a_bundle_s_weights_give_the_maps_its_banks_are_of() {
    let lab = Lab::new();
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/bundles/digits");
    let manifest = Manifest::parse(&std::fs::read(bundle.join("bundle.json")).unwrap()).unwrap();
    let weights = bundle.join("model.safetensors");
    let config = manifest.config.network();
    let network = config.init::<Flex>(0, &Default::default());
    let network = load_weights(network, &std::fs::read(&weights).unwrap()).unwrap();
    // Enough images for two batches.
    let images = synth_digits::generate(synth_digits::SEED, Split::Test, 30);
    let values: Vec<f32> = images.pixels().iter().map(|&p| f32::from(p) / 255.0).collect();
    write_npy(&lab.path("x.npy"), "300, 3, 32, 32", &values);
    for layer in [Layer::EMBEDDING, Layer::Flat(3), Layer::Head(1), Layer::Head(2)] {
        let line = format!(
            "embed --weights {} --arch resnet18 --stem cifar --width {} --norm {} --images x.npy --layer {layer} \
             --device cpu --out f.npy",
            weights.display(),
            config.width,
            config.norm
        );
        lab.nsa(&line).succeeds();
        let expected =
            pollster::block_on(embed(&network, images.pixels(), images.side(), &[layer], &Default::default())).unwrap();
        let found = read_npy(&lab.path("f.npy"));
        assert_eq!(found.len(), expected[0].len(), "{layer}");
        let largest = expected[0].iter().fold(0.0_f32, |a, v| a.max(v.abs()));
        assert!(found.iter().zip(&expected[0]).all(|(f, e)| (f - e).abs() < 1e-5 * largest), "{layer}");
    }
}

#[test]
fn what_does_not_fit_is_one_sentence() {
    let lab = Lab::new();
    write_images(&lab.path("x.npy"));
    let embed = |rest: &str| {
        let line = format!("embed --images x.npy --out f.npy --device cpu {rest}");
        let answer = lab.nsa(&line);
        assert_eq!(answer.stderr.lines().filter(|line| line.starts_with("nsa:")).count(), 1, "{}", answer.stderr);
        assert!(!lab.path("f.npy").exists() && left_behind(&lab.path("")).is_empty(), "{line} left a file behind");
        answer
    };
    let pth = golden("pretrained.pth");
    let small = format!("--weights {pth} --arch resnet18 --stem imagenet --width 1");
    embed(&format!("{small} --layer conv5"))
        .fails(2, &["--layer must be one of conv1, conv2", "for these weights, found 'conv5'"]);
    embed(&format!("{small} --layer head1")).fails(2, &["conv4-1x1 for these weights, found 'head1'"]);
    embed(&format!("--weights {pth} --arch resnet18 --stem imagenet --layer conv1"))
        .fails(2, &["pretrained.pth", "must be [64, 3, 7, 7] for width 64 and the imagenet stem, found [1, 3, 7, 7]"]);
    embed(&format!("--weights {pth} --arch resnet50 --stem imagenet --width 1 --layer conv1"))
        .fails(2, &["do not fit the network"]);
    embed("--weights x.npy --arch resnet18 --stem cifar --layer conv1").fails(2, &["x.npy must be a safetensors file"]);
    embed("--weights none.pth --arch resnet18 --stem cifar --layer conv1").fails(2, &["cannot read none.pth"]);
    embed(&format!("{small} --layer conv1 --std 0,0,0")).fails(2, &["--std must be three numbers of 0.000001 or more"]);
    lab.nsa(&format!("embed {small} --images none.npy --layer conv1 --out f.npy")).fails(2, &["none.npy"]);
    lab.nsa(&format!("embed {small} --arch resnet34 --images x.npy --layer conv1 --out f.npy")).fails(2, &["--arch"]);
    write_npy(&lab.path("x.npy"), "1, 3, 2, 2", &[1.5; 12]);
    embed(&format!("{small} --layer conv1")).fails(2, &["x.npy must hold values of 0 to 1, found 1.5 in image 0"]);
    write_npy(&lab.path("x.npy"), "1, 1, 2, 2", &[0.5; 4]);
    embed(&format!("{small} --layer conv1"))
        .fails(2, &["x.npy must hold images, N x 3 x H x W", "found 1 x 1 x 2 x 2"]);
}

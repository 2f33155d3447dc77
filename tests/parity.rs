//! The core gives the same numbers on every machine: run natively by `cargo test`, in Chromium by `wasm-pack test`.
#![allow(clippy::unwrap_used)]

use burn_flex::Flex;
use nsa_core::bundle::{Detector, Manifest};
use nsa_core::data::{Split, synth_digits};
use nsa_core::score::Scorer;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

const MANIFEST: &[u8] = include_bytes!("../assets/bundles/digits/bundle.json");
const MODEL: &[u8] = include_bytes!("../assets/bundles/digits/model.safetensors");
const BANK: &[u8] = include_bytes!("../assets/bundles/digits/bank.safetensors");
const HISTORY: &[u8] = include_bytes!("../assets/bundles/digits/history.json");
/// `nsa predict` on the first twenty test images, written by `scripts/parity.sh`.
const EXPECTED: &[u8] = include_bytes!("parity.json");

/// Mean brightness, 0 to 255, of four views that the default bundle's training would draw of a test image by seed 7:
/// written down from the browser's engine.
const VIEWS: [f64; 4] = [91.098, 53.085, 122.381, 38.981];

fn detector() -> Detector<Flex> {
    Detector::new(Manifest::parse(MANIFEST).unwrap(), MODEL, BANK, Default::default()).unwrap()
}

#[test]
fn synth_digits_are_the_same_pixels() {
    assert_eq!(synth_digits::checksum(), synth_digits::CHECKSUM);
}

#[test]
fn scores_are_those_of_the_native_program() {
    let expected: Vec<serde_json::Value> = serde_json::from_slice(EXPECTED).unwrap();
    let images = synth_digits::generate(synth_digits::SEED, Split::Test, 2);
    let found = pollster::block_on(detector().score(images.pixels())).unwrap();
    assert_eq!(found.len(), expected.len());
    for (i, (image, expected)) in found.iter().zip(&expected).enumerate() {
        let expected = expected["scores"].as_array().unwrap();
        assert_eq!(image.scores.len(), expected.len());
        for (score, row) in image.scores.iter().zip(expected) {
            let wanted = row["score"].as_f64().unwrap();
            assert!((f64::from(*score) - wanted).abs() < 1e-3, "image {i}, {row}: found {score}");
        }
    }
}

#[test]
fn explanations_are_those_of_the_native_program() {
    let expected: Vec<serde_json::Value> = serde_json::from_slice(EXPECTED).unwrap();
    let images = synth_digits::generate(synth_digits::SEED, Split::Test, 2);
    let detector = detector();
    let default = detector.manifest().default_score();
    let found = pollster::block_on(detector.explain(images.pixels(), 5)).unwrap();
    for (i, (image, expected)) in found.iter().zip(&expected).enumerate() {
        let sum = image.ensemble.as_ref().unwrap().sum;
        // The parts divide by ranges of training scores of about 0.1.
        assert!((f64::from(sum) - expected["ensemble"].as_f64().unwrap()).abs() < 1e-2, "image {i}: {sum}");
        let near = &image.neighbours[default];
        let wanted = expected["neighbours"].as_array().unwrap();
        assert_eq!(near.len(), wanted.len());
        for (near, wanted) in near.iter().zip(wanted) {
            let angle = wanted["angle"].as_f64().unwrap();
            assert!((f64::from(near.angle) - angle).abs() < 1e-3, "image {i}: {near:?}, native {wanted}");
        }
        // Equally near ones may change places, but the same images are near.
        let position = |value: &serde_json::Value| value["position"].as_u64().map(|p| p as u32);
        let same = wanted.iter().filter(|w| near.iter().any(|n| n.position == position(w))).count();
        assert!(same + 1 >= near.len(), "image {i}: {near:?}, native {wanted:?}");
    }
}

#[test]
fn a_bank_s_features_are_of_the_images_that_the_settings_name() {
    let detector = detector();
    let labels: Vec<u8> = (0..10 * synth_digits::TRAIN_PER_CLASS).map(synth_digits::label).collect();
    let split = detector.manifest().config.split(&labels, 10).unwrap();
    let plain = detector.manifest().scores.iter().rposition(|s| s.scorer == Scorer::KCos).unwrap();
    // The bank keeps some of the images that were trained on.
    let (_, bank) = detector.banks().last().unwrap();
    let kept = bank.parts().index.clone().unwrap();
    for row in [0, 1, 4, 242, kept.len() - 1] {
        let position = kept[row] as usize;
        let image = synth_digits::nth(synth_digits::SEED, Split::Train, split.indices[position]);
        let found = pollster::block_on(detector.explain(&image, 1)).unwrap();
        let nearest = found[0].neighbours[plain][0];
        // Nearest to itself, as near as the bank's half precision allows.
        assert_eq!(nearest.position, Some(position as u32));
        assert!(nearest.angle < 1e-3, "{nearest:?}");
    }
}

#[test]
fn training_views_are_the_same_pictures() {
    let image = synth_digits::image(synth_digits::SEED, Split::Test, 2, 0);
    let detector = detector();
    let views = pollster::block_on(detector.views(&image, 4, 7)).unwrap();
    let brightness = |view: &[u8]| view.iter().map(|&p| f64::from(p)).sum::<f64>() / view.len() as f64;
    let found: Vec<f64> = views.chunks(image.len()).map(brightness).collect();
    assert_eq!(found.len(), 4);
    for (found, expected) in found.iter().zip(VIEWS) {
        assert!((found - expected).abs() < 0.5, "{found:?}, expected {VIEWS:?}");
    }
    assert_eq!(views, pollster::block_on(detector.views(&image, 4, 7)).unwrap());
    assert_ne!(views, pollster::block_on(detector.views(&image, 4, 8)).unwrap());
    for (image, n) in [(&image[..7], 4), (&image[..], 0)] {
        assert!(pollster::block_on(detector.views(image, n, 7)).is_err());
    }
}

#[test]
fn a_damaged_bundle_is_refused_and_never_panics() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let load = |model: &[u8], bank: &[u8]| Detector::<Flex>::new(manifest.clone(), model, bank, Default::default());
    for at in (0..BANK.len()).step_by(BANK.len() / 16) {
        let mut bank = BANK.to_vec();
        bank[at] ^= 1;
        assert!(load(MODEL, &bank).is_err_and(|e| e.to_string().contains("bank.safetensors")));
        assert!(load(MODEL, &BANK[..at]).is_err());
    }
    // Without its last line break a manifest is still whole: only cuts inside the JSON must be refused.
    let json = MANIFEST.trim_ascii_end();
    for at in (0..json.len()).step_by(7) {
        let mut bytes = json.to_vec();
        bytes[at] = bytes[at].wrapping_add(1);
        // It may still be a manifest (a letter of the title); the files must then fit it or be refused.
        if let Ok(manifest) = Manifest::parse(&bytes) {
            let _ = Detector::<Flex>::new(manifest, MODEL, BANK, Default::default());
        }
        assert!(Manifest::parse(&json[..at]).is_err());
    }
}

#[test]
fn the_history_is_readable() {
    let history = Manifest::parse(MANIFEST).unwrap().read_history(HISTORY).unwrap();
    assert!(history.epochs.iter().all(|e| e.id.kappa > 0.0 && e.ood.kappa > 0.0));
}

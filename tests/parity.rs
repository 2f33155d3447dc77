//! The core gives the same numbers on every machine: run natively by `cargo test`, in Chromium by `wasm-pack test`.
#![allow(clippy::unwrap_used)]

use burn_flex::Flex;
use nsa_core::bundle::{Detector, Manifest};
use nsa_core::data::{Split, synth_digits};

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

#[test]
fn synth_digits_are_the_same_pixels() {
    assert_eq!(synth_digits::checksum(), synth_digits::CHECKSUM);
}

#[test]
fn scores_are_those_of_the_native_program() {
    let expected: Vec<serde_json::Value> = serde_json::from_slice(EXPECTED).unwrap();
    let images = synth_digits::generate(synth_digits::SEED, Split::Test, 2);
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let detector = Detector::<Flex>::new(manifest, MODEL, BANK, Default::default()).unwrap();
    let found = pollster::block_on(detector.score(images.pixels())).unwrap();
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

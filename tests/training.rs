//! Training in the browser is training natively: run natively by `cargo test`, in Chromium by `wasm-pack test`.
#![allow(clippy::unwrap_used)]

use burn::backend::Autodiff;
use burn_flex::Flex;
use nsa_core::bundle::{BANK_FILE, Detector, FILES, from_zip};
use nsa_core::config::AugmentConfig;
use nsa_core::config::{Norm, Objective, TrainConfig};
use nsa_core::data::{IMAGE_BYTES, OWN, Sides, Split, synth_digits};
use nsa_core::eval::auroc;
use nsa_engine::train::protocol::{Begin, Frame};
use nsa_engine::train::{Done, Labels, LiveRun, pack};
use pollster::block_on;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
// As the trainer does; a page that computes for a minute answers no driver.
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

type Run = LiveRun<Autodiff<Flex>>;

/// The first twenty losses of each run below, written natively by `scripts/parity.sh`.
const EXPECTED: &str = include_str!("training.json");
const STEPS: usize = 20;

fn config(objective: Objective, norm: Norm, pollution: f32) -> TrainConfig {
    TrainConfig {
        id_class: 1,
        objective,
        norm,
        pollution,
        width: 4,
        batch: 16,
        limit: 128,
        epochs: 4,
        // Small: Adam's first steps are as long for gradients that are all rounding as for any other, and the batch norms
        // of small batches make much of it.
        lr: 1e-5,
        temperature: 0.2,
        eval_every: 1,
        eval_limit: 24,
        augment: AugmentConfig { flip: 0.0, ..AugmentConfig::default() },
        ..TrainConfig::default()
    }
}

fn configs() -> Vec<TrainConfig> {
    vec![
        config(Objective::Simclr, Norm::None, 0.0),
        config(Objective::SimclrRot, Norm::F, 0.1),
        config(Objective::Simsiam, Norm::Both, 0.0),
    ]
}

fn begin(config: &TrainConfig) -> Run {
    resume(config, &[], Vec::new(), Vec::new())
}

fn resume(
    config: &TrainConfig,
    snapshot: &[u8],
    history: Vec<nsa_core::measure::HistoryEntry>,
    frames: Vec<Frame>,
) -> Run {
    let begin = Begin { config: config.clone(), snapshot: snapshot.len(), history, frames, seconds: 0.0 };
    Run::begin(begin, snapshot, None, Default::default()).unwrap()
}

/// Trains so many steps and measures after every epoch.
fn train(run: &mut Run, steps: usize) -> (Vec<f32>, Vec<Frame>) {
    let (mut losses, mut frames) = (Vec::new(), Vec::new());
    while losses.len() < steps || run.run().wants_measure() {
        match block_on(run.advance(async |_| ())).unwrap().unwrap() {
            Done::Stepped { loss, .. } => losses.push(loss),
            Done::Measured { frame, .. } => frames.push(frame),
        }
    }
    (losses, frames)
}

#[test]
fn the_first_losses_are_those_of_the_native_program() {
    let expected: Vec<Vec<f32>> = serde_json::from_str(EXPECTED).unwrap();
    assert_eq!(expected.len(), configs().len());
    for (config, expected) in configs().iter().zip(expected) {
        let (losses, _) = train(&mut begin(config), STEPS);
        assert_eq!(expected.len(), STEPS);
        for (step, (found, wanted)) in losses.iter().zip(&expected).enumerate() {
            assert!((found - wanted).abs() < 1e-3, "{}, step {step}: {found}, natively {wanted}", config.objective);
        }
    }
}

#[test]
fn a_run_that_is_taken_up_again_goes_on_as_if_it_had_not_stopped() {
    let config = &configs()[1];
    let mut whole = begin(config);
    let (losses, frames) = train(&mut whole, 24);
    assert_eq!(frames.iter().map(|f| f.epoch).collect::<Vec<_>>(), [0, 1, 2, 3]);

    let mut first = begin(config);
    let (mut parts, kept) = train(&mut first, 16);
    // Three steps into an epoch the engine dies: they are done again.
    train(&mut first, 3);
    let mut second = resume(config, first.checkpoint(), first.run().history().epochs.clone(), kept);
    assert_eq!((second.run().position(), second.run().wants_measure()), ((2, 0), false));
    let (rest, more) = train(&mut second, 8);
    parts.extend(rest);
    assert_eq!(losses, parts);
    assert_eq!(frames.last(), more.last());
    assert_eq!(whole.run().history(), second.run().history());
}

#[test]
fn a_saved_run_scores_as_it_says() {
    let config = &configs()[0];
    let mut run = begin(config);
    train(&mut run, 16);
    let labels = Labels { id: "mine".into(), title: "Mine".into(), device: "CPU".into(), seconds: 2.0 };
    let zip = block_on(pack(&run, labels, async |_| ())).unwrap();

    let unpacked = from_zip(&zip).unwrap();
    let manifest = &unpacked.manifest;
    let [model, bank, history, frames] = &unpacked.files;
    assert_eq!(FILES[1], BANK_FILE);
    let (read, kept) = (manifest.read_history(history).unwrap().epochs, &run.run().history().epochs);
    assert_eq!(read.len(), kept.len());
    // JSON may round the last digit.
    assert!(read.iter().zip(kept).all(|(a, b)| a.epoch == b.epoch && (a.id.kappa / b.id.kappa - 1.0).abs() < 1e-12));
    assert_eq!(manifest.read_frames(frames).unwrap().epochs, [0, 1, 2]);
    assert!(manifest.provenance.command.contains("stopped after epoch 2 of 4"), "{}", manifest.provenance.command);

    let detector = Detector::<Flex>::new(manifest.clone(), model, bank, Default::default()).unwrap();
    let default = manifest.default_score();
    let (mut id, mut ood) = (Vec::new(), Vec::new());
    let test = synth_digits::generate(synth_digits::SEED, Split::Test, synth_digits::TEST_PER_CLASS);
    for (i, scores) in block_on(detector.score(test.pixels())).unwrap().into_iter().enumerate() {
        let side = if usize::from(test.labels()[i]) == config.id_class { &mut id } else { &mut ood };
        side.push(scores.scores[default]);
    }
    let (found, told) = (auroc(&id, &ood).unwrap(), manifest.scores[default].auroc_exported.unwrap());
    assert!((found - told).abs() < 1e-9, "found {found}, told {told}");
}

/// `n` pictures of the digit, from number `first` on.
fn digits(digit: u8, first: usize, n: usize) -> Vec<u8> {
    (first..first + n).flat_map(|i| synth_digits::image(synth_digits::SEED, Split::Test, digit, i)).collect()
}

#[test]
fn own_images_are_trained_on_and_a_quarter_of_them_is_the_test() {
    let config = TrainConfig { dataset: OWN.into(), id_class: 0, ..config(Objective::Simclr, Norm::F, 0.0) };
    let begin = |config: &TrainConfig, normal: &[u8], odd: &[u8]| {
        let begin = Begin { config: config.clone(), snapshot: 0, history: vec![], frames: vec![], seconds: 0.0 };
        Run::begin(begin, &[], Some(Sides { id: normal, ood: odd }), Default::default())
    };
    let (normal, odd) = (digits(7, 0, 80), digits(0, 0, 10));
    let mut run = begin(&config, &normal, &odd).unwrap();
    let prepared = run.prepared();
    assert_eq!((prepared.images, prepared.id, prepared.labels.len()), (60, 20, 30));
    // 24 training images at most, and no validation images.
    assert_eq!(prepared.measured, 24 + 20 + 10);
    let steps = prepared.steps;
    train(&mut run, steps);

    let labels = Labels { id: "sevens".into(), title: "Sevens".into(), device: "CPU".into(), seconds: 1.0 };
    let manifest = from_zip(&block_on(pack(&run, labels, async |_| ())).unwrap()).unwrap().manifest;
    assert_eq!((manifest.classes.len(), manifest.normal.is_none()), (2, true));
    let from = &manifest.provenance;
    assert_eq!((from.train_images, from.test_id, from.test_ood), (60, 20, 10));
    assert!(from.command.starts_with("trained in a browser on images"), "{}", from.command);

    let refused = |config: &TrainConfig, normal| begin(config, normal, &[]).err().unwrap().to_string();
    assert!(refused(&config, &normal[..63 * IMAGE_BYTES]).contains("at least 64 images, found 63"));
    assert!(refused(&configs()[0], &normal).contains("dataset must be own"));
}

#[test]
fn what_a_browser_is_spared_is_refused() {
    let refused = |change: fn(&mut TrainConfig)| {
        let mut config = configs().remove(0);
        change(&mut config);
        let begin = Begin { config, snapshot: 0, history: vec![], frames: vec![], seconds: 0.0 };
        Run::begin(begin, &[], None, Default::default()).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(refused(|c| c.width = 64).contains("width must be at most 16, found 64"));
    assert!(refused(|c| c.batch = 4096).contains("batch"));
    assert!(refused(|c| c.limit = 0).contains("limit"));
    assert!(refused(|c| c.dataset = "svhn".into()).contains("synth-digits"));
    assert!(refused(|c| c.lr = -1.0).contains("lr"));
    assert!(refused(|c| c.pollution = 0.99).contains("pollution"));
}

#[test]
fn another_rate_holds_from_the_next_step_on() {
    let config = &configs()[0];
    let (mut plain, mut steered) = (begin(config), begin(config));
    assert_eq!(train(&mut plain, 2).0, train(&mut steered, 2).0);
    steered.set_rate(1e-2).unwrap();
    assert!(steered.set_rate(0.0).is_err() && steered.run().config().lr == 1e-2);
    // The next loss is still that of the weights before it.
    assert_eq!(train(&mut plain, 1).0, train(&mut steered, 1).0);
    assert_ne!(train(&mut plain, 1).0, train(&mut steered, 1).0);
}

/// Writes what the first test reads.
#[cfg(not(target_arch = "wasm32"))]
#[test]
#[ignore = "scripts/parity.sh runs it"]
fn write_expected() {
    let losses: Vec<Vec<f32>> = configs().iter().map(|config| train(&mut begin(config), STEPS).0).collect();
    let rows: Vec<String> = losses.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/training.json");
    std::fs::write(path, format!("[\n{}\n]\n", rows.join(",\n"))).unwrap();
}

//! `nsa fit`: a person's own normal images behind the encoder of a bundle, in a moment and without training.

use super::predict::promise;
use super::{print, print_json};
use crate::bundles::{self, Destination};
use crate::cli::FitArgs;
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::images::Images;
use crate::progress::Progress;
use crate::run::COMMIT;
use crate::weights::read_weights;
use burn::tensor::backend::Backend;
use nsa_core::bundle::{Assembled, Detector, ELSEWHERE, Manifest, Origin};
use nsa_core::config::TrainConfig;
use nsa_core::data::{IMAGE_BYTES, OWN_CLASSES};
use nsa_core::eval::{Alarm, alarm};
use nsa_core::measure::{Frames, History};
use nsa_core::model::{Arch, Stem};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Images embedded at once.
const BATCH: usize = 64;

/// Fits the banks and writes the bundle.
pub fn run(args: &FitArgs) -> Result<(), NsaError> {
    if args.bundle.is_some() {
        args.weights_are.must_be_absent("--bundle")?;
    }
    let inputs: Vec<&Path> =
        args.normal.iter().chain(&args.bundle).chain(&args.weights).map(PathBuf::as_path).collect();
    let destination = Destination::new(&args.out, args.overwrite.force, &inputs)?;
    let id = destination.id().to_string();
    if args.weights.is_some() {
        bundles::check_sizes(args.weights_are.width(), 0)?;
    }
    let images = Images::read(&args.normal)?;
    let (assembled, manifest, alarms) = on_device(args.device, Job { args, id: id.clone(), pixels: &images.pixels })?;
    let refused = |source| NsaError::Bundle { path: args.out.clone(), source };
    // It was not trained: there is nothing to replay.
    let contents = assembled.to_files(&History::default(), &Frames::default()).map_err(refused)?;
    destination.write(&contents, false)?;
    let (default, n) = (manifest.default_score(), images.pixels.len() / IMAGE_BYTES);
    if args.json {
        let entry = |(entry, alarm): (&nsa_core::bundle::ScoreEntry, &Alarm)| {
            let Alarm { threshold, expected, range } = alarm;
            json!({"layer": entry.layer, "scorer": entry.scorer, "threshold": threshold, "expected": expected, "range": range})
        };
        let scores: Vec<_> = manifest.scores.iter().zip(&alarms).map(entry).collect();
        print_json(&json!({"id": id, "images": n, "default": default, "scores": scores}))?;
    } else {
        let entry = &manifest.scores[default];
        let line = format!("{n} normal images; {} on {}, {}\n", entry.scorer, entry.layer, promise(&alarms[default]));
        print(&line)?;
    }
    images.verdict()
}

/// Out of a bundle, or of a file of weights.
fn encoder<B: Backend>(args: &FitArgs, device: B::Device) -> Result<Detector<B>, NsaError> {
    let (Some(path), Some(arch), Some(stem)) = (&args.weights, args.arch, args.stem) else {
        let bundle = args.bundle.as_ref().expect("clap asks for a bundle where there are no weights");
        return bundles::detector(bundle, device);
    };
    if (arch, stem) != (Arch::Resnet18, Stem::Cifar) {
        let why = format!(
            "--arch and --stem must be resnet18 and cifar, which is what a bundle holds, found {arch} and {stem}: \
             nsa embed and nsa score do the same without a bundle"
        );
        return Err(NsaError::Usage(why));
    }
    let (shape, pixels) = args.weights_are.encoder(arch, stem)?;
    let state = read_weights(path, &shape)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let config = TrainConfig {
        dataset: ELSEWHERE.into(),
        width: shape.width,
        norm: args.weights_are.norm(),
        pixels: Some(pixels),
        id_class: 0,
        ..TrainConfig::default()
    };
    let origin = Origin {
        id: ELSEWHERE.into(),
        title: name.clone(),
        classes: OWN_CLASSES.map(String::from).to_vec(),
        commit: COMMIT.into(),
        device: "trained elsewhere".into(),
        wall_seconds: 0.0,
        data_source: format!("weights of {name}"),
        outliers: 0,
        command: "nsa fit --weights".into(),
    };
    wait(Detector::of_weights(config, state, origin, device))
        .map_err(|source| NsaError::WeightsFile { path: path.clone(), source })
}

struct Job<'a> {
    args: &'a FitArgs,
    id: String,
    pixels: &'a [u8],
}

impl DeviceJob for Job<'_> {
    type Output = (Assembled, Manifest, Vec<Alarm>);

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<Self::Output, NsaError> {
        let Self { args, id, pixels } = self;
        let encoder = encoder::<B>(args, device)?;
        let mut progress = Progress::new("embedding", pixels.len() / IMAGE_BYTES);
        let fitted = wait(encoder.fit(pixels, BATCH, async |n| progress.advance(n)))?;
        progress.finish();
        let alarms =
            fitted.held_out()?.iter().map(|scores| alarm(scores, args.false_alarms)).collect::<Result<_, _>>()?;
        let refused = |source| NsaError::Bundle { path: args.out.clone(), source };
        let title = args.title.clone().unwrap_or_else(|| id.clone());
        Ok((fitted.assembled(id, title, pixels).map_err(refused)?, fitted.manifest().clone(), alarms))
    }
}

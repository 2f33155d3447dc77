//! `nsa fit`: a person's own normal images behind the encoder of a bundle, in a moment and without training.

use super::predict::promise;
use super::{print, print_json};
use crate::bundles::{self, Destination};
use crate::cli::FitArgs;
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::images::Images;
use crate::output::tell;
use crate::progress::Progress;
use crate::run::COMMIT;
use crate::weights::read_weights;
use burn::tensor::backend::Backend;
use nsa_core::bundle::{Assembled, Detector, ELSEWHERE, MIN_NORMAL, Manifest, Origin};
use nsa_core::config::TrainConfig;
use nsa_core::data::{IMAGE_BYTES, OWN_CLASSES};
use nsa_core::eval::{Alarm, alarm};
use nsa_core::measure::{Frames, History};
use nsa_core::model::{Arch, Stem};
use nsa_core::score::{MIN_GROUPS, Variety};
use serde_json::json;
use std::collections::BTreeSet;
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
    let Made { assembled, manifest, alarms, variety } =
        on_device(args.device, Job { args, id: id.clone(), pixels: &images.pixels })?;
    let refused = |source| NsaError::Bundle { path: args.out.clone(), source };
    // It was not trained: there is nothing to replay.
    let contents = assembled.to_files(&History::default(), &Frames::default()).map_err(refused)?;
    destination.write(&contents, false)?;
    let (default, n, views) = (manifest.default_score(), images.pixels.len() / IMAGE_BYTES, variety.views);
    let copies = n - images.pixels.chunks_exact(IMAGE_BYTES).collect::<BTreeSet<_>>().len();
    if copies > 0 {
        tell!("nsa: {copies} of the {n} images are copies of others, pixel for pixel: they count once");
    }
    if let Some(advice) = few_views(n, views) {
        tell!("nsa: {advice}");
    }
    if args.json {
        let entry = |(entry, alarm): (&nsa_core::bundle::ScoreEntry, &Alarm)| {
            let Alarm { threshold, expected, range } = alarm;
            json!({"layer": entry.layer, "scorer": entry.scorer, "threshold": threshold, "expected": expected, "range": range})
        };
        let scores: Vec<_> = manifest.scores.iter().zip(&alarms).map(entry).collect();
        print_json(&json!({
            "id": id, "images": n, "copies": copies, "views": views, "groups": variety.groups, "default": default,
            "scores": scores,
        }))?;
    } else {
        let entry = &manifest.scores[default];
        let promise = promise(&alarms[default]);
        print(&format!("{n} normal images; {}{} on {}, {promise}\n", about(n, views), entry.scorer, entry.layer))?;
    }
    images.verdict()
}

/// How many views the images show, where they are not all different.
pub(super) fn about(images: usize, views: usize) -> String {
    match views {
        views if views == images => String::new(),
        1 => "about 1 view; ".into(),
        views => format!("about {views} different views; "),
    }
}

/// What to do where the images show too little.
pub(super) fn few_views(images: usize, views: usize) -> Option<String> {
    let promised = match views {
        0..MIN_GROUPS => "the threshold is for new images of the same, and of other views it promises nothing",
        MIN_GROUPS..MIN_NORMAL => "the threshold promises little",
        _ => return None,
    };
    let shown = if views == 1 { "1 view".into() } else { format!("{views} different views") };
    Some(format!(
        "the {images} images show about {shown} (near copies count once), so {promised}: add images of other views, \
         {MIN_NORMAL} at least, 40 are good"
    ))
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

/// A fitted bundle, and what is said of it.
struct Made {
    assembled: Assembled,
    manifest: Manifest,
    alarms: Vec<Alarm>,
    variety: Variety,
}

struct Job<'a> {
    args: &'a FitArgs,
    id: String,
    pixels: &'a [u8],
}

impl DeviceJob for Job<'_> {
    type Output = Made;

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<Made, NsaError> {
        let Self { args, id, pixels } = self;
        let encoder = encoder::<B>(args, device)?;
        let mut progress = Progress::new("embedding", pixels.len() / IMAGE_BYTES);
        let fitted = wait(encoder.fit(pixels, BATCH, async |n| progress.advance(n)))?;
        progress.finish();
        let alarms =
            fitted.held_out()?.iter().map(|scores| alarm(scores, args.false_alarms)).collect::<Result<_, _>>()?;
        let refused = |source| NsaError::Bundle { path: args.out.clone(), source };
        let title = args.title.clone().unwrap_or_else(|| id.clone());
        let assembled = fitted.assembled(id, title, pixels).map_err(refused)?;
        Ok(Made { assembled, manifest: fitted.manifest().clone(), alarms, variety: fitted.variety()? })
    }
}

//! `nsa predict`: scores of image files by a bundle, from the same core function as in the browser.

use super::fit::about;
use super::print_json;
use crate::bundles;
use crate::cli::PredictArgs;
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::images::{FittedOn, Images, in_folder};
use crate::output::{self, print_json_line};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{Detector, Ensemble, Explanation, ImageScores, Manifest, Neighbour, ScoreEntry};
use nsa_core::data::IMAGE_BYTES;
use nsa_core::eval::{self, Alarm};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Images scored at once.
const BATCH: usize = 64;
/// Training images that `--explain` names.
const NEIGHBOURS: usize = 5;
/// How often `--watch` looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Scores every image; one that cannot be read is named and the others go on.
pub fn run(args: &PredictArgs) -> Result<(), NsaError> {
    if let Some(folder) = &args.watch {
        return on_device(args.device, Watch { args, folder });
    }
    let images = Images::read(&args.images)?;
    // Arrays of no images are scored too: a script gets its empty list, or hears that the bundle is bad.
    if images.any() {
        let (says, found) = on_device(args.device, Job { args, pixels: &images.pixels })?;
        says.fitted_on.warn(&images.pixels);
        let named = images.names.iter().zip(&found);
        if args.json {
            print_json(&named.map(|(name, image)| says.row(name, image)).collect::<Vec<_>>())?;
        } else {
            super::print(&named.fold(says.heading(), |table, (name, image)| table + &says.lines(name, image)))?;
        }
    }
    images.verdict()
}

struct Job<'a> {
    args: &'a PredictArgs,
    pixels: &'a [u8],
}

impl DeviceJob for Job<'_> {
    type Output = (Says, Vec<Found>);

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<Self::Output, NsaError> {
        let detector = bundles::detector::<B>(&self.args.bundle, device)?;
        let says = Says::new(&detector, self.args)?;
        let found = score(&detector, self.pixels, self.args.explain, &says.fitted_on)?;
        Ok((says, found))
    }
}

/// Scores what a folder holds and then what comes into it, until it is stopped.
struct Watch<'a> {
    args: &'a PredictArgs,
    folder: &'a Path,
}

impl DeviceJob for Watch<'_> {
    type Output = ();

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<(), NsaError> {
        let Self { args, folder } = self;
        let detector = bundles::detector::<B>(&args.bundle, device)?;
        let says = Says::new(&detector, args)?;
        if !args.json {
            super::print(&says.heading())?;
        }
        let mut arrivals = Arrivals::default();
        loop {
            for path in arrivals.look(folder)? {
                let mut images = Images::default();
                images.add(&path);
                let found = score(&detector, &images.pixels, args.explain, &says.fitted_on)?;
                for (name, image) in images.names.iter().zip(&found) {
                    match args.json {
                        true => print_json_line(&says.row(name, image))?,
                        false => super::print(&says.lines(name, image))?,
                    }
                }
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Which images of a folder are new and whole.
#[derive(Debug, Default)]
struct Arrivals {
    /// Size and time of change of each, and whether it was given out so.
    seen: BTreeMap<PathBuf, (u64, Option<SystemTime>, bool)>,
}

impl Arrivals {
    /// The images that are new or changed, and have not changed since the look before: a camera takes its time to write.
    fn look(&mut self, folder: &Path) -> Result<Vec<PathBuf>, NsaError> {
        let before = std::mem::take(&mut self.seen);
        let mut ready = Vec::new();
        for path in in_folder(folder)? {
            // Gone again since the folder was listed.
            let Ok(metadata) = path.metadata() else { continue };
            let (size, changed) = (metadata.len(), metadata.modified().ok());
            let given = match before.get(&path) {
                Some(&(old_size, old_changed, given)) if (old_size, old_changed) == (size, changed) => {
                    if !given {
                        ready.push(path.clone());
                    }
                    true
                }
                _ => false,
            };
            self.seen.insert(path, (size, changed, given));
        }
        Ok(ready)
    }
}

fn score<B: Backend>(
    detector: &Detector<B>,
    pixels: &[u8],
    explain: bool,
    fitted_on: &FittedOn,
) -> Result<Vec<Found>, NsaError> {
    let mut found = Vec::new();
    for batch in pixels.chunks(BATCH * IMAGE_BYTES) {
        if explain {
            found.extend(wait(detector.explain(batch, NEIGHBOURS))?.into_iter().map(Found::from));
        } else {
            found.extend(wait(detector.score(batch))?.into_iter().map(Found::from));
        }
    }
    found
        .iter_mut()
        .zip(pixels.chunks_exact(IMAGE_BYTES))
        .for_each(|(found, image)| found.fitted = fitted_on.has(image));
    Ok(found)
}

/// What is said of one image; an explanation has more to say.
struct Found {
    scores: Vec<f32>,
    angle: f32,
    because: Option<(Option<Ensemble>, Vec<Vec<Neighbour>>)>,
    /// Of a person's own normal: whether it is one of the images that were fitted.
    fitted: Option<bool>,
}

impl From<ImageScores> for Found {
    fn from(image: ImageScores) -> Self {
        Self { scores: image.scores, angle: image.angle, because: None, fitted: None }
    }
}

impl From<Explanation> for Found {
    fn from(image: Explanation) -> Self {
        let because = Some((image.ensemble, image.neighbours));
        Self { scores: image.scores, angle: image.angle, because, fitted: None }
    }
}

/// What a bundle has to say of images.
struct Says {
    manifest: Manifest,
    /// Of a person's own normal: from which score on an image is called anomalous, how often a normal one will be, and
    /// how many views the normal images show.
    alarm: Option<(Alarm, usize)>,
    fitted_on: FittedOn,
}

impl Says {
    fn new<B: Backend>(detector: &Detector<B>, args: &PredictArgs) -> Result<Self, NsaError> {
        let manifest = detector.manifest().clone();
        let mut alarm = None;
        if manifest.normal.is_some() {
            let scores = &detector.held_out()?[manifest.default_score()];
            alarm = Some((eval::alarm(scores, args.false_alarms)?, detector.variety()?.views));
        }
        Ok(Self { manifest, alarm, fitted_on: FittedOn::read(&args.bundle)? })
    }

    fn heading(&self) -> String {
        let entry = &self.manifest.scores[self.manifest.default_score()];
        let title = self.manifest.title.escape_debug();
        let unit = if entry.is_angle() { ", radians" } else { "" };
        let heading = format!("{} on {}{unit}, high = anomalous ({title})\n", entry.scorer, entry.layer);
        heading + &self.alarm.map_or(String::new(), |(alarm, views)| self.images(views) + &promise(&alarm) + "\n")
    }

    /// How many views the normal images show, where they are not all different.
    fn images(&self, views: usize) -> String {
        let images = self.manifest.normal.as_ref().map_or(0, |normal| normal.images);
        let about = about(images, views);
        if about.is_empty() { about } else { format!("{images} normal images, {about}") }
    }

    /// One image in the table.
    fn lines(&self, name: &str, image: &Found) -> String {
        let default = self.manifest.default_score();
        let score = image.scores[default];
        let call = if self.alarm.is_some_and(|(alarm, _)| score >= alarm.threshold) { "  anomalous" } else { "" };
        let known = if image.fitted == Some(true) { "  (it was fitted)" } else { "" };
        let mut lines = format!("{score:10.5}  {}{call}{known}\n", output::name(name));
        if let Some((ensemble, neighbours)) = &image.because {
            lines += &because(&self.manifest, image, ensemble.as_ref(), &neighbours[default]);
        }
        lines
    }

    /// One image in JSON: its scores, what a person's own normal calls it, and if they are explained, the ensemble with
    /// its parts and every score's neighbours.
    fn row(&self, name: &str, image: &Found) -> Value {
        let entries = self.manifest.scores.iter().zip(&image.scores);
        let entry =
            |(entry, value): (&ScoreEntry, _)| json!({"layer": entry.layer, "scorer": entry.scorer, "score": value});
        let mut all: Vec<Value> = entries.map(entry).collect();
        let score = image.scores[self.manifest.default_score()];
        let mut row = json!({"image": name, "score": score, "angle": image.angle});
        if let Some((alarm, _)) = self.alarm {
            row["threshold"] = json!(alarm.threshold);
            row["anomalous"] = json!(score >= alarm.threshold);
            row["fitted"] = json!(image.fitted);
        }
        if let Some((sum, neighbours)) = &image.because {
            row["ensemble"] = json!(sum);
            all.iter_mut().zip(neighbours).for_each(|(score, near)| score["neighbours"] = json!(near));
        }
        row["scores"] = json!(all);
        row
    }
}

/// What a threshold promises, in a line.
pub(super) fn promise(alarm: &Alarm) -> String {
    let [low, high] = alarm.range.map(|share| 100.0 * share);
    format!(
        "anomalous from {:.5} on: {:.1} % of unseen normal images are expected there, in nine of ten cases {low:.1} to \
         {high:.1} %",
        alarm.threshold,
        100.0 * alarm.expected
    )
}

/// The lines below an image: where it stands, what it is near to, what the ensemble adds up.
fn because(manifest: &Manifest, image: &Found, ensemble: Option<&Ensemble>, neighbours: &[Neighbour]) -> String {
    let mut lines =
        format!("            {:.1} degrees from the mean of the training images\n", image.angle.to_degrees());
    for near in neighbours {
        let which = near.position.map_or("a training image".into(), |at| format!("training image {at}"));
        lines += &format!("            {:.1} degrees from {which}\n", near.angle.to_degrees());
    }
    if let Some(Ensemble { sum, parts }) = ensemble {
        lines += &format!("            ensemble {sum:.4}:");
        for part in parts {
            let entry = &manifest.scores[part.score];
            lines += &format!(" {:+.4} {} on {},", part.value, entry.scorer, entry.layer);
        }
        lines.truncate(lines.len() - 1);
        lines += "\n";
    }
    lines
}

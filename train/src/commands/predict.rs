//! `nsa predict`: scores of image files by a bundle, from the same core function as in the browser.

use super::fit::about;
use super::print_json;
use crate::bundles;
use crate::cli::{FALSE_ALARMS, PredictArgs};
use crate::data::{self, Remark};
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::images::{FittedOn, Images, Inside};
use crate::output::{self, print_json_line};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{Detector, Ensemble, Explanation, ImageScores, Manifest, Neighbour, ScoreEntry};
use nsa_core::data::IMAGE_BYTES;
use nsa_core::eval::{self, Alarm};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

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
        while !output::reader_has_gone() {
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
        Ok(())
    }
}

/// Which images of a folder are new and whole.
#[derive(Debug, Default)]
struct Arrivals {
    seen: BTreeMap<PathBuf, Seen>,
    /// What else lies there and was told.
    told: BTreeSet<Remark>,
}

/// A file as it was at the last look.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    /// When it was first seen so.
    since: Instant,
    /// Whether it was given out so.
    given: bool,
}

impl Arrivals {
    /// The images that are new or changed and [have settled](settling): a camera takes its time to write.
    fn look(&mut self, folder: &Path) -> Result<Vec<PathBuf>, NsaError> {
        let Inside { images, left_out } = Inside::of(folder)?;
        let untold: Vec<Remark> = left_out.into_iter().filter(|remark| !self.told.contains(remark)).collect();
        data::report(&untold, &folder.to_string_lossy());
        self.told.extend(untold);

        let mut before = std::mem::take(&mut self.seen);
        let mut ready = Vec::new();
        for path in images {
            // Gone again since the folder was listed.
            let Ok(metadata) = path.metadata() else { continue };
            let stamp = Stamp::of(&metadata);
            let mut seen = match before.remove(&path) {
                Some(seen) if seen.stamp == stamp => seen,
                _ => Seen { stamp, since: Instant::now(), given: false },
            };
            if !seen.given && seen.since.elapsed() >= settling(&path) {
                seen.given = true;
                ready.push(path.clone());
            }
            self.seen.insert(path, seen);
        }
        Ok(ready)
    }
}

/// How long a file must stay as it is until it counts as whole. Of most formats a look is enough, because a file without its
/// end is refused and tried again when it has changed. A BMP has no mark at its end, and some programs give it its full
/// size before they write its pixels.
fn settling(path: &Path) -> Duration {
    let is_bmp = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("bmp"));
    if is_bmp { 10 * LOOK_EVERY } else { LOOK_EVERY / 2 }
}

/// What is different when a file was written again or replaced, even by one of the same size and time of change.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    changed: Option<SystemTime>,
    /// Device, number, and time of the last change of anything, in seconds and nanoseconds.
    #[cfg(unix)]
    identity: [i128; 4],
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            size: metadata.len(),
            changed: metadata.modified().ok(),
            #[cfg(unix)]
            identity: [
                metadata.dev().into(),
                metadata.ino().into(),
                metadata.ctime().into(),
                metadata.ctime_nsec().into(),
            ],
        }
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
        if manifest.normal.is_none() && args.false_alarms.is_some() {
            let bundle = args.bundle.display();
            return Err(NsaError::Usage(format!(
                "--false-alarms is for a bundle of `nsa fit`: {bundle} has no normal images to take a threshold from"
            )));
        }
        if manifest.normal.is_some() {
            let rate = args.false_alarms.unwrap_or(FALSE_ALARMS);
            let scores = &detector.held_out()?[manifest.default_score()];
            alarm = Some((eval::alarm(scores, rate)?, detector.variety()?.views));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    /// The names of what is ready after two looks.
    fn ready(arrivals: &mut Arrivals, folder: &Path) -> Vec<String> {
        let mut ready = arrivals.look(folder).unwrap();
        std::thread::sleep(LOOK_EVERY);
        ready.extend(arrivals.look(folder).unwrap());
        ready.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_that_is_replaced_by_one_of_the_same_size_and_time_is_scored_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut arrivals = Arrivals::default();
        fs::write(&path, b"one").unwrap();
        assert_eq!(ready(&mut arrivals, folder.path()), ["a.png"]);
        assert!(ready(&mut arrivals, folder.path()).is_empty());
        let time = path.metadata().unwrap().modified().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, b"two").unwrap();
        File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(ready(&mut arrivals, folder.path()), ["a.png"]);
    }

    #[test]
    fn a_bmp_that_has_its_size_before_its_pixels_waits_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.BMP");
        let mut arrivals = Arrivals::default();
        fs::write(&path, [0; 1000]).unwrap();
        assert!(ready(&mut arrivals, folder.path()).is_empty());
        fs::write(&path, [1; 1000]).unwrap();
        assert!(ready(&mut arrivals, folder.path()).is_empty());
        std::thread::sleep(settling(&path));
        assert_eq!(ready(&mut arrivals, folder.path()), ["a.BMP"]);
    }
}

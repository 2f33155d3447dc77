//! `nsa predict`: scores of image files by a bundle, from the same core function as in the browser.

use super::print_json;
use crate::cli::PredictArgs;
use crate::data::decode_image;
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::output::{self, tell};
use crate::{bundles, npy};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{Ensemble, Explanation, ImageScores, Manifest, Neighbour};
use nsa_core::data::IMAGE_BYTES;
use serde_json::{Value, json};
use std::path::Path;

/// Images scored at once.
const BATCH: usize = 64;
/// Training images that `--explain` names.
const NEIGHBOURS: usize = 5;

/// Scores every image; one that cannot be read is named and the others go on.
pub fn run(args: &PredictArgs) -> Result<(), NsaError> {
    let mut names = Vec::new();
    let mut pixels = Vec::new();
    let (mut failed, mut status) = (0, 2);
    for path in &args.images {
        match read(path) {
            Ok(images) => {
                let n = images.len() / IMAGE_BYTES;
                names.extend(
                    (0..n).map(|i| if n > 1 { format!("{}[{i}]", path.display()) } else { path.display().to_string() }),
                );
                pixels.extend(images);
            }
            Err(error) => {
                failed += 1;
                status = status.min(error.exit_code());
                tell!("nsa: {error}");
            }
        }
    }
    // Arrays of no images are scored too: a script gets its empty list, or hears that the bundle is bad.
    if failed < args.images.len() {
        let job = Job { bundle: &args.bundle, pixels: &pixels, explain: args.explain };
        let (manifest, found) = on_device(args.device, job)?;
        print(&manifest, &names, &found, args.json)?;
    }
    if failed > 0 { Err(NsaError::Some { status, failed, total: args.images.len(), what: "files" }) } else { Ok(()) }
}

/// The pixels of one file: `n x 3 x 32 x 32` bytes.
fn read(path: &Path) -> Result<Vec<u8>, NsaError> {
    if path.extension().is_some_and(|e| e == "npy") { Ok(npy::read_images(path)?) } else { Ok(decode_image(path)?) }
}

struct Job<'a> {
    bundle: &'a Path,
    pixels: &'a [u8],
    explain: bool,
}

/// What is said of one image; an explanation has more to say.
struct Found {
    scores: Vec<f32>,
    angle: f32,
    because: Option<(Option<Ensemble>, Vec<Vec<Neighbour>>)>,
}

impl From<ImageScores> for Found {
    fn from(image: ImageScores) -> Self {
        Self { scores: image.scores, angle: image.angle, because: None }
    }
}

impl From<Explanation> for Found {
    fn from(image: Explanation) -> Self {
        Self { scores: image.scores, angle: image.angle, because: Some((image.ensemble, image.neighbours)) }
    }
}

impl DeviceJob for Job<'_> {
    type Output = (Manifest, Vec<Found>);

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<Self::Output, NsaError> {
        let detector = bundles::detector::<B>(self.bundle, device)?;
        let mut found = Vec::new();
        for batch in self.pixels.chunks(BATCH * IMAGE_BYTES) {
            if self.explain {
                found.extend(wait(detector.explain(batch, NEIGHBOURS))?.into_iter().map(Found::from));
            } else {
                found.extend(wait(detector.score(batch))?.into_iter().map(Found::from));
            }
        }
        Ok((detector.manifest().clone(), found))
    }
}

fn print(manifest: &Manifest, names: &[String], found: &[Found], as_json: bool) -> Result<(), NsaError> {
    if as_json {
        let rows = names.iter().zip(found).map(|(name, image)| row(manifest, name, image));
        return print_json(&rows.collect::<Vec<_>>());
    }
    let default = manifest.default_score();
    let entry = &manifest.scores[default];
    let mut table =
        format!("{} on {}, radians, high = anomalous ({})\n", entry.scorer, entry.layer, manifest.title.escape_debug());
    for (name, image) in names.iter().zip(found) {
        table += &format!("{:10.5}  {}\n", image.scores[default], output::name(name));
        if let Some((ensemble, neighbours)) = &image.because {
            table += &because(manifest, image, ensemble.as_ref(), &neighbours[default]);
        }
    }
    super::print(&table)
}

/// One image in JSON: its scores, and if they are explained, the ensemble with its parts and every score's neighbours.
fn row(manifest: &Manifest, name: &str, image: &Found) -> Value {
    let default = manifest.default_score();
    let mut all: Vec<Value> = manifest
        .scores
        .iter()
        .zip(&image.scores)
        .map(|(entry, value)| json!({"layer": entry.layer, "scorer": entry.scorer, "score": value}))
        .collect();
    let mut ensemble = Value::Null;
    if let Some((sum, neighbours)) = &image.because {
        ensemble = json!(sum);
        all.iter_mut().zip(neighbours).for_each(|(score, near)| score["neighbours"] = json!(near));
    }
    let mut row = json!({"image": name, "score": image.scores[default], "angle": image.angle, "scores": all});
    if image.because.is_some() {
        row["ensemble"] = ensemble;
    }
    row
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

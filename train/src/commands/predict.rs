//! `nsa predict`: scores of image files by a bundle, from the same core function as in the browser.

use super::print_json;
use crate::cli::PredictArgs;
use crate::data::decode_image;
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::{files, npy};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{BANK_FILE, Detector, ImageScores, MANIFEST_FILE, MAX_FILE, MODEL_FILE, Manifest};
use nsa_core::data::IMAGE_BYTES;
use serde_json::json;
use std::path::Path;

/// Images scored at once.
const BATCH: usize = 64;

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
                eprintln!("nsa: {error}");
            }
        }
    }
    // Arrays of no images are scored too: a script gets its empty list, or hears that the bundle is bad.
    if failed < args.images.len() {
        let (manifest, scores) = on_device(args.device, Job { folder: &args.bundle, pixels: &pixels })?;
        print(&manifest, &names, &scores, args.json)?;
    }
    if failed > 0 { Err(NsaError::Some { status, failed, total: args.images.len(), what: "files" }) } else { Ok(()) }
}

/// The pixels of one file: `n x 3 x 32 x 32` bytes.
fn read(path: &Path) -> Result<Vec<u8>, NsaError> {
    if path.extension().is_some_and(|e| e == "npy") { Ok(npy::read_images(path)?) } else { Ok(decode_image(path)?) }
}

struct Job<'a> {
    folder: &'a Path,
    pixels: &'a [u8],
}

impl DeviceJob for Job<'_> {
    type Output = (Manifest, Vec<ImageScores>);

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<Self::Output, NsaError> {
        let refused = |source| NsaError::Bundle { path: self.folder.to_path_buf(), source };
        let file = |name: &str| files::read_capped(&self.folder.join(name), MAX_FILE);
        let manifest = Manifest::parse(&file(MANIFEST_FILE)?).map_err(refused)?;
        let detector = Detector::<B>::new(manifest, &file(MODEL_FILE)?, &file(BANK_FILE)?, device).map_err(refused)?;
        let mut scores = Vec::new();
        for batch in self.pixels.chunks(BATCH * IMAGE_BYTES) {
            scores.extend(wait(detector.score(batch))?);
        }
        Ok((detector.manifest().clone(), scores))
    }
}

fn print(manifest: &Manifest, names: &[String], scores: &[ImageScores], as_json: bool) -> Result<(), NsaError> {
    let default = manifest.default_score();
    if as_json {
        let rows = names.iter().zip(scores).map(|(name, image)| {
            let all = manifest.scores.iter().zip(&image.scores).map(|(entry, value)| {
                json!({"layer": entry.layer, "scorer": entry.scorer, "score": value})
            });
            json!({"image": name, "score": image.scores[default], "angle": image.angle, "scores": all.collect::<Vec<_>>()})
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    let entry = &manifest.scores[default];
    let mut table =
        format!("{} on {}, radians, high = anomalous ({})\n", entry.scorer, entry.layer, manifest.title.escape_debug());
    for (name, image) in names.iter().zip(scores) {
        table += &format!("{:10.5}  {name}\n", image.scores[default]);
    }
    super::print(&table)
}

//! A person's own normal: the same encoder behind banks of other images, fitted in a moment and without training.

use super::manifest::Normal;
use super::read::{MANIFEST_FILE, is_id};
use super::tensors::{Reader, Stored};
use super::{Assembled, BundleError, DetectError, Detector, LayerEntry, Manifest, ScoreEntry, stored_bank};
use crate::data::{CHANNELS, IMAGE_BYTES, SIZE};
use crate::features::Features;
use crate::model::Layer;
use crate::score::{Bank, ScoreError, Scorer, held_out, range_of};
use burn::tensor::backend::Backend;
use thiserror::Error;

/// Name of the file with the images, for those who want to see or change them.
pub const NORMAL_FILE: &str = "normal.safetensors";
/// Fewer normal images say too little: of eight, one unseen normal image in nine is above all.
pub const MIN_NORMAL: usize = 8;
/// More are a data set, and worth training on.
pub const MAX_NORMAL: usize = 1000;

/// Why images could not be made the normal ones.
#[derive(Debug, Error)]
pub enum FitError {
    /// Too few or too many.
    #[error("normal must be {MIN_NORMAL} to {MAX_NORMAL} images, found {found}")]
    Count {
        /// Images found.
        found: usize,
    },
    /// The network gave nothing that a bank could be of.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// Banks cannot be fitted to the features: to images that are all alike, for example.
    #[error("these images give no bank: {0}")]
    Score(#[from] ScoreError),
}

impl<B: Backend> Detector<B> {
    /// A detector whose normal images are `pixels` (n x 3 x 32 x 32 bytes, [`MIN_NORMAL`] to [`MAX_NORMAL`] of them), with
    /// a bank of all of them for every block of the encoder, pooled, and all of [`Scorer::ANGULAR`] as scores.
    ///
    /// Banks are rounded as they are stored, so that a saved detector scores as before. `batch` images are embedded at
    /// once; after each batch `pause` is told how many that were.
    pub async fn fit(&self, pixels: &[u8], batch: usize, mut pause: impl AsyncFnMut(usize)) -> Result<Self, FitError> {
        let n = pixels.len() / IMAGE_BYTES;
        if !(MIN_NORMAL..=MAX_NORMAL).contains(&n) {
            return Err(FitError::Count { found: n });
        }
        let mut columns: [Vec<f32>; Layer::POOLED.len()] = Default::default();
        for some in pixels.chunks(batch.max(1) * IMAGE_BYTES) {
            for (column, values) in
                columns.iter_mut().zip(self.embed(some, &Layer::POOLED).await.map_err(DetectError::from)?)
            {
                column.extend(values);
            }
            pause(some.len() / IMAGE_BYTES).await;
        }
        let encoder = self.manifest().normal.as_ref().map_or(&self.manifest().id, |normal| &normal.encoder).clone();
        let mut manifest = Manifest {
            normal: Some(Normal { encoder, images: n }),
            layers: Vec::new(),
            scores: Vec::new(),
            ..self.manifest().clone()
        };
        let mut banks = Vec::new();
        for (layer, values) in Layer::POOLED.into_iter().zip(columns) {
            let dim = values.len() / n;
            let features = Features::new(n, dim, values).map_err(DetectError::from)?;
            let bank = stored_bank(&Bank::fit(&features)?)?;
            manifest.layers.push(LayerEntry { name: layer, dim, rank: bank.rank(), bank: n, full_bank: n });
            for (scorer, scores) in Scorer::ANGULAR.into_iter().zip(held_out(&bank.parts().features, &Scorer::ANGULAR)?)
            {
                let training_range = range_of(&scores);
                let (auroc_validation, auroc_full, auroc_exported) = (None, None, None);
                manifest.scores.push(ScoreEntry {
                    layer,
                    scorer,
                    auroc_validation,
                    auroc_full,
                    auroc_exported,
                    training_range,
                });
            }
            banks.push((layer, bank));
        }
        Ok(self.with_banks(manifest, banks))
    }

    /// What each normal image of a fitted detector scores by banks that have not seen it: for every entry of
    /// [`Manifest::scores`] a value for each image ([`held_out`]). Thresholds come from these.
    pub fn held_out(&self) -> Result<Vec<Vec<f32>>, ScoreError> {
        let entries = &self.manifest().scores;
        let mut scores = vec![Vec::new(); entries.len()];
        for (layer, bank) in self.banks() {
            let (at, scorers): (Vec<usize>, Vec<Scorer>) =
                (0..entries.len()).filter(|&i| entries[i].layer == *layer).map(|i| (i, entries[i].scorer)).unzip();
            at.into_iter().zip(held_out(&bank.parts().features, &scorers)?).for_each(|(i, found)| scores[i] = found);
        }
        Ok(scores)
    }

    /// What a bundle of this fitted detector holds under another name; `pixels` are the images that it was fitted on.
    pub fn assembled(&self, id: String, title: String, pixels: &[u8]) -> Result<Assembled, BundleError> {
        if !is_id(&id) {
            let why = format!("id must be 1 to 64 of a-z, 0-9 and '-', found {id:?}");
            return Err(BundleError::Content { file: MANIFEST_FILE, why });
        }
        let manifest = Manifest { id, title, ..self.manifest().clone() };
        let normal = Some(normal_bytes(pixels)?);
        Ok(Assembled { manifest, model: self.model().into(), banks: self.banks().into(), normal })
    }
}

/// The images as a safetensors file: `images` `n x 3 x 32 x 32` bytes.
fn normal_bytes(pixels: &[u8]) -> Result<Vec<u8>, BundleError> {
    let shape = [pixels.len() / IMAGE_BYTES, CHANNELS, SIZE, SIZE];
    Stored::file(NORMAL_FILE, vec![("images".into(), Stored::u8(&shape, pixels))])
}

impl Manifest {
    /// Reads `normal.safetensors`: the pixels of the images that a fitted bundle's banks are of, 3 x 32 x 32 bytes each.
    pub fn read_normal(&self, bytes: &[u8]) -> Result<Vec<u8>, BundleError> {
        self.check_file(NORMAL_FILE, bytes)?;
        let reader = Reader::new(NORMAL_FILE, bytes)?;
        let pixels = reader.u8("images")?;
        let n = self.normal.as_ref().map_or(0, |normal| normal.images);
        if pixels.len() != n * IMAGE_BYTES {
            let found = pixels.len();
            return Err(reader.fault(format!("{n} images need {} bytes, found {found}", n * IMAGE_BYTES)));
        }
        Ok(pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{FILES, Unpacked, from_zip, to_zip};
    use crate::data::{Split, synth_digits};
    use crate::measure::{Frames, History};
    use burn_flex::Flex;
    use pollster::block_on;
    use std::fs;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/bundles/digits/");

    fn encoder() -> Detector<Flex> {
        let file = |name: &str| fs::read(format!("{FOLDER}{name}")).unwrap();
        let manifest = Manifest::parse(&file("bundle.json")).unwrap();
        Detector::new(manifest, &file(FILES[0]), &file(FILES[1]), Default::default()).unwrap()
    }

    /// `n` pictures of the digit, from number `first` on.
    fn digits(digit: u8, first: usize, n: usize) -> Vec<u8> {
        (first..first + n).flat_map(|i| synth_digits::image(0, Split::Test, digit, i)).collect()
    }

    fn fit(pixels: &[u8]) -> Result<Detector<Flex>, FitError> {
        block_on(encoder().fit(pixels, 5, async |_| ()))
    }

    fn scores(detector: &Detector<Flex>, pixels: &[u8]) -> Vec<Vec<f32>> {
        block_on(detector.score(pixels)).unwrap().into_iter().map(|image| image.scores).collect()
    }

    #[test]
    fn what_is_like_the_images_scores_lower_than_what_is_not() {
        let fitted = fit(&digits(7, 0, 24)).unwrap();
        let normal = fitted.manifest().normal.as_ref().unwrap();
        assert_eq!((normal.encoder.as_str(), normal.images), ("digits", 24));
        let [like, unlike] = [7, 0].map(|digit| scores(&fitted, &digits(digit, 24, 24)));
        let at = fitted.manifest().default_score();
        let column = |rows: &[Vec<f32>]| -> Vec<f32> { rows.iter().map(|row| row[at]).collect() };
        let auroc = crate::eval::auroc(&column(&like), &column(&unlike)).unwrap();
        assert!(auroc > 0.8, "{auroc}");
        // A copy of a normal image is at no distance by k-Cos, but was not held out at none.
        let copies = scores(&fitted, &digits(7, 0, 24));
        let entries = &fitted.manifest().scores;
        for (i, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.scorer == Scorer::KCos) {
            assert!(copies.iter().all(|row| row[i] < 2e-2), "{}: the bank is rounded, and no more", entry.layer);
            assert!(fitted.held_out().unwrap()[i].iter().all(|&score| score > 2e-2));
        }
    }

    #[test]
    fn a_saved_bundle_scores_as_before_and_shows_its_images() {
        let pixels = digits(7, 0, 12);
        let fitted = fit(&pixels).unwrap();
        let files = fitted
            .assembled("sevens".into(), "Sevens".into(), &pixels)
            .unwrap()
            .to_files(&History::default(), &Frames::default())
            .unwrap();
        let Unpacked { manifest, files: [model, bank, ..], normal } = from_zip(&to_zip(&files).unwrap()).unwrap();
        assert_eq!(manifest.read_normal(&normal.unwrap()).unwrap(), pixels);
        let again = Detector::<Flex>::new(manifest, &model, &bank, Default::default()).unwrap();
        let others = digits(3, 0, 6);
        assert_eq!(scores(&again, &others), scores(&fitted, &others));
        assert_eq!(again.held_out().unwrap(), fitted.held_out().unwrap());
        // Fitted once more, it still says whose encoder it is.
        let refit = block_on(again.fit(&others.repeat(2), 64, async |_| ()));
        let error = refit.map(|d| d.manifest().normal.clone().unwrap().encoder);
        assert_eq!(error.unwrap(), "digits");
    }

    #[test]
    fn too_few_and_equal_images_are_refused_in_a_sentence() {
        let refused = |pixels: &[u8]| fit(pixels).map(|_| ()).unwrap_err().to_string();
        assert_eq!(refused(&digits(7, 0, 7)), "normal must be 8 to 1000 images, found 7");
        assert!(refused(&digits(7, 0, 1).repeat(8)).starts_with("these images give no bank: "));
        let named = fit(&digits(7, 0, 8)).unwrap().assembled("../up".into(), String::new(), &digits(7, 0, 8));
        assert!(named.unwrap_err().to_string().contains("id must be"));
    }
}

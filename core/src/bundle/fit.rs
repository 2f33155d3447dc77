//! A person's own normal: the same encoder behind banks of other images, fitted in a moment and without training.

use super::manifest::Normal;
use super::read::{MANIFEST_FILE, is_id};
use super::tensors::{Reader, Stored};
use super::{Assembled, BundleError, DetectError, Detector, LayerEntry, Manifest, ScoreEntry, stored_bank};
use crate::data::{CHANNELS, IMAGE_BYTES, SIZE};
use crate::features::Features;
use crate::model::Layer;
use crate::score::{Bank, ScoreError, Scorer, Variety, held_out, median, range_of};
use crate::vectors::cosine::angle_between;
use burn::tensor::backend::Backend;
use thiserror::Error;

/// Name of the file with the images, for those who want to see or change them.
pub const NORMAL_FILE: &str = "normal.safetensors";
/// Fewer normal images say too little: of eight, one unseen normal image in nine is above all.
pub const MIN_NORMAL: usize = 8;
/// More are a data set, and worth training on.
pub const MAX_NORMAL: usize = 1000;

/// Images that are shifted to see how much the encoder notices.
const MOST_SHIFTED: usize = 32;
/// Position of the deepest block in [`Layer::POOLED`].
const DEEPEST: usize = Layer::POOLED.len() - 1;

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
    /// There are no images of a person's own.
    #[error("this bundle was not fitted to a person's own images")]
    NotFitted,
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
        let near = self.angle_of_a_shift(pixels, &columns[DEEPEST], batch, pause).await?;
        let mut banks = Vec::new();
        for (layer, values) in Layer::POOLED.into_iter().zip(columns) {
            let features = Features::new(n, values.len() / n, values).map_err(DetectError::from)?;
            banks.push((layer, stored_bank(&Bank::fit(&features)?)?));
        }
        let encoder = self.manifest().normal.as_ref().map_or(&self.manifest().id, |normal| &normal.encoder).clone();
        let normal = Normal { encoder, images: n, near };
        let Variety { groups, .. } = variety(&normal, &banks[DEEPEST].1)?;
        let mut manifest =
            Manifest { normal: Some(normal), layers: Vec::new(), scores: Vec::new(), ..self.manifest().clone() };
        for (layer, bank) in &banks {
            let features = &bank.parts().features;
            let (name, dim) = (*layer, features.dim());
            manifest.layers.push(LayerEntry { name, dim, rank: bank.rank(), bank: n, full_bank: n });
            let scores = held_out(features, &Scorer::ANGULAR, &groups)?;
            manifest.scores.extend(Scorer::ANGULAR.into_iter().zip(&scores).map(|(scorer, scores)| ScoreEntry {
                layer: *layer,
                scorer,
                auroc_validation: None,
                auroc_full: None,
                auroc_exported: None,
                training_range: range_of(scores),
            }));
        }
        Ok(self.with_banks(manifest, banks))
    }

    /// By how much the encoder turns an image (the median of some, in radians) that is shifted by one pixel: what is
    /// nearer to an image shows the same.
    async fn angle_of_a_shift(
        &self,
        pixels: &[u8],
        features: &[f32],
        batch: usize,
        mut pause: impl AsyncFnMut(usize),
    ) -> Result<f32, FitError> {
        let n = pixels.len() / IMAGE_BYTES;
        let dim = features.len() / n;
        let some: Vec<usize> = (0..n).step_by(n.div_ceil(MOST_SHIFTED)).collect();
        let mut angles = Vec::new();
        for part in some.chunks(batch.max(1)) {
            let moved: Vec<u8> =
                part.iter().flat_map(|i| shifted(&pixels[i * IMAGE_BYTES..(i + 1) * IMAGE_BYTES])).collect();
            let moved = self.embed(&moved, &[Layer::POOLED[DEEPEST]]).await.map_err(DetectError::from)?.concat();
            let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
            let pairs = part.iter().map(|i| &features[i * dim..(i + 1) * dim]).zip(moved.chunks_exact(dim));
            angles.extend(pairs.map(|(still, moved)| angle_between(&wide(still), &wide(moved))));
            pause(0).await;
        }
        // A feature that is zero has no angle; the banks refuse it.
        angles.retain(|angle| angle.is_finite());
        Ok(median(angles) as f32)
    }

    /// Which of the normal images of a fitted detector are near copies of each other, and how many views they show.
    ///
    /// # Errors
    /// A detector that was not fitted to a person's own images.
    pub fn variety(&self) -> Result<Variety, FitError> {
        let normal = self.manifest().normal.as_ref().ok_or(FitError::NotFitted)?;
        Ok(variety(normal, self.deepest().1)?)
    }

    /// What the views of a fitted detector's normal images score by banks that have not seen them: for every entry of
    /// [`Manifest::scores`] a value for each group of near copies ([`held_out`]). Thresholds come from these.
    ///
    /// # Errors
    /// A detector that was not fitted to a person's own images.
    pub fn held_out(&self) -> Result<Vec<Vec<f32>>, FitError> {
        let Variety { groups, .. } = self.variety()?;
        let entries = &self.manifest().scores;
        let mut scores = vec![Vec::new(); entries.len()];
        for (layer, bank) in self.banks() {
            let (at, scorers): (Vec<usize>, Vec<Scorer>) =
                (0..entries.len()).filter(|&i| entries[i].layer == *layer).map(|i| (i, entries[i].scorer)).unzip();
            let found = held_out(&bank.parts().features, &scorers, &groups)?;
            at.into_iter().zip(found).for_each(|(i, found)| scores[i] = found);
        }
        Ok(scores)
    }

    /// What a bundle of this fitted detector holds under another name; `pixels` are the images that it was fitted on.
    /// Of a title its plain text is kept: a bundle with a tab or a line break in it could not be read again.
    pub fn assembled(&self, id: String, title: String, pixels: &[u8]) -> Result<Assembled, BundleError> {
        if !is_id(&id) {
            let why = format!("id must be 1 to 64 of a-z, 0-9 and '-', found {id:?}");
            return Err(BundleError::Content { file: MANIFEST_FILE, why });
        }
        let title = plain_text(&title);
        let manifest = Manifest { id, title, ..self.manifest().clone() };
        let normal = Some(normal_bytes(pixels)?);
        Ok(Assembled { manifest, model: self.model().into(), banks: self.banks().into(), normal })
    }
}

fn variety(normal: &Normal, bank: &Bank) -> Result<Variety, ScoreError> {
    Variety::of(&bank.parts().features, normal.near.into())
}

/// An image one pixel farther right and down; what comes in repeats the edge.
fn shifted(image: &[u8]) -> Vec<u8> {
    let plane = |plane: &[u8]| -> Vec<u8> {
        let from = |at: usize| plane[(at / SIZE).saturating_sub(1) * SIZE + (at % SIZE).saturating_sub(1)];
        (0..plane.len()).map(from).collect()
    };
    image.chunks_exact(SIZE * SIZE).flat_map(plane).collect()
}

/// A title without control characters, and with single spaces between its words.
fn plain_text(title: &str) -> String {
    title
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
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
    use crate::eval::alarm;
    use crate::measure::{Frames, History};
    use crate::rng::Rng;
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
        let fitted = fit(&digits(7, 0, 40)).unwrap();
        let normal = fitted.manifest().normal.as_ref().unwrap();
        assert_eq!((normal.encoder.as_str(), normal.images), ("digits", 40));
        let [like, unlike] = [7, 0].map(|digit| scores(&fitted, &digits(digit, 40, 40)));
        let at = fitted.manifest().default_score();
        let column = |rows: &[Vec<f32>]| -> Vec<f32> { rows.iter().map(|row| row[at]).collect() };
        let auroc = crate::eval::auroc(&column(&like), &column(&unlike)).unwrap();
        assert!(auroc > 0.8, "{auroc}");
        // A copy of a normal image is at no distance by k-Cos, but was not held out at none.
        let copies = scores(&fitted, &digits(7, 0, 40));
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

    /// Frames of a scene: the picture moved by up to `far` pixels, a little lighter or darker, with noise.
    fn burst(scene: &[u8], frames: usize, far: usize, rng: &mut Rng) -> Vec<u8> {
        let mut frame = || -> Vec<u8> {
            let moved = (0..(rng.unit() * (far + 1) as f32) as usize).fold(scene.to_vec(), |image, _| shifted(&image));
            let light = 0.97 + 0.06 * rng.normal().abs().min(1.0);
            moved.iter().map(|&v| (f64::from(v) * light + 3.0 * rng.normal()).round().clamp(0.0, 255.0) as u8).collect()
        };
        (0..frames).flat_map(|_| frame()).collect()
    }

    fn bursts(scenes: std::ops::Range<usize>, frames: usize) -> Vec<u8> {
        let mut rng = Rng::new(5, "bursts of a digit", &[scenes.start as u64]);
        scenes.flat_map(|i| burst(&digits(7, i, 1), frames, 1, &mut rng)).collect()
    }

    /// The share of images that the threshold calls anomalous, and the share that it promises.
    fn alarms(fitted: &Detector<Flex>, unseen: &[u8]) -> (f64, f64) {
        let at = fitted.manifest().default_score();
        let alarm = alarm(&fitted.held_out().unwrap()[at], 0.05).unwrap();
        let rows = scores(fitted, unseen);
        let above = rows.iter().filter(|row| row[at] >= alarm.threshold).count();
        (above as f64 / rows.len() as f64, alarm.expected)
    }

    #[test]
    fn copies_and_bursts_count_as_views_and_leave_the_threshold_where_it_was() {
        let pixels = digits(7, 0, 24);
        let single = fit(&pixels).unwrap();
        assert_eq!(single.variety().unwrap(), Variety { groups: (0..24).collect(), views: 24 });
        let twice = fit(&pixels.repeat(2)).unwrap();
        assert_eq!(twice.variety().unwrap().views, 24);
        let at = single.manifest().default_score();
        // One of each pair is the bank that it was, up to the mean, which k-Cos does not ask.
        assert_eq!(twice.held_out().unwrap()[at], single.held_out().unwrap()[at]);

        // The noise of a JPEG.
        let mut rng = Rng::new(6, "noise", &[]);
        let noisy: Vec<u8> =
            pixels.iter().map(|&v| (f64::from(v) + 2.0 * rng.normal()).clamp(0.0, 255.0) as u8).collect();
        assert_eq!(fit(&[pixels, noisy].concat()).unwrap().variety().unwrap().views, 24);
    }

    #[test]
    fn unseen_scenes_raise_as_many_alarms_as_bursts_of_others_promise() {
        let unseen = digits(7, 100, 100);
        let fitted = fit(&bursts(0..8, 5)).unwrap();
        let Variety { groups, views } = fitted.variety().unwrap();
        assert!((8..=12).contains(&views), "{views} views of 8 scenes: {groups:?}");
        let (found, promised) = alarms(&fitted, &unseen);
        assert!(promised > 0.07 && found < 0.3, "{found} of unseen images and {promised} promised");
        let (found, promised) = alarms(&fit(&bursts(0..40, 3)).unwrap(), &unseen);
        assert!(promised < 0.05 && found < 0.15, "{found} of unseen images and {promised} promised");
    }

    #[test]
    fn a_burst_of_one_scene_is_one_view_and_still_tells_others_apart() {
        let fitted = fit(&bursts(3..4, 50)).unwrap();
        assert_eq!(fitted.variety().unwrap().views, 1);
        let (others, _) = alarms(&fitted, &digits(0, 0, 20));
        assert_eq!(others, 1.0);
        assert_eq!(fit(&bursts(3..6, 17)).unwrap().variety().unwrap().views, 3);
        let other = encoder().variety().unwrap_err().to_string();
        assert_eq!(other, "this bundle was not fitted to a person's own images");
    }

    #[test]
    fn of_a_title_plain_text_is_kept() {
        let pixels = digits(7, 0, 8);
        let named = |title: &str| fit(&pixels).unwrap().assembled("sevens".into(), title.into(), &pixels).unwrap();
        let files = named(" My\tmug\u{1b}[31m,\n the  blue one\u{0}").to_files(&History::default(), &Frames::default());
        let unpacked = from_zip(&to_zip(&files.unwrap()).unwrap()).unwrap();
        assert_eq!(unpacked.manifest.title, "My mug [31m, the blue one");
    }

    #[test]
    fn too_few_and_equal_images_are_refused_in_a_sentence() {
        let refused = |pixels: &[u8]| fit(pixels).map(|_| ()).unwrap_err().to_string();
        assert_eq!(refused(&digits(7, 0, 7)), "normal must be 8 to 1000 images, found 7");
        assert!(refused(&digits(7, 0, 1).repeat(8)).starts_with("these images give no bank: "));
        let two = refused(&digits(7, 0, 2).repeat(8));
        assert!(
            two.contains("near copies, one counts") && two.ends_with("at least 3 training features, found 2"),
            "{two}"
        );
        let named = fit(&digits(7, 0, 8)).unwrap().assembled("../up".into(), String::new(), &digits(7, 0, 8));
        assert!(named.unwrap_err().to_string().contains("id must be"));
    }
}

//! A split that is known but not yet read: most of a training set's images are of classes that a run never looks at.

use super::error::{DataSourceError, Failure, MAX_READ};
use super::folder::{Folder, Pictures};
use super::listing::Remark;
use crate::output::{self, tell};
use nsa_core::bundle::sha256;
use nsa_core::data::resize::to_side;
use nsa_core::data::{CHANNELS, ImageSet, SIZE, Split, synth_digits};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One split of a data set: every image's class, and where its pixels are.
#[derive(Debug)]
pub struct Opened {
    pixels: Pixels,
    labels: Vec<u8>,
    classes: Vec<String>,
    /// Height and width that images are read in.
    side: usize,
    /// Where they come from, for provenance: for example `CIFAR-10 re-encoded as JPEG`.
    pub source: String,
}

/// Where the pixels of a split are.
#[derive(Debug)]
pub(super) enum Pixels {
    /// Nowhere: synth-digits are drawn.
    Drawn(Split),
    /// In memory, because the published files are only read whole; 32 x 32.
    Held(ImageSet),
    /// In image files.
    Files(Folder),
}

/// Which images a split holds, in short: to tell later whether they are still the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// How many.
    pub images: usize,
    /// SHA-256 of the list of its files, or of the images themselves where they are not in files of their own.
    pub sha256: String,
}

/// Images that were read.
#[derive(Debug)]
pub struct Loaded {
    /// Those that could be.
    pub images: ImageSet,
    /// Where they stand in the split.
    pub indices: Vec<usize>,
    /// Those that could not.
    pub failures: Vec<Failure>,
}

impl Opened {
    pub(super) fn new(pixels: Pixels, source: String, side: usize) -> Self {
        let (labels, classes) = match &pixels {
            Pixels::Drawn(split) => {
                let per_class = match split {
                    Split::Train => synth_digits::TRAIN_PER_CLASS,
                    Split::Test => synth_digits::TEST_PER_CLASS,
                };
                let classes = synth_digits::CLASSES.map(String::from).to_vec();
                ((0..classes.len() * per_class).map(|i| (i % classes.len()) as u8).collect(), classes)
            }
            Pixels::Held(images) => (images.labels().to_vec(), images.classes().to_vec()),
            Pixels::Files(folder) => (folder.labels.clone(), folder.classes.clone()),
        };
        Self { pixels, labels, classes, side, source }
    }

    pub(super) fn synth_digits(split: Split, side: usize) -> Self {
        Self::new(Pixels::Drawn(split), format!("synth-digits, seed {}", synth_digits::SEED), side)
    }

    /// The class of every image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Names of the classes, by label.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Where the images of one class stand, or those of all others.
    pub fn of_class(&self, class: usize, others: bool) -> Vec<usize> {
        (0..self.labels.len()).filter(|&i| (usize::from(self.labels[i]) == class) != others).collect()
    }

    /// What the split holds now.
    pub fn listed(&mut self) -> Listed {
        let sha256 = match &mut self.pixels {
            Pixels::Drawn(_) => sha256(self.source.as_bytes()),
            Pixels::Held(set) => sha256(&[sha256(set.pixels()), sha256(set.labels())].concat().into_bytes()),
            Pixels::Files(folder) => sha256(folder.listing().as_bytes()),
        };
        Listed { images: self.labels.len(), sha256 }
    }

    /// Whether the split holds what it held when a run began.
    ///
    /// # Errors
    /// Other images, or more, or fewer.
    pub fn must_be(&mut self, split: Split, then: &Listed) -> Result<(), DataSourceError> {
        let now = self.listed();
        if now == *then {
            return Ok(());
        }
        Err(self.changed(if now.images == then.images {
            format!("its {split} split has {} images as then, but their names or sizes are others", now.images)
        } else {
            format!("its {split} split has {} images, and had {}", now.images, then.images)
        }))
    }

    /// What a person should know of the files: what was left out.
    pub(super) fn remarks(&self) -> &[Remark] {
        match &self.pixels {
            Pixels::Files(folder) => &folder.remarks,
            Pixels::Drawn(_) | Pixels::Held(_) => &[],
        }
    }

    /// Whether an image could be unreadable although the split could be opened.
    pub(super) fn may_fail(&self) -> bool {
        matches!(self.pixels, Pixels::Files(_))
    }

    /// Reads the images at `indices`. Those that cannot be read are told on stderr, and the others kept; if none can,
    /// that is an error.
    pub fn read(&mut self, indices: &[usize]) -> Result<Loaded, DataSourceError> {
        let (side, n) = (self.side, self.labels.len());
        if let Some(index) = indices.iter().find(|&&index| index >= n) {
            return Err(self.changed(format!("it has {n} images, and image {index} was used")));
        }
        if indices.len() > MAX_READ / (CHANNELS * side * side) {
            return Err(DataSourceError::TooMuch { images: indices.len(), side });
        }
        let all = |pixels| Pictures { pixels, indices: indices.to_vec(), failures: Vec::new() };
        let read = match &mut self.pixels {
            Pixels::Drawn(split) => {
                let classes = self.classes.len();
                let draw =
                    |&i: &usize| synth_digits::image(synth_digits::SEED, *split, (i % classes) as u8, i / classes);
                all(indices.iter().flat_map(|i| at_side(&draw(i), side)).collect())
            }
            Pixels::Held(images) => all(indices.iter().flat_map(|&i| at_side(images.image(i), side)).collect()),
            Pixels::Files(folder) => folder.read(indices, side)?,
        };
        let labels = read.indices.iter().map(|&i| self.labels[i]).collect();
        let images = ImageSet::with_side(side, read.pixels, labels, self.classes.clone())
            .map_err(|source| DataSourceError::Images { path: Path::new(&self.source).into(), source })?;
        let loaded = Loaded { images, indices: read.indices, failures: read.failures };
        loaded.report();
        Ok(loaded)
    }

    /// Reads the images a run was trained on, which could all be read when it began.
    pub fn read_again(&mut self, indices: &[usize]) -> Result<ImageSet, DataSourceError> {
        let loaded = self.read(indices)?;
        match loaded.failures.len() {
            0 => Ok(loaded.images),
            failed => {
                Err(self.changed(format!("{failed} of the {} images trained on are not readable", indices.len())))
            }
        }
    }

    fn changed(&self, why: String) -> DataSourceError {
        DataSourceError::Changed { source_name: self.source.clone(), why }
    }
}

/// A 32 x 32 image at the size that a network wants.
fn at_side(planes: &[u8], side: usize) -> Vec<u8> {
    let area = SIZE * SIZE;
    let rgb: Vec<u8> = (0..area).flat_map(|i| [planes[i], planes[area + i], planes[2 * area + i]]).collect();
    to_side(&rgb, SIZE, SIZE, side).expect("a 32 x 32 image is not empty and not too large")
}

impl Loaded {
    /// Tells on stderr how many images could not be read, and why the first of them could not.
    fn report(&self) {
        let (failed, all) = (self.failures.len(), self.failures.len() + self.images.len());
        if failed > 0 {
            tell!("warning: {failed} of {all} images could not be read");
        }
        for failure in self.failures.iter().take(10) {
            tell!("  {}: {}", output::name(&failure.name), failure.why);
        }
        if failed > 10 {
            tell!("  and {} more", failed - 10);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_images_are_those_of_the_whole_set() {
        let mut opened = Opened::synth_digits(Split::Test, 32);
        let whole = synth_digits::generate(synth_digits::SEED, Split::Test, synth_digits::TEST_PER_CLASS);
        assert_eq!(opened.labels(), whole.labels());
        let loaded = opened.read(&[1999, 3, 14]).unwrap();
        assert_eq!((loaded.images, loaded.indices), (whole.select(&[1999, 3, 14]), vec![1999, 3, 14]));
        assert_eq!(opened.of_class(4, false), whole.of_class(4));
        assert_eq!(opened.of_class(4, true).len(), 1800);
    }

    #[test]
    fn small_images_grow_for_imagenet_s_stem() {
        let pixels: Vec<u8> = (0..3 * 1024).map(|i| if i < 1024 { 200 } else { 50 }).collect();
        let images = ImageSet::new(pixels, vec![0], vec!["a".into()]).unwrap();
        let loaded = Opened::new(Pixels::Held(images), "a test".into(), 224).read(&[0]).unwrap();
        assert_eq!((loaded.images.side(), loaded.images.len()), (224, 1));
        assert!(loaded.images.pixels()[..224 * 224].iter().all(|&red| red == 200));
        assert!(loaded.images.pixels()[224 * 224..].iter().all(|&value| value == 50));
    }

    #[test]
    fn what_cannot_be_had_is_refused_before_it_is_read() {
        let mut opened = Opened::synth_digits(Split::Train, 224);
        let error = opened.read(&[50_000]).unwrap_err().to_string();
        assert!(error.contains("it has 50000 images, and image 50000 was used"), "{error}");
        let error = opened.read(&vec![0; 60_000]).unwrap_err().to_string();
        assert_eq!(error, "60000 images of 224 x 224 need 9.0 GB of memory: at most 8 GB are read at once");
    }
}

//! A person's own images as a data set with one class, `own`: three quarters to train on, a quarter held back as test
//! images, and odd ones beside them that it is told from.

use super::{DataError, IMAGE_BYTES, ImageSet, Split, synth_digits};
use crate::config::TrainConfig;

/// Its name in settings and bundles.
pub const OWN: &str = "own";
/// Its classes: what the images show, and all else.
pub const OWN_CLASSES: [&str; 2] = ["yours", "others"];
/// Fewer images are not worth training on: a bank of them is.
pub const MIN_OWN: usize = 64;
/// With fewer odd images than this, drawn digits stand in for them.
pub const MIN_ODD: usize = 8;
/// Of each digit so many.
const STAND_INS: usize = 15;

/// What a run learns from, and what it is judged by; 32 x 32.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnImages {
    /// At most `limit` images of class 0.
    pub train: ImageSet,
    /// What is held back, of class 0, and after it what is odd, of class 1.
    pub test: ImageSet,
}

impl OwnImages {
    /// Splits `normal` (n x 3 x 32 x 32 bytes) by the seed of the run, as [`TrainConfig::split`] holds validation images
    /// back; `odd` images are of the same form.
    ///
    /// # Errors
    /// [`DataError::Length`] where bytes are not whole images, [`DataError::TooFew`] of fewer than [`MIN_OWN`].
    pub fn new(config: &TrainConfig, normal: &[u8], odd: &[u8]) -> Result<Self, DataError> {
        let set = |pixels: &[u8], label: u8| {
            let labels = vec![label; pixels.len() / IMAGE_BYTES];
            ImageSet::new(pixels.to_vec(), labels, OWN_CLASSES.map(String::from).to_vec())
        };
        let (normal, odd) = (set(normal, 0)?, set(odd, 1)?);
        if normal.len() < MIN_OWN {
            return Err(DataError::TooFew { least: MIN_OWN, found: normal.len() });
        }
        let split = TrainConfig { id_class: 0, pollution: 0.0, validation: normal.len(), ..config.clone() }
            .split(normal.labels(), OWN_CLASSES.len())?;
        let odd = if odd.len() < MIN_ODD { set(&stand_ins(), 1)? } else { odd };
        let test = [normal.select(&split.validation).pixels(), odd.pixels()].concat();
        let labels = [vec![0; split.validation.len()], odd.labels().to_vec()].concat();
        let test = ImageSet::new(test, labels, normal.classes().to_vec())?;
        Ok(Self { train: normal.select(&split.indices), test })
    }
}

fn stand_ins() -> Vec<u8> {
    let digits = (0..synth_digits::CLASSES.len() as u8).flat_map(|digit| (0..STAND_INS).map(move |i| (digit, i)));
    digits.flat_map(|(digit, i)| synth_digits::image(synth_digits::SEED, Split::Test, digit, i)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images that differ in their first byte.
    fn images(n: u8) -> Vec<u8> {
        (0..n).flat_map(|i| std::iter::once(i).chain(std::iter::repeat_n(0, IMAGE_BYTES - 1))).collect()
    }

    #[test]
    fn a_quarter_is_held_back_and_none_is_in_both() {
        let own = OwnImages::new(&TrainConfig::default(), &images(100), &images(9)).unwrap();
        let firsts = |set: &ImageSet| (0..set.len()).map(|i| set.image(i)[0]).collect::<Vec<_>>();
        let (train, test) = (firsts(&own.train), firsts(&own.test));
        assert_eq!((train.len(), test.len()), (75, 25 + 9));
        let mut all = [&train[..], &test[..25]].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<u8>>());
        assert!(own.train.labels().iter().all(|&label| label == 0));
        assert_eq!(own.test.labels(), [vec![0; 25], vec![1; 9]].concat());
        let few = TrainConfig { limit: 64, seed: 3, ..Default::default() };
        let other = OwnImages::new(&few, &images(100), &images(9)).unwrap();
        assert_eq!(other.train.len(), 64);
        assert_ne!(firsts(&other.test), test, "another seed");
    }

    #[test]
    fn digits_stand_in_for_odd_images_and_too_few_normal_ones_are_refused() {
        let own = OwnImages::new(&TrainConfig::default(), &images(64), &images(7)).unwrap();
        assert_eq!((own.train.len(), own.test.len()), (48, 16 + 150));
        assert_eq!(own.test.image(16), synth_digits::image(synth_digits::SEED, Split::Test, 0, 0));
        let error = OwnImages::new(&TrainConfig::default(), &images(63), &[]).unwrap_err().to_string();
        assert_eq!(error, "a data set of one's own must have at least 64 images, found 63");
        assert!(OwnImages::new(&TrainConfig::default(), &[0; 100], &[]).is_err());
    }
}

//! Probes of feature quality during training: which of the watched images they are fitted to and tested on.

use super::WatchError;
use crate::data::{ImageSet, Sides};
use crate::eval::quality;
use crate::measure::Quality;
use crate::{FeatureError, Features};
use std::collections::BTreeSet;

/// Labelled images of all classes, the ID class with about its share of the data set. All but [`Probes::others`] are
/// embedded for other measures anyway.
pub struct Probes {
    id_class: usize,
    /// Training images of the other classes, and of them only.
    others: ImageSet,
    /// Which of the watched training images stand for the ID class.
    train_id: Vec<usize>,
    /// How many of the watched ID test images stand for it.
    test_id: usize,
}

impl Probes {
    /// `trained` are the watched training images, outliers among them; `test` counts the watched test images. None where
    /// there is no image to learn one of the sides from.
    pub fn new(trained: &ImageSet, others: ImageSet, id_class: usize, test: Sides<usize>) -> Option<Self> {
        let inliers = trained.of_class(id_class);
        if inliers.is_empty() || others.labels().is_empty() {
            return None;
        }
        // As many as the other classes have on average.
        let classes = others.labels().iter().collect::<BTreeSet<_>>().len();
        let share = |of: usize| of.div_ceil(classes);
        let train_id = inliers.into_iter().take(share(others.len())).collect();
        Some(Self { id_class, others, train_id, test_id: test.id.min(share(test.ood)) })
    }

    /// The images to embed besides the watched ones.
    pub fn others(&self) -> &ImageSet {
        &self.others
    }

    /// Fits to the features of the watched training images and of [`Probes::others`], tests on those of the watched ID
    /// and OOD test images.
    pub fn measure(
        &self,
        [train, others]: [&Features; 2],
        test: Sides<&Features>,
        ood_labels: &[u8],
    ) -> Result<Quality, WatchError> {
        let first: Vec<usize> = (0..self.test_id).collect();
        let (train, train_labels) = self.together(&train.select(&self.train_id)?, others, self.others.labels())?;
        let (test, test_labels) = self.together(&test.id.select(&first)?, test.ood, ood_labels)?;
        Ok(quality(&train, &train_labels, &test, &test_labels)?)
    }

    /// Features of the ID class and of others, with their labels.
    fn together(
        &self,
        id: &Features,
        others: &Features,
        labels: &[u8],
    ) -> Result<(Features, Vec<usize>), FeatureError> {
        let labels = std::iter::repeat_n(self.id_class, id.n()).chain(labels.iter().map(|&l| usize::from(l))).collect();
        let values = [id.values(), others.values()].concat();
        Ok((Features::new(id.n() + others.n(), id.dim(), values)?, labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::IMAGE_BYTES;

    fn set(labels: &[u8]) -> ImageSet {
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        ImageSet::new(vec![0; labels.len() * IMAGE_BYTES], labels.to_vec(), classes).unwrap()
    }

    /// One direction a class, lengths differ.
    fn features(classes: &[usize]) -> Features {
        let values = classes
            .iter()
            .enumerate()
            .flat_map(|(i, class)| [0, 1, 2].map(|c| if c == *class { 1.0 + i as f32 } else { 0.1 }));
        Features::new(classes.len(), 3, values.collect()).unwrap()
    }

    #[test]
    fn classes_are_balanced_and_outliers_stand_for_no_class() {
        // Class 0 is the run's, and the first image an outlier in it.
        let (trained, others) = (set(&[1, 0, 0, 0, 0, 0, 0]), set(&[1, 1, 1, 2, 2]));
        let probes = Probes::new(&trained, others, 0, Sides { id: 8, ood: 6 }).unwrap();
        // Three of class 0, as the others have, none of them the outlier; and three of eight in the test.
        assert_eq!((&probes.train_id[..], probes.test_id), (&[1, 2, 3][..], 3));

        let trained_features = features(&[1, 0, 0, 0, 0, 0, 0]);
        let others_features = features(&[1, 1, 1, 2, 2]);
        // The ID images from the fourth on look like class 1: they must not be asked.
        let test = Sides { id: features(&[0, 0, 0, 1, 1, 1, 1, 1]), ood: features(&[1, 1, 1, 2, 2, 2]) };
        let measure = |ood_labels: &[u8]| {
            probes.measure([&trained_features, &others_features], test.as_ref(), ood_labels).unwrap()
        };
        let right = measure(&[1, 1, 1, 2, 2, 2]);
        assert_eq!((right.linear_probe, right.knn_1), (1.0, 1.0));
        let swapped = measure(&[2, 2, 2, 1, 1, 1]);
        assert_eq!((swapped.linear_probe, swapped.knn_1), (1.0 / 3.0, 1.0 / 3.0));
    }

    #[test]
    fn a_class_without_images_has_no_probe() {
        assert!(Probes::new(&set(&[1, 1]), set(&[1, 2]), 0, Sides { id: 1, ood: 1 }).is_none());
    }
}

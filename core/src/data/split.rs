//! Which training images a one-class model learns from (section 3.1).

use super::DataError;
use crate::config::TrainConfig;
use crate::rng::Rng;

/// What a one-class model is trained on: every image of the ID class, and the outliers mixed in.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OneClassSplit {
    /// Indices into the training set, inliers first.
    pub indices: Vec<usize>,
    /// How many of the last indices are outliers of other classes.
    pub outliers: usize,
    /// Images of the ID class that are held back, ascending: choices are made on them.
    #[serde(default)]
    pub validation: Vec<usize>,
    /// Anomalies that the run is told of, where its objective wants some: images of one other class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<usize>,
}

/// Share of known anomalies among all images that are learned from (the paper's table 10).
const KNOWN: f64 = 0.05;

/// The training images of `class` without `validation` of them (at most a quarter), polluted so that outliers make up
/// the share `pollution` of the whole.
///
/// `labels` are those of the training set, `classes` how many classes it has. What is held back, and outliers, without
/// repetition from the other classes, are drawn from `seed`.
pub fn one_class_split(
    labels: &[u8],
    classes: usize,
    class: usize,
    validation: usize,
    pollution: f32,
    seed: u64,
) -> Result<OneClassSplit, DataError> {
    if class >= classes {
        return Err(DataError::Class { class, classes });
    }
    if !(0.0..1.0).contains(&pollution) {
        return Err(DataError::Pollution { why: format!("found {pollution}") });
    }
    let is_id = |i: &usize| usize::from(labels[*i]) == class;
    let (inliers, others): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(is_id);
    let order = Rng::new(seed, "validation", &[class as u64]).permutation(inliers.len());
    let mut held_back = vec![false; inliers.len()];
    order[..validation.min(inliers.len() / 4)].iter().for_each(|&i| held_back[i] = true);
    let pick = |held: bool| inliers.iter().zip(&held_back).filter(move |(_, h)| **h == held).map(|(&i, _)| i);
    let (mut indices, validation): (Vec<usize>, Vec<usize>) = (pick(false).collect(), pick(true).collect());
    let p = f64::from(pollution);
    let outliers = (indices.len() as f64 * p / (1.0 - p)).round() as usize;
    if outliers > others.len() {
        return Err(DataError::Pollution { why: format!("{outliers} outliers needed, {} there", others.len()) });
    }
    let order = Rng::new(seed, "pollution", &[class as u64]).permutation(others.len());
    indices.extend(order[..outliers].iter().map(|&i| others[i]));
    Ok(OneClassSplit { indices, outliers, validation, known: Vec::new() })
}

impl OneClassSplit {
    /// At most `limit` of the images (0: all), with the same share of outliers, drawn from `seed`.
    pub fn limited(self, limit: usize, seed: u64) -> Self {
        if limit == 0 {
            return self;
        }
        let total = self.indices.len();
        let inliers = total - self.outliers;
        let keep = limit.min(total);
        let outliers = (keep as f64 * self.outliers as f64 / total as f64).round() as usize;
        let order = Rng::new(seed, "limit", &[]).permutation(inliers);
        let mut indices: Vec<usize> = order.iter().take(keep - outliers).map(|&i| self.indices[i]).collect();
        indices.sort_unstable();
        indices.extend(&self.indices[inliers..inliers + outliers]);
        Self { indices, outliers, ..self }
    }

    /// The same, told a twentieth of anomalies beside its images: drawn from `seed` of one class, as by Han et al. (2021), the
    /// one that follows `class`, and none of them among its outliers. As many as there are, if there are fewer.
    fn told(self, labels: &[u8], classes: usize, class: usize, seed: u64) -> Self {
        let wanted = (self.indices.len() as f64 * KNOWN / (1.0 - KNOWN)).round() as usize;
        let next = (class + 1) % classes;
        let others = self.others(labels, class).into_iter().filter(|&i| usize::from(labels[i]) == next);
        let others: Vec<usize> = others.collect();
        let order = Rng::new(seed, "known", &[class as u64]).permutation(others.len());
        let mut known: Vec<usize> = order.into_iter().take(wanted).map(|i| others[i]).collect();
        known.sort_unstable();
        Self { known, ..self }
    }

    /// Images of the training set that are of other classes and not trained on, ascending: what choices are made on
    /// beside [`OneClassSplit::validation`].
    pub fn others(&self, labels: &[u8], class: usize) -> Vec<usize> {
        let outliers = &self.indices[self.indices.len() - self.outliers..];
        (0..labels.len())
            .filter(|&i| usize::from(labels[i]) != class && !outliers.contains(&i) && !self.known.contains(&i))
            .collect()
    }
}

impl TrainConfig {
    /// The images that a run with these settings trains on, in the order of its banks: the whole split follows from
    /// the settings and the training set's `labels`, so that training image m of a bundle can be found again.
    pub fn split(&self, labels: &[u8], classes: usize) -> Result<OneClassSplit, DataError> {
        let whole = one_class_split(labels, classes, self.id_class, self.validation, self.pollution, self.seed)?;
        let limited = whole.limited(self.limit, self.seed);
        let told = self.objective.is_told_anomalies();
        Ok(if told { limited.told(labels, classes, self.id_class, self.seed) } else { limited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Objective;

    #[test]
    fn pollution_is_a_share_of_the_whole() {
        let mut labels = vec![0; 90];
        labels.extend(vec![1; 50]);
        let split = one_class_split(&labels, 2, 0, 0, 0.1, 3).unwrap();
        assert_eq!((split.indices.len(), split.outliers), (100, 10));
        assert!(split.indices[90..].iter().all(|&i| labels[i] == 1));
        let mut distinct = split.indices.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 100);
        assert_eq!(split, one_class_split(&labels, 2, 0, 0, 0.1, 3).unwrap());
        assert_ne!(split, one_class_split(&labels, 2, 0, 0, 0.1, 4).unwrap());
    }

    #[test]
    fn impossible_splits_say_why() {
        let labels = [0, 0, 1];
        assert!(one_class_split(&labels, 2, 2, 0, 0.0, 0).is_err());
        assert!(one_class_split(&labels, 2, 0, 0, 1.0, 0).is_err());
        let error = one_class_split(&labels, 2, 0, 0, 0.9, 0).unwrap_err().to_string();
        assert!(error.contains("18 outliers needed, 1 there"));
    }

    #[test]
    fn a_limit_keeps_the_share_of_outliers() {
        let labels: Vec<u8> = (0..200).map(|i| u8::from(i % 2 == 1)).collect();
        let config = TrainConfig { id_class: 1, pollution: 0.2, limit: 50, seed: 7, ..Default::default() };
        let split = config.split(&labels, 2).unwrap();
        assert_eq!((split.indices.len(), split.outliers), (50, 10));
        assert!(split.indices[..40].is_sorted() && split.indices[..40].iter().all(|&i| labels[i] == 1));
        assert!(split.indices[40..].iter().all(|&i| labels[i] == 0));
        let whole = TrainConfig { limit: 0, validation: 0, ..config }.split(&labels, 2).unwrap();
        assert_eq!(whole.indices.len(), 125);
    }

    #[test]
    fn known_anomalies_are_a_twentieth_of_the_whole_of_one_class_and_of_nothing_else() {
        let labels: Vec<u8> = (0..600).map(|i| i as u8 % 3).collect();
        let config = TrainConfig { id_class: 2, pollution: 0.05, validation: 10, limit: 100, ..Default::default() };
        assert!(config.split(&labels, 3).unwrap().known.is_empty());
        let split = TrainConfig { objective: Objective::Elsa, ..config }.split(&labels, 3).unwrap();
        assert_eq!((split.indices.len(), split.outliers, split.known.len()), (100, 5, 5));
        assert!(split.known.iter().all(|i| labels[*i] == 0 && !split.indices.contains(i)));
        assert!(!split.others(&labels, 2).iter().any(|i| split.known.contains(i)));
    }

    #[test]
    fn what_is_held_back_is_not_trained_on_and_is_a_quarter_at_most() {
        let labels: Vec<u8> = (0..400).map(|i| u8::from(i % 2 == 1)).collect();
        for (asked, held) in [(0, 0), (30, 30), (1000, 50)] {
            let config = TrainConfig { id_class: 1, validation: asked, pollution: 0.1, ..Default::default() };
            let split = config.split(&labels, 2).unwrap();
            assert_eq!(split.validation.len(), held);
            assert_eq!(split.indices.len() - split.outliers, 200 - held);
            assert!(split.validation.is_sorted() && split.validation.iter().all(|i| labels[*i] == 1));
            assert!(!split.validation.iter().any(|i| split.indices.contains(i)));
            let others = split.others(&labels, 1);
            assert_eq!(others.len(), 200 - split.outliers);
            assert!(!others.iter().any(|i| split.indices.contains(i) || labels[*i] == 1));
        }
    }
}

//! Weighted nearest neighbours as a probe of features (appendix A; Wu et al. 2018).

use super::EvalError;
use super::labels::{accuracy, check_labels};
use crate::Features;
use crate::vectors::cosine::{Directions, nearest, scales};
use crate::vectors::search::Search;
use std::collections::BTreeMap;

/// Wu et al.'s temperature.
const TEMPERATURE: f64 = 0.07;

/// The label of each test feature (`m x dim`) by a vote of its `k` nearest training features (`n x dim`) by cosine,
/// each with weight exp(cos / 0.07); of labels with equal votes, the smallest. The paper takes k = 1 and 20.
pub fn weighted_knn(
    train: &Features,
    train_labels: &[usize],
    test: &Features,
    k: usize,
) -> Result<Vec<usize>, EvalError> {
    check_labels("training", train, train_labels)?;
    let (expected, found) = (train.dim(), test.dim());
    if expected != found {
        return Err(EvalError::Dimension { expected, found });
    }
    if !(1..=train.n()).contains(&k) {
        return Err(EvalError::Neighbours { k, n: train.n() });
    }
    let scales = |features, what| scales(features, None).map_err(|row| EvalError::ZeroVector { what, row });
    let (of_train, of_test) = (scales(train, "training")?, scales(test, "test")?);
    let bank = Directions { vectors: train, shift: None, scales: &of_train };
    let queries = Directions { vectors: test, shift: None, scales: &of_test };
    let vote = |found: Vec<(usize, f32)>| {
        // Ordered by label, so that a tie does not depend on how neighbours are found.
        let mut votes = BTreeMap::<usize, f64>::new();
        for (i, angle) in found {
            *votes.entry(train_labels[i]).or_default() += (f64::from(angle).cos() / TEMPERATURE).exp();
        }
        votes.into_iter().fold((0, f64::MIN), |best, v| if v.1 > best.1 { v } else { best }).0
    };
    Ok(nearest(&Search::new(&bank), bank, queries, k, false).into_iter().map(vote).collect())
}

/// Accuracy (0..1) of [`weighted_knn`].
pub fn knn_probe(
    train: &Features,
    train_labels: &[usize],
    test: &Features,
    test_labels: &[usize],
    k: usize,
) -> Result<f64, EvalError> {
    check_labels("test", test, test_labels)?;
    Ok(accuracy(&weighted_knn(train, train_labels, test, k)?, test_labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_decides_alone_and_the_many_together() {
        // Four of label 9 a little farther than one of label 2, by angle; length does not matter.
        let train = Features::new(5, 2, vec![1.0, 0.0, 3.0, 0.6, 1.0, 0.2, 1.0, 0.21, 1.0, -0.2]).unwrap();
        let labels = [2, 9, 9, 9, 9];
        let query = Features::new(1, 2, vec![0.1, 0.0]).unwrap();
        assert_eq!(weighted_knn(&train, &labels, &query, 1).unwrap(), [2]);
        assert_eq!(weighted_knn(&train, &labels, &query, 5).unwrap(), [9]);
        assert_eq!(knn_probe(&train, &labels, &query, &[2], 1), Ok(1.0));
        assert_eq!(knn_probe(&train, &labels, &query, &[2], 5), Ok(0.0));
    }

    #[test]
    fn bad_sets_are_named() {
        let train = Features::new(2, 2, vec![1.0, 0.0, 0.0, 1.0]).unwrap();
        assert_eq!(weighted_knn(&train, &[0, 1], &train, 3), Err(EvalError::Neighbours { k: 3, n: 2 }));
        assert!(weighted_knn(&train, &[0], &train, 1).is_err());
        let zero = Features::new(1, 2, vec![0.0; 2]).unwrap();
        assert_eq!(
            weighted_knn(&train, &[0, 1], &zero, 1).unwrap_err().to_string(),
            "test feature 0 is zero, so it has no direction"
        );
    }
}

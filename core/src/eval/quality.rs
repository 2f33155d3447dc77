//! All probes of one set of features, as training is followed by them (appendix A, figures 2 and 3).

use super::{EvalError, knn_probe, linear_probe};
use crate::Features;
use crate::measure::Quality;

/// How well features tell classes apart: probes fitted to `train` (`n x dim`, of at least two classes) and tested on
/// `test` (`m x dim`).
pub fn quality(
    train: &Features,
    train_labels: &[usize],
    test: &Features,
    test_labels: &[usize],
) -> Result<Quality, EvalError> {
    let knn = |k: usize| knn_probe(train, train_labels, test, test_labels, k.min(train.n()));
    Ok(Quality {
        linear_probe: linear_probe(train, train_labels, test, test_labels)?,
        knn_1: knn(1)?,
        knn_20: knn(20)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn features_with_classes_in_them_are_better_than_features_without() {
        let mut rng = Rng::new(9, "quality", &[]);
        let mut draw = |n: usize, centre: f64| {
            let labels: Vec<usize> = (0..n).map(|i| i % 3).collect();
            let values = (0..n * 8).map(|i| (if i % 8 == labels[i / 8] { centre } else { 0.0 } + rng.normal()) as f32);
            (Features::new(n, 8, values.collect()).unwrap(), labels)
        };
        let mut measure = |n: usize, centre: f64| {
            let ((train, labels), (test, test_labels)) = (draw(n, centre), draw(300, centre));
            quality(&train, &labels, &test, &test_labels).unwrap()
        };
        let (good, bad, few) = (measure(300, 6.0), measure(300, 0.0), measure(12, 6.0));
        for quality in [good, few] {
            assert!(quality.linear_probe > 0.9 && quality.knn_1 > 0.9, "{quality:?}");
        }
        assert!(good.knn_20 > 0.95, "{good:?}");
        // Twelve neighbours of twelve: four of each class, weighed by how near they are.
        assert!(few.knn_20 > 0.9, "{few:?}");
        assert!([bad.linear_probe, bad.knn_1, bad.knn_20].iter().all(|a| (0.2..0.5).contains(a)), "{bad:?}");
    }
}

//! Data refinement by an ensemble of one-class classifiers (STOC, Yoon et al. 2021, section 3): what any of them takes for an
//! anomaly, each having seen a part of the images, is left out.

use super::{Gde, ScoreError};
use crate::Features;

/// Classifiers, each fitted to its own part of the images.
pub(crate) const CLASSIFIERS: usize = 5;
/// Share of the images that each takes for anomalies.
const REJECTED: f64 = 0.1;

/// Which of the training images, `n x dim`, are kept, ascending. A part is every fifth image, its classifier a Gaussian of the
/// features' directions ([`Gde`]); it rejects the tenth of all images that it finds least likely, and an image that one of the
/// five rejects is left out: at most half.
///
/// # Errors
/// Fewer than ten images; whatever a Gaussian cannot be fitted to.
pub fn refined(train: &Features) -> Result<Vec<usize>, ScoreError> {
    let n = train.n();
    if n < 2 * CLASSIFIERS {
        return Err(ScoreError::TooFew { what: "stoc", needed: 2 * CLASSIFIERS, found: n });
    }
    let mut kept = vec![true; n];
    for part in 0..CLASSIFIERS {
        let members: Vec<usize> = (part..n).step_by(CLASSIFIERS).collect();
        let scores = Gde::fit(&train.select(&members)?)?.score(train)?;
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        order.iter().take((REJECTED * n as f64) as usize).for_each(|&image| kept[image] = false);
    }
    Ok((0..n).filter(|&image| kept[image]).collect())
}

/// The classifier that scores in the end: a Gaussian of those training images that are kept.
///
/// # Errors
/// See [`refined`].
pub fn last_classifier(train: &Features) -> Result<Gde, ScoreError> {
    Gde::fit(&train.select(&refined(train)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/golden/make_rivals.py`.
    #[test]
    fn it_keeps_and_scores_as_with_numpy() {
        #[derive(serde::Deserialize)]
        struct Golden {
            stoc: Case,
        }
        #[derive(serde::Deserialize)]
        struct Case {
            trained: Vec<f32>,
            asked: Vec<f32>,
            kept: Vec<usize>,
            scores: Vec<f32>,
        }
        let golden = include_str!("../../../tests/golden/rivals.json");
        let Golden { stoc: Case { trained, asked, kept, scores } } = serde_json::from_str(golden).unwrap();
        let rows = |values: Vec<f32>| Features::new(values.len() / 4, 4, values).unwrap();
        let trained = rows(trained);
        assert_eq!(refined(&trained).unwrap(), kept);
        let found = last_classifier(&trained).unwrap().score(&rows(asked)).unwrap();
        assert_eq!(found.len(), scores.len());
        for (found, expected) in found.iter().zip(&scores) {
            assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found}, not {expected}");
        }
    }

    #[test]
    fn images_of_another_kind_are_left_out() {
        let mut rng = crate::rng::Rng::new(0, "stoc test", &[]);
        let mut draw = |side: f64| [0; 3].map(|_| (side + 0.2 * rng.normal()) as f32);
        let values = (0..100).flat_map(|i| if i < 95 { draw(1.0) } else { draw(-1.0) }).collect();
        let kept = refined(&Features::new(100, 3, values).unwrap()).unwrap();
        assert!(kept.iter().all(|&image| image < 95) && kept.len() >= 50, "{kept:?}");
        let few = Features::new(9, 1, (0..9).map(|i| 1.0 + i as f32).collect()).unwrap();
        assert!(matches!(refined(&few), Err(ScoreError::TooFew { needed: 10, found: 9, .. })));
    }
}

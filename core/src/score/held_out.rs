//! What unseen normal images score, estimated from few: each image judged by a bank that was fitted without it.

use super::{Bank, ScoreError, Scorer};
use crate::features::Features;

/// Banks fitted to hold images out: one an image up to so many images, beyond that each holds out every twentieth.
const FOLDS: usize = 20;
/// Below three, what is left has no covariance.
const FEWEST: usize = 3;

/// For each of `scorers` (of [`Scorer::ANGULAR`]) the score of every row of `train`, by banks fitted on the others.
///
/// Mean and whitening are fitted anew for each fold: of eight images each weighs an eighth in them, and what it scores
/// by a whitening that has seen it says nothing of the next image.
///
/// # Errors
/// Fewer than three rows; whatever [`Bank::fit`] and [`Bank::score`] refuse.
pub fn held_out(train: &Features, scorers: &[Scorer]) -> Result<Vec<Vec<f32>>, ScoreError> {
    let n = train.n();
    if n < FEWEST {
        return Err(ScoreError::TooFew { what: "a held-out score", needed: FEWEST, found: n });
    }
    let folds = n.min(FOLDS);
    let mut scores = vec![vec![0.0; n]; scorers.len()];
    for fold in 0..folds {
        let (held, rest): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| i % folds == fold);
        let bank = Bank::fit(&train.select(&rest)?)?;
        let queries = train.select(&held)?;
        for (all, &scorer) in scores.iter_mut().zip(scorers) {
            let found = bank.score(scorer, scorer.default_k(), &queries)?;
            held.iter().zip(found).for_each(|(&i, score)| all[i] = score);
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn features(n: usize, dim: usize) -> Features {
        let mut rng = Rng::new(3, "held out", &[n as u64]);
        Features::new(n, dim, (0..n * dim).map(|_| (1.0 + 0.3 * rng.normal()) as f32).collect()).unwrap()
    }

    #[test]
    fn few_images_are_left_out_one_by_one() {
        let train = features(9, 4);
        let found = held_out(&train, &[Scorer::KCos, Scorer::CCosMah]).unwrap();
        for i in 0..9 {
            let rest: Vec<usize> = (0..9).filter(|&j| j != i).collect();
            let bank = Bank::fit(&train.select(&rest).unwrap()).unwrap();
            let alone = train.select(&[i]).unwrap();
            for (scores, scorer) in found.iter().zip([Scorer::KCos, Scorer::CCosMah]) {
                assert_eq!(scores[i], bank.score(scorer, 1, &alone).unwrap()[0]);
            }
        }
    }

    #[test]
    fn more_are_left_out_in_twenty_folds() {
        let train = features(47, 5);
        let found = held_out(&train, &[Scorer::KCosMah]).unwrap().remove(0);
        // Images 3, 23 and 43 are held out together.
        let rest: Vec<usize> = (0..47).filter(|j| j % 20 != 3).collect();
        let bank = Bank::fit(&train.select(&rest).unwrap()).unwrap();
        let expected = bank.score(Scorer::KCosMah, 1, &train.select(&[3, 23, 43]).unwrap()).unwrap();
        assert_eq!([found[3], found[23], found[43]], expected[..]);
    }

    #[test]
    fn a_whitening_that_saw_the_images_would_promise_too_much() {
        // In more dimensions than images, all of them are equally near by their own whitening: unseen ones are not.
        let (train, unseen) = (features(12, 30), features(400, 30));
        let bank = Bank::fit(&train).unwrap();
        let [_, own] = bank.training_range(Scorer::KCosMah).unwrap();
        let mean = |scores: &[f32]| scores.iter().sum::<f32>() / scores.len() as f32;
        let held = mean(&held_out(&train, &[Scorer::KCosMah]).unwrap()[0]);
        let new = mean(&bank.score(Scorer::KCosMah, 1, &unseen).unwrap());
        assert!((held - new).abs() < 0.5 * (own - new).abs(), "held out {held}, own {own}, unseen {new}");
    }

    #[test]
    fn two_images_are_too_few() {
        let error = held_out(&features(2, 4), &[Scorer::KCos]).unwrap_err().to_string();
        assert!(error.contains("at least 3") && error.contains("found 2"), "{error}");
    }
}

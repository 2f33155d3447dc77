//! What unseen normal images score, estimated from few: each view judged by a bank that was fitted without it.

use super::variety::count;
use super::{Bank, ScoreError, Scorer};
use crate::features::Features;

/// Banks fitted to hold groups out: one a group up to so many groups, beyond that each holds out every twentieth.
const FOLDS: usize = 20;
/// Fewest groups that any are held out of: with two, what is left is one, which may have no covariance.
pub const MIN_GROUPS: usize = 3;

/// For each of `scorers` (of [`Scorer::ANGULAR`]) a score for every group of rows of `train`, by banks fitted on other
/// groups: that of the group's first row. `groups` has the group of every row: see [`super::Variety`].
///
/// One score a group, because more of them would count a burst as often as it has frames, and say no more about the
/// next view. Which row it is must not depend on the scores: the first of a group is to the others what the first of an
/// unseen group would be.
///
/// Mean and whitening are fitted anew for each fold: of eight images each weighs an eighth in them, and what it scores
/// by a whitening that has seen it says nothing of the next image.
///
/// # Errors
/// Fewer than three groups; whatever [`Bank::fit`] and [`Bank::score`] refuse.
pub fn held_out(train: &Features, scorers: &[Scorer], groups: &[usize]) -> Result<Vec<Vec<f32>>, ScoreError> {
    let found = count(groups);
    if found < MIN_GROUPS {
        return Err(ScoreError::TooFew {
            what: "a held-out score (of near copies, one counts)",
            needed: MIN_GROUPS,
            found,
        });
    }
    let mut firsts = vec![usize::MAX; found];
    groups.iter().enumerate().rev().for_each(|(row, &group)| firsts[group] = row);
    let folds = found.min(FOLDS);
    let mut scores = vec![vec![0.0; found]; scorers.len()];
    for fold in 0..folds {
        let rest: Vec<usize> = (0..train.n()).filter(|&row| groups[row] % folds != fold).collect();
        let held: Vec<usize> = (fold..found).step_by(folds).collect();
        let bank = Bank::fit(&train.select(&rest)?)?;
        let queries = train.select(&held.iter().map(|&group| firsts[group]).collect::<Vec<_>>())?;
        for (all, &scorer) in scores.iter_mut().zip(scorers) {
            let found = bank.score(scorer, scorer.default_k(), &queries)?;
            held.iter().zip(found).for_each(|(&group, score)| all[group] = score);
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Alarm, alarm};
    use crate::rng::Rng;
    use crate::score::Variety;

    fn features(n: usize, dim: usize) -> Features {
        let mut rng = Rng::new(3, "held out", &[n as u64]);
        Features::new(n, dim, (0..n * dim).map(|_| (1.0 + 0.3 * rng.normal()) as f32).collect()).unwrap()
    }

    /// Every row is a group of its own.
    fn alone(n: usize) -> Vec<usize> {
        (0..n).collect()
    }

    #[test]
    fn few_images_are_left_out_one_by_one() {
        let train = features(9, 4);
        let found = held_out(&train, &[Scorer::KCos, Scorer::CCosMah], &alone(9)).unwrap();
        for i in 0..9 {
            let rest: Vec<usize> = (0..9).filter(|&j| j != i).collect();
            let bank = Bank::fit(&train.select(&rest).unwrap()).unwrap();
            let query = train.select(&[i]).unwrap();
            for (scores, scorer) in found.iter().zip([Scorer::KCos, Scorer::CCosMah]) {
                assert_eq!(scores[i], bank.score(scorer, 1, &query).unwrap()[0]);
            }
        }
    }

    #[test]
    fn more_are_left_out_in_twenty_folds() {
        let train = features(47, 5);
        let found = held_out(&train, &[Scorer::KCosMah], &alone(47)).unwrap().remove(0);
        // Images 3, 23 and 43 are held out together.
        let rest: Vec<usize> = (0..47).filter(|j| j % 20 != 3).collect();
        let bank = Bank::fit(&train.select(&rest).unwrap()).unwrap();
        let expected = bank.score(Scorer::KCosMah, 1, &train.select(&[3, 23, 43]).unwrap()).unwrap();
        assert_eq!([found[3], found[23], found[43]], expected[..]);
    }

    #[test]
    fn a_group_is_left_out_as_one_and_scored_by_its_first_image() {
        let train = features(7, 4);
        let groups = [0, 1, 0, 2, 3, 1, 0];
        let found = held_out(&train, &[Scorer::KCos, Scorer::KCosMah], &groups).unwrap();
        for (group, (first, rest)) in
            [(0, [1, 3, 4, 5].to_vec()), (1, [0, 2, 3, 4, 6].to_vec()), (3, [0, 1, 2, 4, 5, 6].to_vec())]
                .into_iter()
                .enumerate()
        {
            let bank = Bank::fit(&train.select(&rest).unwrap()).unwrap();
            let query = train.select(&[first]).unwrap();
            for (scores, scorer) in found.iter().zip([Scorer::KCos, Scorer::KCosMah]) {
                assert_eq!(scores[group], bank.score(scorer, 1, &query).unwrap()[0]);
            }
        }
        assert_eq!(found[0].len(), 4);
    }

    /// `scenes` directions of 16 values, `frames` features beside each.
    fn bursts(rng: &mut Rng, scenes: usize, frames: usize, apart: f64, jitter: f64) -> Features {
        let mut values = Vec::new();
        for _ in 0..scenes {
            let scene: Vec<f64> = (0..16).map(|_| 1.0 + apart * rng.normal()).collect();
            for _ in 0..frames {
                values.extend(scene.iter().map(|x| (x + jitter * rng.normal()) as f32));
            }
        }
        Features::new(scenes * frames, 16, values).unwrap()
    }

    /// How many unseen views raise an alarm, and how many the threshold promised, over many draws.
    fn measured_and_promised(scenes: usize, frames: usize, jitter: f64) -> (f64, f64) {
        const DRAWS: usize = 300;
        // Three times the angle between two frames of a scene, a tenth of that between two scenes.
        const NEAR: f64 = 0.06;
        let mut rng = Rng::new(11, "bursts", &[scenes as u64, frames as u64]);
        let (mut measured, mut promised) = (0.0, 0.0);
        for _ in 0..DRAWS {
            let train = bursts(&mut rng, scenes, frames, 0.4, jitter);
            let unseen = bursts(&mut rng, 40, 1, 0.4, jitter);
            let variety = Variety::of(&train, NEAR).unwrap();
            let scores = held_out(&train, &[Scorer::KCos], &variety.groups).unwrap();
            let Alarm { threshold, expected, .. } = alarm(&scores[0], 0.05).unwrap();
            let new = Bank::fit(&train).unwrap().score(Scorer::KCos, 1, &unseen).unwrap();
            measured += new.iter().filter(|&&score| score >= threshold).count() as f64 / (40 * DRAWS) as f64;
            promised += expected / DRAWS as f64;
        }
        (measured, promised)
    }

    #[test]
    fn as_many_unseen_views_raise_an_alarm_as_is_promised_whatever_was_copied() {
        for (scenes, frames, jitter, what) in [
            (40, 1, 0.0, "single images"),
            (40, 2, 0.0, "each twice"),
            (40, 2, 0.01, "as PNG and JPEG"),
            (8, 5, 0.02, "bursts"),
        ] {
            let (measured, promised) = measured_and_promised(scenes, frames, jitter);
            let expected = 1.0 / (scenes + 1) as f64;
            assert!((promised - expected.max(2.0 / 41.0)).abs() < 0.005, "{what}: {promised} is promised");
            assert!((measured - promised).abs() < 0.015, "{what}: {measured} and not {promised}");
        }
    }

    #[test]
    fn image_by_image_a_burst_would_promise_too_much() {
        let mut rng = Rng::new(12, "bursts", &[]);
        let (train, unseen) = (bursts(&mut rng, 8, 5, 0.4, 0.02), bursts(&mut rng, 200, 1, 0.4, 0.02));
        let scores = held_out(&train, &[Scorer::KCos], &alone(40)).unwrap();
        let Alarm { threshold, expected, .. } = alarm(&scores[0], 0.05).unwrap();
        let new = Bank::fit(&train).unwrap().score(Scorer::KCos, 1, &unseen).unwrap();
        assert!(expected < 0.05 && new.iter().all(|&score| score >= threshold), "this is why there are groups");
    }

    #[test]
    fn a_whitening_that_saw_the_images_would_promise_too_much() {
        // In more dimensions than images, all of them are equally near by their own whitening: unseen ones are not.
        let (train, unseen) = (features(12, 30), features(400, 30));
        let bank = Bank::fit(&train).unwrap();
        let [_, own] = bank.training_range(Scorer::KCosMah).unwrap();
        let mean = |scores: &[f32]| scores.iter().sum::<f32>() / scores.len() as f32;
        let held = mean(&held_out(&train, &[Scorer::KCosMah], &alone(12)).unwrap()[0]);
        let new = mean(&bank.score(Scorer::KCosMah, 1, &unseen).unwrap());
        assert!((held - new).abs() < 0.5 * (own - new).abs(), "held out {held}, own {own}, unseen {new}");
    }

    #[test]
    fn two_groups_are_too_few() {
        for (n, groups) in [(2, vec![0, 1]), (6, vec![0, 1, 0, 1, 0, 0])] {
            let error = held_out(&features(n, 4), &[Scorer::KCos], &groups).unwrap_err().to_string();
            assert!(error.contains("at least 3") && error.contains("found 2"), "{error}");
        }
    }
}

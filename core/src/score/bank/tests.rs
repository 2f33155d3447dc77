use super::*;
use crate::rng::Rng;
use std::f32::consts::{FRAC_PI_2, PI};

fn random(n: usize, dim: usize, seed: u64) -> Features {
    let mut rng = Rng::new(seed, "bank test", &[]);
    let values = (0..n * dim).map(|i| (rng.normal() * (1.0 + (i % dim) as f64) + 1.0) as f32);
    Features::new(n, dim, values.collect()).unwrap()
}

#[test]
fn scores_are_angles_by_hand() {
    // On two axes, two each, so that the mean direction is their diagonal whatever their lengths.
    let train = Features::new(4, 2, vec![1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 3.0]).unwrap();
    let queries = Features::new(3, 2, vec![5.0, 5.0, -1.0, 0.0, 0.0, 0.1]).unwrap();
    let bank = Bank::fit(&train).unwrap();
    let close = |found: Vec<f32>, expected: [f32; 3]| {
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-6), "{found:?} for {expected:?}");
    };
    close(bank.score(Scorer::KCos, 1, &queries).unwrap(), [PI / 4.0, FRAC_PI_2, 0.0]);
    close(bank.score(Scorer::KCos, 3, &queries).unwrap(), [PI / 4.0, PI, FRAC_PI_2]);
    close(bank.score(Scorer::CCos, 1, &queries).unwrap(), [0.0, 3.0 * PI / 4.0, PI / 4.0]);
}

#[test]
fn raw_mahalanobis_scores_ignore_a_change_of_coordinates() {
    // Any invertible linear map of all features leaves Mahalanobis space the same, up to a rotation.
    let (train, queries) = (random(80, 5, 1), random(30, 5, 2));
    let mix = |f: &Features| {
        let mapped = f
            .rows()
            .flat_map(|r| (0..5).map(|j| r[j] * (1.0 + j as f32) + 0.5 * r[(j + 1) % 5] - 0.25 * r[(j + 3) % 5]));
        Features::new(f.n(), 5, mapped.collect()).unwrap()
    };
    let (plain, mixed) = (Bank::fit_raw(&train, None).unwrap(), Bank::fit_raw(&mix(&train), None).unwrap());
    for scorer in [Scorer::KCosMah, Scorer::KCosMahCentred, Scorer::CCosMah] {
        let a = plain.score(scorer, 1, &queries).unwrap();
        let b = mixed.score(scorer, 1, &mix(&queries)).unwrap();
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4), "{scorer}: {a:?} {b:?}");
    }
    let moved = |s: Scorer| {
        let (a, b) = (plain.score(s, 1, &queries).unwrap(), mixed.score(s, 1, &mix(&queries)).unwrap());
        a.iter().zip(&b).any(|(a, b)| (a - b).abs() > 1e-2)
    };
    assert!(moved(Scorer::KCos) && moved(Scorer::CCos), "plain angles do change");
}

#[test]
fn copies_score_zero_and_length_does_not_matter() {
    let train = random(300, 64, 3);
    let bank = Bank::fit(&train).unwrap();
    assert_eq!(bank.score(Scorer::KCos, 1, &train).unwrap(), vec![0.0; 300]);
    assert_eq!(bank.score(Scorer::KCosMahCentred, 1, &train).unwrap(), vec![0.0; 300]);
    assert_eq!(bank.score(Scorer::KCosMah, 1, &train).unwrap(), vec![0.0; 300]);
    let scaled = Features::new(300, 64, train.values().iter().map(|x| x * 0.37).collect()).unwrap();
    let scores = bank.score(Scorer::KCos, 1, &scaled).unwrap();
    assert!(scores.iter().all(|&s| s < 1e-6), "{:?}", scores.iter().copied().fold(0.0, f32::max));
}

#[test]
fn one_query_scores_as_it_does_among_many() {
    let (train, queries) = (random(700, 32, 4), random(400, 32, 5));
    let bank = Bank::fit(&train).unwrap();
    for scorer in Scorer::ANGULAR {
        let together = bank.score(scorer, 1, &queries).unwrap();
        for i in [0, 255, 256, 399] {
            let alone = bank.score(scorer, 1, &queries.select(&[i]).unwrap()).unwrap()[0];
            assert!((alone - together[i]).abs() < 1e-6, "{scorer} {i}: {alone} {}", together[i]);
        }
    }
}

#[test]
fn the_training_range_leaves_each_one_out_but_not_its_copy() {
    let train = Features::new(4, 2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.2, 1.0, 0.0]).unwrap();
    let [low, high] = Bank::fit(&train).unwrap().training_range(Scorer::KCos).unwrap();
    assert_eq!(low, 0.0, "rows 0 and 3 are copies");
    assert!((high - (FRAC_PI_2 - 0.2_f32.atan())).abs() < 1e-6, "row 1 is nearest to row 2, not to itself");
}

#[test]
fn parts_make_the_same_bank_and_bad_parts_none() {
    let (train, queries) = (random(60, 8, 6), random(10, 8, 7));
    let bank = Bank::fit(&train).unwrap();
    let again = Bank::from_parts(bank.parts().clone()).unwrap();
    for scorer in Scorer::ANGULAR {
        assert_eq!(bank.score(scorer, 2, &queries), again.score(scorer, 2, &queries));
    }
    let parts = bank.parts();
    let with = |change: &dyn Fn(&mut BankParts)| {
        let mut parts = parts.clone();
        change(&mut parts);
        let bank = Bank::from_parts(parts);
        let every = |bank: Bank| Scorer::ANGULAR.into_iter().try_for_each(|scorer| bank.check(scorer));
        bank.and_then(every).unwrap_err().to_string()
    };
    assert!(with(&|p| p.mean.truncate(7)).starts_with("the bank's mean must have 8 values"));
    assert!(with(&|p| p.mean[3] = f64::NAN).ends_with("value 3 is NaN"));
    assert!(with(&|p| p.whitening = random(9, 8, 1)).contains("rank at most 8, found 9 x 8"));
    assert!(with(&|p| p.whitening = random(3, 7, 1)).contains("found 3 x 7"));
    assert!(with(&|p| p.index = Some(vec![0, 1])).contains("training features once, found 2"));
    let alone = |p: &mut BankParts, row: Vec<f32>| {
        p.features = Features::new(1, 8, row).unwrap();
        p.index = None;
    };
    let zero = |p: &mut BankParts| alone(p, vec![0.0; 8]);
    assert_eq!(with(&zero), "training feature 0 is zero, so it has no direction");
    let at_mean = |p: &mut BankParts| {
        p.reading = Reading::Raw;
        alone(p, p.mean.iter().map(|&x| x as f32).collect());
        p.mean = p.features.row(0).iter().map(|&x| f64::from(x)).collect();
    };
    assert!(with(&at_mean).contains("in Mahalanobis space"));
    let huge = |p: &mut BankParts| {
        p.reading = Reading::Raw;
        p.whitening = Features::new(1, 8, vec![3e38; 8]).unwrap();
        p.centre.truncate(1);
    };
    assert!(with(&|p| p.centre.truncate(7)).starts_with("the bank's centre must have 8 values"));
    assert!(with(&huge).contains("finite"));
}

#[test]
fn wrong_questions_get_an_answer_that_helps() {
    let bank = Bank::fit(&random(20, 4, 8)).unwrap();
    let error = |scorer, k, q: &Features| bank.score(scorer, k, q).unwrap_err();
    assert_eq!(error(Scorer::KCos, 0, &random(2, 4, 1)), ScoreError::Neighbours { k: 0, n: 20 });
    assert_eq!(error(Scorer::KCosMah, 21, &random(2, 4, 1)), ScoreError::Neighbours { k: 21, n: 20 });
    assert_eq!(error(Scorer::Kde, 1, &random(2, 4, 1)), ScoreError::NotAngular(Scorer::Kde));
    let wide = error(Scorer::CCos, 1, &random(2, 5, 1)).to_string();
    assert_eq!(wide, "queries must have 4 values each, as the training features have, found 5");
    let zero = Features::new(2, 4, vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    for scorer in [Scorer::KCos, Scorer::CCos, Scorer::CCosMah] {
        assert!(matches!(error(scorer, 1, &zero), ScoreError::ZeroVector { row: 1, .. }), "{scorer}");
    }
    let balanced = Features::new(2, 2, vec![1.0, 0.5, -1.0, -0.5]).unwrap();
    let none = Bank::fit(&balanced).unwrap().score(Scorer::CCos, 1, &random(1, 2, 1)).unwrap_err();
    assert!(matches!(none, ScoreError::ZeroMean { .. }));
}

#[test]
fn a_smaller_bank_keeps_its_space_and_only_loses_neighbours() {
    let (train, queries) = (random(200, 6, 9), random(50, 6, 10));
    let bank = Bank::fit(&train).unwrap();
    for how in Coreset::ALL {
        let small = bank.shrink(40, how).unwrap();
        assert_eq!((small.n(), small.rank(), &small.parts().mean), (40, 6, &bank.parts().mean));
        assert_eq!(small.parts().features, train.select(&bank.coreset(40, how).unwrap()).unwrap());
        let index: Vec<usize> = small.parts().index.as_ref().unwrap().iter().map(|&i| i as usize).collect();
        assert_eq!(index, bank.coreset(40, how).unwrap(), "each feature still knows its image");
        for scorer in [Scorer::KCos, Scorer::KCosMah, Scorer::KCosMahCentred] {
            let full = bank.score(scorer, 1, &queries).unwrap();
            let less = small.score(scorer, 1, &queries).unwrap();
            assert!(full.iter().zip(&less).all(|(f, l)| l >= f), "{scorer}: fewer neighbours cannot be nearer");
        }
        assert_eq!(bank.score(Scorer::CCosMah, 1, &queries), small.score(Scorer::CCosMah, 1, &queries));
        assert_eq!(bank.shrink(500, how).unwrap().n(), 200);
    }
}

#[test]
fn fewer_directions_are_those_of_a_fit_with_fewer() {
    let (train, queries) = (random(60, 8, 13), random(9, 8, 14));
    let bank = Bank::fit(&train).unwrap();
    let fitted = Bank::fit_with(&train, RELATIVE_TOLERANCE, Some(3)).unwrap();
    let narrow = bank.with_rank(3).unwrap();
    assert_eq!((narrow.rank(), bank.with_rank(0).unwrap().rank(), bank.with_rank(99).unwrap().rank()), (3, 1, 8));
    for scorer in Scorer::ANGULAR {
        assert_eq!(narrow.score(scorer, 1, &queries), fitted.score(scorer, 1, &queries));
    }
}

#[test]
fn nearest_names_the_neighbours_that_the_score_comes_from() {
    let (train, queries) = (random(50, 6, 11), random(5, 6, 12));
    let bank = Bank::fit(&train).unwrap();
    for scorer in [Scorer::KCos, Scorer::KCosMah, Scorer::KCosMahCentred] {
        for (i, query) in queries.rows().enumerate() {
            let found = bank.nearest(scorer, query, 4).unwrap();
            assert_eq!(found.len(), 4);
            for (k, (_, angle)) in found.iter().enumerate() {
                assert_eq!(*angle, bank.score(scorer, k + 1, &queries).unwrap()[i]);
            }
            let copy = bank.nearest(scorer, train.row(17), 1).unwrap();
            assert_eq!(copy, [(17, 0.0)]);
        }
    }
    assert_eq!(bank.nearest(Scorer::KCos, train.row(0), 99).unwrap().len(), 50);
    assert!(bank.nearest(Scorer::KCos, &[1.0, f32::INFINITY, 0.0, 0.0, 0.0, 0.0], 1).is_err());
}

/// Why equation 2 to the letter is not the headline: whitened and centred, a Gaussian class has uniform directions, and so
/// has whatever lies around it; the distance, in which they differ, is thrown away.
#[test]
fn seen_from_its_mean_a_gaussian_class_looks_like_what_surrounds_it() {
    for dim in [4, 16, 64] {
        let mut rng = Rng::new(dim as u64, "centred", &[]);
        let mut draw = |n: usize, width: f64| {
            let spread = |j: usize| 0.5 + 1.5 * j as f64 / dim as f64;
            let values = (0..n * dim).map(|i| (spread(i % dim) * (2.0 + width * rng.normal())) as f32);
            Features::new(n, dim, values.collect()).unwrap()
        };
        let (train, id, ood) = (draw(1000, 1.0), draw(1000, 1.0), draw(1000, 3.0));
        let bank = Bank::fit_raw(&train, None).unwrap();
        let auroc = |scorer| {
            let score = |queries| bank.score(scorer, 1, queries).unwrap();
            crate::eval::auroc(&score(&id), &score(&ood)).unwrap()
        };
        let (centred, plain) = (auroc(Scorer::KCosMahCentred), auroc(Scorer::KCosMah));
        assert!((centred - 0.5).abs() < 0.04 && plain > 0.8, "{dim} dimensions: {centred} and {plain}");
    }
}

/// A training feature that is the mean has no direction from there: that is a fault of the one score that needs it.
#[test]
fn a_training_feature_at_the_mean_refuses_only_the_centred_score() {
    let train = Features::new(5, 2, vec![1.0, 2.0, 3.0, 2.0, 2.0, 1.0, 2.0, 3.0, 2.0, 2.0]).unwrap();
    let bank = Bank::fit_raw(&train, None).unwrap();
    let queries = random(3, 2, 1);
    for scorer in Scorer::ANGULAR {
        let scores = bank.score(scorer, 1, &queries);
        if scorer == Scorer::KCosMahCentred {
            let what = "training feature (in Mahalanobis space)";
            assert_eq!(scores, Err(ScoreError::ZeroVector { what, row: 4 }));
            assert_eq!(bank.check(scorer), Err(ScoreError::ZeroVector { what, row: 4 }));
        } else {
            assert!(scores.is_ok() && bank.check(scorer).is_ok() && bank.training_range(scorer).is_ok(), "{scorer}");
        }
    }
    for how in Coreset::ALL {
        assert_eq!(bank.shrink(3, how).unwrap().n(), 3);
    }
}

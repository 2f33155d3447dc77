//! How well a score tells ID from OOD images, over all thresholds (section 3).
//!
//! Positives are OOD images, and a score at or above the threshold calls an image OOD. Equal scores cannot be told
//! apart by any threshold, so they make one point of the curve, as in scikit-learn.

use super::EvalError;
use serde::{Deserialize, Serialize};

/// The receiver operating characteristic: one point for each distinct score, from nothing called OOD to everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    /// In descending order; the first is infinity, at which nothing is called OOD.
    pub thresholds: Vec<f64>,
    /// Share of ID images called OOD, 0 to 1, ascending.
    pub fpr: Vec<f64>,
    /// Share of OOD images called OOD, 0 to 1, ascending.
    pub tpr: Vec<f64>,
}

/// The numbers that papers print.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocSummary {
    /// Area under the ROC curve, 0 to 1: the chance that an OOD image scores above an ID image, ties counted half.
    pub auroc: f64,
    /// Average precision with ID images as positives (low scores first), 0 to 1.
    pub aupr_in: f64,
    /// Average precision with OOD images as positives, 0 to 1.
    pub aupr_out: f64,
    /// Share of ID images called OOD at the highest threshold that finds at least 95 % of the OOD images.
    pub fpr95: f64,
}

/// The ROC curve, with every distinct score as a threshold (scikit-learn's `roc_curve`, `drop_intermediate=False`).
///
/// # Errors
/// No ID or no OOD score, or one that is not finite.
pub fn roc<T: Copy + Into<f64>>(id: &[T], ood: &[T]) -> Result<Roc, EvalError> {
    let groups = groups(id, ood)?;
    let (mut negatives, mut positives) = (0, 0);
    let mut roc = Roc { thresholds: vec![f64::INFINITY], fpr: vec![0.0], tpr: vec![0.0] };
    for group in groups {
        negatives += group.id;
        positives += group.ood;
        roc.thresholds.push(group.score);
        roc.fpr.push(negatives as f64 / id.len() as f64);
        roc.tpr.push(positives as f64 / ood.len() as f64);
    }
    Ok(roc)
}

/// Area under the ROC curve, 0 to 1, ties counted half.
pub fn auroc<T: Copy + Into<f64>>(id: &[T], ood: &[T]) -> Result<f64, EvalError> {
    let groups = groups(id, ood)?;
    // Twice the number of (ID, OOD) pairs in the right order, in integers: exact, whatever the number of images.
    let (mut twice, mut found) = (0_u64, 0_u64);
    for group in groups {
        twice += group.id as u64 * (2 * found + group.ood as u64);
        found += group.ood as u64;
    }
    Ok(twice as f64 / (2.0 * id.len() as f64 * ood.len() as f64))
}

/// All summary numbers at once.
pub fn summarize<T: Copy + Into<f64>>(id: &[T], ood: &[T]) -> Result<RocSummary, EvalError> {
    let groups = groups(id, ood)?;
    let found_at_95 = |g: &[Group]| {
        let (mut id_seen, mut ood_seen) = (0, 0);
        for group in g {
            id_seen += group.id;
            ood_seen += group.ood;
            if ood_seen as f64 / ood.len() as f64 >= 0.95 {
                break;
            }
        }
        id_seen as f64 / id.len() as f64
    };
    Ok(RocSummary {
        auroc: auroc(id, ood)?,
        aupr_in: average_precision(groups.iter().rev().map(|g| (g.id, g.ood)), id.len()),
        aupr_out: average_precision(groups.iter().map(|g| (g.ood, g.id)), ood.len()),
        fpr95: found_at_95(&groups),
    })
}

/// How many images of each side have one score.
struct Group {
    score: f64,
    id: usize,
    ood: usize,
}

/// The distinct scores in descending order.
fn groups<T: Copy + Into<f64>>(id: &[T], ood: &[T]) -> Result<Vec<Group>, EvalError> {
    for (what, scores) in [("ID", id), ("OOD", ood)] {
        if scores.is_empty() {
            return Err(EvalError::Empty { what: if what == "ID" { "ID score" } else { "OOD score" } });
        }
        let not_finite = |(_, score): &(usize, f64)| !score.is_finite();
        if let Some((index, value)) = scores.iter().map(|&s| s.into()).enumerate().find(not_finite) {
            return Err(EvalError::NotFinite { what, index, value });
        }
    }
    // Plus 0 turns -0 into 0: they are equal scores.
    let mark = |ood: bool| move |&score: &T| (score.into() + 0.0, ood);
    let mut all: Vec<(f64, bool)> = id.iter().map(mark(false)).chain(ood.iter().map(mark(true))).collect();
    all.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut groups: Vec<Group> = Vec::new();
    for (score, is_ood) in all {
        if groups.last().is_none_or(|last| last.score != score) {
            groups.push(Group { score, id: 0, ood: 0 });
        }
        if let Some(group) = groups.last_mut() {
            if is_ood { group.ood += 1 } else { group.id += 1 }
        }
    }
    Ok(groups)
}

/// Sum over thresholds of precision times the recall gained, from groups of (positives, negatives).
fn average_precision(groups: impl Iterator<Item = (usize, usize)>, positives: usize) -> f64 {
    let (mut found, mut called, mut sum) = (0, 0, 0.0);
    for (right, wrong) in groups {
        found += right;
        called += right + wrong;
        sum += found as f64 / called as f64 * right as f64;
    }
    sum / positives as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn a_small_case_by_hand() {
        let (id, ood) = ([0.1, 0.4, 0.4], [0.4, 0.8]);
        // Of 6 pairs 4 are in order and 2 tied.
        assert_eq!(auroc(&id, &ood).unwrap(), 5.0 / 6.0);
        let curve = roc(&id, &ood).unwrap();
        assert_eq!(curve.thresholds, [f64::INFINITY, 0.8, 0.4, 0.1]);
        assert_eq!(curve.fpr, [0.0, 0.0, 2.0 / 3.0, 1.0]);
        assert_eq!(curve.tpr, [0.0, 0.5, 1.0, 1.0]);
        let summary = summarize(&id, &ood).unwrap();
        assert_eq!(summary.fpr95, 2.0 / 3.0);
        assert!((summary.aupr_out - (0.5 + 0.5 * 2.0 / 4.0)).abs() < 1e-15);
        assert!((summary.aupr_in - (1.0 / 3.0 + 2.0 / 3.0 * 3.0 / 4.0)).abs() < 1e-15);
    }

    #[test]
    fn the_area_is_that_under_the_curve_and_order_is_all_that_counts() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed, "roc", &[]);
            // Rounded, so that many scores are equal.
            let mut draw = |n: usize, shift: f64| -> Vec<f32> {
                (0..n).map(|_| ((rng.normal() + shift) * 4.0).round() as f32).collect()
            };
            let (id, ood) = (draw(57, 0.0), draw(31, 0.5));
            let area = auroc(&id, &ood).unwrap();
            let curve = roc(&id, &ood).unwrap();
            let trapezoids: f64 = (1..curve.fpr.len())
                .map(|i| (curve.fpr[i] - curve.fpr[i - 1]) * (curve.tpr[i] + curve.tpr[i - 1]) / 2.0)
                .sum();
            assert!((area - trapezoids).abs() < 1e-12);
            assert!((area + auroc(&ood, &id).unwrap() - 1.0).abs() < 1e-12, "sides exchanged");
            let bent = |scores: &[f32]| scores.iter().map(|s| s.powi(3) - 7.0).collect::<Vec<f32>>();
            assert_eq!(summarize(&id, &ood).unwrap(), summarize(&bent(&id), &bent(&ood)).unwrap());
            assert_eq!((curve.fpr.last(), curve.tpr.last()), (Some(&1.0), Some(&1.0)));
        }
    }

    #[test]
    fn extremes_and_signed_zero() {
        assert_eq!(auroc(&[0.0, 1.0], &[2.0]).unwrap(), 1.0);
        assert_eq!(auroc(&[2.0], &[0.0, 1.0]).unwrap(), 0.0);
        assert_eq!(auroc(&[0.0], &[-0.0]).unwrap(), 0.5);
        assert_eq!(summarize(&[0.0, 1.0], &[2.0]).unwrap().fpr95, 0.0);
    }

    /// Scores that f32 cannot tell apart are told apart, and rank as they are.
    #[test]
    fn scores_of_f64_are_not_rounded() {
        assert_eq!(auroc(&[0.3], &[0.1 + 0.2]).unwrap(), 1.0);
        let near_one: Vec<f64> = (0..100).map(|n| 1.0 - 1e-9 * f64::from(n)).collect();
        assert_eq!(auroc(&near_one[50..], &near_one[..50]).unwrap(), 1.0);
        assert_eq!(auroc(&[0.3_f32], &[0.1_f32 + 0.2]).unwrap(), 0.5, "in f32 they are equal");
        assert_eq!(roc(&near_one[1..], &near_one[..1]).unwrap().thresholds.len(), 101);
    }

    #[test]
    fn bad_scores_are_named() {
        assert_eq!(auroc(&[], &[1.0]).unwrap_err().to_string(), "there must be at least one ID score");
        let error = roc(&[0.0], &[1.0, f32::NAN]).unwrap_err().to_string();
        assert_eq!(error, "scores must be finite, but OOD score 1 is NaN");
    }
}

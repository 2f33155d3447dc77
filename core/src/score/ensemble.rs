//! Several scores of the same images as one (section 2.5, appendix C).

use super::ScoreError;

/// A range narrower than this share of its largest value is rounding, not spread.
const SPREAD: f32 = 1e-5;

/// A score scaled by the range of its training scores: 0 is the least anomalous training image, 1 the most; what lies
/// outside is not clipped. None if the range has no width.
pub fn scaled(score: f32, [low, high]: [f32; 2]) -> Option<f64> {
    let width = high - low;
    let spread = width.is_finite() && width > SPREAD * low.abs().max(high.abs());
    spread.then(|| f64::from(score - low) / f64::from(width))
}

/// Sums scores, each scaled by the range of its training scores: 0 is the least anomalous training image, 1 the most.
///
/// A member is (scores of the images, [smallest, largest] training score with each training image left out of its own
/// neighbours, as [`super::Bank::training_range`] gives it). What lies outside the range is not clipped: an image more
/// anomalous than all training images should say so.
///
/// # Errors
/// No members; members that score different numbers of images; a range without width or with values that are not
/// finite. (A whitening that keeps n - 1 directions of n training features gives such a range: see
/// [`super::Whitening`].)
pub fn ensemble(members: &[(Vec<f32>, [f32; 2])]) -> Result<Vec<f32>, ScoreError> {
    let Some((first, _)) = members.first() else { return Err(ScoreError::NoMembers) };
    let mut sums = vec![0.0_f64; first.len()];
    for (member, (scores, range)) in members.iter().enumerate() {
        if scores.len() != first.len() {
            return Err(ScoreError::Members { member, expected: first.len(), found: scores.len() });
        }
        let [low, high] = *range;
        let share = |score: f32| scaled(score, *range).ok_or(ScoreError::Range { member, low, high });
        share(low)?;
        for (sum, &score) in sums.iter_mut().zip(scores) {
            *sum += share(score)?;
        }
    }
    Ok(sums.into_iter().map(|sum| sum as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_member_counts_by_its_training_range() {
        let members = [(vec![1.0, 2.0, 5.0], [1.0, 3.0]), (vec![100.0, 50.0, 300.0], [100.0, 200.0])];
        assert_eq!(ensemble(&members).unwrap(), [0.0, 0.0, 4.0]);
    }

    #[test]
    fn members_that_do_not_fit_are_named() {
        assert_eq!(ensemble(&[]), Err(ScoreError::NoMembers));
        let error = |b: (Vec<f32>, [f32; 2])| ensemble(&[(vec![1.0, 2.0], [0.0, 1.0]), b]).unwrap_err().to_string();
        assert!(error((vec![1.0], [0.0, 1.0])).ends_with("member 1 has 1 scores, member 0 has 2"));
        assert!(error((vec![1.0, 2.0], [0.5, 0.5])).ends_with("all lie in 0.5..0.5"));
        assert!(error((vec![1.0, 2.0], [1.0, 0.0])).contains("member 1"));
        assert!(error((vec![1.0, 2.0], [0.0, f32::NAN])).contains("member 1"));
    }
}

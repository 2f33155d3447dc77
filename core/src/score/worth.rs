//! What scores come to: how well they tell images apart, and between which values they lie.

use super::ScoreError;
use crate::Features;
use crate::data::Sides;
use crate::eval::auroc;

/// AUROC of what `score` gives features of the ID class and of the others.
pub fn auroc_of(
    Sides { id, ood }: Sides<&Features>,
    score: impl Fn(&Features) -> Result<Vec<f32>, ScoreError>,
) -> Result<f64, ScoreError> {
    Ok(auroc(&score(id)?, &score(ood)?)?)
}

/// Smallest and largest of scores.
pub fn range_of(scores: &[f32]) -> [f32; 2] {
    scores.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], s| [low.min(*s), high.max(*s)])
}

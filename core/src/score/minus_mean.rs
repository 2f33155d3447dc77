//! The score of what a network itself says of an image: how badly its transformations are told, by the mean of their
//! log-probabilities (the simplified score of Golan & El-Yaniv 2018, section 4, in its logarithm); how little it is of the
//! class, by a single logit (Goyal et al. 2020).

use super::{ScoreError, bank::check_width};
use crate::Features;

/// Transformations of a row that has all answers to each: 72 x 72, the right ones on the diagonal.
const ANSWERS: usize = 72;

/// The width of the features; nothing else is learned from the training features.
#[derive(Debug, Clone)]
pub struct MinusMean {
    width: usize,
    /// Every so many values count.
    step: usize,
}

impl MinusMean {
    /// For features like `train`.
    pub fn fit(train: &Features) -> Self {
        Self { width: train.dim(), step: 1 }
    }

    /// For rows like `train` of the log-probabilities of right answers, or of all answers, of which the right ones count.
    pub fn of_right_answers(train: &Features) -> Self {
        let width = train.dim();
        Self { width, step: if width == ANSWERS * ANSWERS { ANSWERS + 1 } else { 1 } }
    }

    /// Minus the mean of each query's values, of those that count; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.width, queries)?;
        let count = self.width.div_ceil(self.step) as f64;
        let mean = |row: &[f32]| row.iter().step_by(self.step).map(|&x| f64::from(x)).sum::<f64>() / count;
        Ok(queries.rows().map(|row| -mean(row) as f32).collect())
    }
}

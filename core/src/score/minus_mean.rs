//! The score of what a network itself says of an image: how badly its transformations are told, by the mean of their
//! log-probabilities (the simplified score of Golan & El-Yaniv 2018, section 4, in its logarithm); how little it is of the
//! class, by a single logit (Goyal et al. 2020).

use super::{ScoreError, bank::check_width};
use crate::Features;

/// The width of the features; nothing else is learned from the training features.
#[derive(Debug, Clone)]
pub struct MinusMean {
    width: usize,
}

impl MinusMean {
    /// For features like `train`.
    pub fn fit(train: &Features) -> Self {
        Self { width: train.dim() }
    }

    /// Minus the mean of each query's values; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.width, queries)?;
        let mean = |row: &[f32]| row.iter().map(|&x| f64::from(x)).sum::<f64>() / self.width as f64;
        Ok(queries.rows().map(|row| -mean(row) as f32).collect())
    }
}

//! How badly the transformations of an image are told: the simplified score of Golan & El-Yaniv (2018, section 4), in their
//! logarithm.

use super::{ScoreError, bank::check_width};
use crate::Features;

/// The number of transformations; nothing else is learned from the training features.
#[derive(Debug, Clone)]
pub struct ShiftLogProb {
    count: usize,
}

impl ShiftLogProb {
    /// For rows like `train`: the log-probability of the right answer for each transformation.
    pub fn fit(train: &Features) -> Self {
        Self { count: train.dim() }
    }

    /// Minus the mean log-probability of each query; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.count, queries)?;
        let mean = |row: &[f32]| row.iter().map(|&x| f64::from(x)).sum::<f64>() / self.count as f64;
        Ok(queries.rows().map(|row| -mean(row) as f32).collect())
    }
}

//! How far features are from the origin: the score of Deep SVDD (Ruff et al. 2018), whose projection has its centre there.

use super::{ScoreError, bank::check_width};
use crate::Features;

/// The width of the features; nothing else is learned from the training features.
#[derive(Debug, Clone)]
pub struct Length {
    width: usize,
}

impl Length {
    /// For features like `train`.
    pub fn fit(train: &Features) -> Self {
        Self { width: train.dim() }
    }

    /// The Euclidean length of each query; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.width, queries)?;
        let length = |row: &[f32]| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt() as f32;
        Ok(queries.rows().map(length).collect())
    }
}

//! ELSA's score (Han et al. 2021): the energy of an image, low near any of the prototypes.

use super::{ScoreError, bank::check_width};
use crate::Features;

/// The width of the features; nothing else is learned from the training features.
#[derive(Debug, Clone)]
pub struct Energy {
    width: usize,
}

impl Energy {
    /// For rows like `train`: `n x K` cosines with prototypes.
    pub fn fit(train: &Features) -> Self {
        Self { width: train.dim() }
    }

    /// Minus the logarithm of the sum over prototypes of exp(cosine); high = anomalous. The temperature is 1 here, as in
    /// their code; what is learned is another one's.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.width, queries)?;
        let sum = |row: &[f32]| row.iter().map(|&cosine| libm::exp(f64::from(cosine))).sum::<f64>();
        Ok(queries.rows().map(|row| -libm::log(sum(row)) as f32).collect())
    }
}

//! GOAD's score (Bergman & Hoshen 2020, section 3): how surely an image's transformations are told by where they land.

use super::{ScoreError, bank::check_width};
use crate::Features;
use crate::vectors::spectrum::mean;

/// Transformations that a row is of: four turns of nine moves.
const SHIFTS: usize = 36;
/// Added to every likelihood, so that what lands far from all centres is told by none of them (their equation 6).
const EPSILON: f64 = 1e-6;

/// The centre of the training images in every transformation.
#[derive(Debug, Clone)]
pub struct Goad {
    /// `36 d` values.
    centres: Vec<f64>,
}

impl Goad {
    /// Fits `n x 36 d` rows of training images: a projection of d values for each transformation.
    ///
    /// # Errors
    /// Rows of another shape.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        if !train.dim().is_multiple_of(SHIFTS) {
            return Err(ScoreError::NotGoad { found: train.dim() });
        }
        Ok(Self { centres: mean(train) })
    }

    /// Minus the sum over the transformations of log P, where P is the likelihood of the right centre, exp(-d^2) of its
    /// squared distance, among those of all centres (equations 6 and 7); high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.centres.len(), queries)?;
        let d = self.centres.len() / SHIFTS;
        let likelihood = |z: &[f32], centre: &[f64]| {
            let squared: f64 = z.iter().zip(centre).map(|(&z, c)| (f64::from(z) - c).powi(2)).sum();
            libm::exp(-squared) + EPSILON
        };
        let score = |row: &[f32]| {
            let log_probability = |(t, z): (usize, &[f32])| {
                let all: Vec<f64> = self.centres.chunks_exact(d).map(|centre| likelihood(z, centre)).collect();
                libm::log(all[t] / all.iter().sum::<f64>())
            };
            -row.chunks_exact(d).enumerate().map(log_probability).sum::<f64>() as f32
        };
        Ok(queries.rows().map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_its_centres_an_image_is_told_and_far_from_all_it_is_not() {
        assert!(matches!(
            Goad::fit(&Features::new(1, 35, vec![0.0; 35]).unwrap()),
            Err(ScoreError::NotGoad { found: 35 })
        ));
        // Centres of one value each, ten apart.
        let train = Features::new(1, 36, (0..36).map(|t| 10.0 * t as f32).collect()).unwrap();
        let far = Features::new(1, 36, vec![-1000.0; 36]).unwrap();
        let fitted = Goad::fit(&train).unwrap();
        assert!(fitted.score(&train).unwrap()[0] < 1e-2);
        let blind = 36.0 * 36.0_f32.ln();
        assert!((fitted.score(&far).unwrap()[0] - blind).abs() < 1e-3);
    }
}

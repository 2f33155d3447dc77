//! GOAD's score (Bergman & Hoshen 2020, section 3): how surely an image's transformations are told by where they land.

use super::{ScoreError, bank::check_width};
use crate::Features;
use crate::vectors::spectrum::mean;

/// Transformations that a row is of: four turns of nine moves.
const SHIFTS: usize = 36;

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
    /// squared distance, among those of all centres; high = anomalous. As in their code for images, nothing is added to
    /// the likelihoods.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.centres.len(), queries)?;
        let d = self.centres.len() / SHIFTS;
        let squared =
            |z: &[f32], centre: &[f64]| -> f64 { z.iter().zip(centre).map(|(&z, c)| (f64::from(z) - c).powi(2)).sum() };
        let score = |row: &[f32]| {
            let surprise = |(t, z): (usize, &[f32])| {
                let all: Vec<f64> = self.centres.chunks_exact(d).map(|centre| squared(z, centre)).collect();
                // The nearest centre's likelihood is taken out of the sum, which can then not underflow.
                let nearest = all.iter().copied().fold(f64::INFINITY, f64::min);
                let sum: f64 = all.iter().map(|distance| libm::exp(nearest - distance)).sum();
                all[t] - nearest + libm::log(sum)
            };
            row.chunks_exact(d).enumerate().map(surprise).sum::<f64>() as f32
        };
        Ok(queries.rows().map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_its_centres_an_image_is_told_and_elsewhere_it_is_taken_for_the_nearest() {
        assert!(matches!(
            Goad::fit(&Features::new(1, 35, vec![0.0; 35]).unwrap()),
            Err(ScoreError::NotGoad { found: 35 })
        ));
        // Centres of one value each, ten apart.
        let train = Features::new(1, 36, (0..36).map(|t| 10.0 * t as f32).collect()).unwrap();
        let fitted = Goad::fit(&train).unwrap();
        assert!(fitted.score(&train).unwrap()[0] < 1e-2);
        // All pictures at -1: picture t is (10 t + 1)^2 from its own centre and 1 from the nearest.
        let far = Features::new(1, 36, vec![-1.0; 36]).unwrap();
        let expected: f32 = (0..36).map(|t| (10.0 * t as f32 + 1.0).powi(2) - 1.0).sum();
        let found = fitted.score(&far).unwrap()[0];
        assert!((found / expected - 1.0).abs() < 1e-5, "{found}, expected {expected}");
        // Midway between two centres each of the two is as likely.
        let mut between = train.values().to_vec();
        between[0] = 5.0;
        let found = fitted.score(&Features::new(1, 36, between).unwrap()).unwrap()[0];
        assert!((found - 2.0_f32.ln()).abs() < 1e-5, "{found}");
    }
}

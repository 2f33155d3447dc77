//! One Gaussian with full covariance, the "GDE" of Sohn et al. (2020).

use super::ScoreError;
use super::spectrum::{Spectrum, mean, project};
use crate::Features;

/// Added to every variance, as scikit-learn's `GaussianMixture` does by default: the density exists also where the
/// training features have no spread, or where there are fewer of them than dimensions.
const REGULARIZATION: f64 = 1e-6;
/// Variances below this share of the largest are left to the regularisation.
const NEGLIGIBLE: f64 = 1e-10;

/// A Gaussian fitted to training features by maximum likelihood (divisor n).
#[derive(Debug, Clone)]
pub struct Gde {
    dim: usize,
    mean: Vec<f64>,
    /// Unit eigenvectors, `rank x dim`, row-major.
    directions: Vec<f64>,
    /// Their regularised variances.
    variances: Vec<f64>,
    /// dim ln(2 pi) + ln det of the covariance.
    constant: f64,
}

impl Gde {
    /// Fits the features as they are, `n x dim` with n at least 2.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let (n, dim) = (train.n(), train.dim());
        if n < 2 {
            return Err(ScoreError::TooFew { what: "the covariance", needed: 2, found: n });
        }
        let mean = mean(train);
        let spectrum = Spectrum::new(train, mean.clone())?;
        let floor = NEGLIGIBLE * spectrum.values[0];
        let rank = spectrum.values.iter().take_while(|&&v| v > floor).count();
        let variances: Vec<f64> = spectrum.values[..rank].iter().map(|v| v / n as f64 + REGULARIZATION).collect();
        let log_det = variances.iter().map(|v| v.ln()).sum::<f64>() + (dim - rank) as f64 * REGULARIZATION.ln();
        let constant = dim as f64 * (2.0 * std::f64::consts::PI).ln() + log_det;
        Ok(Self { dim, directions: spectrum.directions(rank), mean, variances, constant })
    }

    /// Minus the logarithm of the density at each query; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        let found = queries.dim();
        if found != self.dim {
            return Err(ScoreError::Dimension { what: "queries", expected: self.dim, found });
        }
        let rank = self.variances.len();
        let along = project(&self.directions, queries, |j| self.mean[j]);
        let mut scores = Vec::with_capacity(queries.n());
        for (i, query) in queries.rows().enumerate() {
            let length: f64 = query.iter().zip(&self.mean).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum();
            let (mut inside, mut distance) = (0.0, 0.0);
            for (a, variance) in along[i * rank..(i + 1) * rank].iter().zip(&self.variances) {
                inside += a * a;
                distance += a * a / variance;
            }
            // What lies outside the kept directions; rounding may leave it below 0.
            distance += (length - inside).max(0.0) / REGULARIZATION * f64::from(u8::from(rank < self.dim));
            let score = (0.5 * (self.constant + distance)) as f32;
            if !score.is_finite() {
                return Err(ScoreError::Overflow { what: "the Gaussian's log density" });
            }
            scores.push(score);
        }
        Ok(scores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dimension_by_hand() {
        let gde = Gde::fit(&Features::new(4, 1, vec![1.0, 3.0, 1.0, 3.0]).unwrap()).unwrap();
        let scores = gde.score(&Features::new(2, 1, vec![2.0, 5.0]).unwrap()).unwrap();
        let at_mean = 0.5 * (2.0 * std::f64::consts::PI * (1.0 + REGULARIZATION)).ln();
        assert!((f64::from(scores[0]) - at_mean).abs() < 1e-6);
        assert!((f64::from(scores[1]) - at_mean - 4.5).abs() < 1e-4);
    }

    #[test]
    fn off_the_plane_of_the_training_features_is_far() {
        // All training features have 0 in the third place.
        let train = Features::new(4, 3, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0]).unwrap();
        let queries = Features::new(2, 3, vec![2.0, 0.0, 0.0, 0.0, 0.0, 0.1]).unwrap();
        let scores = Gde::fit(&train).unwrap().score(&queries).unwrap();
        assert!(scores[1] > scores[0] + 1000.0, "{scores:?}");
        let huge = Features::new(1, 3, vec![3e38, 0.0, 0.0]).unwrap();
        assert!(matches!(Gde::fit(&train).unwrap().score(&huge), Err(ScoreError::Overflow { .. })));
    }
}

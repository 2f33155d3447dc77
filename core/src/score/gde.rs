//! One Gaussian with full covariance, the "GDE" of Sohn et al. (2020).

use super::ScoreError;
use super::bank::check_width;
use super::frame::UnitFrame;
use super::gaussian::Gaussian;
use crate::Features;
use crate::vectors::spectrum::mean;
use std::f64::consts::PI;

/// Added to every variance, as scikit-learn's `GaussianMixture` does by default: the density exists also where the
/// training features have no spread, or where there are fewer of them than dimensions.
const REGULARIZATION: f64 = 1e-6;

/// A Gaussian fitted to training features by maximum likelihood (divisor n).
#[derive(Debug, Clone)]
pub struct Gde {
    /// Where features are l2-normalised first.
    frame: Option<UnitFrame>,
    gaussian: Gaussian,
    width: usize,
}

impl Gde {
    /// Fits the l2-normalised features, as Sohn et al. do: `n x dim` with n at least 2.
    ///
    /// # Errors
    /// Fewer than two features; a zero feature.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let (frame, train) = UnitFrame::fit(train)?;
        Self::of(Some(frame), &train)
    }

    /// Fits the features as they are.
    ///
    /// # Errors
    /// Fewer than two features.
    pub fn fit_raw(train: &Features) -> Result<Self, ScoreError> {
        Self::of(None, train)
    }

    fn of(frame: Option<UnitFrame>, train: &Features) -> Result<Self, ScoreError> {
        let gaussian = Gaussian::fit(train, mean(train), |moments| (1.0 / moments.n as f64, REGULARIZATION))?;
        Ok(Self { frame, gaussian, width: train.dim() })
    }

    /// Minus the logarithm of the density at each query; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.width, queries)?;
        let distances = match &self.frame {
            Some(frame) => self.gaussian.squared_distances(&frame.place(queries)?),
            None => self.gaussian.squared_distances(queries),
        };
        let constant = self.width as f64 * (2.0 * PI).ln() + self.gaussian.log_det();
        let score = |distance| {
            let score = (0.5 * (constant + distance)) as f32;
            if score.is_finite() { Ok(score) } else { Err(ScoreError::Overflow { what: "the Gaussian's log density" }) }
        };
        distances?.into_iter().map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn one_dimension_by_hand() {
        let gde = Gde::fit_raw(&Features::new(4, 1, vec![1.0, 3.0, 1.0, 3.0]).unwrap()).unwrap();
        let scores = gde.score(&Features::new(2, 1, vec![2.0, 5.0]).unwrap()).unwrap();
        let at_mean = 0.5 * (2.0 * PI * (1.0 + REGULARIZATION)).ln();
        assert!((f64::from(scores[0]) - at_mean).abs() < 1e-6);
        assert!((f64::from(scores[1]) - at_mean - 4.5).abs() < 1e-4);
    }

    #[test]
    fn off_the_plane_of_the_training_features_is_far() {
        // All training features have 0 in the third place.
        let train = Features::new(4, 3, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0]).unwrap();
        let queries = Features::new(2, 3, vec![2.0, 0.0, 0.0, 0.0, 0.0, 0.1]).unwrap();
        for fitted in [Gde::fit(&train).unwrap(), Gde::fit_raw(&train).unwrap()] {
            let scores = fitted.score(&queries).unwrap();
            assert!(scores[1] > scores[0] + 1000.0, "{scores:?}");
        }
        let huge = Features::new(1, 3, vec![3e38, 0.0, 0.0]).unwrap();
        assert!(matches!(Gde::fit_raw(&train).unwrap().score(&huge), Err(ScoreError::Overflow { .. })));
    }

    #[test]
    fn the_unit_reading_does_not_see_lengths() {
        let mut rng = Rng::new(1, "gde", &[]);
        let train = Features::new(50, 3, (0..150).map(|_| 1.0 + rng.normal() as f32).collect()).unwrap();
        let longer = Features::new(50, 3, train.values().iter().map(|x| 8.0 * x).collect()).unwrap();
        let (unit, raw) = (Gde::fit(&train).unwrap(), Gde::fit_raw(&train).unwrap());
        assert_eq!(unit.score(&train).unwrap(), unit.score(&longer).unwrap());
        assert_ne!(raw.score(&train).unwrap(), raw.score(&longer).unwrap());
    }

    /// A column 1e5 times larger than the others took the digits of their variances: 26,054 instead of 15.5. A change of
    /// one column's unit only adds a constant, as far as the regularisation does not count.
    #[test]
    fn a_column_of_another_scale_costs_the_others_nothing() {
        let draw = |n: usize, seed, scale: f32| {
            let mut rng = Rng::new(seed, "gde", &[]);
            let value = |i: usize| 100.0 * rng.normal() as f32 * if i % 8 == 3 { scale } else { 1.0 };
            Features::new(n, 8, (0..8 * n).map(value).collect()).unwrap()
        };
        let scores = |scale: f32| {
            let fitted = Gde::fit_raw(&draw(200, 1, scale)).unwrap();
            fitted.score(&draw(20, 2, scale)).unwrap()
        };
        let plain = scores(1.0);
        for exponent in [10, 20, 30] {
            let scale = 2.0_f32.powi(exponent);
            for (found, expected) in scores(scale).iter().zip(&plain) {
                let expected = expected + scale.ln();
                assert!((found - expected).abs() < 1e-4 * expected, "2^{exponent}: {found} for {expected}");
            }
        }
    }
}

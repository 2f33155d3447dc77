//! Mahalanobis distance of directions: SSD (Sehwag et al. 2021) with one cluster.

use super::cosine::unit_rows;
use super::whitening::{RELATIVE_TOLERANCE, Whitening};
use super::{ScoreError, bank::check_width};
use crate::Features;

/// Mean and covariance of the l2-normalised training features.
#[derive(Debug, Clone)]
pub struct Mahalanobis {
    whitening: Whitening,
}

impl Mahalanobis {
    /// Fits `n x dim` training features, n at least 2.
    ///
    /// The covariance (divisor n - 1) is inverted where its eigenvalues are above [`RELATIVE_TOLERANCE`] of the
    /// largest; what queries have outside those directions does not count, as with a pseudo-inverse.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let units = unit_rows(train).map_err(|row| ScoreError::ZeroVector { what: "training feature", row })?;
        Ok(Self { whitening: Whitening::fit(&units, RELATIVE_TOLERANCE, None)? })
    }

    /// Directions kept.
    pub fn rank(&self) -> usize {
        self.whitening.matrix.n()
    }

    /// The Mahalanobis distance of each query's direction to the mean, in standard deviations; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(&self.whitening.matrix, queries)?;
        let units = unit_rows(queries).map_err(|row| ScoreError::ZeroVector { what: "query", row })?;
        let whitened = self.whitening.apply(&units)?;
        let length = |row: &[f32]| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt() as f32;
        Ok(whitened.rows().map(length).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn training_distances_have_the_mean_square_that_algebra_gives() {
        // The sum of squared distances of the training features is (n - 1) rank, whatever they are.
        for (n, dim) in [(50, 4), (6, 20)] {
            let mut rng = Rng::new(1, "mahalanobis", &[]);
            let train = Features::new(n, dim, (0..n * dim).map(|_| rng.normal() as f32).collect()).unwrap();
            let fitted = Mahalanobis::fit(&train).unwrap();
            let sum: f64 = fitted.score(&train).unwrap().iter().map(|&s| f64::from(s).powi(2)).sum();
            let expected = ((n - 1) * fitted.rank()) as f64;
            assert!((sum / expected - 1.0).abs() < 1e-4, "{sum} for {expected}");
        }
    }

    #[test]
    fn directions_that_do_not_differ_have_no_covariance() {
        let same = Features::new(3, 2, vec![1.0, 2.0, 2.0, 4.0, 0.5, 1.0]).unwrap();
        assert_eq!(Mahalanobis::fit(&same).unwrap_err(), ScoreError::Constant { n: 3 });
    }
}

//! Mahalanobis distances: of directions, as SSD (Sehwag et al. 2021) with one cluster takes them, and of features as they
//! are with a shrunk covariance, which also raw pixels have.

use super::frame::unit_scales;
use super::gaussian::{Gaussian, Moments};
use super::whitening::{RELATIVE_TOLERANCE, Whitening};
use super::{ScoreError, bank::check_width};
use crate::Features;
use crate::vectors::cosine::Directions;
use crate::vectors::spectrum::mean;

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
        let scales = unit_scales(train, "training feature")?;
        Ok(Self { whitening: Whitening::fit(&Directions::of(train, &scales), RELATIVE_TOLERANCE, None)? })
    }

    /// Directions kept.
    pub fn rank(&self) -> usize {
        self.whitening.matrix.n()
    }

    /// The Mahalanobis distance of each query's direction to the mean, in standard deviations; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.whitening.matrix.dim(), queries)?;
        let scales = unit_scales(queries, "query")?;
        let whitened = self.whitening.apply(&Directions::of(queries, &scales))?;
        let length = |row: &[f32]| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt() as f32;
        Ok(whitened.rows().map(length).collect())
    }
}

/// Mean and covariance of the training features as they are, the covariance shrunk towards a multiple of the identity:
/// where there are more dimensions than features, as in raw pixels, it can be inverted only so.
#[derive(Debug, Clone)]
pub struct MahalanobisShrunk {
    gaussian: Gaussian,
    width: usize,
    shrinkage: f64,
}

impl MahalanobisShrunk {
    /// Fits `n x dim` training features, n at least 2, by the shrinkage of Ledoit & Wolf (2004).
    ///
    /// # Errors
    /// Fewer than two features; features that do not differ.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let (n, width, mean) = (train.n(), train.dim(), mean(train));
        let squared = |row: &[f32]| row.iter().zip(&mean).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum::<f64>();
        let fourth: f64 = train.rows().map(|row| squared(row).powi(2)).sum();
        let mut shrinkage = 0.0;
        let mut trace = 0.0;
        let gaussian = Gaussian::fit(train, mean.clone(), |moments| {
            (shrinkage, trace) = (ledoit_wolf(moments, fourth), moments.trace);
            let n = n as f64;
            ((1.0 - shrinkage) / n, shrinkage * trace / (n * width as f64))
        })?;
        if trace > 0.0 { Ok(Self { gaussian, width, shrinkage }) } else { Err(ScoreError::Constant { n }) }
    }

    /// The share of the identity in the covariance, 0 to 1.
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }

    /// The Mahalanobis distance of each query to the mean, in standard deviations; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.width, queries)?;
        let distances = self.gaussian.squared_distances(queries)?;
        Ok(distances.into_iter().map(|distance| distance.sqrt() as f32).collect())
    }
}

/// The share of the identity that brings the covariance (divisor n) nearest to the true one on average, from moments of
/// the features and the sum of the fourth powers of their distances from the mean.
fn ledoit_wolf(moments: &Moments, fourth: f64) -> f64 {
    let (n, dim) = (moments.n as f64, moments.dim as f64);
    // How far the covariance is from the identity's multiple, and how much of that is chance.
    let far = moments.squares / (n * n) - (moments.trace / n).powi(2) / dim;
    let chance = (fourth / n - moments.squares / (n * n)) / n;
    if far > 0.0 { (chance / far).clamp(0.0, 1.0) } else { 0.0 }
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
        let equal = Features::new(3, 2, [1.0, 2.0].repeat(3)).unwrap();
        assert_eq!(MahalanobisShrunk::fit(&equal).unwrap_err(), ScoreError::Constant { n: 3 });
    }

    /// More dimensions than features, as in raw pixels: the distance must still grow with what is not in their span.
    #[test]
    fn a_shrunk_covariance_sees_what_lies_outside_of_the_span() {
        let mut rng = Rng::new(2, "mahalanobis", &[]);
        let value = |i: usize| (1.0 + (i % 50) as f32 / 10.0) * rng.normal() as f32;
        let train = Features::new(20, 50, (0..1000).map(value).collect()).unwrap();
        let fitted = MahalanobisShrunk::fit(&train).unwrap();
        assert!((0.0..1.0).contains(&fitted.shrinkage()) && fitted.shrinkage() > 0.0);
        let far = |by: f32| Features::new(1, 50, (0..50).map(|j| by * f32::from(u8::from(j == 7))).collect()).unwrap();
        let score = |by| fitted.score(&far(by)).unwrap()[0];
        assert!(score(10.0) > score(1.0) + 1.0 && score(100.0) > score(10.0) + 10.0);
    }
}

//! Mahalanobis space: coordinates in which the training features have the identity as covariance (section 2.5).

use super::ScoreError;
use crate::Features;
use crate::vectors::search::Points;
use crate::vectors::spectrum::{Spectrum, mean, project};

/// Directions with less than this share of the largest eigenvalue are dropped: a standard deviation of a thousandth.
///
/// Features that two machines compute differ by about 1e-6 of their size. Whitening divides by the standard
/// deviation, so what is kept below this tolerance would make scores of the same image differ.
pub const RELATIVE_TOLERANCE: f64 = 1e-6;

/// The mean and the whitening matrix of training features.
///
/// With n - 1 < dim the covariance is singular, and the rank is at most n - 1. If that whole rank is kept, all
/// training features are equally far from each other in Mahalanobis space, cos = -1/(n - 1): the score then
/// compares only along the span, and the range of training scores has no width. The directions of
/// largest spread, say n / 2 of them, are those that several images share.
#[derive(Debug, Clone, PartialEq)]
pub struct Whitening {
    /// The mean, `dim` values.
    pub mean: Vec<f64>,
    /// `rank x dim`: row r is eigenvector r of the sample covariance (divisor n - 1) over the square root of its
    /// eigenvalue, largest eigenvalue first.
    pub matrix: Features,
    /// Where the mean lies in Mahalanobis space, `rank` values: the matrix times the mean, before the matrix is rounded to
    /// f32. Of a compact class, whose mean is thousands of deviations away, the rounded matrix has lost these digits.
    pub centre: Vec<f64>,
}

impl Whitening {
    /// Whitens inside the span of `train` (`n x dim`, n at least 2), keeping the eigenvalues of the sample
    /// covariance above `tolerance` times the largest, and at most `max_rank` of them if that is given.
    pub(crate) fn fit(train: &impl Points, tolerance: f64, max_rank: Option<usize>) -> Result<Self, ScoreError> {
        let (n, dim) = (train.n(), train.dim());
        if n < 2 {
            return Err(ScoreError::TooFew { what: "the covariance", needed: 2, found: n });
        }
        let mean = mean(train);
        let spectrum = Spectrum::new(train, mean.clone())?;
        let degrees = (n - 1) as f64;
        let largest = spectrum.values[0] / degrees;
        // A spread below the resolution of f32 is rounding, not a direction.
        let size = largest_value(train);
        let floor = (tolerance * largest).max((size * f64::from(f32::EPSILON)).powi(2));
        let above = spectrum.values.iter().take_while(|&&v| v / degrees > floor).count();
        let rank = above.min(n - 1).min(max_rank.unwrap_or(usize::MAX));
        if rank == 0 {
            return Err(ScoreError::Constant { n });
        }
        let mut rows = spectrum.directions(rank);
        for (row, value) in rows.chunks_exact_mut(dim).zip(&spectrum.values) {
            let scale = (value / degrees).sqrt();
            row.iter_mut().for_each(|x| *x /= scale);
        }
        let along = |row: &[f64]| row.iter().zip(&mean).map(|(w, m)| w * m).sum();
        let centre = rows.chunks_exact(dim).map(along).collect();
        let matrix = Features::new(rank, dim, rows.into_iter().map(|x| x as f32).collect())?;
        Ok(Self { mean, matrix, centre })
    }

    /// `features` (`n x dim`) in Mahalanobis space, `n x rank`: the mean becomes the origin.
    pub(crate) fn apply(&self, features: &impl Points) -> Result<Features, ScoreError> {
        whiten(&self.matrix, features, &self.mean)
    }
}

/// Features in Mahalanobis space, seen from `mean`.
///
/// The product is taken in f64: directions of small variance are differences of large terms.
pub(crate) fn whiten(matrix: &Features, features: &impl Points, mean: &[f64]) -> Result<Features, ScoreError> {
    let values = project(matrix.values(), features, |j| mean[j]);
    Ok(Features::new(features.n(), matrix.n(), values.into_iter().map(|x| x as f32).collect())?)
}

/// The largest value in size.
fn largest_value(vectors: &impl Points) -> f64 {
    let mut row = vec![0.0; vectors.dim()];
    let largest = |i: usize| {
        vectors.read(i, 0, &mut row);
        row.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
    };
    (0..vectors.n()).map(largest).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn random(n: usize, dim: usize) -> Features {
        let mut rng = Rng::new(5, "whitening", &[n as u64]);
        // Correlated, off-centre, of unequal spread.
        let mut values = Vec::new();
        for _ in 0..n {
            let shared = rng.normal();
            values.extend((0..dim).map(|j| (2.0 + shared + rng.normal() * (1.0 + j as f64)) as f32));
        }
        Features::new(n, dim, values).unwrap()
    }

    #[test]
    fn whitened_training_features_have_identity_covariance() {
        for (n, dim, rank) in [(200, 6, 6), (12, 30, 11)] {
            let train = random(n, dim);
            let whitening = Whitening::fit(&train, RELATIVE_TOLERANCE, None).unwrap();
            assert_eq!(whitening.matrix.n(), rank);
            let u = whitening.apply(&train).unwrap();
            let u = u.values();
            for a in 0..rank {
                for b in 0..rank {
                    let sum: f64 = (0..n).map(|i| f64::from(u[i * rank + a]) * f64::from(u[i * rank + b])).sum();
                    let expected = f64::from(u8::from(a == b));
                    assert!((sum / (n - 1) as f64 - expected).abs() < 1e-5, "{n} x {dim}: ({a}, {b}) {sum}");
                }
            }
        }
    }

    #[test]
    fn a_direction_without_spread_is_dropped() {
        let train = random(50, 4);
        let values = train.rows().flat_map(|r| [r[0], r[1], r[0] + r[1], 7.0]).collect();
        let whitening = Whitening::fit(&Features::new(50, 4, values).unwrap(), RELATIVE_TOLERANCE, None).unwrap();
        assert_eq!(whitening.matrix.n(), 2);
        let capped = Whitening::fit(&train, RELATIVE_TOLERANCE, Some(3)).unwrap();
        assert_eq!(capped.matrix.n(), 3);
    }

    #[test]
    fn constant_or_single_features_have_no_covariance() {
        let constant = Features::new(3, 2, vec![0.1, 0.2, 0.1, 0.2, 0.1, 0.2]).unwrap();
        assert_eq!(Whitening::fit(&constant, 1e-6, None), Err(ScoreError::Constant { n: 3 }));
        let one = Features::new(1, 2, vec![0.1, 0.2]).unwrap();
        let message = Whitening::fit(&one, 1e-6, None).unwrap_err().to_string();
        assert_eq!(message, "the covariance needs at least 2 training features, found 1");
    }
}

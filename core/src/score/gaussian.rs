//! A Gaussian with full covariance: its density, and distances in its standard deviations.
//!
//! The covariance is a scatter matrix with a multiple of the identity added, so that it can be inverted also where there is
//! no spread, or where there are fewer features than dimensions. It is taken apart by Cholesky's method, whose rounding
//! does not depend on the columns' scales (Higham, "Accuracy and Stability of Numerical Algorithms", section 10.1): a
//! column a million times larger than another takes no digits from it, as it would take them from small eigenvalues.
//! Only where a matrix of dim x dim would be too large, or is singular to the last digit, the eigenvalues of the smaller
//! n x n matrix are used.

use super::ScoreError;
use crate::Features;
use crate::vectors::spectrum::{Spectrum, gram, project, scatter, threads};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, Side};

/// Dimensions up to which the covariance is held, even if there are fewer features.
const FACTOR_LIMIT: usize = 4096;
/// Queries solved for at a time.
const BLOCK: usize = 1024;
/// Eigenvalues below this share of the largest are rounding.
const NEGLIGIBLE: f64 = 1e-13;

/// What is known of a scatter matrix X^T X, of `n` centred rows of `dim` values, before it is weighed.
pub(crate) struct Moments {
    pub(crate) n: usize,
    pub(crate) dim: usize,
    /// Sum of its diagonal.
    pub(crate) trace: f64,
    /// Sum of the squares of all its entries.
    pub(crate) squares: f64,
}

/// A fitted Gaussian.
#[derive(Debug, Clone)]
pub(crate) struct Gaussian {
    mean: Vec<f64>,
    shape: Shape,
    log_det: f64,
}

#[derive(Debug, Clone)]
enum Shape {
    /// The covariance is L L^T.
    Factor(Mat<f64>),
    /// Unit eigenvectors, row after row, with their variances; what lies outside of them has the variance `rest`.
    Spectrum { directions: Vec<f64>, variances: Vec<f64>, rest: f64 },
}

impl Gaussian {
    /// Fits the covariance `a X^T X + b I` to `train` (`n x dim`, n at least 2), where X is what differs from `mean` and
    /// `weigh` says a and b.
    pub(crate) fn fit(
        train: &Features,
        mean: Vec<f64>,
        weigh: impl FnOnce(&Moments) -> (f64, f64),
    ) -> Result<Self, ScoreError> {
        let (n, dim) = (train.n(), train.dim());
        if n < 2 {
            return Err(ScoreError::TooFew { what: "the covariance", needed: 2, found: n });
        }
        let small = dim <= FACTOR_LIMIT.max(n);
        let matrix = if small { scatter(train, &mean) } else { gram(train, &mean) };
        let (weight, ridge) = weigh(&Moments::of(&matrix, n, dim));
        if small && let Some(factor) = factor(matrix, weight, ridge) {
            let log_det = (0..dim).map(|j| 2.0 * factor[(j, j)].ln()).sum();
            return Ok(Self { mean, shape: Shape::Factor(factor), log_det });
        }
        let spectrum = Spectrum::new(train, mean.clone())?;
        let floor = NEGLIGIBLE * spectrum.values[0];
        let rank = spectrum.values.iter().take_while(|&&v| v > floor).count();
        let variances: Vec<f64> = spectrum.values[..rank].iter().map(|v| weight * v + ridge).collect();
        let log_det = variances.iter().map(|v| v.ln()).sum::<f64>() + (dim - rank) as f64 * ridge.ln();
        let shape = Shape::Spectrum { directions: spectrum.directions(rank), variances, rest: ridge };
        Ok(Self { mean, shape, log_det })
    }

    /// ln det of the covariance.
    pub(crate) fn log_det(&self) -> f64 {
        self.log_det
    }

    /// Squared distance of each query from the mean in standard deviations; a query's width must be that of the mean.
    ///
    /// # Errors
    /// A distance that is not finite.
    pub(crate) fn squared_distances(&self, queries: &Features) -> Result<Vec<f64>, ScoreError> {
        let distances = match &self.shape {
            Shape::Factor(lower) => self.by_factor(lower, queries),
            Shape::Spectrum { directions, variances, rest } => self.by_spectrum(directions, variances, *rest, queries),
        };
        let finite = distances.iter().all(|d| d.is_finite());
        if finite { Ok(distances) } else { Err(ScoreError::Overflow { what: "the distance from the Gaussian's mean" }) }
    }

    /// |L^-1 (x - mean)|^2.
    fn by_factor(&self, lower: &Mat<f64>, queries: &Features) -> Vec<f64> {
        let mut distances = Vec::with_capacity(queries.n());
        for first in (0..queries.n()).step_by(BLOCK) {
            let width = BLOCK.min(queries.n() - first);
            let mut solved =
                Mat::from_fn(queries.dim(), width, |j, i| f64::from(queries.row(first + i)[j]) - self.mean[j]);
            solve_lower_triangular_in_place(lower.as_ref(), solved.as_mut(), threads());
            distances.extend((0..width).map(|i| solved.col(i).iter().map(|x| x * x).sum::<f64>()));
        }
        distances
    }

    fn by_spectrum(&self, directions: &[f64], variances: &[f64], rest: f64, queries: &Features) -> Vec<f64> {
        let rank = variances.len();
        let projected = project(directions, queries, |j| self.mean[j]);
        let distance = |(i, query): (usize, &[f32])| {
            let along = &projected[i * rank..(i + 1) * rank];
            let length: f64 = query.iter().zip(&self.mean).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum();
            let inside: f64 = along.iter().map(|a| a * a).sum();
            // What lies outside the kept directions; rounding may leave it below 0.
            let outside = if rank < self.mean.len() { (length - inside).max(0.0) / rest } else { 0.0 };
            along.iter().zip(variances).map(|(a, variance)| a * a / variance).sum::<f64>() + outside
        };
        queries.rows().enumerate().map(distance).collect()
    }
}

impl Moments {
    /// Of X^T X or X X^T, of which only the lower triangle is read: they have the same trace and squares.
    fn of(matrix: &Mat<f64>, n: usize, dim: usize) -> Self {
        let (mut trace, mut squares) = (0.0, 0.0);
        for j in 0..matrix.ncols() {
            let column = matrix.col(j);
            trace += column[j];
            squares += column[j] * column[j];
            squares += 2.0 * (j + 1..matrix.nrows()).map(|i| column[i] * column[i]).sum::<f64>();
        }
        Self { n, dim, trace, squares }
    }
}

/// L of `weight * matrix + ridge * I` = L L^T; none if that is singular to the last digits.
fn factor(mut matrix: Mat<f64>, weight: f64, ridge: f64) -> Option<Mat<f64>> {
    let dim = matrix.nrows();
    for j in 0..dim {
        for i in j..dim {
            matrix[(i, j)] *= weight;
        }
        matrix[(j, j)] += ridge;
    }
    let lower = matrix.llt(Side::Lower).ok()?.L().to_owned();
    let least = dim as f64 * 8.0 * f64::EPSILON;
    (0..dim).all(|j| lower[(j, j)].powi(2) > least * matrix[(j, j)]).then_some(lower)
}

//! Eigenvalues and principal directions of feature matrices, by the smaller of two symmetric matrices.
//!
//! For `n` vectors X of `dim` values, X^T X (dim x dim) and X X^T (n x n) have the same positive eigenvalues, and
//! each gives the other's eigenvectors. A flattened feature map has 32,768 values but only some 5,000 images: its
//! 8 GB covariance is never needed.

use super::search::Points;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{BlockStructure, matmul as triangular_matmul};
use faer::{Accum, Mat, MatRef, Par, Side};
use std::ops::Range;
use thiserror::Error;

/// Eigenvalues that are no numbers: the features' values are too large for the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the eigenvalues of the features must be finite; the features are too large or too close to singular")]
pub struct SpectrumError;

/// Rows or columns that are converted to f64 at a time.
const BLOCK: usize = 1024;

/// As many threads as there are, or one in wasm.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn threads() -> Par {
    Par::rayon(0)
}

/// As many threads as there are, or one in wasm.
#[cfg(target_arch = "wasm32")]
pub(crate) fn threads() -> Par {
    Par::Seq
}

/// The mean of the rows.
pub(crate) fn mean(vectors: &impl Points) -> Vec<f64> {
    let (mut mean, mut row) = (vec![0.0; vectors.dim()], vec![0.0; vectors.dim()]);
    for i in 0..vectors.n() {
        vectors.read(i, 0, &mut row);
        mean.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x);
    }
    mean.iter_mut().for_each(|sum| *sum /= vectors.n() as f64);
    mean
}

/// Eigenvalues of X^T X, where X is a feature matrix minus a centre, with what gives the eigenvectors.
pub(crate) struct Spectrum<'a, P> {
    features: &'a P,
    centre: Vec<f64>,
    /// In descending order; min(n, dim) of them.
    pub(crate) values: Vec<f64>,
    /// Eigenvectors of the smaller matrix as columns, in *ascending* order of eigenvalues.
    vectors: Mat<f64>,
}

impl<'a, P: Points> Spectrum<'a, P> {
    /// Of `features` minus `centre` (all zero: of the features as they are).
    pub(crate) fn new(features: &'a P, centre: Vec<f64>) -> Result<Self, SpectrumError> {
        let matrix = smaller_product(features, &centre);
        let failed = |_| SpectrumError;
        let eigen = matrix.self_adjoint_eigen(Side::Lower).map_err(failed)?;
        let values: Vec<f64> = eigen.S().column_vector().iter().rev().copied().collect();
        if values.iter().any(|v| !v.is_finite()) {
            return Err(SpectrumError);
        }
        Ok(Self { features, centre, values, vectors: eigen.U().to_owned() })
    }

    /// The `count` leading unit eigenvectors of X^T X, `count x dim`, row-major. Their eigenvalues must be positive.
    pub(crate) fn directions(&self, count: usize) -> Vec<f64> {
        let (n, dim, size) = (self.features.n(), self.features.dim(), self.vectors.nrows());
        let mut rows = vec![0.0; count * dim];
        if dim <= n {
            for r in 0..count {
                for (j, out) in rows[r * dim..(r + 1) * dim].iter_mut().enumerate() {
                    *out = self.vectors[(j, size - 1 - r)];
                }
            }
            return rows;
        }
        // The eigenvector a of X X^T with eigenvalue m gives X^T a / sqrt(m).
        let scaled = Mat::from_fn(count, n, |r, i| self.vectors[(i, size - 1 - r)] / self.values[r].sqrt());
        for first in (0..dim).step_by(BLOCK) {
            let width = BLOCK.min(dim - first);
            let columns = centred_columns(self.features, &self.centre, first, width);
            let product = &scaled * &columns;
            for r in 0..count {
                for j in 0..width {
                    rows[r * dim + first + j] = product[(r, j)];
                }
            }
        }
        rows
    }
}

/// Eigenvalues only, in descending order: a fraction of the work of [`Spectrum::new`].
pub(crate) fn eigenvalues(features: &impl Points, centre: &[f64]) -> Result<Vec<f64>, SpectrumError> {
    let failed = |_| SpectrumError;
    let mut values = smaller_product(features, centre).self_adjoint_eigenvalues(Side::Lower).map_err(failed)?;
    values.reverse();
    Ok(values)
}

/// X^T X or X X^T, whichever is smaller; only the lower triangle is filled.
fn smaller_product(features: &impl Points, centre: &[f64]) -> Mat<f64> {
    if features.dim() <= features.n() { scatter(features, centre) } else { gram(features, centre) }
}

/// X^T X, where X is a feature matrix minus a centre; only the lower triangle is filled.
pub(crate) fn scatter(features: &impl Points, centre: &[f64]) -> Mat<f64> {
    let (n, dim) = (features.n(), features.dim());
    let mut product = Mat::<f64>::zeros(dim, dim);
    for first in (0..n).step_by(BLOCK) {
        let height = BLOCK.min(n - first);
        // Transposed (dim x height), so that each vector is contiguous.
        let block = centred_transposed(features, first..first + height, |j| centre[j]);
        add_lower(&mut product, block.as_ref());
    }
    product
}

/// X X^T, where X is a feature matrix minus a centre; only the lower triangle is filled.
pub(crate) fn gram(features: &impl Points, centre: &[f64]) -> Mat<f64> {
    let (n, dim) = (features.n(), features.dim());
    let mut product = Mat::<f64>::zeros(n, n);
    for first in (0..dim).step_by(BLOCK) {
        add_lower(&mut product, centred_columns(features, centre, first, BLOCK.min(dim - first)).as_ref());
    }
    product
}

/// Adds the lower triangle of `factor * factor^T`.
fn add_lower(product: &mut Mat<f64>, factor: MatRef<'_, f64>) {
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular_matmul(product, lower, Accum::Add, factor, full, factor.transpose(), full, 1.0, threads());
}

/// Columns `first..first + width` of the centred matrix, `n x width`.
fn centred_columns(features: &impl Points, centre: &[f64], first: usize, width: usize) -> Mat<f64> {
    let mut columns = Mat::<f64>::zeros(features.n(), width);
    let mut row = vec![0.0; width];
    for i in 0..features.n() {
        features.read(i, first, &mut row);
        for j in 0..width {
            columns[(i, j)] = row[j] - centre[first + j];
        }
    }
    columns
}

/// Some rows of the centred matrix as columns.
fn centred_transposed(vectors: &impl Points, rows: Range<usize>, centre: impl Fn(usize) -> f64) -> Mat<f64> {
    let mut columns = Mat::<f64>::zeros(vectors.dim(), rows.len());
    let mut vector = vec![0.0; vectors.dim()];
    for (to, i) in rows.enumerate() {
        vectors.read(i, 0, &mut vector);
        columns.col_mut(to).iter_mut().zip(&vector).enumerate().for_each(|(j, (to, x))| *to = x - centre(j));
    }
    columns
}

/// `matrix * (vectors - centre)^T` in f64, one row a vector: `matrix` is `rows x dim`, row-major; `vectors` is
/// `n x dim`; `centre` gives the value to subtract at each position. The result is `n x rows`, row-major.
pub(crate) fn project<T: Copy + Into<f64>>(
    matrix: &[T],
    vectors: &impl Points,
    centre: impl Fn(usize) -> f64,
) -> Vec<f64> {
    let (n, dim) = (vectors.n(), vectors.dim());
    let rows = matrix.len() / dim;
    let mut out = vec![0.0; n * rows];
    for first in (0..n).step_by(BLOCK) {
        let height = BLOCK.min(n - first);
        let block = centred_transposed(vectors, first..first + height, &centre);
        for top in (0..rows).step_by(BLOCK) {
            let count = BLOCK.min(rows - top);
            let part = Mat::from_fn(dim, count, |j, r| matrix[(top + r) * dim + j].into());
            let mut product = Mat::<f64>::zeros(count, height);
            matmul(&mut product, Accum::Replace, part.transpose(), &block, 1.0, threads());
            for i in 0..height {
                for r in 0..count {
                    out[(first + i) * rows + top + r] = product[(r, i)];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;
    use crate::rng::Rng;

    /// The eigenvectors found from either product must be orthonormal and diagonalise the covariance.
    #[test]
    fn both_products_give_the_principal_directions() {
        for (n, dim) in [(40, 9), (9, 40)] {
            let mut rng = Rng::new(3, "spectrum", &[]);
            let features = Features::new(n, dim, (0..n * dim).map(|_| rng.normal() as f32).collect()).unwrap();
            let spectrum = Spectrum::new(&features, mean(&features)).unwrap();
            assert_eq!(spectrum.values.len(), 9);
            assert!(spectrum.values.windows(2).all(|w| w[0] >= w[1]));
            let count = 8;
            let rows = spectrum.directions(count);
            let row = |r: usize| &rows[r * dim..(r + 1) * dim];
            let centre = mean(&features);
            let along = |i: usize, r: usize| -> f64 {
                features.row(i).iter().zip(&centre).zip(row(r)).map(|((&x, c), v)| (f64::from(x) - c) * v).sum()
            };
            for a in 0..count {
                for b in 0..count {
                    let product: f64 = row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum();
                    assert!((product - f64::from(u8::from(a == b))).abs() < 1e-10, "{n} x {dim}: {a}, {b}: {product}");
                    let scatter: f64 = (0..n).map(|i| along(i, a) * along(i, b)).sum();
                    let expected = if a == b { spectrum.values[a] } else { 0.0 };
                    assert!((scatter - expected).abs() < 1e-9 * spectrum.values[0], "{scatter} for {expected}");
                }
            }
            let only = eigenvalues(&features, &centre).unwrap();
            assert!(only.iter().zip(&spectrum.values).all(|(a, b)| (a - b).abs() < 1e-9 * b.abs().max(1.0)));
        }
    }
}

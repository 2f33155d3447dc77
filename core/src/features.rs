//! A matrix of feature vectors: what an encoder gives and every scorer and analysis takes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// `n` feature vectors of `dim` finite values each, stored row after row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Features {
    n: usize,
    dim: usize,
    values: Vec<f32>,
}

/// Why values are not a feature matrix.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FeatureError {
    /// The values do not fill the shape.
    #[error("features of shape {n} x {dim} need {} values, found {found}", n * dim)]
    Length {
        /// Rows announced.
        n: usize,
        /// Columns announced.
        dim: usize,
        /// Values found.
        found: usize,
    },
    /// There is nothing to compute with.
    #[error("features must have at least one row and one column, found {n} x {dim}")]
    Empty {
        /// Rows found.
        n: usize,
        /// Columns found.
        dim: usize,
    },
    /// A NaN or an infinity.
    #[error("features must be finite, but row {row}, column {column} holds {value}")]
    NotFinite {
        /// Row of the first bad value.
        row: usize,
        /// Column of the first bad value.
        column: usize,
        /// The value itself.
        value: f32,
    },
}

impl Features {
    /// Checks that `values` are `n x dim` finite numbers, row-major.
    pub fn new(n: usize, dim: usize, values: Vec<f32>) -> Result<Self, FeatureError> {
        if n == 0 || dim == 0 {
            return Err(FeatureError::Empty { n, dim });
        }
        if n.checked_mul(dim) != Some(values.len()) {
            return Err(FeatureError::Length { n, dim, found: values.len() });
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(FeatureError::NotFinite { row: at / dim, column: at % dim, value: values[at] });
        }
        Ok(Self { n, dim, values })
    }

    /// Values that were computed from finite ones, of a shape that was checked.
    pub(crate) fn of_finite(n: usize, dim: usize, values: Vec<f32>) -> Self {
        debug_assert!(n * dim == values.len() && values.iter().all(|v| v.is_finite()));
        Self { n, dim, values }
    }

    /// How many vectors.
    pub fn n(&self) -> usize {
        self.n
    }

    /// How many values each vector has.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Vector `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// The vectors in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim)
    }

    /// The vectors at `indices`, in that order.
    pub fn select(&self, indices: &[usize]) -> Result<Self, FeatureError> {
        let values = indices.iter().flat_map(|&i| self.row(i).iter().copied()).collect();
        Self::new(indices.len(), self.dim, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_that_lies_is_refused() {
        assert_eq!(Features::new(2, 2, vec![0.0; 3]), Err(FeatureError::Length { n: 2, dim: 2, found: 3 }));
        assert_eq!(Features::new(0, 2, vec![]), Err(FeatureError::Empty { n: 0, dim: 2 }));
        let nan = Features::new(2, 2, vec![0.0, 1.0, f32::NAN, 0.0]).unwrap_err();
        assert_eq!(nan.to_string(), "features must be finite, but row 1, column 0 holds NaN");
        assert!(Features::new(usize::MAX, 2, vec![0.0; 2]).is_err());
    }

    #[test]
    fn rows_come_back_as_they_went_in() {
        let f = Features::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!(f.row(1), [4.0, 5.0, 6.0]);
        assert_eq!(f.select(&[1, 0]).unwrap().values(), [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
    }
}

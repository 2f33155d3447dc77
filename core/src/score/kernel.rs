//! The Gaussian kernel of directions, as Sohn et al. (2020) use it for density and for the support vector machine.

use super::ScoreError;
use super::bank::check_width;
use super::frame::UnitFrame;
use crate::Features;
use crate::vectors::product::fold_products;

/// exp(-gamma |x - y|^2) of the directions of training features and queries.
///
/// Where the features of a class lie close to each other gamma is large, and |x - y|^2 must keep its digits: it is taken
/// between directions as they are seen from their mean.
#[derive(Debug, Clone)]
pub(super) struct Kernel {
    frame: UnitFrame,
    units: Features,
    squares: Vec<f64>,
    gamma: f64,
}

impl Kernel {
    /// Of training features, `n x dim`, with gamma = 10 / (var(F) dim), the variance taken over all values of their
    /// directions together.
    ///
    /// # Errors
    /// A zero feature; directions whose values are all equal up to rounding, which have no variance.
    pub(super) fn fit(train: &Features) -> Result<Self, ScoreError> {
        let (frame, units) = UnitFrame::fit(train)?;
        let (n, dim) = (units.n() as f64, units.dim() as f64);
        let squares = squares(&units);
        let variance = squares.iter().sum::<f64>() / (n * dim) + frame.variance();
        let rounding = f64::from(f32::EPSILON) * frame.size();
        let gamma = 10.0 / (variance * dim);
        let kernel = Self { frame, units, squares, gamma };
        if variance > rounding * rounding { Ok(kernel) } else { Err(ScoreError::Constant { n: train.n() }) }
    }

    pub(super) fn gamma(&self) -> f64 {
        self.gamma
    }

    /// How many training features there are.
    pub(super) fn n(&self) -> usize {
        self.units.n()
    }

    /// The kernel with some of the training features, by the same gamma.
    pub(super) fn select(&self, indices: &[usize]) -> Result<Self, ScoreError> {
        let units = self.units.select(indices)?;
        Ok(Self { frame: self.frame.clone(), squares: squares(&units), units, gamma: self.gamma })
    }

    /// Folds -gamma |x - y|^2 of each query y and all training features x into one value a query, as
    /// [`fold_products`] does.
    ///
    /// # Errors
    /// Queries of another width; a zero query.
    pub(super) fn fold<S, R: Send>(
        &self,
        queries: &Features,
        start: impl Fn() -> S + Sync,
        fold: impl Fn(&mut S, usize, &[f64]) + Sync,
        finish: impl Fn(S) -> R + Sync,
    ) -> Result<Vec<R>, ScoreError> {
        check_width(self.units.dim(), queries)?;
        Ok(self.fold_placed(&self.frame.place(queries)?, start, fold, finish))
    }

    /// exp(-gamma |x - y|^2) - 1 of all pairs of training features: 0 of each with itself.
    pub(super) fn matrix_less_one(&self) -> Vec<Vec<f32>> {
        let start = || Vec::with_capacity(self.n());
        let fold = |line: &mut Vec<f32>, _: usize, exponents: &[f64]| {
            line.extend(exponents.iter().map(|e| e.exp_m1() as f32));
        };
        let mut matrix = self.fold_placed(&self.units, start, fold, |line| line);
        matrix.iter_mut().enumerate().for_each(|(i, line)| line[i] = 0.0);
        matrix
    }

    fn fold_placed<S, R: Send>(
        &self,
        queries: &Features,
        start: impl Fn() -> S + Sync,
        fold: impl Fn(&mut S, usize, &[f64]) + Sync,
        finish: impl Fn(S) -> R + Sync,
    ) -> Vec<R> {
        let of_queries = squares(queries);
        let exponents = |(state, exponents, square): &mut (S, Vec<f64>, f64), offset: usize, products: &[f32]| {
            let distance = |(&p, s): (&f32, &f64)| (*square + s - 2.0 * f64::from(p)).max(0.0);
            exponents.clear();
            exponents.extend(products.iter().zip(&self.squares[offset..]).map(|pair| -self.gamma * distance(pair)));
            fold(state, offset, exponents);
        };
        let start = |query: usize| (start(), Vec::new(), of_queries[query]);
        fold_products(queries, &self.units, start, exponents, |(state, ..), _| finish(state))
    }
}

fn squares(features: &Features) -> Vec<f64> {
    features.rows().map(|row| row.iter().map(|&x| f64::from(x).powi(2)).sum()).collect()
}

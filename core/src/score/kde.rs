//! Kernel density of directions, as Sohn et al. (2020) use it; the "GDE" of the paper's appendix C.

use super::ScoreError;
use super::kernel::Kernel;
use crate::Features;

/// A Gaussian kernel on every l2-normalised training feature.
#[derive(Debug, Clone)]
pub struct Kde {
    kernel: Kernel,
}

impl Kde {
    /// Takes the training features' directions (`n x dim`) and the bandwidth from them: see [`Kde::gamma`].
    ///
    /// # Errors
    /// A zero feature; directions whose values are all equal, which have no variance.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        Ok(Self { kernel: Kernel::fit(train)? })
    }

    /// The kernel is exp(-gamma |x - y|^2) with gamma = 10 / (var(F) dim), the variance taken over all values of the
    /// normalised training features together.
    pub fn gamma(&self) -> f64 {
        self.kernel.gamma()
    }

    /// -(1/gamma) logsumexp over the training features x of 2 gamma cos(x, y), for each query y; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        // The sum of exponentials is kept relative to the largest so far, so that none vanishes.
        let fold = |(largest, sum): &mut (f64, f64), _: usize, exponents: &[f64]| {
            let here = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if here > *largest {
                *sum *= (*largest - here).exp();
                *largest = here;
            }
            *sum += exponents.iter().map(|e| (e - *largest).exp()).sum::<f64>();
        };
        // 2 gamma cos = 2 gamma - gamma |x - y|^2.
        let finish = |(largest, sum): (f64, f64)| (-2.0 - (largest + sum.ln()) / self.gamma()) as f32;
        self.kernel.fold(queries, || (f64::NEG_INFINITY, 0.0), fold, finish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::vectors::cosine::unit_rows;

    #[test]
    fn it_is_the_formula_over_many_blocks() {
        let mut rng = Rng::new(1, "kde", &[]);
        let mut draw = |n| Features::new(n, 3, (0..3 * n).map(|_| rng.normal() as f32).collect()).unwrap();
        let (train, queries) = (draw(2500), draw(4));
        let kde = Kde::fit(&train).unwrap();
        let (units, unit_queries) = (unit_rows(&train).unwrap(), unit_rows(&queries).unwrap());
        for (query, score) in unit_queries.rows().zip(kde.score(&queries).unwrap()) {
            let cos = |x: &[f32]| x.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            let sum: f64 = units.rows().map(|x| (2.0 * kde.gamma() * cos(x)).exp()).sum();
            assert!((f64::from(score) + sum.ln() / kde.gamma()).abs() < 1e-5);
        }
    }

    #[test]
    fn values_without_variance_have_no_bandwidth() {
        let flat = Features::new(2, 2, vec![1.0, 1.0, 3.0, 3.0]).unwrap();
        assert_eq!(Kde::fit(&flat).unwrap_err(), ScoreError::Constant { n: 2 });
        let fit = Kde::fit(&Features::new(2, 2, vec![1.0, 0.0, 0.0, 1.0]).unwrap()).unwrap();
        assert!(fit.score(&Features::new(1, 3, vec![1.0; 3]).unwrap()).is_err());
        assert!(fit.score(&Features::new(1, 2, vec![0.0; 2]).unwrap()).is_err());
    }
}

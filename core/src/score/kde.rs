//! Kernel density of directions, as Sohn et al. (2020) use it; the "GDE" of the paper's appendix C.

use super::ScoreError;
use super::bank::check_width;
use super::cosine::{fold_products, unit_rows};
use crate::Features;

/// A Gaussian kernel on every l2-normalised training feature.
#[derive(Debug, Clone)]
pub struct Kde {
    units: Features,
    gamma: f64,
}

impl Kde {
    /// Takes the training features' directions (`n x dim`) and the bandwidth from them: see [`Kde::gamma`].
    ///
    /// # Errors
    /// A zero feature; directions whose values are all equal, which have no variance.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let units = unit_rows(train).map_err(|row| ScoreError::ZeroVector { what: "training feature", row })?;
        let gamma = kernel_gamma(&units)?;
        Ok(Self { units, gamma })
    }

    /// The kernel is exp(-gamma |x - y|^2) with gamma = 10 / (var(F) dim), the variance taken over all values of the
    /// normalised training features together.
    pub fn gamma(&self) -> f64 {
        self.gamma
    }

    /// -(1/gamma) logsumexp over the training features x of 2 gamma cos(x, y), for each query y; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(&self.units, queries)?;
        let queries = unit_rows(queries).map_err(|row| ScoreError::ZeroVector { what: "query", row })?;
        let scale = 2.0 * self.gamma;
        // The sum of exponentials is kept relative to the largest so far, so that none overflows.
        let fold = |(largest, sum): &mut (f64, f64), _: usize, cosines: &[f32]| {
            let here = scale * f64::from(cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            if here > *largest {
                *sum *= (*largest - here).exp();
                *largest = here;
            }
            *sum += cosines.iter().map(|&c| (scale * f64::from(c) - *largest).exp()).sum::<f64>();
        };
        let finish = |(largest, sum): (f64, f64), _| (-(largest + sum.ln()) / self.gamma) as f32;
        Ok(fold_products(&queries, &self.units, |_| (f64::NEG_INFINITY, 0.0), fold, finish))
    }
}

/// 10 / (var(F) dim) for normalised features F.
pub(super) fn kernel_gamma(units: &Features) -> Result<f64, ScoreError> {
    let count = units.values().len() as f64;
    let mean = units.values().iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let variance = units.values().iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    let gamma = 10.0 / (variance * units.dim() as f64);
    // Values that differ by rounding only give an absurd bandwidth rather than an infinite one.
    if variance > f64::from(f32::EPSILON).powi(2) { Ok(gamma) } else { Err(ScoreError::Constant { n: units.n() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

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

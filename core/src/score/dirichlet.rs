//! The normality score of Golan & El-Yaniv (2018, section 4.2): what a network answers to pictures made by one transformation
//! follows a Dirichlet distribution, if they are of images of the class.

use super::{ScoreError, bank::check_width};
use crate::Features;
use crate::vectors::spectrum::mean;

/// The concentration of all answers together is looked for between these.
const CONCENTRATION: [f64; 2] = [1e-6, 1e9];
/// Halvings of what is between them, in its logarithm: to 1e-16 of it.
const HALVINGS: usize = 60;

/// By how much probabilities may miss a sum of 1 that were stored in half precision.
const ROUNDING: f32 = 0.05;

/// A Dirichlet distribution for each transformation.
#[derive(Debug, Clone)]
pub struct Dirichlet {
    /// Of all answers: the distribution's parameter minus one, `T x T` values.
    exponents: Vec<f64>,
}

impl Dirichlet {
    /// Fits `n x T T` rows of training images: for each of T transformations the log-probabilities of all T answers
    /// ([`NetworkConfig::own_row`](crate::model::NetworkConfig::own_row)).
    ///
    /// # Errors
    /// Rows that are no such probabilities; the same answers for all images, or probabilities too unlike to have a maximum of likelihood.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let t = train.dim().isqrt();
        let is_one = |answers: &[f32]| (answers.iter().map(|y| y.exp()).sum::<f32>() - 1.0).abs() < ROUNDING;
        if t < 2 || t * t != train.dim() || !train.values().chunks_exact(t).all(is_one) {
            return Err(ScoreError::NotDirichlet { found: train.dim() });
        }
        let mut exponents = Vec::with_capacity(t * t);
        for log_means in mean(train).chunks_exact(t) {
            let parameters = most_likely(log_means).ok_or(ScoreError::Constant { n: train.n() })?;
            exponents.extend(parameters.iter().map(|alpha| alpha - 1.0));
        }
        Ok(Self { exponents })
    }

    /// Minus the sum over the transformations of the log-likelihood of the answers, up to a constant: of (alpha - 1) log y
    /// over all answers y. High = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.exponents.len(), queries)?;
        let score = |row: &[f32]| -row.iter().zip(&self.exponents).map(|(&y, e)| f64::from(y) * e).sum::<f64>() as f32;
        Ok(queries.rows().map(score).collect())
    }
}

/// The parameters of the Dirichlet distribution that is most likely to have given samples, of which only the mean logarithms
/// count; none where there is no maximum.
///
/// It is the fixed point of Minka (2000): alpha_k = psi^-1(psi(sum of alpha) + mean log y_k). All of it hangs on the sum, which
/// the map enlarges while it is too small and makes smaller while it is too large, so it is found by halving: the iteration
/// itself takes thousands of steps where answers are sure.
fn most_likely(log_means: &[f64]) -> Option<Vec<f64>> {
    let mapped = |sum: f64| -> Vec<f64> {
        let of_sum = digamma(sum);
        log_means.iter().map(|mean| inverse_digamma(of_sum + mean)).collect()
    };
    let grows = |sum: f64| mapped(sum).iter().sum::<f64>() > sum;
    let [mut low, mut high] = CONCENTRATION;
    if !grows(low) || grows(high) {
        return None;
    }
    for _ in 0..HALVINGS {
        let middle = (low * high).sqrt();
        if grows(middle) { low = middle } else { high = middle }
    }
    Some(mapped((low * high).sqrt()))
}

/// Where the asymptotic series are good to 1e-15.
const LARGE: f64 = 10.0;

/// The derivative of the logarithm of the gamma function, of x > 0.
fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < LARGE {
        below += 1.0 / x;
        x += 1.0;
    }
    let z = 1.0 / (x * x);
    let series =
        z * (1.0 / 12.0 - z * (1.0 / 120.0 - z * (1.0 / 252.0 - z * (1.0 / 240.0 - z * (1.0 / 132.0 - z * SIXTH)))));
    libm::log(x) - 0.5 / x - series - below
}

/// The sixth Bernoulli term of [`digamma`].
const SIXTH: f64 = 691.0 / 32760.0;

/// The derivative of [`digamma`].
fn trigamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < LARGE {
        below += 1.0 / (x * x);
        x += 1.0;
    }
    let z = 1.0 / (x * x);
    let series = z * (1.0 / 6.0 - z * (1.0 / 30.0 - z * (1.0 / 42.0 - z * (1.0 / 30.0 - z * (5.0 / 66.0)))));
    below + (1.0 + 0.5 / x + series) / x
}

/// The x > 0 whose [`digamma`] is `y`: Newton's steps from Minka's start (appendix C).
fn inverse_digamma(y: f64) -> f64 {
    let mut x = if y >= -2.22 { libm::exp(y) + 0.5 } else { -1.0 / (y + 0.577_215_664_901_532_9) };
    for _ in 0..5 {
        x -= (digamma(x) - y) / trigamma(x);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_s_derivatives_have_their_known_values() {
        // Euler's constant; pi^2 / 6.
        for (found, expected) in [
            (digamma(1.0), -0.577_215_664_901_532_9),
            (digamma(0.5), -1.963_510_026_021_423_5),
            (trigamma(1.0), 1.644_934_066_848_226_4),
            (trigamma(0.5), 4.934_802_200_544_679),
        ] {
            assert!((found - expected).abs() < 1e-13, "{found}, not {expected}");
        }
        for x in [1e-3, 0.2, 1.0, 7.0, 1e4] {
            assert!((inverse_digamma(digamma(x)) / x - 1.0).abs() < 1e-12, "{x}");
        }
    }

    /// `tests/golden/make_rivals.py`.
    #[test]
    fn it_scores_as_with_scipy() {
        #[derive(serde::Deserialize)]
        struct Golden {
            dirichlet: Case,
        }
        #[derive(serde::Deserialize)]
        struct Case {
            trained: Vec<f32>,
            asked: Vec<f32>,
            scores: Vec<f32>,
        }
        let golden = include_str!("../../../tests/golden/rivals.json");
        let Golden { dirichlet: Case { trained, asked, scores } } = serde_json::from_str(golden).unwrap();
        let rows = |values: Vec<f32>| Features::new(values.len() / 16, 16, values).unwrap();
        let found = Dirichlet::fit(&rows(trained)).unwrap().score(&rows(asked)).unwrap();
        assert_eq!(found.len(), scores.len());
        for (found, expected) in found.iter().zip(&scores) {
            assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found}, not {expected}");
        }
    }

    #[test]
    fn what_is_most_likely_does_not_move() {
        let log_means = [-0.3, -2.5, -4.0, -60.0];
        let alpha = most_likely(&log_means).unwrap();
        let of_sum = digamma(alpha.iter().sum());
        for (alpha, mean) in alpha.iter().zip(log_means) {
            assert!((digamma(*alpha) - of_sum - mean).abs() < 1e-9 * mean.abs(), "{alpha}");
        }
    }

    #[test]
    fn rows_that_have_no_likelihood_are_refused() {
        let of = |rows: &[f32], dim: usize| Dirichlet::fit(&Features::new(rows.len() / dim, dim, rows.into()).unwrap());
        assert!(matches!(of(&[0.0; 6], 6), Err(ScoreError::NotDirichlet { found: 6 })));
        // Two times two, but no probabilities.
        assert!(matches!(of(&[-0.1, -3.0, -2.0, -1.0], 4), Err(ScoreError::NotDirichlet { found: 4 })));
        // The same answers for all images, rounded up: the likelihood grows without end.
        let [low, high] = [0.25_f32, 0.75].map(|y| (1.0 - 1e-6) * y.ln());
        assert!(matches!(of(&[low, high].repeat(4), 4), Err(ScoreError::Constant { n: 2 })));
    }
}

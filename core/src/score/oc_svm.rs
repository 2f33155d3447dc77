//! The one-class support vector machine (Scholkopf et al. 2001) with a Gaussian kernel on directions.

use super::ScoreError;
use super::kernel::Kernel;
use crate::Features;

/// The share of training features that may lie outside, at most; also a lower bound on the share of support vectors.
const NU: f64 = 0.5;
/// Largest violation of the optimality conditions that is left, as a share of what the kernel varies by.
const TOLERANCE: f64 = 1e-4;
/// Pairs of multipliers changed before giving up.
const STEPS: usize = 1_000_000;
/// The n x n kernel matrix is held in memory: 1.6 GB at this size.
const LIMIT: usize = 20_000;

/// A fitted machine: its support vectors, their multipliers and the offset.
#[derive(Debug, Clone)]
pub struct OcSvm {
    support: Kernel,
    multipliers: Vec<f64>,
    offset: f64,
}

impl OcSvm {
    /// Fits `n x dim` training features, n from 2 to 20,000, with nu = 0.5 and gamma = 10 / (var(F) dim) of the
    /// l2-normalised features F (the configuration of Sohn et al. 2020).
    ///
    /// # Errors
    /// Too few or too many features; a zero feature; directions without variance; no convergence in a million steps.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let n = train.n();
        if n < 2 {
            return Err(ScoreError::TooFew { what: "a support vector machine", needed: 2, found: n });
        }
        if n > LIMIT {
            return Err(ScoreError::TooMany { what: "the one-class SVM", limit: LIMIT, found: n });
        }
        let kernel = Kernel::fit(train)?;
        let (alpha, offset) = solve(&kernel.matrix_less_one())?;
        let chosen: Vec<usize> = (0..n).filter(|&i| alpha[i] > 0.0).collect();
        let multipliers = chosen.iter().map(|&i| alpha[i]).collect();
        Ok(Self { support: kernel.select(&chosen)?, multipliers, offset })
    }

    /// How far each query is outside: minus the decision function, so that above 0 is outside; high = anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        let fold = |sum: &mut f64, offset: usize, exponents: &[f64]| {
            let terms = exponents.iter().zip(&self.multipliers[offset..]);
            *sum += terms.map(|(e, a)| a * e.exp_m1()).sum::<f64>();
        };
        self.support.fold(queries, || 0.0, fold, |sum| (self.offset - sum) as f32)
    }
}

/// Minimises a'Ka / 2 for 0 <= a <= 1 with sum NU n, two multipliers at a time, the pair chosen by second-order
/// information (Fan, Chen & Lin 2005). Returns the multipliers and the offset of the decision function.
///
/// `kernel` is K less 1 everywhere: as the multipliers' sum is fixed that changes neither them nor the decision, and
/// features close to each other, whose kernel is 1 but for the last digits, are told apart.
fn solve(kernel: &[Vec<f32>]) -> Result<(Vec<f64>, f64), ScoreError> {
    let n = kernel.len();
    let range = kernel.iter().flatten().fold(0.0_f64, |range, &k| range.max(f64::from(-k)));
    let curvature = |i: usize, j: usize| (-2.0 * f64::from(kernel[i][j])).max(1e-12 * range);
    // The first multipliers at their bound and one between: any start on the plane is right.
    let total = NU * n as f64;
    let mut alpha: Vec<f64> = (0..n).map(|i| (total - i as f64).clamp(0.0, 1.0)).collect();
    let mut gradient = vec![0.0_f64; n];
    for (line, &a) in kernel.iter().zip(&alpha).filter(|(_, a)| **a > 0.0) {
        gradient.iter_mut().zip(line).for_each(|(g, &k)| *g += a * f64::from(k));
    }
    for _ in 0..STEPS {
        let can_rise = (0..n).filter(|&i| alpha[i] < 1.0);
        let Some(i) = can_rise.min_by(|&a, &b| gradient[a].total_cmp(&gradient[b])) else { break };
        let (mut j, mut gain, mut violation) = (i, 0.0, 0.0_f64);
        for t in (0..n).filter(|&t| alpha[t] > 0.0) {
            let difference = gradient[t] - gradient[i];
            violation = violation.max(difference);
            if difference > 0.0 && difference * difference / curvature(i, t) > gain {
                (j, gain) = (t, difference * difference / curvature(i, t));
            }
        }
        if violation <= TOLERANCE * range {
            return Ok((alpha.clone(), offset(&alpha, &gradient)));
        }
        let step = ((gradient[j] - gradient[i]) / curvature(i, j)).min(1.0 - alpha[i]).min(alpha[j]);
        // Exactly at a bound where the step reaches it, so that rounding leaves nothing just inside.
        alpha[i] = if step == 1.0 - alpha[i] { 1.0 } else { alpha[i] + step };
        alpha[j] -= step;
        for ((g, &ki), &kj) in gradient.iter_mut().zip(&kernel[i]).zip(&kernel[j]) {
            *g += step * (f64::from(ki) - f64::from(kj));
        }
    }
    Err(ScoreError::NotConverged { what: "the one-class SVM", steps: STEPS })
}

/// The gradient at multipliers between their bounds, where optimality makes it the same for all; without any, the
/// middle of what the others allow.
fn offset(alpha: &[f64], gradient: &[f64]) -> f64 {
    let of = |wanted: fn(f64) -> bool| alpha.iter().zip(gradient).filter(move |(a, _)| wanted(**a)).map(|(_, g)| *g);
    let (sum, count) = of(|a| a > 0.0 && a < 1.0).fold((0.0, 0), |(s, c), g| (s + g, c + 1));
    if count > 0 {
        return sum / f64::from(count);
    }
    let (low, high) = (of(|a| a >= 1.0).fold(f64::MIN, f64::max), of(|a| a <= 0.0).fold(f64::MAX, f64::min));
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn nu_bounds_outliers_and_support_vectors_and_the_multipliers_add_up() {
        let mut rng = Rng::new(1, "oc-svm", &[]);
        let values = (0..301 * 8).map(|i| (f64::from(u8::from(i % 8 == 0)) * 3.0 + rng.normal()) as f32);
        let train = Features::new(301, 8, values.collect()).unwrap();
        let svm = OcSvm::fit(&train).unwrap();
        assert!((svm.multipliers.iter().sum::<f64>() - 150.5).abs() < 1e-9);
        assert!(svm.multipliers.iter().all(|&a| a > 0.0 && a <= 1.0));
        let outside = svm.score(&train).unwrap().iter().filter(|&&s| s > 1e-3).count();
        assert!(outside <= 150, "at most nu of 301: {outside}");
        assert!(svm.multipliers.len() >= 151, "at least nu of 301: {}", svm.multipliers.len());
        let opposite = Features::new(1, 8, vec![-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        let worst = svm.score(&train).unwrap().into_iter().fold(f32::MIN, f32::max);
        assert!(svm.score(&opposite).unwrap()[0] > worst);
    }

    #[test]
    fn two_features_and_copies_are_solved_too() {
        let two = Features::new(2, 2, vec![1.0, 0.0, 0.0, 1.0]).unwrap();
        let scores = OcSvm::fit(&two).unwrap().score(&two).unwrap();
        assert!((scores[0] - scores[1]).abs() < 1e-4, "{scores:?}");
        let copies = Features::new(6, 2, [1.0, 0.0].repeat(6)).unwrap();
        assert!(OcSvm::fit(&copies).unwrap().score(&copies).unwrap().iter().all(|s| s.abs() < 1e-4));
        assert!(OcSvm::fit(&Features::new(1, 2, vec![1.0, 0.0]).unwrap()).is_err());
    }
}

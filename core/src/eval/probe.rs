//! Linear probe: how well a linear classifier separates classes by frozen features (appendix A; Zhang et al. 2016).
//!
//! Multinomial logistic regression on standardised features with an l2 penalty, solved by L-BFGS (Liu & Nocedal
//! 1989) from zero: no randomness, no learning rate, and the same minimum as scikit-learn's `StandardScaler` and
//! `LogisticRegression`.

use super::EvalError;
use super::labels::{accuracy, check_labels};
use crate::Features;
use crate::vectors::spectrum::threads;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat};

/// The largest entry of the gradient of the mean loss at which the minimum is reached.
const TOLERANCE: f64 = 1e-7;
/// Steps after which what was reached is taken.
const STEPS: usize = 1000;
/// Pairs of steps and gradient changes that L-BFGS remembers.
const MEMORY: usize = 10;

/// A linear classifier of features.
#[derive(Debug, Clone)]
pub struct LinearProbe {
    classes: Vec<usize>,
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// `(dim + 1) x classes`, the last row is the intercept.
    weights: Mat<f64>,
}

impl LinearProbe {
    /// Fits `n x dim` features with one label each. `strength` is scikit-learn's C: the loss summed over all features
    /// is weighed by it against half the squared weights (not the intercept).
    pub fn fit(features: &Features, labels: &[usize], strength: f64) -> Result<Self, EvalError> {
        check_labels("training", features, labels)?;
        if !(strength > 0.0 && strength.is_finite()) {
            return Err(EvalError::Setting { what: "the probe's strength", found: strength });
        }
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        if classes.len() < 2 {
            return Err(EvalError::OneClass);
        }
        let (mean, scale) = standardization(features);
        let inputs = standardized(features, &mean, &scale);
        let targets: Vec<usize> = labels.iter().map(|l| classes.partition_point(|c| c < l)).collect();
        let penalty = 1.0 / (strength * features.n() as f64);
        let count = classes.len();
        let weights = minimize((features.dim() + 1) * count, |w| loss(&inputs, &targets, count, penalty, w));
        Ok(Self { classes, mean, scale, weights: matrix(&weights, count) })
    }

    /// The most likely label of each feature; of equally likely ones, the smallest.
    pub fn predict(&self, features: &Features) -> Result<Vec<usize>, EvalError> {
        let (expected, found) = (self.mean.len(), features.dim());
        if expected != found {
            return Err(EvalError::Dimension { expected, found });
        }
        let logits = standardized(features, &self.mean, &self.scale) * &self.weights;
        let best = |i: usize| {
            (0..self.classes.len()).fold(0, |best, c| if logits[(i, c)] > logits[(i, best)] { c } else { best })
        };
        Ok((0..features.n()).map(|i| self.classes[best(i)]).collect())
    }
}

/// Accuracy (0..1) on the test features of a probe fitted to the training features with C = 1.
pub fn linear_probe(
    train: &Features,
    train_labels: &[usize],
    test: &Features,
    test_labels: &[usize],
) -> Result<f64, EvalError> {
    check_labels("test", test, test_labels)?;
    Ok(accuracy(&LinearProbe::fit(train, train_labels, 1.0)?.predict(test)?, test_labels))
}

/// Mean and standard deviation of each value; 1 where there is no deviation.
fn standardization(features: &Features) -> (Vec<f64>, Vec<f64>) {
    let n = features.n() as f64;
    let mean = crate::vectors::spectrum::mean(features);
    let mut scale = vec![0.0; features.dim()];
    for row in features.rows() {
        scale.iter_mut().zip(row).zip(&mean).for_each(|((s, &x), m)| *s += (f64::from(x) - m).powi(2) / n);
    }
    // A deviation below the resolution of f32 is rounding, and would be blown up to 1.
    for (s, m) in scale.iter_mut().zip(&mean) {
        *s = s.sqrt();
        if *s <= m.abs() * f64::from(f32::EPSILON) {
            *s = 1.0;
        }
    }
    (mean, scale)
}

/// `n x (dim + 1)`: standardised features and a column of ones for the intercept.
fn standardized(features: &Features, mean: &[f64], scale: &[f64]) -> Mat<f64> {
    let dim = features.dim();
    Mat::from_fn(features.n(), dim + 1, |i, j| {
        if j == dim { 1.0 } else { (f64::from(features.row(i)[j]) - mean[j]) / scale[j] }
    })
}

/// A column-major vector of weights as `rows x count`.
fn matrix(weights: &[f64], count: usize) -> Mat<f64> {
    let rows = weights.len() / count;
    Mat::from_fn(rows, count, |j, c| weights[c * rows + j])
}

/// Mean cross-entropy plus the penalty, and its gradient.
fn loss(inputs: &Mat<f64>, targets: &[usize], count: usize, penalty: f64, weights: &[f64]) -> (f64, Vec<f64>) {
    let (n, rows) = (inputs.nrows(), inputs.ncols());
    let mut logits = Mat::<f64>::zeros(n, count);
    let matrix = matrix(weights, count);
    matmul(&mut logits, Accum::Replace, inputs, &matrix, 1.0, threads());
    let mut value = 0.0;
    // The logits become the gradient: probabilities minus the target.
    for (i, &target) in targets.iter().enumerate() {
        let largest = (0..count).map(|c| logits[(i, c)]).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = (0..count).map(|c| (logits[(i, c)] - largest).exp()).sum();
        value += largest + sum.ln() - logits[(i, target)];
        for c in 0..count {
            let probability = (logits[(i, c)] - largest).exp() / sum;
            logits[(i, c)] = (probability - f64::from(u8::from(c == target))) / n as f64;
        }
    }
    let mut slope = Mat::<f64>::zeros(rows, count);
    matmul(&mut slope, Accum::Replace, inputs.transpose(), &logits, 1.0, threads());
    let mut gradient = vec![0.0; rows * count];
    let mut squares = 0.0;
    for c in 0..count {
        for j in 0..rows {
            // The last row is the intercept, which is not penalised.
            let shrink = if j + 1 < rows { penalty * matrix[(j, c)] } else { 0.0 };
            squares += shrink * matrix[(j, c)];
            gradient[c * rows + j] = slope[(j, c)] + shrink;
        }
    }
    (value / n as f64 + 0.5 * squares, gradient)
}

/// The minimum of a smooth convex function of `size` variables by L-BFGS from zero, with a backtracking line search.
fn minimize(size: usize, function: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut x = vec![0.0; size];
    let (mut value, mut gradient) = function(&x);
    let mut memory: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for _ in 0..STEPS {
        if gradient.iter().all(|g| g.abs() < TOLERANCE) {
            break;
        }
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut along = Vec::with_capacity(memory.len());
        for (s, y) in memory.iter().rev() {
            let a = dot(s, &direction) / dot(s, y);
            direction.iter_mut().zip(y).for_each(|(d, y)| *d -= a * y);
            along.push(a);
        }
        if let Some((s, y)) = memory.last() {
            let scale = dot(s, y) / dot(y, y);
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for ((s, y), a) in memory.iter().zip(along.into_iter().rev()) {
            let b = dot(y, &direction) / dot(s, y);
            direction.iter_mut().zip(s).for_each(|(d, s)| *d += (a - b) * s);
        }
        let slope = dot(&gradient, &direction);
        let mut step = 1.0;
        let next = loop {
            let to: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            let (v, g) = function(&to);
            if v <= value + 1e-4 * step * slope {
                break Some((to, v, g));
            }
            step /= 2.0;
            if step < 1e-12 {
                break None;
            }
        };
        // No descent left within rounding: this is the minimum.
        let Some((to, v, g)) = next else { break };
        let s: Vec<f64> = to.iter().zip(&x).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = g.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        // A pair without curvature would make the next direction point uphill.
        if dot(&s, &y) > 1e-12 * dot(&y, &y) {
            memory.push((s, y));
            if memory.len() > MEMORY {
                memory.remove(0);
            }
        }
        (x, value, gradient) = (to, v, g);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Three classes around three axes of five dimensions, one of which never changes.
    fn classes(n: usize, noise: f64, seed: u64) -> (Features, Vec<usize>) {
        let mut rng = Rng::new(seed, "probe", &[]);
        let labels: Vec<usize> = (0..n).map(|i| [4, 7, 100][i % 3]).collect();
        let values = (0..n * 5).map(|i| match i % 5 {
            4 => 3.0,
            j => (f64::from(u8::from(j == i / 5 % 3)) + noise * rng.normal()) as f32,
        });
        (Features::new(n, 5, values.collect()).unwrap(), labels)
    }

    #[test]
    fn separable_classes_are_separated_and_noise_is_chance() {
        let (train, labels) = classes(300, 0.1, 1);
        let (test, test_labels) = classes(90, 0.1, 2);
        assert_eq!(linear_probe(&train, &labels, &test, &test_labels), Ok(1.0));
        let (noisy, _) = classes(3000, 100.0, 3);
        let labels: Vec<usize> = (0..3000).map(|i| i % 3).collect();
        let (test, _) = classes(3000, 100.0, 4);
        let chance = linear_probe(&noisy, &labels, &test, &labels).unwrap();
        assert!((chance - 1.0 / 3.0).abs() < 0.05, "{chance}");
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let (train, labels) = classes(60, 0.5, 5);
        let targets: Vec<usize> = labels.iter().map(|l| [4, 7, 100].iter().position(|c| c == l).unwrap()).collect();
        let (mean, scale) = standardization(&train);
        let inputs = standardized(&train, &mean, &scale);
        let at: Vec<f64> = (0..18).map(|i| 0.1 * f64::from(i) - 0.7).collect();
        let (_, gradient) = loss(&inputs, &targets, 3, 0.05, &at);
        for i in 0..18 {
            let moved = |by: f64| {
                let mut to = at.clone();
                to[i] += by;
                loss(&inputs, &targets, 3, 0.05, &to).0
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((difference - gradient[i]).abs() < 1e-8, "{i}: {difference} {}", gradient[i]);
        }
    }

    #[test]
    fn bad_sets_are_named() {
        let (train, labels) = classes(9, 0.1, 6);
        let fit = |labels: &[usize], c| LinearProbe::fit(&train, labels, c).unwrap_err();
        assert!(fit(&labels[1..], 1.0).to_string().contains("found 9 training features and 8 labels"));
        assert_eq!(fit(&[1; 9], 1.0), EvalError::OneClass);
        assert!(fit(&labels, 0.0).to_string().contains("above 0, found 0"));
        let wide = Features::new(1, 6, vec![0.0; 6]).unwrap();
        assert!(linear_probe(&train, &labels, &wide, &[4]).is_err());
    }
}

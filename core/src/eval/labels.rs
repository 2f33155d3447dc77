//! What the probes share.

use super::EvalError;
use crate::Features;

/// One label for each feature.
pub(super) fn check_labels(what: &'static str, features: &Features, labels: &[usize]) -> Result<(), EvalError> {
    let (n, found) = (features.n(), labels.len());
    if n == found { Ok(()) } else { Err(EvalError::Labels { what, features: n, labels: found }) }
}

/// Share of predictions that are right, 0 to 1.
pub(super) fn accuracy(predicted: &[usize], labels: &[usize]) -> f64 {
    let right = predicted.iter().zip(labels).filter(|(p, l)| p == l).count();
    right as f64 / labels.len() as f64
}

//! How many dimensions features really use (Roy & Vetterli 2007).

use super::SphereError;
use crate::Features;
use crate::vectors::spectrum::eigenvalues;

/// Singular values below this share of the largest are rounding of f32 features.
const ROUNDING: f64 = 1e-7;

/// Effective rank of the feature matrix (`n x dim`, as it is: neither centred nor normalised): exp of the entropy of
/// its singular values divided by their sum, 1 to min(n, dim).
///
/// Not centred on purpose: features collapsed to a point have effective rank 1, where the centred matrix would show
/// the many dimensions of their rounding errors. Plotted with kappa it tells a compact class from a collapsed network.
///
/// # Errors
/// All features are zero.
pub fn effective_rank(features: &Features) -> Result<f64, SphereError> {
    // Squares of the singular values. Scaled, so that large features do not overflow.
    let size = features.values().iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    if size == 0.0 {
        return Err(SphereError::ZeroVector { row: 0 });
    }
    let squares = eigenvalues(features, &vec![0.0; features.dim()])?;
    let floor = squares[0] * ROUNDING * ROUNDING;
    let singular: Vec<f64> = squares.into_iter().take_while(|&s| s > floor).map(f64::sqrt).collect();
    let total: f64 = singular.iter().sum();
    let entropy: f64 = singular.iter().map(|s| s / total).map(|p| -p * p.ln()).sum();
    Ok(entropy.exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn known_spectra_have_known_ranks() {
        let identity = Features::new(4, 4, (0..16).map(|i| f32::from(u8::from(i % 5 == 0))).collect()).unwrap();
        assert!((effective_rank(&identity).unwrap() - 4.0).abs() < 1e-12);
        // Singular values 3 and 1, so p = 3/4, 1/4.
        let two = Features::new(3, 2, vec![3.0, 0.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        let expected = (-(0.75_f64 * 0.75_f64.ln() + 0.25 * 0.25_f64.ln())).exp();
        assert!((effective_rank(&two).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn collapse_is_one_and_scale_does_not_matter() {
        let point = Features::new(50, 8, [0.3, -0.7, 0.11, 0.9, 0.2, 0.5, -0.1, 0.4].repeat(50)).unwrap();
        assert!((effective_rank(&point).unwrap() - 1.0).abs() < 1e-5);
        let mut rng = Rng::new(2, "rank", &[]);
        let values: Vec<f32> = (0..60 * 8).map(|_| rng.normal() as f32).collect();
        let rank = |scale: f32| {
            effective_rank(&Features::new(60, 8, values.iter().map(|x| x * scale).collect()).unwrap()).unwrap()
        };
        assert!(rank(1.0) > 7.5 && (rank(1.0) - rank(1e15)).abs() < 1e-4);
        assert!(effective_rank(&Features::new(2, 2, vec![0.0; 4]).unwrap()).is_err());
    }
}

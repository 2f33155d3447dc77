//! How much directions spread, dimension by dimension: what SimSiam's authors watch for collapse (Chen & He 2020).

use super::SphereError;
use crate::Features;
use crate::vectors::cosine::unit_rows;

/// Mean standard deviation of a dimension of the unit vectors (`n x dim`), times sqrt(dim): 0 where all features point
/// the same way, about 1 where their directions are uniform on the sphere (each dimension then deviates by 1/sqrt(dim)).
///
/// # Errors
/// A zero feature.
pub fn spread(features: &Features) -> Result<f64, SphereError> {
    let (n, dim) = (features.n() as f64, features.dim() as f64);
    let units = unit_rows(features).map_err(|row| SphereError::ZeroVector { row })?;
    let mean = crate::vectors::spectrum::mean(&units);
    let mut squares = vec![0.0; units.dim()];
    for row in units.rows() {
        squares.iter_mut().zip(row).zip(&mean).for_each(|((s, &x), m)| *s += (f64::from(x) - m).powi(2));
    }
    let deviations: f64 = squares.iter().map(|s| (s / n).sqrt()).sum();
    Ok(deviations / dim * dim.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn a_point_has_none_and_the_sphere_has_one() {
        let mut rng = Rng::new(1, "spread", &[]);
        let normal: Vec<f32> = (0..2000 * 32).map(|_| rng.normal() as f32).collect();
        let uniform = spread(&Features::new(2000, 32, normal.clone()).unwrap()).unwrap();
        assert!((uniform - 1.0).abs() < 0.02, "{uniform}");
        // Copies of one direction, of any length.
        let copies = normal[..2000].iter().flat_map(|l| normal[..32].iter().map(|x| x * (0.1 + l.abs()))).collect();
        let point = spread(&Features::new(2000, 32, copies).unwrap()).unwrap();
        assert!(point < 1e-6, "{point}");
        assert_eq!(
            spread(&Features::new(2, 2, vec![1.0, 0.0, 0.0, 0.0]).unwrap()),
            Err(SphereError::ZeroVector { row: 1 })
        );
    }

    #[test]
    fn two_directions_have_what_is_computed_by_hand() {
        // Unit vectors (1, 0) and (0.6, 0.8): deviations 0.2 and 0.4, mean 0.3, times sqrt(2).
        let two = Features::new(2, 2, vec![2.0, 0.0, 3.0, 4.0]).unwrap();
        assert!((spread(&two).unwrap() - 0.3 * 2f64.sqrt()).abs() < 1e-7);
    }
}

//! Directions projected to three dimensions by principal components: familiar, and to be taken with care.

use super::SphereError;
use super::angles::{check_width, complete, dot, push_orthogonal, units};
use crate::Features;
use crate::vectors::spectrum::{Spectrum, mean};

/// A linear projection of l2-normalised features to three dimensions, with the share of their variance that it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca3 {
    /// Mean of the unit vectors, `dim` values: the origin of the picture.
    pub mean: Vec<f64>,
    /// Three orthonormal vectors of `dim` values, by descending variance.
    pub components: [Vec<f64>; 3],
    /// Share of the total variance along each component, 0 to 1.
    pub explained: [f64; 3],
}

impl Pca3 {
    /// Fits the directions of `features`, `n x dim` with n at least 2 and dim at least 3.
    pub fn fit(features: &Features) -> Result<Self, SphereError> {
        let (n, dim) = (features.n(), features.dim());
        if dim < 3 {
            return Err(SphereError::TooNarrow { what: "a picture in three dimensions", needed: 3, found: dim });
        }
        if n < 2 {
            return Err(SphereError::TooFew { what: "a picture in three dimensions", needed: 2, found: n });
        }
        let values = units(features)?.into_iter().flatten().map(|x| x as f32).collect();
        let units = Features::new(n, dim, values)?;
        let mean = mean(&units);
        let spectrum = Spectrum::new(&units, mean.clone())?;
        let total: f64 = spectrum.values.iter().map(|v| v.max(0.0)).sum();
        if total < 1e-14 * n as f64 {
            return Err(SphereError::Collapsed { n });
        }
        let rank = spectrum.values.iter().take(3).filter(|&&v| v > 1e-12 * total).count();
        let mut basis = Vec::new();
        for direction in spectrum.directions(rank).chunks_exact(dim) {
            push_orthogonal(&mut basis, direction);
        }
        complete(&mut basis, 3);
        let components = basis.try_into().expect("`complete` makes it three");
        let explained = std::array::from_fn(|i| spectrum.values.get(i).map_or(0.0, |v| v.max(0.0) / total));
        Ok(Self { mean, components, explained })
    }

    /// Where each feature's direction (`n x dim`) is drawn.
    pub fn place(&self, features: &Features) -> Result<Vec<[f64; 3]>, SphereError> {
        check_width(features, self.mean.len())?;
        let place = |unit: Vec<f64>| {
            let centred: Vec<f64> = unit.iter().zip(&self.mean).map(|(u, m)| u - m).collect();
            std::array::from_fn(|i| dot(&centred, &self.components[i]))
        };
        Ok(units(features)?.into_iter().map(place).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn three_dimensions_lose_nothing_of_a_three_dimensional_set() {
        for n in [40, 4] {
            // In the first three of six dimensions.
            let mut rng = Rng::new(1, "pca", &[]);
            let values = (0..n * 6).map(|i| if i % 6 < 3 { rng.normal() as f32 } else { 0.0 });
            let features = Features::new(n, 6, values.collect()).unwrap();
            let pca = Pca3::fit(&features).unwrap();
            assert!((pca.explained.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let (points, units) = (pca.place(&features).unwrap(), units(&features).unwrap());
            let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
            for i in 0..n {
                for j in 0..i {
                    let (drawn, real) = (distance(&points[i], &points[j]), distance(&units[i], &units[j]));
                    assert!((drawn - real).abs() < 1e-6, "{drawn} {real}");
                }
            }
            let variance = |axis: usize| points.iter().map(|p| p[axis].powi(2)).sum::<f64>();
            assert!(variance(0) >= variance(1) && variance(1) >= variance(2));
        }
    }

    #[test]
    fn bad_sets_are_named() {
        let same = Features::new(2, 3, vec![1.0, 2.0, 3.0, 2.0, 4.0, 6.0]).unwrap();
        assert_eq!(Pca3::fit(&same), Err(SphereError::Collapsed { n: 2 }));
        let one = Features::new(1, 3, vec![1.0; 3]).unwrap();
        assert!(Pca3::fit(&one).unwrap_err().to_string().contains("at least 2 features, found 1"));
    }
}

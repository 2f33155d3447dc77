//! Maximum mean discrepancy to the uniform distribution on the sphere (section 2.2; Gretton et al. 2012).

use super::SphereError;
use crate::Features;
use crate::rng::Rng;
use crate::vectors::cosine::unit_rows;
use crate::vectors::product::fold_products;

/// Features that are compared with the uniform distribution: the pairs of 2,000 fix the estimate to 1e-4 or so.
const SAMPLE_ROWS: usize = 2000;
/// Bandwidth: the median distance between two uniform points of a sphere, whose cosine is as often below 0 as above, in
/// any dimension. The usual median heuristic takes the median of both samples together, so its kernel gets narrower as
/// the features do: two epochs of a curve would be measured with two rulers.
const SIGMA: f64 = std::f64::consts::SQRT_2;

/// Unbiased squared MMD between the directions of `features` (`n x dim`, n and dim at least 2) and as many uniform
/// samples of the sphere, by the kernel exp(-|x - y|^2 / 4); high = compact, around 0 (also slightly below) = uniform.
/// Of more than 2,000 features, 2,000 evenly spaced ones are taken.
///
/// The bandwidth is the same for all epochs, runs and dimensions. The samples depend on `seed`, dim and how many are
/// taken.
pub fn mmd2_to_uniform(features: &Features, seed: u64) -> Result<f64, SphereError> {
    let dim = features.dim();
    if dim < 2 {
        return Err(SphereError::TooNarrow { what: "the MMD on the sphere", needed: 2, found: dim });
    }
    let units = unit_rows(features).map_err(|row| SphereError::ZeroVector { row })?;
    let units = units.select(&evenly_spaced(units.n(), SAMPLE_ROWS))?;
    let uniform = uniform_directions(units.n(), dim, seed)?;
    mmd2(&units, &uniform, SIGMA)
}

/// Unbiased squared MMD between two samples of unit vectors, `n x dim` and `m x dim`, n and m at least 2, by the
/// kernel exp(-|x - y|^2 / (2 sigma^2)).
pub fn mmd2(x: &Features, y: &Features, sigma: f64) -> Result<f64, SphereError> {
    if x.dim() != y.dim() {
        return Err(SphereError::Dimension { expected: x.dim(), found: y.dim() });
    }
    let found = x.n().min(y.n());
    if found < 2 {
        return Err(SphereError::TooFew { what: "the unbiased MMD", needed: 2, found });
    }
    if !(sigma > 0.0 && sigma.is_finite()) {
        return Err(SphereError::Bandwidth { found: sigma });
    }
    let (n, m) = (x.n() as f64, y.n() as f64);
    let within = |z: &Features, size: f64| kernel_sum(z, z, sigma, true) / (size * (size - 1.0));
    Ok(within(x, n) + within(y, m) - 2.0 * kernel_sum(x, y, sigma, false) / (n * m))
}

/// Sum of the kernel over all pairs; with `distinct`, x and y are the same sample and no vector is paired with itself.
fn kernel_sum(x: &Features, y: &Features, sigma: f64, distinct: bool) -> f64 {
    let scale = 1.0 / (sigma * sigma);
    // For unit vectors |x - y|^2 / 2 = 1 - cos.
    let kernel = |cosine: f32| ((f64::from(cosine) - 1.0) * scale).exp();
    fold_products(
        x,
        y,
        |row| (row, 0.0),
        |(row, sum), offset, cosines| {
            *sum += cosines.iter().map(|&c| kernel(c)).sum::<f64>();
            if distinct && (offset..offset + cosines.len()).contains(row) {
                *sum -= kernel(cosines[*row - offset]);
            }
        },
        |(_, sum), _| sum,
    )
    .into_iter()
    .sum()
}

/// At most `count` of the indices 0..n, at equal distances: every part of a sorted set is seen, without randomness.
fn evenly_spaced(n: usize, count: usize) -> Vec<usize> {
    let count = count.min(n);
    (0..count).map(|i| i * n / count).collect()
}

/// `n` uniform samples of the unit sphere in `dim` dimensions: normal vectors divided by their lengths.
fn uniform_directions(n: usize, dim: usize, seed: u64) -> Result<Features, SphereError> {
    let mut rng = Rng::new(seed, "mmd uniform", &[n as u64, dim as u64]);
    let mut values = Vec::with_capacity(n * dim);
    let mut vector = vec![0.0; dim];
    for _ in 0..n {
        loop {
            vector.iter_mut().for_each(|x| *x = rng.normal());
            let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            // Two Box-Muller radii of exactly 0 in a row are possible, if barely.
            if length > 1e-6 {
                values.extend(vector.iter().map(|x| (x / length) as f32));
                break;
            }
        }
    }
    Ok(Features::new(n, dim, values)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_over_pairs() {
        let x = uniform_directions(37, 5, 1).unwrap();
        let y = uniform_directions(37, 5, 2).unwrap();
        let kernel = |u: &[f32], v: &[f32]| {
            let squared: f64 = u.iter().zip(v).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            (-squared / (2.0 * 0.7 * 0.7)).exp()
        };
        let mut expected = 0.0;
        for i in 0..37 {
            for j in 0..37 {
                if i != j {
                    expected += (kernel(x.row(i), x.row(j)) + kernel(y.row(i), y.row(j))) / (37.0 * 36.0);
                }
                expected -= 2.0 * kernel(x.row(i), y.row(j)) / (37.0 * 37.0);
            }
        }
        assert!((mmd2(&x, &y, 0.7).unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn uniform_is_zero_and_a_cap_is_far() {
        let values: Vec<f64> = (0..20)
            .map(|seed| mmd2_to_uniform(&uniform_directions(200, 16, 1000 + seed).unwrap(), seed).unwrap())
            .collect();
        let mean = values.iter().sum::<f64>() / 20.0;
        assert!(mean.abs() < 5e-4, "unbiased, so the mean is near 0: {mean}");
        assert!(values.iter().any(|&v| v < 0.0), "a biased estimate is never negative");
        let mut rng = Rng::new(1, "cap", &[]);
        let cap = (0..200 * 16).map(|i| f32::from(u8::from(i % 16 == 0)) + 0.1 * rng.normal() as f32).collect();
        let cap = mmd2_to_uniform(&Features::new(200, 16, cap).unwrap(), 0).unwrap();
        assert!(cap > 0.3, "{cap}");
    }

    #[test]
    fn the_bandwidth_is_the_median_distance_of_uniform_points() {
        for dim in [2, 3, 128] {
            let x = uniform_directions(201, dim, 3).unwrap();
            let distance = |i: usize, j: usize| {
                let squares = x.row(i).iter().zip(x.row(j)).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
                squares.sum::<f64>().sqrt()
            };
            let mut all: Vec<f64> =
                (0..201).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| distance(i, j)).collect();
            all.sort_by(f64::total_cmp);
            assert!((all[all.len() / 2] - SIGMA).abs() < 0.05, "{dim}: {}", all[all.len() / 2]);
        }
    }

    #[test]
    fn many_features_are_sampled_evenly() {
        assert_eq!(evenly_spaced(10, 4), [0, 2, 5, 7]);
        assert_eq!(evenly_spaced(3, 9), [0, 1, 2]);
        let many = uniform_directions(3 * SAMPLE_ROWS, 3, 5).unwrap();
        let some = many.select(&evenly_spaced(many.n(), SAMPLE_ROWS)).unwrap();
        assert_eq!(mmd2_to_uniform(&many, 1), mmd2_to_uniform(&some, 1));
    }

    #[test]
    fn seeds_repeat_and_bad_input_is_named() {
        let x = uniform_directions(50, 4, 9).unwrap();
        let run = |seed| mmd2_to_uniform(&x, seed).unwrap();
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
        assert_eq!(mmd2(&x, &x, 0.0), Err(SphereError::Bandwidth { found: 0.0 }));
        assert!(mmd2(&x, &x, f64::NAN).is_err());
        let one = Features::new(1, 4, vec![1.0; 4]).unwrap();
        assert!(mmd2_to_uniform(&one, 0).is_err());
    }
}

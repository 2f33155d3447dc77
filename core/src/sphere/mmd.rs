//! Maximum mean discrepancy to the uniform distribution on the sphere (section 2.2; Gretton et al. 2012).

use super::SphereError;
use crate::Features;
use crate::rng::Rng;
use crate::vectors::cosine::{angle, unit_rows};
use crate::vectors::product::fold_products;
use nsa_kernels::threads::all;

/// Features that are compared with the uniform distribution: the pairs of 2,000 fix the estimate to 1e-4 or so.
const SAMPLE_ROWS: usize = 2000;
/// Rows of each sample that the median heuristic looks at.
const MEDIAN_ROWS: usize = 500;

/// Unbiased squared MMD between the directions of `features` (`n x dim`, n and dim at least 2) and as many uniform
/// samples of the sphere, by the kernel exp(-|x - y|^2 / (2 sigma^2)); high = compact, around 0 (also slightly
/// below) = uniform. Of more than 2,000 features, 2,000 evenly spaced ones are taken.
///
/// `sigma` defaults to the median heuristic: the median distance between all points of both samples taken together
/// (of 500 rows of each, evenly spaced, where there are more). The samples depend on `seed`, dim and how many are
/// taken.
pub fn mmd2_to_uniform(features: &Features, sigma: Option<f64>, seed: u64) -> Result<f64, SphereError> {
    let dim = features.dim();
    if dim < 2 {
        return Err(SphereError::TooNarrow { what: "the MMD on the sphere", needed: 2, found: dim });
    }
    let units = unit_rows(features).map_err(|row| SphereError::ZeroVector { row })?;
    let units = units.select(&evenly_spaced(units.n(), SAMPLE_ROWS))?;
    let uniform = uniform_directions(units.n(), dim, seed)?;
    mmd2(&units, &uniform, sigma)
}

/// Unbiased squared MMD between two samples of unit vectors, `n x dim` and `m x dim`, n and m at least 2, by the
/// kernel exp(-|x - y|^2 / (2 sigma^2)) with the median heuristic of [`mmd2_to_uniform`] unless `sigma` is given.
pub fn mmd2(x: &Features, y: &Features, sigma: Option<f64>) -> Result<f64, SphereError> {
    if x.dim() != y.dim() {
        return Err(SphereError::Dimension { expected: x.dim(), found: y.dim() });
    }
    let found = x.n().min(y.n());
    if found < 2 {
        return Err(SphereError::TooFew { what: "the unbiased MMD", needed: 2, found });
    }
    let sigma = match sigma {
        Some(sigma) => sigma,
        None => median_distance(x, y),
    };
    // A median of 0 (copies of one vector against copies of it) is no bandwidth either.
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

/// The median heuristic.
fn median_distance(x: &Features, y: &Features) -> f64 {
    let some = |z: &Features| evenly_spaced(z.n(), MEDIAN_ROWS);
    let rows: Vec<&[f32]> =
        some(x).into_iter().map(|i| x.row(i)).chain(some(y).into_iter().map(|i| y.row(i))).collect();
    let to_those_before =
        |i: usize| -> Vec<f64> { rows[..i].iter().map(|row| 2.0 * (angle(rows[i], row) / 2.0).sin()).collect() };
    let mut distances = all(rows.len(), to_those_before).concat();
    let (middle, odd) = (distances.len() / 2, distances.len() % 2 == 1);
    let (below, &mut upper, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
    if odd {
        return upper;
    }
    let lower = below.iter().copied().fold(0.0, f64::max);
    (lower + upper) / 2.0
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
        assert!((mmd2(&x, &y, Some(0.7)).unwrap() - expected).abs() < 1e-6);
    }

    #[test]
    fn uniform_is_zero_and_a_cap_is_far() {
        let values: Vec<f64> = (0..20)
            .map(|seed| mmd2_to_uniform(&uniform_directions(200, 16, 1000 + seed).unwrap(), None, seed).unwrap())
            .collect();
        let mean = values.iter().sum::<f64>() / 20.0;
        assert!(mean.abs() < 5e-4, "unbiased, so the mean is near 0: {mean}");
        assert!(values.iter().any(|&v| v < 0.0), "a biased estimate is never negative");
        let mut rng = Rng::new(1, "cap", &[]);
        let cap = (0..200 * 16).map(|i| f32::from(u8::from(i % 16 == 0)) + 0.1 * rng.normal() as f32).collect();
        let cap = mmd2_to_uniform(&Features::new(200, 16, cap).unwrap(), None, 0).unwrap();
        assert!(cap > 0.3, "{cap}");
    }

    #[test]
    fn many_features_are_sampled_evenly() {
        assert_eq!(evenly_spaced(10, 4), [0, 2, 5, 7]);
        assert_eq!(evenly_spaced(3, 9), [0, 1, 2]);
        let many = uniform_directions(3 * SAMPLE_ROWS, 3, 5).unwrap();
        let some = many.select(&evenly_spaced(many.n(), SAMPLE_ROWS)).unwrap();
        assert_eq!(mmd2_to_uniform(&many, None, 1), mmd2_to_uniform(&some, None, 1));
    }

    #[test]
    fn seeds_repeat_and_bad_input_is_named() {
        let x = uniform_directions(50, 4, 9).unwrap();
        let run = |seed| mmd2_to_uniform(&x, None, seed).unwrap();
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
        assert_eq!(mmd2_to_uniform(&x, Some(0.0), 0), Err(SphereError::Bandwidth { found: 0.0 }));
        assert!(mmd2_to_uniform(&x, Some(f64::NAN), 0).is_err());
        let one = Features::new(1, 4, vec![1.0; 4]).unwrap();
        assert!(mmd2_to_uniform(&one, None, 0).is_err());
    }
}

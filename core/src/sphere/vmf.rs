//! The von Mises-Fisher distribution, the sphere's Gaussian: density C_d(kappa) exp(kappa mu.x) (section 2.2).

use super::SphereError;
use crate::Features;

/// Features whose mean resultant length is within this of 1 count as one point, for which kappa has no value.
const COLLAPSED: f64 = 1e-12;

/// A von Mises-Fisher distribution fitted to directions by maximum likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct Vmf {
    /// The unit vector mu, `dim` values.
    pub mean_direction: Vec<f64>,
    /// R, the length of the mean of the unit vectors, 0 to 1.
    pub mean_resultant_length: f64,
    /// The concentration: 0 is uniform, higher is more compact.
    pub kappa: f64,
    /// ln C_d(kappa), the logarithm of the density's constant.
    pub log_normalizer: f64,
}

impl Vmf {
    /// Fits the directions of `features`, `n x dim` with n and dim at least 2.
    ///
    /// Kappa starts at R(d - R^2)/(1 - R^2) (Banerjee et al. 2005) and is improved by Newton's method on
    /// A_d(kappa) = R (Sra 2012) until it is exact to rounding.
    ///
    /// # Errors
    /// A zero feature; features that all point in the same direction (R within 1e-12 of 1: a collapsed network), for
    /// which kappa is infinite; features whose directions cancel exactly, which have no mean direction.
    pub fn fit(features: &Features) -> Result<Self, SphereError> {
        let (n, dim) = (features.n(), features.dim());
        if n < 2 {
            return Err(SphereError::TooFew { what: "a von Mises-Fisher fit", needed: 2, found: n });
        }
        if dim < 2 {
            return Err(SphereError::TooNarrow { what: "a von Mises-Fisher fit", needed: 2, found: dim });
        }
        let (mean_direction, r) = mean_direction(features)?;
        if r > 1.0 - COLLAPSED {
            return Err(SphereError::Collapsed { n });
        }
        let kappa = concentration(dim, r);
        let log_normalizer = log_normalizer(dim, kappa);
        Ok(Self { mean_direction, mean_resultant_length: r, kappa, log_normalizer })
    }

    /// ln of the density (with respect to the area of the sphere) of directions whose cosine to the mean direction
    /// is `cosine`.
    pub fn log_density(&self, cosine: f64) -> f64 {
        self.log_normalizer + self.kappa * cosine
    }
}

/// The mean direction of the features and R, the length of the mean of their unit vectors.
pub(crate) fn mean_direction(features: &Features) -> Result<(Vec<f64>, f64), SphereError> {
    let mut mean = vec![0.0; features.dim()];
    for (row, vector) in features.rows().enumerate() {
        let length = vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        if length == 0.0 {
            return Err(SphereError::ZeroVector { row });
        }
        mean.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x) / length);
    }
    mean.iter_mut().for_each(|sum| *sum /= features.n() as f64);
    let r = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
    if r < f64::EPSILON {
        return Err(SphereError::NoMeanDirection);
    }
    mean.iter_mut().for_each(|x| *x /= r);
    Ok((mean, r))
}

/// The kappa with A_d(kappa) = r, for 0 < r < 1.
fn concentration(dim: usize, r: f64) -> f64 {
    let d = dim as f64;
    let mut kappa = r * (d - r * r) / (1.0 - r * r);
    for _ in 0..50 {
        let a = mean_cosine(dim, kappa);
        // A'(kappa) = 1 - A^2 - (d - 1) A / kappa loses digits near 0 and 1, but only slows the steps down there.
        let slope = 1.0 - a * a - (d - 1.0) / kappa * a;
        let next = kappa - (a - r) / slope;
        if slope <= 0.0 || !next.is_finite() || next <= 0.0 {
            break;
        }
        let step = (next - kappa).abs();
        kappa = next;
        if step <= 1e-13 * kappa {
            break;
        }
    }
    kappa
}

/// A_d(kappa) = I_{d/2}(kappa) / I_{d/2-1}(kappa): the mean cosine to the mean direction, 0 to 1.
///
/// By Perron's continued fraction (Gautschi & Slavik 1978), evaluated by Lentz's method: under 50 terms give all
/// digits for any d of at least 2 and any kappa, where the Bessel functions themselves leave the range of f64.
pub fn mean_cosine(dim: usize, kappa: f64) -> f64 {
    if kappa <= 0.0 {
        return 0.0;
    }
    let d = dim as f64;
    // kappa / (kappa + d - (d + 1) kappa / (d + 1 + 2 kappa - (d + 3) kappa / (d + 2 + 2 kappa - ...)))
    let (mut numerator, mut denominator) = (kappa, kappa + d);
    // Lentz starts from a value that vanishes beside any term, and whose inverse is still in range.
    let (mut value, mut c, mut inverse) = (1e-150, 1e-150, 0.0);
    for j in 1..10_000 {
        inverse = 1.0 / (denominator + numerator * inverse);
        c = denominator + numerator / c;
        let change = c * inverse;
        value *= change;
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
        let j = f64::from(j);
        numerator = -(d + 2.0 * j - 1.0) * kappa;
        denominator = d + j + 2.0 * kappa;
    }
    value
}

/// ln C_d(kappa) = (d/2 - 1) ln kappa - d/2 ln(2 pi) - ln I_{d/2-1}(kappa); at kappa = 0 minus ln of the sphere's area.
pub fn log_normalizer(dim: usize, kappa: f64) -> f64 {
    let nu = dim as f64 / 2.0 - 1.0;
    // kappa^nu / I_nu(kappa) is left when (kappa/2)^nu is taken out of the series of I_nu: nothing cancels at 0.
    nu * std::f64::consts::LN_2 - (nu + 1.0) * (2.0 * std::f64::consts::PI).ln() - log_bessel_series(nu, kappa)
}

/// ln of sum over k of (x^2/4)^k / (k! Gamma(nu + k + 1)) = ln(I_nu(x) / (x/2)^nu).
///
/// All terms are positive; the sum starts at the largest one and goes both ways until terms vanish, so it neither
/// overflows nor cancels, and takes some 10 sqrt(x) terms.
fn log_bessel_series(nu: f64, x: f64) -> f64 {
    let quarter = x * x / 4.0;
    // Terms rise while quarter > k (k + nu).
    let peak = ((nu.hypot(x) - nu) / 2.0).floor();
    let largest =
        if peak > 0.0 { peak * quarter.ln() } else { 0.0 } - libm::lgamma(peak + 1.0) - libm::lgamma(nu + peak + 1.0);
    let mut sum = 1.0;
    let (mut term, mut k) = (1.0, peak);
    while term > 1e-18 {
        k += 1.0;
        term *= quarter / (k * (k + nu));
        sum += term;
    }
    (term, k) = (1.0, peak);
    while term > 1e-18 && k > 0.0 {
        term *= k * (k + nu) / quarter;
        k -= 1.0;
        sum += term;
    }
    largest + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Directions with the given mean cosine: mu plus Gaussian noise across it.
    fn around_first_axis(n: usize, dim: usize, spread: f64, seed: u64) -> Features {
        let mut rng = Rng::new(seed, "vmf test", &[]);
        let values = (0..n * dim).map(|i| (f64::from(u8::from(i % dim == 0)) + spread * rng.normal()) as f32);
        Features::new(n, dim, values.collect()).unwrap()
    }

    #[test]
    fn kappa_solves_its_equation_everywhere() {
        for dim in [2, 3, 16, 128, 512, 8192] {
            for r in [1e-6, 0.01, 0.3, 0.7, 0.95, 0.999, 0.999_999] {
                let kappa = concentration(dim, r);
                let back = mean_cosine(dim, kappa);
                assert!((back - r).abs() < 1e-13 + 1e-9 * (1.0 - r), "d {dim}, R {r}: kappa {kappa} gives {back}");
            }
        }
    }

    #[test]
    fn in_three_dimensions_the_formulas_are_elementary() {
        // A_3 = coth k - 1/k; C_3 = k / (4 pi sinh k).
        for kappa in [0.01_f64, 0.5, 3.0, 30.0, 300.0] {
            let a = 1.0 / kappa.tanh() - 1.0 / kappa;
            assert!((mean_cosine(3, kappa) - a).abs() < 1e-13, "{kappa}");
            let log_sinh = kappa + (-(-2.0 * kappa).exp()).ln_1p() - 2.0_f64.ln();
            let log_c = kappa.ln() - (4.0 * std::f64::consts::PI).ln() - log_sinh;
            assert!((log_normalizer(3, kappa) - log_c).abs() < 1e-12 * log_c.abs().max(1.0), "{kappa}");
        }
        assert!((log_normalizer(3, 0.0) + (4.0 * std::f64::consts::PI).ln()).abs() < 1e-14);
    }

    #[test]
    fn the_normaliser_is_the_integral_of_the_mean_cosine() {
        // d ln C / d kappa = -A_d: two functions that share no code.
        for (dim, kappa) in [(2, 5.0), (512, 10.0), (512, 1e4), (8192, 1e5), (128, 1e5)] {
            let h = 1e-3 * kappa;
            let difference = (log_normalizer(dim, kappa + h) - log_normalizer(dim, kappa - h)) / (2.0 * h);
            assert!((difference + mean_cosine(dim, kappa)).abs() < 1e-5, "d {dim}, kappa {kappa}: {difference}");
        }
    }

    #[test]
    fn a_tighter_cap_has_a_higher_kappa() {
        let fit = |spread| Vmf::fit(&around_first_axis(500, 64, spread, 1)).unwrap();
        let (tight, loose) = (fit(0.02), fit(0.2));
        assert!(tight.kappa > 5.0 * loose.kappa, "{} {}", tight.kappa, loose.kappa);
        assert!(tight.mean_direction[0] > 0.99 && tight.log_density(1.0) > loose.log_density(1.0));
    }

    #[test]
    fn what_has_no_fit_says_why() {
        let f = |n, dim, v: &[f32]| Vmf::fit(&Features::new(n, dim, v.to_vec()).unwrap()).unwrap_err();
        assert_eq!(f(2, 2, &[1.0, 2.0, 2.0, 4.0]), SphereError::Collapsed { n: 2 });
        assert_eq!(f(2, 2, &[1.0, 0.0, -1.0, 0.0]), SphereError::NoMeanDirection);
        assert_eq!(f(2, 2, &[1.0, 0.0, 0.0, 0.0]), SphereError::ZeroVector { row: 1 });
        assert!(f(1, 2, &[1.0, 0.0]).to_string().contains("at least 2 features, found 1"));
        assert!(f(2, 1, &[1.0, -1.0]).to_string().contains("at least 2 values each, found 1"));
    }
}

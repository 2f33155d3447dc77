//! How wide a cap around the mean direction a von Mises-Fisher distribution fills.

use std::f64::consts::PI;

/// Steps of the integral over the angle.
const STEPS: usize = 2000;

/// The angle in radians, 0 to pi, of the cap around the mean direction that holds `share` (0 to 1) of a von
/// Mises-Fisher distribution of concentration `kappa` (0 or more) in `dim` (2 or more) dimensions.
///
/// The angle to the mean direction has the density exp(kappa cos t) sin(t)^(dim - 2), up to a constant: in many
/// dimensions hardly anything lies at the pole itself, because there is hardly any sphere near it.
pub fn cap_angle(dim: usize, kappa: f64, share: f64) -> f64 {
    let (kappa, power) = (kappa.max(0.0), dim.max(2) as f64 - 2.0);
    let log_density = |t: f64| kappa * t.cos() + power * t.sin().ln();
    // Where the density is highest (kappa sin^2 t = power cos t), and how wide it is there.
    let peak = (2.0 * kappa / (power + power.hypot(2.0 * kappa)).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0).acos();
    let width = (kappa * peak.cos() + power / peak.sin().powi(2).max(1e-12)).max(1e-12).sqrt().recip();
    let (from, to) = ((peak - 10.0 * width).max(0.0), (peak + 10.0 * width).min(PI));
    let step = (to - from) / STEPS as f64;
    let highest = if power > 0.0 { log_density(peak) } else { kappa };
    let density = |i: usize| (log_density(from + (i as f64 + 0.5) * step) - highest).exp();

    let total: f64 = (0..STEPS).map(density).sum();
    let wanted = share.clamp(0.0, 1.0) * total;
    let mut below = 0.0;
    for i in 0..STEPS {
        let here = density(i);
        if below + here >= wanted && here > 0.0 {
            return from + (i as f64 + (wanted - below) / here) * step;
        }
        below += here;
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sphere::mean_cosine;

    #[test]
    fn in_three_dimensions_the_cap_is_elementary() {
        // 1 - share = (e^(kappa cos t) - e^-kappa) / (e^kappa - e^-kappa).
        for kappa in [0.5, 3.0, 40.0, 2000.0_f64] {
            for share in [0.05, 0.5, 0.95] {
                let t = cap_angle(3, kappa, share);
                let held = (1.0 - (kappa * (t.cos() - 1.0)).exp()) / (1.0 - (-2.0 * kappa).exp());
                assert!((held - share).abs() < 1e-4, "kappa {kappa}: the cap of {t} holds {held}, not {share}");
            }
        }
    }

    #[test]
    fn half_of_a_uniform_sphere_is_a_half_sphere() {
        for dim in [2, 3, 64, 8192] {
            assert!((cap_angle(dim, 0.0, 0.5) - PI / 2.0).abs() < 1e-3, "{dim}");
        }
        // In 512 dimensions nearly everything lies within a few degrees of the equator.
        let (near, far) = (cap_angle(512, 0.0, 0.025).to_degrees(), cap_angle(512, 0.0, 0.975).to_degrees());
        assert!((85.0..86.0).contains(&near) && (94.0..95.0).contains(&far), "{near} {far}");
    }

    #[test]
    fn the_middle_of_a_narrow_distribution_lies_at_its_mean_cosine() {
        for (dim, kappa) in [(64, 400.0), (512, 3000.0), (512, 10.0), (8192, 1e5)] {
            let (middle, mean) = (cap_angle(dim, kappa, 0.5).cos(), mean_cosine(dim, kappa));
            assert!((middle - mean).abs() < 2e-3, "d {dim}, kappa {kappa}: {middle} {mean}");
        }
    }

    #[test]
    fn a_larger_share_needs_a_larger_cap_and_absurd_values_an_answer() {
        let cap = |share| cap_angle(64, 300.0, share);
        assert!(cap(0.0) < cap(0.5) && cap(0.5) < cap(0.95) && cap(0.95) < cap(1.0));
        for (dim, kappa) in [(0, 1.0), (2, 0.0), (2, 1e9), (65_536, 0.0), (64, f64::INFINITY), (64, f64::NAN)] {
            let t = cap_angle(dim, kappa, 0.9);
            assert!((0.0..=PI).contains(&t), "d {dim}, kappa {kappa}: {t}");
        }
    }
}

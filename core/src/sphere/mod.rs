//! Compactness on the hypersphere (section 2.2, appendix A), and how to draw it.
//!
//! Everything here looks at directions: features are divided by their lengths first, unless said otherwise.

mod angles;
mod cap;
mod error;
mod mmd;
mod pca;
mod rank;
mod spread;
mod vmf;

pub use angles::{AngleMap, AnglePoint, exact_angles};
pub use cap::cap_angle;
pub use error::SphereError;
pub use mmd::{mmd2, mmd2_to_uniform};
pub use pca::Pca3;
pub use rank::effective_rank;
pub use spread::spread;
pub use vmf::{Vmf, log_normalizer, mean_cosine};

use crate::Features;
use crate::measure::Compactness;

/// All measures of compactness of one set of features (`n x dim`, n and dim at least 2); the seed is that of the
/// uniform samples in the MMD.
///
/// # Errors
/// Where [`Vmf::fit`] has none: a zero feature, or features that all point the same way.
pub fn compactness(features: &Features, seed: u64) -> Result<Compactness, SphereError> {
    let vmf = Vmf::fit(features)?;
    Ok(Compactness {
        kappa: vmf.kappa,
        mean_resultant_length: vmf.mean_resultant_length,
        mmd2: mmd2_to_uniform(features, seed)?,
        effective_rank: effective_rank(features)?,
        spread: Some(spread(features)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn a_compact_class_differs_from_a_uniform_one_in_every_measure() {
        let mut rng = Rng::new(1, "compactness", &[]);
        let mut draw = |centre: f64| {
            let values = (0..300 * 32).map(|i| (if i % 32 == 0 { centre } else { 0.0 } + rng.normal()) as f32);
            compactness(&Features::new(300, 32, values.collect()).unwrap(), 7).unwrap()
        };
        let (compact, uniform) = (draw(20.0), draw(0.0));
        assert!(compact.kappa > 10.0 * uniform.kappa);
        assert!(compact.mean_resultant_length > 0.9 && uniform.mean_resultant_length < 0.2);
        assert!(compact.mmd2 > 0.3 && uniform.mmd2.abs() < 0.01);
        assert!(compact.effective_rank < uniform.effective_rank && uniform.effective_rank > 30.0);
        assert!(compact.spread.unwrap() < 0.3 && uniform.spread.unwrap() > 0.9);
    }
}

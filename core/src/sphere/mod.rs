//! Compactness on the hypersphere (section 2.2, appendix A), and how to draw it.
//!
//! Everything here looks at directions: features are divided by their lengths first, unless said otherwise.

mod error;
mod mmd;
mod rank;
mod vmf;

pub use error::SphereError;
pub use mmd::{mmd2, mmd2_to_uniform};
pub use rank::effective_rank;
pub use vmf::{Vmf, log_normalizer, mean_cosine};

use crate::Features;
use crate::bundle::Compactness;

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
        mmd2: mmd2_to_uniform(features, None, seed)?,
        effective_rank: effective_rank(features)?,
    })
}

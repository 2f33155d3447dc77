//! The collapse guard: a run that has nothing left to learn is stopped with a sentence that says so.
//!
//! A collapsed network gives every image the same projection. It looks splendid by its loss and by kappa, so what is
//! watched is what collapse cannot hide: how much each dimension spreads, how many dimensions there are, and AUROC. The
//! limits are far from any trained network, also a very compact one: a spread of 0.01 is a kappa of 10,000 times the
//! dimension. The projection is watched beside the encoder's output, whose batch norms can keep it apart for long. A network
//! that learns one logit is judged by that alone: its features may well lie on one line (see [`Apart`](crate::config::Apart)).

use crate::Features;
use crate::measure::Compactness;
use crate::model::Layer;
use crate::score::Scorer;
use crate::sphere::{SphereError, spread};
use thiserror::Error;

/// The least [`spread`] of a network that has not collapsed.
pub const MIN_SPREAD: f64 = 0.01;
/// The least effective rank of one; features along a single line have 1.
pub const MIN_RANK: f64 = 1.01;
/// The least standard deviation of logits over images: odds of being of the class that differ by a thousandth say nothing.
pub const MIN_DEVIATION: f64 = 1e-3;
/// In fewer pairs of an ID and an OOD image than this, an AUROC of exactly one half may be chance.
pub const MIN_PAIRS: usize = 10_000;

/// What is wrong with a network, and what to try.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Collapse {
    /// The loss is not a number any more.
    #[error("the loss became {loss}: try a smaller lr")]
    Loss {
        /// What it was.
        loss: f64,
    },
    /// Features with NaN or infinity.
    #[error("the features of the {images} are not finite: try a smaller lr")]
    NotFinite {
        /// Which images.
        images: &'static str,
    },
    /// Features without a direction.
    #[error("{zero} of the {n} {images} have {layer} features of nothing but zeros: try a smaller lr")]
    Zero {
        /// How many have none.
        zero: usize,
        /// Of how many.
        n: usize,
        /// Which images.
        images: &'static str,
        /// Which features of them.
        layer: Layer,
    },
    /// One direction for all.
    #[error(
        "the network has collapsed: the {layer} features of all {n} {images} point the same way, with a spread of \
         {spread:.5} of a uniform one where at least {MIN_SPREAD} must be left; try a smaller lr, a larger batch, \
         or another norm or objective"
    )]
    Spread {
        /// What was found.
        spread: f64,
        /// Of how many images.
        n: usize,
        /// Which images.
        images: &'static str,
        /// Which features of them.
        layer: Layer,
    },
    /// One answer for all.
    #[error(
        "the network has collapsed: its {layer} logits of all {n} {images} are the same, with a standard deviation of \
         {deviation:.5} where at least {MIN_DEVIATION} must be left; try a smaller lr, a larger batch, or another objective"
    )]
    Answer {
        /// What was found.
        deviation: f64,
        /// Of how many images.
        n: usize,
        /// Which images.
        images: &'static str,
        /// Where the logits are.
        layer: Layer,
    },
    /// One dimension for all.
    #[error(
        "the network has collapsed: the features of the {images} lie on one line, with an effective rank of {rank:.3} \
         where at least {MIN_RANK} must be left; try a smaller lr, a larger batch, or another norm or objective"
    )]
    Rank {
        /// What was found.
        rank: f64,
        /// Which images.
        images: &'static str,
    },
    /// Scores that say nothing.
    #[error(
        "the network has collapsed: the AUROC of every scorer is exactly 50.0 %, so it tells no image from another; try \
         a smaller lr, a larger batch, or another norm or objective"
    )]
    Chance,
    /// A measure that refused for another reason.
    #[error(transparent)]
    Measure(#[from] SphereError),
}

/// Checks the features `layer` (`n x dim`) of `images`, which are called so in the error, before anything is measured
/// on them.
pub fn check_features(features: &Features, images: &'static str, layer: Layer) -> Result<(), Collapse> {
    check_directions(features, images, layer)?;
    let n = features.n();
    // One image has no spread.
    let spread = if n > 1 { spread(features)? } else { 1.0 };
    if spread < MIN_SPREAD { Err(Collapse::Spread { spread, n, images, layer }) } else { Ok(()) }
}

/// Checks that features have directions at all, which may all be the same.
pub fn check_directions(features: &Features, images: &'static str, layer: Layer) -> Result<(), Collapse> {
    let zero = features.rows().filter(|row| row.iter().all(|x| *x == 0.0)).count();
    if zero > 0 { Err(Collapse::Zero { zero, n: features.n(), images, layer }) } else { Ok(()) }
}

/// Checks the logits `layer`, `n x 1`, of `images`.
pub fn check_logits(logits: &Features, images: &'static str, layer: Layer) -> Result<(), Collapse> {
    let n = logits.n();
    if n < 2 {
        return Ok(());
    }
    let mean = logits.values().iter().map(|&x| f64::from(x)).sum::<f64>() / n as f64;
    let squares = logits.values().iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
    let deviation = (squares / n as f64).sqrt();
    if deviation < MIN_DEVIATION { Err(Collapse::Answer { deviation, n, images, layer }) } else { Ok(()) }
}

/// Checks what was measured: the compactness of `images`, of whose features there are more than one.
pub fn check_rank(compactness: &Compactness, images: &'static str) -> Result<(), Collapse> {
    let rank = compactness.effective_rank;
    if rank < MIN_RANK { Err(Collapse::Rank { rank, images }) } else { Ok(()) }
}

/// Checks AUROCs (0..1) that were measured on `pairs` pairs of an ID and an OOD image.
pub fn check_auroc(rates: &[(Scorer, f64)], pairs: usize) -> Result<(), Collapse> {
    let chance = !rates.is_empty() && rates.iter().all(|(_, rate)| *rate == 0.5);
    if chance && pairs >= MIN_PAIRS { Err(Collapse::Chance) } else { Ok(()) }
}

/// Checks the mean loss of an epoch.
pub fn check_loss(loss: f64) -> Result<(), Collapse> {
    if loss.is_finite() { Ok(()) } else { Err(Collapse::Loss { loss }) }
}

#[cfg(test)]
mod tests;

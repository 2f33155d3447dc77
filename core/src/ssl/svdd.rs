//! Deep SVDD (Ruff et al. 2018): the smallest sphere around the class, its centre fixed before learning.
//!
//! The network's projection is seen from the centre (its bias is minus the centre), so the loss pulls it to the origin. A
//! network with a bias of its own, or with batch norms that shift, could put every image there (propositions 1 and 2 of the
//! paper); this one has neither. Its images come without their brightness and contrast
//! ([`PixelNorm::contrast`](crate::config::PixelNorm::contrast)).

use crate::model::Network;
use burn::tensor::{Tensor, backend::Backend};

/// Entries of the centre are pushed this far away from 0, because a weight of zero would reach a zero.
const LEAST: f64 = 0.1;

/// The mean squared distance from the centre (equation 4 without weight decay). `N x d`, seen from the centre.
pub fn svdd_loss<B: Backend>(z: Tensor<B, 2>) -> Tensor<B, 1> {
    z.square().sum_dim(1).mean()
}

/// The centre of projections, `N x d`: their mean, entries nearer to 0 than 0.1 pushed to 0.1 on their side.
pub fn svdd_centre<B: Backend>(z: Tensor<B, 2>) -> Tensor<B, 1> {
    let mean = z.mean_dim(0).squeeze_dim::<1>(0);
    let sign = mean.clone().greater_equal_elem(0.0).float() * 2.0 - 1.0;
    mean.abs().clamp_min(LEAST) * sign
}

impl<B: Backend> Network<B> {
    /// The network with its projection seen from a centre.
    pub(super) fn centred_on(mut self, centre: Tensor<B, 1>) -> Self {
        self.projector = self.projector.seen_from(centre);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    #[test]
    fn small_entries_of_the_centre_keep_their_side() {
        let z = Tensor::<Flex, 2>::from_floats([[1.0, 0.02, -0.2, 0.0], [3.0, 0.04, 0.1, 0.0]], &Default::default());
        let centre = svdd_centre(z).into_data().into_vec::<f32>().unwrap();
        assert_eq!(centre, [2.0, 0.1, -0.1, 0.1]);
    }
}

//! Deep SVDD (Ruff et al. 2018): the smallest sphere around the class, its centre fixed before learning.
//!
//! The network's projection is seen from the centre (its bias is minus the centre), so the loss pulls it to the origin. A
//! network with a bias of its own, or with batch norms that shift, could put every image there (propositions 1 and 2 of the
//! paper); this one has neither.

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
    /// The network with its projection seen from the centre of `z`, projections of training images by it.
    pub(super) fn centred_on(mut self, z: Tensor<B, 2>) -> Self {
        self.projector = self.projector.seen_from(svdd_centre(z));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Norm, Objective, TrainConfig};
    use crate::data::{ImageSet, Split, synth_digits};
    use crate::ssl::Trainer;
    use burn::backend::Autodiff;
    use burn_flex::Flex;

    type B = Autodiff<Flex>;

    #[test]
    fn small_entries_of_the_centre_keep_their_side() {
        let z = Tensor::<Flex, 2>::from_floats([[1.0, 0.02, -0.2, 0.0], [3.0, 0.04, 0.1, 0.0]], &Default::default());
        let centre = svdd_centre(z).into_data().into_vec::<f32>().unwrap();
        assert_eq!(centre, [2.0, 0.1, -0.1, 0.1]);
    }

    /// The mean squared distances of `images` and of `others` from the centre, after a run on `images`.
    fn distances(images: &ImageSet, others: &ImageSet, svdd_biases: bool) -> [f32; 2] {
        let config =
            TrainConfig { objective: Objective::DeepSvdd, norm: Norm::None, svdd_biases, ..TrainConfig::default() };
        let config = TrainConfig { width: 2, batch: 32, epochs: 120, lr: 1e-2, ..config };
        let mut trainer = Trainer::<B>::new(config, Default::default());
        trainer.calibrate(images);
        for epoch in 0..120 {
            for (step, batch) in trainer.batches(images.len(), epoch).iter().enumerate() {
                trainer.step(images, batch, epoch, step);
            }
            trainer.finish_epoch();
        }
        let network = trainer.network();
        [images, others].map(|images| {
            let all: Vec<usize> = (0..images.len()).collect();
            let views = crate::augment::Views::<Flex>::new(images, &all, &Default::default());
            svdd_loss(network.forward(network.pixels().apply(views.images()))).into_scalar()
        })
    }

    /// What the paper forbids biases for: with them every image lands at the centre, whatever is on it.
    #[test]
    fn with_biases_the_sphere_collapses_and_without_it_does_not() {
        let all = synth_digits::generate(synth_digits::SEED, Split::Train, 32);
        let (one, two) = (all.select(&all.of_class(1)), all.select(&all.of_class(8)));
        let [id, ood] = distances(&one, &two, true);
        println!("with biases {id} {ood}");
        let [id, ood] = distances(&one, &two, false);
        println!("without {id} {ood}");
    }
}

//! PANDA (Reiss et al. 2021): the features of a network that was trained on something else are pulled towards where the class
//! lies in them.
//!
//! The network's projection is its embedding, seen from that centre, so the loss is Deep SVDD's
//! ([`svdd_loss`](super::svdd_loss)); how long it learns keeps it from forgetting what it was trained for (section 4.3: early
//! stopping).

use super::{Trainer, TrainerError};
use crate::config::TrainConfig;
use crate::data::ImageSet;
use crate::model::StateDict;
use burn::tensor::{Tensor, backend::AutodiffBackend, backend::Backend};

/// The centre of embeddings, `N x d`: their mean, before anything is learned (section 4.1).
pub fn panda_centre<B: Backend>(y: Tensor<B, 2>) -> Tensor<B, 1> {
    y.mean_dim(0).squeeze_dim::<1>(0)
}

impl<B: AutodiffBackend> Trainer<B> {
    /// A run that begins with the encoder of another network, and with the centre of `images` by it.
    ///
    /// # Errors
    /// Weights of an encoder of another shape.
    pub fn adapting(
        config: TrainConfig,
        weights: StateDict,
        images: &ImageSet,
        device: B::Device,
    ) -> Result<Self, TrainerError> {
        let mut trainer = Self::new(config, device);
        trainer.load_encoder(weights)?;
        trainer.fix_centre(images);
        Ok(trainer)
    }
}

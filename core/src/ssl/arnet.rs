//! ARNet (Huang et al. 2019): what is erased of an image, its colours and which way is up, is to be restored.

use burn::tensor::{Tensor, backend::Backend};

/// The mean absolute error: restored images, `M x 3SS`, and what they are of.
pub fn restoration_loss<B: Backend>(restored: Tensor<B, 2>, images: Tensor<B, 4>) -> Tensor<B, 1> {
    (restored - images.flatten(1, 3)).abs().mean()
}

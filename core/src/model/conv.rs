//! Convolutions, on every backend by the fastest way that is known for it.
//!
//! Most of a training step is convolutions. burn's CPU backend takes the gradient of a weight by a convolution whose
//! kernel is as large as the image, and walks transposed tensors element by element for it: with the narrow networks
//! that a CPU can train, that costs several times the arithmetic. On [`Flex`] they are therefore computed here, forward
//! and backward, as matrix products of unfolded images ([`kernels`]); on every other backend by burn.

mod flex;
mod geometry;
mod kernels;

use burn::backend::Autodiff;
use burn::nn::conv::Conv2d;
use burn::tensor::{Tensor, backend::Backend};
use burn_flex::Flex;
use geometry::Geometry;
use std::any::Any;

/// Images (`N x C x H x W`) through a convolution, to `N x O x H' x W'`.
pub fn convolve<B: Backend>(conv: &Conv2d<B>, images: Tensor<B, 4>) -> Tensor<B, 4> {
    on_flex(conv, &images).unwrap_or_else(|| conv.forward(images))
}

/// By our kernels, if `B` is the CPU backend, with or without autodiff, and the convolution is one that they know.
fn on_flex<B: Backend>(conv: &Conv2d<B>, images: &Tensor<B, 4>) -> Option<Tensor<B, 4>> {
    // Known when the program is compiled: for other backends nothing of this is left in it.
    if let Some(x) = same::<B, Flex>(images) {
        let weight = same::<B, Flex>(&conv.weight.val())?;
        return same(&flex::convolve(&Geometry::of(conv, images.dims())?, x, weight)?);
    }
    let x = same::<B, Autodiff<Flex>>(images)?;
    let weight = same::<B, Autodiff<Flex>>(&conv.weight.val())?;
    same(&flex::convolve_with_gradient(&Geometry::of(conv, images.dims())?, x, weight)?)
}

/// The tensor itself, if `A` and `B` are the same backend.
fn same<A: Backend, B: Backend>(tensor: &Tensor<A, 4>) -> Option<Tensor<B, 4>> {
    (tensor as &dyn Any).downcast_ref::<Tensor<B, 4>>().cloned()
}

#[cfg(test)]
mod tests;

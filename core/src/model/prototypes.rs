//! ELSA's prototypes (Han et al. 2021): directions of projections that stand for the class.

use super::init::linear;
use super::l2_normalize;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Tensor, backend::Backend};

/// How many there are (their command for CIFAR-10).
pub const PROTOTYPES: usize = 100;

/// Directions, which are placed and never learned.
#[derive(Module, Debug)]
pub struct Prototypes<B: Backend> {
    linear: Linear<B>,
}

impl<B: Backend> Prototypes<B> {
    /// For projections of `z` values, not placed yet.
    pub(super) fn new(z: usize, device: &B::Device) -> Self {
        Self { linear: linear(z, PROTOTYPES, false, device) }.no_grad()
    }

    /// Puts them where they are to stay: `directions`, `z x `[`PROTOTYPES`], columns of length 1.
    pub fn placed(directions: Tensor<B, 2>) -> Self {
        let linear = Linear { weight: Param::from_tensor(directions), bias: None };
        Self { linear }.no_grad()
    }

    /// Projections, `N x z`, to their cosines with each, `N x` [`PROTOTYPES`].
    pub fn forward(&self, z: Tensor<B, 2>) -> Tensor<B, 2> {
        self.linear.forward(l2_normalize(z))
    }
}

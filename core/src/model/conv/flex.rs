//! Convolutions of images as they lie, between burn's CPU tensors and the kernels.

use crate::model::flex::{Values, tensor, written_onto};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::Flex;
use nsa_kernels::geometry::Geometry;
use nsa_kernels::unfolded;

/// A convolution.
pub fn convolve(g: &Geometry, images: Tensor<Flex, 4>, weight: Tensor<Flex, 4>) -> Tensor<Flex, 4> {
    let [channels, height, width] = g.output;
    let results = unfolded::forward(g, Values::of(images).slice(), Values::of(weight).slice());
    Tensor::from_primitive(TensorPrimitive::Float(tensor(results, [g.n, channels, height, width])))
}

/// A convolution with a bias, on top of what is added, and a rectifier.
pub fn convolve_onto(
    g: &Geometry,
    images: Tensor<Flex, 4>,
    weight: Tensor<Flex, 4>,
    bias: Tensor<Flex, 1>,
    add: Option<Tensor<Flex, 4>>,
    rectify: bool,
) -> Tensor<Flex, 4> {
    let [channels, height, width] = g.output;
    let (images, weight, bias) = (Values::of(images), Values::of(weight), Values::of(bias));
    written_onto([g.n, channels, height, width], add, |results| {
        unfolded::forward_onto(g, images.slice(), weight.slice(), bias.slice(), rectify, results);
    })
}

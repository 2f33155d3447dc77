//! Convolutions that autodiff goes back through, on images that lie side by side.

use crate::model::flex::{Values, tensor, written_onto};
use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::Flex;
use nsa_kernels::conv;
use nsa_kernels::conv_weight::weight_gradient;
use nsa_kernels::geometry::Geometry;
use nsa_kernels::lanes::{LANES, groups};
use nsa_kernels::norm::Moments;

type A = Autodiff<Flex>;

/// `G x C x H x W x 16` by `O x C x K x K` to `G x O x H' x W' x 16`, and what a batch norm wants to know of them.
pub fn convolve(g: &Geometry, images: Tensor<A, 5>, weight: Tensor<A, 4>) -> (Tensor<A, 5>, Vec<Moments>) {
    let saved = Saved {
        geometry: g.clone(),
        images: Values::of(images.clone().inner()),
        weight: Values::of(weight.clone().inner()),
    };
    let [channels, height, width] = g.output;
    let (results, moments) = conv::convolve(g, saved.images.slice(), saved.weight.slice());
    let results = tensor(results, [groups(g.n), channels, height, width, LANES]);
    let (images, weight) = (images.into_primitive().tensor(), weight.into_primitive().tensor());
    let y = match Convolution.prepare::<NoCheckpointing>([images.node, weight.node]).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(saved, results),
        OpsKind::UnTracked(operation) => operation.finish(results),
    };
    (Tensor::from_primitive(TensorPrimitive::Float(y)), moments)
}

/// With a bias, on top of what is added, and a rectifier.
pub fn convolve_onto(
    g: &Geometry,
    images: Tensor<Flex, 5>,
    weight: Tensor<Flex, 4>,
    bias: Tensor<Flex, 1>,
    add: Option<Tensor<Flex, 5>>,
    rectify: bool,
) -> Tensor<Flex, 5> {
    let [channels, height, width] = g.output;
    let (images, weight, bias) = (Values::of(images), Values::of(weight), Values::of(bias));
    written_onto([groups(g.n), channels, height, width, LANES], add, |results| {
        conv::convolve_onto(g, images.slice(), weight.slice(), bias.slice(), rectify, results);
    })
}

#[derive(Debug)]
struct Convolution;

/// What the way back needs.
#[derive(Debug, Clone)]
struct Saved {
    geometry: Geometry,
    images: Values,
    weight: Values,
}

impl Backward<Flex, 2> for Convolution {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Saved { geometry: g, images, weight } = ops.state;
        let [to_images, to_weight] = ops.parents.map(|parent| parent.map(|node| node.id));
        let gradient = Values::of_primitive(grads.consume::<Flex>(&ops.node));
        let mut give = |node: NodeId, gradient| grads.register::<Flex>(node, gradient);
        if let Some(node) = to_images {
            let [c, h, w] = g.input;
            let images = conv::image_gradient(&g, gradient.slice(), weight.slice());
            give(node, tensor(images, [groups(g.n), c, h, w, LANES]));
        }
        if let Some(node) = to_weight {
            let shape = [g.output[0], g.input[0], g.kernel, g.kernel];
            give(node, tensor(weight_gradient(&g, images.slice(), gradient.slice()), shape));
        }
    }
}

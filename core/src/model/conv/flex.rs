//! Between burn's CPU tensors and the kernels, and the rule by which autodiff goes through them.

use super::geometry::Geometry;
use super::kernels;
use crate::model::flex::{Values, tensor};
use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};

/// A convolution.
pub fn convolve(g: &Geometry, images: Tensor<Flex, 4>, weight: Tensor<Flex, 4>) -> Tensor<Flex, 4> {
    Tensor::from_primitive(TensorPrimitive::Float(results(g, &Values::of(images), &Values::of(weight))))
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
    let add = add.unwrap_or_else(|| Tensor::zeros([g.n, channels, height, width], &images.device()));
    let (images, weight, bias, mut results) =
        (Values::of(images), Values::of(weight), Values::of(bias), Values::of(add));
    kernels::forward_onto(g, images.slice(), weight.slice(), bias.slice(), rectify, results.slice_mut());
    Tensor::from_primitive(TensorPrimitive::Float(results.tensor()))
}

/// A convolution that autodiff goes back through.
pub fn convolve_with_gradient(
    g: &Geometry,
    images: Tensor<Autodiff<Flex>, 4>,
    weight: Tensor<Autodiff<Flex>, 4>,
) -> Tensor<Autodiff<Flex>, 4> {
    let [images_values, weight_values] = [images.clone(), weight.clone()].map(|tensor| Values::of(tensor.inner()));
    let saved = Saved { geometry: g.clone(), images: images_values, weight: weight_values };
    let (images, weight) = (images.into_primitive().tensor(), weight.into_primitive().tensor());
    let results = results(g, &saved.images, &saved.weight);
    let y = match Convolution.prepare::<NoCheckpointing>([images.node, weight.node]).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(saved, results),
        OpsKind::UnTracked(operation) => operation.finish(results),
    };
    Tensor::from_primitive(TensorPrimitive::Float(y))
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
        let mut give = |node: NodeId, values, shape| grads.register::<Flex>(node, tensor(values, shape));
        if let Some(node) = to_images {
            let [c, h, w] = g.input;
            give(node, kernels::image_gradient(&g, weight.slice(), gradient.slice()), [g.n, c, h, w]);
        }
        if let Some(node) = to_weight {
            let shape = [g.output[0], g.input[0], g.kernel, g.kernel];
            give(node, kernels::weight_gradient(&g, images.slice(), gradient.slice()), shape);
        }
    }
}

fn results(g: &Geometry, images: &Values, weight: &Values) -> FlexTensor {
    let [channels, height, width] = g.output;
    tensor(kernels::forward(g, images.slice(), weight.slice()), [g.n, channels, height, width])
}

//! Between burn's CPU tensors and the kernels, and the rule by which autodiff goes through them.

use super::geometry::Geometry;
use super::kernels;
use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::{DType, Tensor, TensorData, TensorMetadata, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};

/// A convolution; none of tensors that do not hold `f32`.
pub fn convolve(g: &Geometry, images: Tensor<Flex, 4>, weight: Tensor<Flex, 4>) -> Option<Tensor<Flex, 4>> {
    let (x, weight) = (Values::of(float(images))?, Values::of(float(weight))?);
    Some(Tensor::from_primitive(TensorPrimitive::Float(results(g, &x, &weight))))
}

/// A convolution that autodiff goes back through; none of tensors that do not hold `f32`.
pub fn convolve_with_gradient(
    g: &Geometry,
    images: Tensor<Autodiff<Flex>, 4>,
    weight: Tensor<Autodiff<Flex>, 4>,
) -> Option<Tensor<Autodiff<Flex>, 4>> {
    let (images, weight) = (images.into_primitive().tensor(), weight.into_primitive().tensor());
    let saved =
        Saved { geometry: g.clone(), images: Values::of(images.primitive)?, weight: Values::of(weight.primitive)? };
    let results = results(g, &saved.images, &saved.weight);
    let y = match Convolution.prepare::<NoCheckpointing>([images.node, weight.node]).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(saved, results),
        OpsKind::UnTracked(operation) => operation.finish(results),
    };
    Some(Tensor::from_primitive(TensorPrimitive::Float(y)))
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
        // Autodiff gives gradients in the type of the results, so there is always a slice.
        let Some(gradient) = Values::of(grads.consume::<Flex>(&ops.node)) else { return };
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

fn float(tensor: Tensor<Flex, 4>) -> FlexTensor {
    tensor.into_primitive().tensor()
}

fn tensor(values: Vec<f32>, shape: [usize; 4]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// A tensor of `f32` whose values lie one after the other.
#[derive(Debug, Clone)]
struct Values(FlexTensor);

impl Values {
    fn of(tensor: FlexTensor) -> Option<Self> {
        (tensor.dtype() == DType::F32).then(|| Self(tensor.to_contiguous()))
    }

    fn slice(&self) -> &[f32] {
        let start = self.0.layout().start_offset();
        &self.0.storage::<f32>()[start..start + self.0.shape().num_elements()]
    }
}

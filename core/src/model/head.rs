//! The multi-layer perceptrons behind the encoder: projector g and predictor h (section 3.1).
//!
//! The paper gives the number of layers; sizes are the field's, scaled with the encoder's base width.

use super::blocks::rectified;
use super::init::linear;
use super::{BatchNorm, StateDict, WeightsError};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData, backend::Backend};

/// Layers of a head and whether they are batch-normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadShape {
    /// Input size, then the output size of every layer.
    sizes: Vec<usize>,
    /// Batch norm after every layer but the last.
    hidden_norm: bool,
    /// Batch norm without learned scale and shift after the last.
    output_norm: bool,
    /// Whether biases are learned; where not, they are set.
    biases: bool,
}

impl HeadShape {
    /// SimSiam's projector: three layers of `z`, batch norm after each, the last one not affine.
    pub fn simsiam_projector(y: usize, z: usize) -> Self {
        Self { sizes: vec![y, z, z, z], hidden_norm: true, output_norm: true, biases: true }
    }

    /// SimSiam's predictor: three layers here as in the paper (two in the original), with its bottleneck of a quarter.
    pub fn simsiam_predictor(z: usize) -> Self {
        Self { sizes: vec![z, z.div_ceil(4), z.div_ceil(4), z], hidden_norm: true, output_norm: false, biases: true }
    }

    /// BYOL's projector and predictor alike: two layers, batch norm between them.
    pub fn byol(input: usize, hidden: usize, output: usize) -> Self {
        Self { sizes: vec![input, hidden, output], hidden_norm: true, output_norm: false, biases: true }
    }

    /// SimCLR's projector: two layers, batch norm between them unless `hidden_norm` is false.
    pub fn simclr_projector(y: usize, z: usize, hidden_norm: bool) -> Self {
        Self { sizes: vec![y, y, z], hidden_norm, output_norm: false, biases: true }
    }

    /// ARNet's decoder: two layers to the values of an image, batch norm between them.
    pub fn decoder(y: usize, image: usize) -> Self {
        Self { sizes: vec![y, y, image], hidden_norm: true, output_norm: false, biases: true }
    }

    /// One linear layer, to the logits of a classifier or to a projection. Without `biases` its bias is not learned:
    /// Deep SVDD's and PANDA's is minus the centre ([`Head::seen_from`]).
    pub fn linear(y: usize, outputs: usize, biases: bool) -> Self {
        Self { sizes: vec![y, outputs], hidden_norm: false, output_norm: false, biases }
    }

    /// The shape of the head whose layers stand in `state` as `NAME.layers.0.linear.weight` and so on, and which takes
    /// `inputs` values; none where there is no first layer.
    pub(super) fn of_weights(name: &str, inputs: usize, state: &StateDict) -> Result<Option<Self>, WeightsError> {
        let mut sizes = vec![inputs];
        let norm = |i: usize| state.shape(&format!("{name}.layers.{i}.bn.weight")).is_some();
        loop {
            let (i, takes) = (sizes.len() - 1, sizes[sizes.len() - 1]);
            let weight = format!("{name}.layers.{i}.linear.weight");
            match state.shape(&weight) {
                Some(&[output, input]) if input == takes => sizes.push(output),
                Some(shape) => {
                    let found = shape.last().copied().unwrap_or_default();
                    return Err(WeightsError::Mismatch(format!("'{weight}' must take {takes} values, found {found}")));
                }
                None if i == 0 => return Ok(None),
                None => {
                    return Ok(Some(Self {
                        sizes,
                        hidden_norm: norm(0) && i > 1,
                        output_norm: norm(i - 1),
                        biases: true,
                    }));
                }
            }
        }
    }

    /// The output size of every layer.
    pub fn outputs(&self) -> &[usize] {
        &self.sizes[1..]
    }

    /// A head of this shape, for weights to be drawn or loaded.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Head<B> {
        let last = self.sizes.len() - 2;
        let layers = self.sizes.windows(2).enumerate().map(|(i, pair)| {
            let bn = if i < last { self.hidden_norm } else { self.output_norm };
            // A bias before a batch norm has no effect.
            let mut linear = linear(pair[0], pair[1], !bn, device);
            linear.bias = linear.bias.map(|bias| bias.set_require_grad(self.biases));
            let new = if i < last { BatchNorm::new } else { BatchNorm::not_affine };
            HeadLayer { linear, bn: bn.then(|| new(pair[1], device)) }
        });
        Head { layers: layers.collect() }
    }
}

/// A perceptron with ReLU between its layers.
#[derive(Module, Debug)]
pub struct Head<B: Backend> {
    layers: Vec<HeadLayer<B>>,
}

/// One linear layer, batch-normalised where `bn` is there.
#[derive(Module, Debug)]
pub struct HeadLayer<B: Backend> {
    linear: Linear<B>,
    bn: Option<BatchNorm<B>>,
}

impl<B: Backend> Head<B> {
    /// One layer that gives what it is given, of `y` values, and learns nothing: for a projection that is seen from
    /// somewhere else ([`Head::seen_from`]).
    pub fn identity(y: usize, device: &B::Device) -> Self {
        let ones: Vec<f32> = (0..y * y).map(|at| f32::from(u8::from(at % (y + 1) == 0))).collect();
        let weight = Param::from_tensor(Tensor::from_data(TensorData::new(ones, [y, y]), device));
        let linear = Linear { weight, bias: Some(Param::from_tensor(Tensor::zeros([y], device))) };
        Self { layers: vec![HeadLayer { linear, bn: None }] }.no_grad()
    }

    /// How many layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are none; a head always has some.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The same head with its output seen from `centre`, as many values as it gives: they are taken off the last layer's
    /// bias. (A head whose output is batch-normalised has none.)
    pub fn seen_from(mut self, centre: Tensor<B, 1>) -> Self {
        if let Some(layer) = self.layers.last_mut() {
            layer.linear.bias = layer.linear.bias.take().map(|bias| {
                bias.map(|b| {
                    let learned = b.is_require_grad();
                    (b.detach() - centre.detach()).detach().set_require_grad(learned)
                })
            });
        }
        self
    }

    /// For inference: batch norms folded into the linear layers before them, which have no bias of their own.
    pub(super) fn folded(self) -> Self {
        Self { layers: self.layers.into_iter().map(HeadLayer::folded).collect() }
    }

    /// `N x in` to `N x out`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| layer.forward(x, i < last))
    }

    /// The output of every layer (after its batch norm and ReLU): `head1`.. of the paper's tables 6-8.
    pub fn layers(&self, x: Tensor<B, 2>) -> Vec<Tensor<B, 2>> {
        let last = self.layers.len() - 1;
        let mut outputs: Vec<Tensor<B, 2>> = Vec::with_capacity(self.layers.len());
        for (i, layer) in self.layers.iter().enumerate() {
            let input = outputs.last().unwrap_or(&x).clone();
            outputs.push(layer.forward(input, i < last));
        }
        outputs
    }
}

impl<B: Backend> HeadLayer<B> {
    fn folded(mut self) -> Self {
        if let Some(bn) = self.bn.take() {
            let (scale, shift) = bn.inference();
            self.linear.weight = self.linear.weight.map(|weight| (weight * scale.unsqueeze()).detach());
            self.linear.bias = Some(Param::from_tensor(shift.detach()));
        }
        self
    }

    fn forward(&self, x: Tensor<B, 2>, activate: bool) -> Tensor<B, 2> {
        let x = self.linear.forward(x);
        let x = match &self.bn {
            Some(bn) => bn.forward_vectors(x),
            None => x,
        };
        if activate { rectified(x) } else { x }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::draw_weights;
    use burn_flex::Flex;

    #[test]
    fn the_last_layer_s_output_is_the_head_s() {
        let device = Default::default();
        let head: Head<Flex> = draw_weights(HeadShape::simsiam_projector(16, 24).init(&device), 0);
        let x = Tensor::random([5, 16], burn::tensor::Distribution::Default, &device);
        let layers = head.layers(x.clone());
        assert_eq!(layers.iter().map(|l| l.dims()).collect::<Vec<_>>(), [[5, 24]; 3]);
        layers[2].to_data().assert_eq(&head.forward(x).to_data(), true);
    }
}

//! Between burn's CPU tensors and the kernels, and the rule by which autodiff goes through them.

use super::EPSILON;
use super::kernels::{Channel, Maps};
use crate::model::flex::{Values, tensor};
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive, ops::FloatTensor};
use burn_flex::{Flex, FlexTensor};

type B = Autodiff<Flex>;

/// Feature maps normalised by their own mean and variance (which come back, too), on top of what is added, and a
/// rectifier. Autodiff goes back through it.
pub fn normalise(
    x: Tensor<B, 4>,
    add: Option<Tensor<B, 4>>,
    rectify: bool,
    learned: [Tensor<B, 1>; 2],
) -> (Tensor<B, 4>, [Tensor<B, 1>; 2]) {
    let shape @ [_, count, height, width] = x.dims();
    let maps = Maps { channels: count, area: height * width };
    let (values, added) = (values(&x), add.as_ref().map(values));
    let statistics = maps.statistics(values.slice());
    let channels = channels(&learned, &statistics);
    let results = maps.normalise(values.slice(), added.as_ref().map(Values::slice), rectify, &channels);
    let results = tensor(results, shape);

    let result = rectify.then(|| Values::of_primitive(results.clone()));
    let saved = Saved { maps, shape, x: values, channels, result };
    let [gamma, beta] = learned.map(primitive);
    let y = match add {
        Some(add) => tracked([primitive(x), gamma, beta, primitive(add)], saved, results),
        None => tracked([primitive(x), gamma, beta], saved, results),
    };
    let device = Default::default();
    let of_batch = [0, 1].map(|which| {
        let values: Vec<f32> = statistics.iter().map(|pair| pair[which]).collect();
        Tensor::from_inner(Tensor::from_floats(values.as_slice(), &device))
    });
    (y, of_batch)
}

#[derive(Debug)]
struct Normalisation;

/// What the way back needs.
#[derive(Debug, Clone)]
struct Saved {
    maps: Maps,
    shape: [usize; 4],
    x: Values,
    channels: Vec<Channel>,
    /// Where a rectifier cut it off.
    result: Option<Values>,
}

/// Parents are x, gamma, beta and, if there is one, what was added.
impl<const N: usize> Backward<Flex, N> for Normalisation {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Saved { maps, shape, x, channels, result } = ops.state;
        let mut dy = Values::of_primitive(grads.consume::<Flex>(&ops.node));
        if let Some(result) = result {
            maps.cut(dy.slice_mut(), result.slice());
        }
        let [dx, dgamma, dbeta] = maps.gradients(x.slice(), dy.slice(), &channels);
        let learned = [maps.channels];
        let gradients = [tensor(dx, shape), tensor(dgamma, learned), tensor(dbeta, learned), dy.tensor()];
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

fn tracked<const N: usize>(parents: [FloatTensor<B>; N], saved: Saved, results: FlexTensor) -> Tensor<B, 4> {
    let parents = parents.map(|parent| parent.node);
    let y = match Normalisation.prepare::<NoCheckpointing>(parents).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(saved, results),
        OpsKind::UnTracked(operation) => operation.finish(results),
    };
    Tensor::from_primitive(TensorPrimitive::Float(y))
}

fn channels(learned: &[Tensor<B, 1>; 2], statistics: &[[f32; 2]]) -> Vec<Channel> {
    let [gamma, beta] = learned.each_ref().map(values);
    let learned = gamma.slice().iter().zip(beta.slice());
    let channel = |((&gamma, &beta), &[mean, var]): ((&f32, &f32), &[f32; 2])| Channel {
        mean,
        deviation: (var + EPSILON as f32).sqrt(),
        gamma,
        beta,
    };
    learned.zip(statistics).map(channel).collect()
}

fn values<const D: usize>(tensor: &Tensor<B, D>) -> Values {
    Values::of(tensor.clone().inner())
}

fn primitive<const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

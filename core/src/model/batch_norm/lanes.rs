//! Batch normalisation that autodiff goes back through, on images that lie side by side.

use crate::model::flex::{Values, tensor};
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive, ops::FloatTensor};
use burn_flex::{Flex, FlexTensor};
use nsa_kernels::norm::{Channel, Maps, Moments};

type A = Autodiff<Flex>;

/// Maps of `n` images (`G x C x H x W x 16`) normalised by their own mean and variance (which come back, too), on top of
/// what is added, and a rectifier. Autodiff goes back through it.
pub fn normalise(
    n: usize,
    x: Tensor<A, 5>,
    moments: &[Moments],
    add: Option<Tensor<A, 5>>,
    rectify: bool,
    learned: [Tensor<A, 1>; 2],
) -> (Tensor<A, 5>, [Tensor<A, 1>; 2]) {
    let shape @ [_, channels, height, width, _] = x.dims();
    let maps = Maps { n, channels, area: height * width };
    let (values, added) = (values(&x), add.as_ref().map(values));
    let statistics = maps.statistics(moments);
    let channels = channels_of(&learned, &statistics);
    let results = maps.normalise(values.slice(), added.as_ref().map(Values::slice), rectify, &channels);
    let results = tensor(results, shape);

    let result = rectify.then(|| Values::of_primitive(results.clone()));
    let saved = Saved { maps, channels, x: values, result };
    let [gamma, beta] = learned.map(primitive);
    let y = match add {
        Some(add) => tracked([primitive(x), gamma, beta, primitive(add)], saved, results),
        None => tracked([primitive(x), gamma, beta], saved, results),
    };
    let of_batch = [0, 1].map(|which| {
        let values: Vec<f32> = statistics.iter().map(|pair| pair[which]).collect();
        Tensor::from_inner(Tensor::from_floats(values.as_slice(), &Default::default()))
    });
    (y, of_batch)
}

/// What [`normalise`] wants to know of maps of `n` images.
pub fn moments(n: usize, x: &Tensor<A, 5>) -> Vec<Moments> {
    let [_, channels, height, width, _] = x.dims();
    Maps { n, channels, area: height * width }.moments(values(x).slice())
}

#[derive(Debug)]
struct Normalisation;

/// What the way back needs.
#[derive(Debug, Clone)]
struct Saved {
    maps: Maps,
    channels: Vec<Channel>,
    x: Values,
    /// Where a rectifier cut it off.
    result: Option<Values>,
}

/// Parents are x, gamma, beta and, if there is one, what was added.
impl<const N: usize> Backward<Flex, N> for Normalisation {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Saved { maps, channels, mut x, result } = ops.state;
        let mut dy = Values::of_primitive(grads.consume::<Flex>(&ops.node));
        let learned = maps.cut(dy.slice_mut(), result.as_ref().map(Values::slice), x.slice(), &channels);
        maps.gradient(x.slice_mut(), dy.slice(), &channels, &learned);
        let [dgamma, dbeta] = learned.map(|values| tensor(values, [maps.channels]));
        for (parent, gradient) in ops.parents.into_iter().zip([x.tensor(), dgamma, dbeta, dy.tensor()]) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

fn tracked<const N: usize>(parents: [FloatTensor<A>; N], saved: Saved, results: FlexTensor) -> Tensor<A, 5> {
    let parents = parents.map(|parent| parent.node);
    let y = match Normalisation.prepare::<NoCheckpointing>(parents).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(saved, results),
        OpsKind::UnTracked(operation) => operation.finish(results),
    };
    Tensor::from_primitive(TensorPrimitive::Float(y))
}

fn channels_of(learned: &[Tensor<A, 1>; 2], statistics: &[[f32; 2]]) -> Vec<Channel> {
    let [gamma, beta] = learned.each_ref().map(values);
    let learned = gamma.slice().iter().zip(beta.slice());
    learned.zip(statistics).map(|((&gamma, &beta), &[mean, var])| Channel { mean, var, gamma, beta }).collect()
}

fn values<const D: usize>(tensor: &Tensor<A, D>) -> Values {
    Values::of(tensor.clone().inner())
}

fn primitive<const D: usize>(tensor: Tensor<A, D>) -> FloatTensor<A> {
    tensor.into_primitive().tensor()
}

//! Between burn's CPU tensors and the kernels, and the rule by which autodiff goes through them.

use super::EPSILON;
use super::kernels::{Channel, Maps};
use crate::model::flex::{Values, tensor};
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::Flex;

/// What belongs to a channel: gamma and beta, or mean and variance.
type Pair<B> = [Tensor<B, 1>; 2];

/// Maps normalised by the mean and variance given.
pub fn inference(maps: Maps, x: Tensor<Flex, 4>, learned: Pair<Flex>, running: Pair<Flex>) -> Tensor<Flex, 4> {
    let [mean, var] = running.map(Values::of);
    let channels = channels(learned, mean.slice().iter().zip(var.slice()).map(|(mean, var)| [*mean, *var]));
    let mut x = Values::of(x);
    maps.normalise(x.slice_mut(), &channels);
    Tensor::from_primitive(TensorPrimitive::Float(x.tensor()))
}

/// Maps normalised by their own mean and variance, which come back too; autodiff goes back through it.
pub fn training(
    maps: Maps,
    x: Tensor<Autodiff<Flex>, 4>,
    [gamma, beta]: Pair<Autodiff<Flex>>,
) -> (Tensor<Autodiff<Flex>, 4>, Pair<Autodiff<Flex>>) {
    let values = Values::of(x.clone().inner());
    let statistics = maps.statistics(values.slice());
    let channels = channels([gamma.clone().inner(), beta.clone().inner()], statistics.iter().copied());
    let mut results = values.slice().to_vec();
    maps.normalise(&mut results, &channels);
    let results = tensor(results, x.dims());
    let saved = Saved { maps, x: values, channels };

    let parents =
        [x.into_primitive().tensor().node, gamma.into_primitive().tensor().node, beta.into_primitive().tensor().node];
    let y = match Normalisation.prepare::<NoCheckpointing>(parents).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(saved, results),
        OpsKind::UnTracked(operation) => operation.finish(results),
    };
    let device = Default::default();
    let of_batch = [0, 1].map(|which| statistics.iter().map(|pair| pair[which]).collect::<Vec<f32>>());
    let of_batch = of_batch.map(|values| Tensor::from_inner(Tensor::from_floats(values.as_slice(), &device)));
    (Tensor::from_primitive(TensorPrimitive::Float(y)), of_batch)
}

fn channels(learned: Pair<Flex>, statistics: impl Iterator<Item = [f32; 2]>) -> Vec<Channel> {
    let [gamma, beta] = learned.map(Values::of);
    let learned = gamma.slice().iter().zip(beta.slice());
    let channel = |((&gamma, &beta), [mean, var]): ((&f32, &f32), [f32; 2])| Channel {
        mean,
        deviation: (var + EPSILON as f32).sqrt(),
        gamma,
        beta,
    };
    learned.zip(statistics).map(channel).collect()
}

#[derive(Debug)]
struct Normalisation;

/// What the way back needs.
#[derive(Debug, Clone)]
struct Saved {
    maps: Maps,
    x: Values,
    channels: Vec<Channel>,
}

impl Backward<Flex, 3> for Normalisation {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Saved { maps, x, channels } = ops.state;
        let mut dy = Values::of_primitive(grads.consume::<Flex>(&ops.node));
        let [dgamma, dbeta] = maps.backward(x.slice(), dy.slice_mut(), &channels);
        let [to_x, to_gamma, to_beta] = ops.parents.map(|parent| parent.map(|node| node.id));
        if let Some(node) = to_x {
            grads.register::<Flex>(node, dy.tensor());
        }
        for (node, values) in [(to_gamma, dgamma), (to_beta, dbeta)] {
            if let Some(node) = node {
                grads.register::<Flex>(node, tensor(values, [maps.channels]));
            }
        }
    }
}

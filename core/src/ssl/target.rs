//! BYOL's target network (Grill et al. 2020): a copy of encoder and projector that follows the online network slowly.

use crate::model::Network;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorPrimitive, backend::AutodiffBackend};
use std::collections::VecDeque;

/// The network whose projections BYOL's predictions are compared with. No gradient goes into it.
///
/// What the online network learns, the target follows as an exponential moving average. Its batch norms see batches as
/// the online network's do and normalise by their statistics, as in the authors' code; so its running statistics, which
/// are its own, are used by nothing.
#[derive(Debug, Clone)]
pub(super) struct Target<B: AutodiffBackend>(Network<B>);

impl<B: AutodiffBackend> Target<B> {
    /// Starts from the online network's first weights. `network` must not be a clone of the online one: clones share
    /// their running statistics.
    pub fn new(mut network: Network<B>) -> Self {
        network.predictor = None;
        Self(network.no_grad())
    }

    /// Images (`N x 3 x H x W`, normalised) to projections, without a gradient.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.0.forward(images).detach()
    }

    /// One step after the online network: `momentum` times itself plus the rest of `online`.
    pub fn follow(&mut self, online: &Network<B>, momentum: f64) {
        let mut learned = Learned(VecDeque::new());
        online.encoder.visit(&mut learned);
        online.projector.visit(&mut learned);
        let network = self.0.clone();
        self.0 = network.map(&mut Follow { learned: learned.0, momentum });
    }

    /// For the checkpoint.
    pub fn network(&self) -> &Network<B> {
        &self.0
    }

    /// From the checkpoint: `mapper` is shown the tensors in the order in which a visitor of [`Target::network`] is.
    pub fn map<M: ModuleMapper<B>>(self, mapper: &mut M) -> Self {
        Self(self.0.map(mapper))
    }
}

/// The momentum after the share `done` (0 to 1) of the run: from `start` to 1 by a cosine.
pub(super) fn momentum(start: f64, done: f64) -> f64 {
    1.0 - (1.0 - start) * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
}

/// Collects every tensor in the order of the module: what is learned, and a gap for what is not (running statistics,
/// the fixed scale and shift of SimSiam's last batch norm).
struct Learned<B: AutodiffBackend>(VecDeque<Option<TensorPrimitive<B::InnerBackend>>>);

impl<B: AutodiffBackend> ModuleVisitor<B> for Learned<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.0.push_back(param.is_require_grad().then(|| param.val().inner().into_primitive()));
    }
}

/// Walks the target in the same order.
struct Follow<B: AutodiffBackend> {
    learned: VecDeque<Option<TensorPrimitive<B::InnerBackend>>>,
    momentum: f64,
}

impl<B: AutodiffBackend> ModuleMapper<B> for Follow<B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let Some(Some(online)) = self.learned.pop_front() else { return param };
        let online = Tensor::from_primitive(online);
        // Outside of autodiff, whose bookkeeping grows with every step otherwise.
        param.map(|target| {
            let target = target.inner();
            Tensor::from_inner(target.clone() + (online - target) * (1.0 - self.momentum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Norm, Objective};
    use crate::model::NetworkConfig;
    use burn::backend::Autodiff;
    use burn::module::AutodiffModule;
    use burn_flex::Flex;

    type B = Autodiff<Flex>;

    fn network(seed: u64) -> Network<B> {
        NetworkConfig { width: 2, objective: Objective::Byol, norm: Norm::Both, ..Default::default() }
            .init(seed, &Default::default())
    }

    /// Every tensor of encoder and projector, in order, flat, with whether it is learned.
    fn tensors(network: &Network<B>) -> Vec<(bool, Vec<f32>)> {
        struct Read(Vec<(bool, Vec<f32>)>);
        impl ModuleVisitor<B> for Read {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
                self.0.push((param.is_require_grad(), param.val().into_data().into_vec().unwrap()));
            }
        }
        let mut read = Read(Vec::new());
        network.encoder.visit(&mut read);
        network.projector.visit(&mut read);
        read.0
    }

    #[test]
    fn the_target_follows_what_is_learned_and_keeps_its_own_statistics() {
        let (first, online) = (network(1), network(2));
        // Statistics that differ: those of an image seen by the online network alone.
        online.forward(Tensor::ones([2, 3, 32, 32], &Default::default()));
        let online = Network::<B>::from_inner(online.valid());
        let mut target = Target::new(network(1));
        target.follow(&online, 0.9);
        let (before, towards, after) = (tensors(&first), tensors(&online), tensors(&target.0));
        assert_eq!(before.len(), after.len());
        let mut moved = 0;
        for (((learned, old), (_, new)), (grad, found)) in before.iter().zip(&towards).zip(&after) {
            assert!(!grad, "a gradient would go into the target");
            for ((old, new), found) in old.iter().zip(new).zip(found) {
                let expected = if *learned { 0.9 * old + 0.1 * new } else { *old };
                assert!((found - expected).abs() < 1e-6, "{old} towards {new} became {found}");
                moved += usize::from(old != found);
            }
        }
        assert!(moved > 1000, "{moved} values moved");
    }

    #[test]
    fn it_normalises_by_the_batch_and_its_statistics_are_not_the_online_network_s() {
        let (online, target) = (network(1), Target::new(network(1)));
        let images = Tensor::random([4, 3, 32, 32], burn::tensor::Distribution::Default, &Default::default());
        let statistics = || online.valid().forward(images.clone().inner()).into_data();
        let before = statistics();
        let projections = target.forward(images.clone());
        assert_eq!(statistics(), before);
        assert!(!projections.is_require_grad());
        assert_eq!(projections.into_data(), online.forward(images.clone()).into_data());
        assert_ne!(statistics(), before);
    }

    /// A target whose tensors remember how they came to be makes every step slower than the one before.
    #[test]
    fn following_leaves_no_trace_in_autodiff() {
        struct Untraced(usize);
        impl ModuleVisitor<B> for Untraced {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
                let TensorPrimitive::Float(tensor) = param.val().into_primitive() else { panic!("no float tensor") };
                assert!(tensor.node.parents.is_empty() && tensor.node.order <= 1, "{:?}", tensor.node);
                self.0 += 1;
            }
        }
        let mut target = Target::new(network(1));
        for _ in 0..3 {
            target.forward(Tensor::ones([2, 3, 32, 32], &Default::default()));
            target.follow(&network(2), 0.9);
        }
        let mut seen = Untraced(0);
        target.0.visit(&mut seen);
        assert!(seen.0 > 60, "{} tensors", seen.0);
    }

    #[test]
    fn the_momentum_rises_from_its_start_to_one() {
        assert_eq!(momentum(0.99, 0.0), 0.99);
        assert!((momentum(0.99, 0.5) - 0.995).abs() < 1e-12);
        assert_eq!(momentum(0.99, 1.0), 1.0);
        assert_eq!(momentum(0.0, 2.0), 1.0);
    }
}

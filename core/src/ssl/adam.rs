//! Adam with PyTorch's settings: burn's, which on the CPU goes over memory once instead of a dozen times.

use crate::model::flex::{Values, known, taken};
use burn::optim::{self, AdamConfig, AdamState, AdaptiveMomentumState, LearningRate, SimpleOptimizer};
use burn::tensor::{Tensor, TensorPrimitive, backend::Backend};
use burn_flex::Flex;
use nsa_kernels::adam;

/// burn's default epsilon is a thousand times larger.
const SETTINGS: adam::Adam = adam::Adam { betas: [0.9, 0.999], epsilon: 1e-8 };

/// Its state is burn's, so records are those of burn's Adam.
#[derive(Clone)]
pub struct Adam(optim::Adam);

impl Adam {
    /// With PyTorch's settings.
    pub fn new() -> Self {
        let adam::Adam { betas: [beta_1, beta_2], epsilon } = SETTINGS;
        Self(AdamConfig::new().with_beta_1(beta_1).with_beta_2(beta_2).with_epsilon(epsilon).build())
    }
}

impl<B: Backend> SimpleOptimizer<B> for Adam {
    type State<const D: usize> = AdamState<B, D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: Option<AdamState<B, D>>,
    ) -> (Tensor<B, D>, Option<AdamState<B, D>>) {
        let own = match taken::<B, Flex, D>(tensor) {
            Ok(own) => own,
            Err(tensor) => return self.0.step(rate, tensor, gradient, state),
        };
        let state = state.map(|state| state.momentum).unwrap_or_else(|| {
            let zeros = || gradient.zeros_like();
            AdaptiveMomentumState::new(0, zeros(), zeros())
        });
        let time = state.time + 1;
        // Taken, not cloned: they are written over in place.
        let [mut first, mut second] = [state.moment_1, state.moment_2]
            .map(|moment| Values::of::<D>(taken(moment).unwrap_or_else(|moment| known(&moment))));
        let (mut values, gradient) = (Values::of(own), Values::of::<D>(known(&gradient)));
        let moments = [first.slice_mut(), second.slice_mut()];
        SETTINGS.step(time, rate as f32, gradient.slice(), values.slice_mut(), moments);
        let [values, first, second] = [values, first, second]
            .map(|values| known(&Tensor::<Flex, D>::from_primitive(TensorPrimitive::Float(values.tensor()))));
        (values, Some(AdamState::new(AdaptiveMomentumState::new(time, first, second))))
    }

    fn to_device<const D: usize>(state: AdamState<B, D>, device: &B::Device) -> AdamState<B, D> {
        <optim::Adam as SimpleOptimizer<B>>::to_device(state, device)
    }
}

//! Batch normalisation (Ioffe & Szegedy 2015), laid out so that every backend is fast at it.
//!
//! burn's own layer broadcasts over four dimensions, which the CPU backend walks element by element: it takes longer
//! than the convolution beside it. Seen as a matrix with one row for each image and channel, the same arithmetic is
//! contiguous and many times faster. In training on [`Flex`] feature maps are normalised together with what is added and
//! the rectifier after it ([`nsa_kernels::norm`]). The fields keep burn's names, so that weights convert to
//! PyTorch's in the same way.

mod lanes;

use super::blocks::finish;
use super::flex::{known, same};
use super::lanes::{gather, scatter};
use burn::backend::Autodiff;
use burn::module::{Initializer, Module, ModuleMapper, Param, RunningState};
use burn::tensor::{Tensor, backend::Backend};
use burn_flex::Flex;
use nsa_kernels::norm::Moments;

/// Added to the variance, as in PyTorch.
const EPSILON: f64 = 1e-5;
/// Share of a new batch in the running statistics, as in PyTorch.
const MOMENTUM: f64 = 0.1;

/// Takes learning from the scale and shift of every batch norm in a module that has no other vectors to learn: they stay 1
/// and 0.
pub(super) struct FixedNorms;

impl<B: Backend> ModuleMapper<B> for FixedNorms {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        if D == 1 { param.set_require_grad(false) } else { param }
    }
}

/// Normalises each channel over the batch in training, by running statistics in inference.
#[derive(Module, Debug)]
pub struct BatchNorm<B: Backend> {
    gamma: Param<Tensor<B, 1>>,
    beta: Param<Tensor<B, 1>>,
    running_mean: RunningState<Tensor<B, 1>>,
    running_var: RunningState<Tensor<B, 1>>,
    /// Whether training leaves the running statistics as they are and normalises by them.
    #[module(skip)]
    fixed: bool,
}

impl<B: Backend> BatchNorm<B> {
    /// For `channels` channels, with learned scale and shift.
    pub fn new(channels: usize, device: &B::Device) -> Self {
        Self {
            gamma: Initializer::Ones.init([channels], device),
            beta: Initializer::Zeros.init([channels], device),
            running_mean: RunningState::new(Tensor::zeros([channels], device)),
            running_var: RunningState::new(Tensor::ones([channels], device)),
            fixed: false,
        }
    }

    /// One that normalises by its running statistics in training, too, and leaves them as they are.
    pub(super) fn fixed(self) -> Self {
        Self { fixed: true, ..self }
    }

    /// Whether it is such a one.
    pub(super) fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// Whether it normalises by the batch.
    fn by_batch(&self, device: &B::Device) -> bool {
        B::ad_enabled(device) && !self.fixed
    }

    /// Without learned scale and shift: they stay 1 and 0.
    pub fn not_affine(channels: usize, device: &B::Device) -> Self {
        let mut bn = Self::new(channels, device);
        bn.gamma = bn.gamma.set_require_grad(false);
        bn.beta = bn.beta.set_require_grad(false);
        bn
    }

    /// Feature maps, `N x C x H x W`, on top of what is added, and a rectifier.
    pub fn forward_maps(&self, x: Tensor<B, 4>, add: Option<Tensor<B, 4>>, rectify: bool) -> Tensor<B, 4> {
        match same::<_, Autodiff<Flex>, 4>(&x) {
            Some(own) if self.by_batch(&x.device()) => {
                let (n, own, add) = (x.dims()[0], gather(own), add.map(|add| known(&gather(known(&add)))));
                let moments = lanes::moments(n, &own);
                known(&scatter(known(&self.forward_lanes(n, &known(&own), &moments, add.as_ref(), rectify)), n))
            }
            _ => finish(self.as_matrix(x), add, rectify),
        }
    }

    /// Maps of `n` images that lie side by side, whose moments are known.
    pub(super) fn forward_lanes(
        &self,
        n: usize,
        x: &Tensor<B, 5>,
        moments: &[Moments],
        add: Option<&Tensor<B, 5>>,
        rectify: bool,
    ) -> Tensor<B, 5> {
        let [_, _, h, w, _] = x.dims();
        let learned = [&self.gamma, &self.beta].map(|learned| known(&learned.val()));
        let (y, [mean, var]) = lanes::normalise(n, known(x), moments, add.map(known), rectify, learned);
        self.remember(known(&mean), known(&var), n * h * w);
        known(&y)
    }

    /// Feature maps on any backend.
    fn as_matrix(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let [n, c, h, w] = x.dims();
        let rows = x.reshape([n * c, h * w]);
        // One value a channel to one a row.
        let column = |per_channel: Tensor<B, 1>| per_channel.reshape([1, c]).repeat_dim(0, n).reshape([n * c, 1]);
        let channel_mean = |rows: Tensor<B, 2>| rows.mean_dim(1).reshape([n, c]).mean_dim(0).reshape([c]);
        let y = if self.by_batch(&rows.device()) {
            let mean = channel_mean(rows.clone());
            let centred = rows - column(mean.clone());
            let var = channel_mean(centred.clone().square());
            self.remember(mean, var.clone(), n * h * w);
            centred * column(self.scale(var)) + column(self.beta.val())
        } else {
            let (scale, shift) = self.inference();
            rows * column(scale) + column(shift)
        };
        y.reshape([n, c, h, w])
    }

    /// Feature vectors, `N x C`.
    pub fn forward_vectors(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let [n, c] = x.dims();
        if self.by_batch(&x.device()) && same::<_, Autodiff<Flex>, 2>(&x).is_some() {
            return self.forward_maps(x.reshape([n, c, 1, 1]), None, false).reshape([n, c]);
        }
        let row = |per_channel: Tensor<B, 1>| per_channel.reshape([1, c]);
        if self.by_batch(&x.device()) {
            let mean = x.clone().mean_dim(0);
            let centred = x - mean.clone();
            let var = centred.clone().square().mean_dim(0).reshape([c]);
            self.remember(mean.reshape([c]), var.clone(), n);
            centred * row(self.scale(var)) + row(self.beta.val())
        } else {
            let (scale, shift) = self.inference();
            x * row(scale) + row(shift)
        }
    }

    fn scale(&self, var: Tensor<B, 1>) -> Tensor<B, 1> {
        self.gamma.val() / (var + EPSILON).sqrt()
    }

    /// Factor and summand that the running statistics come down to.
    pub(super) fn inference(&self) -> (Tensor<B, 1>, Tensor<B, 1>) {
        let scale = self.scale(self.running_var.value());
        let shift = self.beta.val() - self.running_mean.value() * scale.clone();
        (scale, shift)
    }

    /// Moves the running statistics towards those of a batch with `count` values a channel. The running variance is
    /// the unbiased one, as in PyTorch.
    fn remember(&self, mean: Tensor<B, 1>, var: Tensor<B, 1>, count: usize) {
        let unbiased = count as f64 / (count.max(2) - 1) as f64;
        let move_to =
            |old: Tensor<B, 1>, new: Tensor<B, 1>| (old * (1.0 - MOMENTUM) + new.detach() * MOMENTUM).detach();
        self.running_mean.update(move_to(self.running_mean.value_sync(), mean));
        self.running_var.update(move_to(self.running_var.value_sync(), var * unbiased));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::backend::Autodiff;
    use burn::module::AutodiffModule;
    use burn::nn::BatchNormConfig;
    use burn::tensor::{Distribution, Tolerance};
    use burn_flex::Flex;

    type B = Autodiff<Flex>;

    #[test]
    fn it_computes_what_burn_s_layer_computes_and_so_do_its_gradients() {
        let device = Default::default();
        let (ours, theirs) = (BatchNorm::<B>::new(3, &device), BatchNormConfig::new(3).init::<B>(&device));
        let x = Tensor::<B, 4>::random([5, 3, 4, 4], Distribution::Normal(2.0, 3.0), &device).require_grad();
        let weights = Tensor::<B, 4>::random([5, 3, 4, 4], Distribution::Default, &device);
        let gradient = |y: Tensor<B, 4>| x.grad(&(y * weights.clone()).sum().backward()).unwrap().into_data();
        let (y_ours, y_theirs) = (ours.forward_maps(x.clone(), None, false), theirs.forward(x.clone()));
        let close = Tolerance::<f32>::absolute(1e-5);
        y_ours.to_data().assert_approx_eq::<f32>(&y_theirs.to_data(), close);
        gradient(y_ours).assert_approx_eq::<f32>(&gradient(y_theirs), close);
        // Inference, by running statistics: ours have the unbiased variance of 80 values.
        let scale = 80.0 / 79.0;
        let expected = theirs.running_var.value_sync().sub_scalar(0.9).mul_scalar(scale).add_scalar(0.9);
        ours.running_var.value_sync().into_data().assert_approx_eq::<f32>(&expected.into_data(), close);
        let (x, var) = (x.inner(), ours.running_var.value_sync().inner().reshape([1, 3, 1, 1]));
        let mean = ours.running_mean.value_sync().inner().reshape([1, 3, 1, 1]);
        let expected = (x.clone() - mean) / (var + 1e-5).sqrt();
        ours.valid().forward_maps(x, None, false).into_data().assert_approx_eq::<f32>(&expected.into_data(), close);
    }

    #[test]
    fn the_kernels_compute_what_the_matrix_computes() {
        let device = Default::default();
        // Rows shorter than a register, as long, and with a rest.
        for [n, h, w] in [[9, 1, 2], [4, 4, 4], [3, 5, 7]] {
            let random = |mean| Tensor::<Flex, 4>::random([n, 3, h, w], Distribution::Normal(mean, 2.0), &device);
            let (x, add, pull) = (random(1.0), random(0.5), Tensor::<B, 4>::from_inner(random(0.0)));
            for (adds, rectify) in [(false, false), (false, true), (true, false), (true, true)] {
                let [found, expected] = [true, false].map(|kernels| {
                    let mut bn = BatchNorm::<B>::new(3, &device);
                    bn.gamma = Param::from_tensor(Tensor::from_floats([0.5, -1.5, 2.0], &device));
                    bn.beta = Param::from_tensor(Tensor::from_floats([0.1, 0.0, -0.3], &device));
                    let [x, add] = [&x, &add].map(|t| Tensor::<B, 4>::from_inner(t.clone()).require_grad());
                    let added = adds.then(|| add.clone());
                    let y = if kernels {
                        bn.forward_maps(x.clone(), added, rectify)
                    } else {
                        finish(bn.as_matrix(x.clone()), added, rectify)
                    };
                    let gradients = (y.clone() * pull.clone()).sum().backward();
                    let of_learned = [&bn.gamma, &bn.beta].map(|p| p.val().grad(&gradients).unwrap().into_data());
                    let of_inputs = [&x, &add].map(|t| t.grad(&gradients).map(Tensor::into_data));
                    let running = [&bn.running_mean, &bn.running_var].map(|r| r.value_sync().into_data());
                    let all = of_learned.into_iter().chain(of_inputs.into_iter().flatten()).chain(running);
                    all.chain([y.into_data()]).collect::<Vec<_>>()
                });
                assert_eq!(found.len(), if adds { 7 } else { 6 });
                for (found, expected) in found.iter().zip(&expected) {
                    found.assert_approx_eq::<f32>(expected, Tolerance::absolute(2e-5));
                }
            }
        }
    }

    #[test]
    fn vectors_are_maps_of_one_pixel() {
        let device = Default::default();
        let x = Tensor::<B, 2>::random([6, 4], Distribution::Normal(1.0, 2.0), &device);
        let (as_vectors, as_maps) = (BatchNorm::<B>::new(4, &device), BatchNorm::<B>::new(4, &device));
        let close = Tolerance::<f32>::absolute(1e-5);
        for _ in 0..2 {
            let vectors = as_vectors.forward_vectors(x.clone()).into_data();
            let maps = as_maps.forward_maps(x.clone().reshape([6, 4, 1, 1]), None, false).reshape([6, 4]).into_data();
            vectors.assert_approx_eq::<f32>(&maps, close);
        }
        let inner = x.inner();
        let vectors = as_vectors.valid().forward_vectors(inner.clone()).into_data();
        let maps = as_maps.valid().forward_maps(inner.reshape([6, 4, 1, 1]), None, false).reshape([6, 4]).into_data();
        vectors.assert_approx_eq::<f32>(&maps, close);
    }
}

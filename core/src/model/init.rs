//! First weights, drawn from our own random stream: the same on every backend, which burn's are not.

use crate::rng::Rng;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData, backend::Backend};

/// Zeros, where weights are to be drawn or loaded. Nobody would see what burn draws, and every rule that it knows for it would
/// be part of the programs.
pub fn blank<B: Backend, const D: usize>(shape: [usize; D], device: &B::Device) -> Param<Tensor<B, D>> {
    let zeros = move |device: &B::Device, learned| Tensor::zeros(shape, device).set_require_grad(learned);
    Param::uninitialized(ParamId::new(), zeros, device.clone(), true, shape.into())
}

/// A linear layer whose weights are to be drawn or loaded.
pub fn linear<B: Backend>(inputs: usize, outputs: usize, bias: bool, device: &B::Device) -> Linear<B> {
    Linear { weight: blank([inputs, outputs], device), bias: bias.then(|| blank([outputs], device)) }
}

/// Draws every weight as PyTorch does: convolutions by He's normal rule on fan-out, linear layers and their biases
/// uniform within 1/sqrt(fan-in). Batch norms keep their ones and zeros.
pub fn draw_weights<B: Backend, M: Module<B>>(module: M, seed: u64) -> M {
    module.map(&mut Drawer { rng: Rng::new(seed, "weights", &[]), bound: 0.0, in_bias: false })
}

struct Drawer {
    rng: Rng,
    /// 1/sqrt(fan-in) of the last linear weight: its bias comes after it.
    bound: f32,
    in_bias: bool,
}

impl<B: Backend> ModuleMapper<B> for Drawer {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.in_bias = container_type == "Struct:Linear" && name == "bias";
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        param.map(|tensor| {
            let dims = tensor.dims();
            let values: Vec<f32> = match dims[..] {
                [output, _, height, width] => {
                    let std = (2.0 / (output * height * width) as f64).sqrt();
                    (0..tensor.shape().num_elements()).map(|_| (std * self.rng.normal()) as f32).collect()
                }
                // burn stores a linear weight as `in x out`; draw it the way PyTorch lies, `out x in`.
                [input, output] => {
                    let bound = 1.0 / (input as f32).sqrt();
                    self.bound = bound;
                    let drawn: Vec<f32> = (0..input * output).map(|_| self.rng.range(-bound, bound)).collect();
                    (0..input * output).map(|at| drawn[(at % output) * input + at / output]).collect()
                }
                [output] if self.in_bias => (0..output).map(|_| self.rng.range(-self.bound, self.bound)).collect(),
                _ => return tensor,
            };
            let requires_grad = tensor.is_require_grad();
            Tensor::from_data(TensorData::new(values, dims), &tensor.device()).set_require_grad(requires_grad)
        })
    }
}

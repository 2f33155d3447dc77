//! Whether a GPU trains as the processor does: the losses of twenty steps, with all that leads to them.

use super::{Device, DeviceJob, on_device};
use crate::error::NsaError;
use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use nsa_core::config::{Objective, TrainConfig};
use nsa_core::data::{Split, synth_digits};
use nsa_core::ssl::Trainer;

/// Twenty steps of training: the loss of each.
struct TwentySteps(Objective);

impl DeviceJob for TwentySteps {
    type Output = Vec<f32>;

    fn run<B: Backend>(self, device: B::Device, name: &str) -> Result<Vec<f32>, NsaError> {
        println!("{name}, {}", self.0);
        let images = synth_digits::generate(synth_digits::SEED, Split::Train, 8);
        let config = TrainConfig { objective: self.0, width: 2, batch: 8, epochs: 2, ..TrainConfig::default() };
        let mut trainer = Trainer::<Autodiff<B>>::new(config, device);
        let mut losses = Vec::new();
        for epoch in 0..2 {
            for (step, batch) in trainer.batches(images.len(), epoch).iter().enumerate() {
                losses.extend(trainer.step(&images, batch, epoch, step).into_data().convert::<f32>().iter::<f32>());
            }
            trainer.finish_epoch();
        }
        Ok(losses)
    }
}

fn are_the_processor_s(device: Device) {
    for objective in [Objective::Simsiam, Objective::Simclr, Objective::Byol] {
        let here = on_device(device, TwentySteps(objective)).unwrap();
        let expected = on_device(Device::Cpu, TwentySteps(objective)).unwrap();
        assert_eq!((here.len(), expected.len()), (20, 20));
        for (step, (a, b)) in here.iter().zip(&expected).enumerate() {
            println!("{step:>2}  {a:.5}  {b:.5}");
            // Sums in another order; what they change grows from step to step.
            assert!((a - b).abs() < 2e-3 * b.abs().max(1.0), "{objective}, step {step}: {a}, the processor {b}");
        }
    }
}

/// Needs an adapter, in software at least (Mesa's llvmpipe, SwiftShader): `make test-wgpu` runs it.
#[test]
#[cfg(feature = "wgpu")]
#[ignore = "needs a Vulkan driver"]
fn of_wgpu_are_the_processor_s() {
    are_the_processor_s(Device::Wgpu);
}

/// `make gpu` runs it.
#[test]
#[cfg(feature = "cuda")]
#[ignore = "needs an NVIDIA GPU"]
fn of_cuda_are_the_processor_s() {
    are_the_processor_s(Device::Cuda);
}

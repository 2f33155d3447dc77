//! Which device computes: `--device auto|cuda|wgpu|cpu`.

use crate::error::NsaError;
use burn::tensor::backend::Backend;
use clap::ValueEnum;
use std::path::Path;

/// The choice on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// CUDA where a driver is found, else wgpu where a GPU is found, else the CPU.
    Auto,
    /// An NVIDIA GPU (needs a build with `--features cuda`).
    Cuda,
    /// Any GPU with a Vulkan driver (needs a build with `--features wgpu`).
    Wgpu,
    /// The processor.
    Cpu,
}

/// Work that runs on whichever backend is chosen.
pub trait DeviceJob {
    /// What it gives.
    type Output;
    /// Does it. `name` says what the device is, for the record.
    fn run<B: Backend>(self, device: B::Device, name: &str) -> Result<Self::Output, NsaError>;
}

/// Runs `job` on the chosen device.
pub fn on_device<J: DeviceJob>(choice: Device, job: J) -> Result<J::Output, NsaError> {
    match resolve(choice)? {
        #[cfg(feature = "cuda")]
        Device::Cuda => job.run::<burn_cuda::Cuda>(burn_cuda::CudaDevice::default(), "cuda"),
        #[cfg(feature = "wgpu")]
        Device::Wgpu => {
            let device = burn_wgpu::WgpuDevice::default();
            let setup = burn_wgpu::init_setup::<burn_wgpu::graphics::Vulkan>(&device, Default::default());
            let name = format!("wgpu, {}", setup.adapter.get_info().name);
            job.run::<burn_wgpu::Vulkan>(device, &name)
        }
        _ => {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            job.run::<burn_flex::Flex>(Default::default(), &format!("cpu, {threads} threads"))
        }
    }
}

/// Turns the choice into a device that this build has and that is there; anything but auto must be.
fn resolve(choice: Device) -> Result<Device, NsaError> {
    match choice {
        Device::Cpu => Ok(Device::Cpu),
        Device::Cuda if !cfg!(feature = "cuda") => Err(not_built("cuda")),
        Device::Cuda if !has_cuda_driver() => {
            Err(NsaError::Device("no NVIDIA driver was found: --device cuda needs one; use --device cpu".into()))
        }
        Device::Wgpu if !cfg!(feature = "wgpu") => Err(not_built("wgpu")),
        Device::Wgpu if !has_render_node() => {
            Err(NsaError::Device("no GPU was found: --device wgpu needs one; use --device cpu".into()))
        }
        Device::Auto if cfg!(feature = "cuda") && has_cuda_driver() => Ok(Device::Cuda),
        Device::Auto if cfg!(feature = "wgpu") && has_render_node() => Ok(Device::Wgpu),
        Device::Auto => Ok(Device::Cpu),
        chosen => Ok(chosen),
    }
}

fn not_built(name: &str) -> NsaError {
    NsaError::Device(format!(
        "this nsa was built without {name}: build it with `--features {name}`, or use --device cpu"
    ))
}

/// The CUDA bindings panic where the driver's library is missing, so look before asking them.
fn has_cuda_driver() -> bool {
    ["/dev/nvidiactl", "/usr/lib/wsl/lib/libcuda.so.1", "/dev/dxg"].iter().any(|path| Path::new(path).exists())
}

/// The Vulkan backend panics where no adapter is found. On Linux a GPU shows as a render node; elsewhere assume one.
fn has_render_node() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let render = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("renderD");
    let nodes = std::fs::read_dir("/dev/dri").is_ok_and(|entries| entries.flatten().any(render));
    nodes || has_cuda_driver()
}

/// Waits for work that may be asynchronous on some devices.
pub fn wait<F: Future>(work: F) -> F::Output {
    pollster::block_on(work)
}

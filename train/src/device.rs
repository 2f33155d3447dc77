//! Which device computes: `--device auto|cuda|wgpu|cpu`.

#[cfg(feature = "wgpu")]
mod adapters;
#[cfg(test)]
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod twenty_losses;

use crate::error::NsaError;
use burn::tensor::backend::Backend;
use clap::ValueEnum;
use serde::Serialize;

/// The choice on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// CUDA where a driver is found, else wgpu where a GPU is found, else the CPU.
    Auto,
    /// An NVIDIA GPU (needs a build with `--features cuda`).
    Cuda,
    /// Any GPU that Vulkan, Metal or DirectX 12 finds (needs a build with `--features wgpu`).
    Wgpu,
    /// The processor.
    Cpu,
}

/// Work that runs on whichever backend is chosen.
pub trait DeviceJob {
    /// What it gives.
    type Output;
    /// Whether this machine's memory is enough, where the processor does it.
    fn fits(&self) -> Result<(), NsaError> {
        Ok(())
    }
    /// Does it. `name` says what the device is, for the record.
    fn run<B: Backend>(self, device: B::Device, name: &str) -> Result<Self::Output, NsaError>;
}

/// A device that this build has and that is there.
enum Found {
    #[cfg(feature = "cuda")]
    Cuda,
    #[cfg(feature = "wgpu")]
    Wgpu(adapters::Adapter),
    Cpu,
}

/// Runs `job` on the chosen device.
pub fn on_device<J: DeviceJob>(choice: Device, job: J) -> Result<J::Output, NsaError> {
    match find(choice)? {
        #[cfg(feature = "cuda")]
        Found::Cuda => guard::run("cuda", || job.run::<burn_cuda::Cuda>(burn_cuda::CudaDevice::default(), "cuda")),
        #[cfg(feature = "wgpu")]
        Found::Wgpu(adapter) => guard::run(&adapter.to_string(), || adapter.run(job)),
        Found::Cpu => {
            job.fits()?;
            job.run::<burn_flex::Flex>(Default::default(), &format!("cpu, {} threads", threads()))
        }
    }
}

fn find(choice: Device) -> Result<Found, NsaError> {
    match choice {
        Device::Cpu => Ok(Found::Cpu),
        Device::Cuda => cuda(),
        Device::Wgpu => wgpu(true),
        // The processor itself is faster than a GPU that it imitates.
        Device::Auto => Ok(cuda().or_else(|_| wgpu(false)).unwrap_or(Found::Cpu)),
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Found, NsaError> {
    // The CUDA bindings panic where the driver's library is missing, so look before asking them.
    let drivers = ["/dev/nvidiactl", "/usr/lib/wsl/lib/libcuda.so.1", "/dev/dxg", r"C:\Windows\System32\nvcuda.dll"];
    if drivers.iter().any(|path| std::path::Path::new(path).exists()) {
        return Ok(Found::Cuda);
    }
    Err(NsaError::Device("no NVIDIA driver was found: --device cuda needs one; use --device cpu".into()))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Found, NsaError> {
    Err(not_built("cuda"))
}

/// The best adapter that wgpu finds, one in software only if that is asked for.
#[cfg(feature = "wgpu")]
fn wgpu(software: bool) -> Result<Found, NsaError> {
    let best = adapters::all()?.into_iter().find(|adapter| software || !adapter.is_software());
    best.map(Found::Wgpu).ok_or_else(no_gpu)
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_: bool) -> Result<Found, NsaError> {
    Err(not_built("wgpu"))
}

#[cfg(not(all(feature = "cuda", feature = "wgpu")))]
fn not_built(name: &str) -> NsaError {
    NsaError::Device(format!(
        "this nsa was built without {name}: build it with `--features {name}`, or use --device cpu"
    ))
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A device as `nsa devices` lists it.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// What `--device` is given.
    pub device: &'static str,
    /// What it is, or why it cannot be had.
    pub name: String,
    /// Whether it can be had.
    pub usable: bool,
    /// Whether `auto` takes it.
    pub auto: bool,
}

/// Every device, and what is missing of others.
pub fn list() -> Vec<Listed> {
    let auto = find(Device::Auto).unwrap_or(Found::Cpu);
    let is_auto = |device: &str| match &auto {
        #[cfg(feature = "cuda")]
        Found::Cuda => device == "cuda",
        #[cfg(feature = "wgpu")]
        Found::Wgpu(_) => device == "wgpu",
        Found::Cpu => device == "cpu",
    };
    let missing = |device, why: NsaError| Listed { device, name: why.to_string(), usable: false, auto: false };
    let mut list = vec![match cuda() {
        Ok(_) => Listed { device: "cuda", name: "NVIDIA".into(), usable: true, auto: is_auto("cuda") },
        Err(why) => missing("cuda", why),
    }];
    match adapter_names() {
        Err(why) => list.push(missing("wgpu", why)),
        Ok(names) if names.is_empty() => list.push(missing("wgpu", no_gpu())),
        // Only the first is taken.
        Ok(names) => list.extend(names.into_iter().enumerate().map(|(i, name)| Listed {
            device: "wgpu",
            name,
            usable: i == 0,
            auto: i == 0 && is_auto("wgpu"),
        })),
    }
    list.push(Listed { device: "cpu", name: format!("{} threads", threads()), usable: true, auto: is_auto("cpu") });
    list
}

/// The adapters that wgpu finds, the best first.
#[cfg(feature = "wgpu")]
fn adapter_names() -> Result<Vec<String>, NsaError> {
    Ok(adapters::all()?.iter().map(ToString::to_string).collect())
}

#[cfg(not(feature = "wgpu"))]
fn adapter_names() -> Result<Vec<String>, NsaError> {
    Err(not_built("wgpu"))
}

fn no_gpu() -> NsaError {
    NsaError::Device("no GPU was found by Vulkan, Metal or DirectX 12: use --device cpu".into())
}

/// The libraries of GPUs panic where others return errors.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod guard {
    use crate::error::NsaError;
    use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
    use std::sync::{Arc, Mutex, PoisonError};

    /// Does work on a device; what panics in it, on whichever thread first, becomes a sentence.
    pub(super) fn run<T>(device: &str, work: impl FnOnce() -> Result<T, NsaError>) -> Result<T, NsaError> {
        let first = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&first);
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let message = panic.payload_as_str().unwrap_or("it did not say why");
            // Their messages are long: the first line has the cause.
            let line = message.lines().next().unwrap_or_default().to_string();
            seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(line);
        }));
        let done = catch_unwind(AssertUnwindSafe(work));
        set_hook(before);
        done.unwrap_or_else(|_| {
            let why = first.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
            Err(NsaError::DeviceFailed { device: device.into(), why })
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_panic_becomes_a_sentence() {
            let failed = run::<()>("GPU", || panic!("no memory\nbacktrace ...")).unwrap_err();
            assert_eq!(
                failed.to_string(),
                "GPU failed: no memory; `nsa devices` lists others, --device cpu always works"
            );
            assert_eq!(failed.exit_code(), 1);
            assert_eq!(run("GPU", || Ok(3)).unwrap(), 3);
        }
    }
}

/// Waits for work that may be asynchronous on some devices.
pub fn wait<F: Future>(work: F) -> F::Output {
    pollster::block_on(work)
}

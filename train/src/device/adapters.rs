//! The adapters that wgpu finds, by whichever interface the system has: Vulkan, Metal or DirectX 12.

use super::{DeviceJob, guard, wait};
use crate::error::NsaError;
use burn_wgpu::graphics::{Dx12, GraphicsApi, Metal, Vulkan};
use burn_wgpu::{WgpuDevice, init_setup};
use std::fmt;
use wgpu::{Backend, Backends, DeviceType, Instance, InstanceDescriptor};

/// Of a GPU that several find, the first is taken: burn compiles to Vulkan's own language.
const INTERFACES: [Backend; 3] = [Backend::Vulkan, Backend::Metal, Backend::Dx12];

/// One of them.
pub(super) struct Adapter {
    name: String,
    interface: Backend,
    kind: DeviceType,
    /// Which of its kind, as the interface lists them.
    index: usize,
}

/// All, the fastest kind first.
pub(super) fn all() -> Result<Vec<Adapter>, NsaError> {
    guard::run("wgpu", || {
        let backends = INTERFACES.into_iter().fold(Backends::empty(), |all, one| all | Backends::from(one));
        let without_display = InstanceDescriptor::new_without_display_handle();
        let instance = Instance::new(InstanceDescriptor { backends, ..without_display });
        let mut found: Vec<Adapter> = Vec::new();
        for interface in INTERFACES {
            for info in wait(instance.enumerate_adapters(interface.into())).iter().map(|adapter| adapter.get_info()) {
                let kind = info.device_type;
                let index = found.iter().filter(|other| (other.interface, other.kind) == (interface, kind)).count();
                found.push(Adapter { name: info.name, interface, kind, index });
            }
        }
        // The sort keeps the order of the interfaces.
        found.sort_by_key(|adapter| match adapter.kind {
            DeviceType::DiscreteGpu => 0,
            DeviceType::IntegratedGpu => 1,
            DeviceType::VirtualGpu => 2,
            DeviceType::Other => 3,
            DeviceType::Cpu => 4,
        });
        Ok(found)
    })
}

impl Adapter {
    /// Whether the processor imitates a GPU.
    pub(super) fn is_software(&self) -> bool {
        self.kind == DeviceType::Cpu
    }

    pub(super) fn run<J: DeviceJob>(self, job: J) -> Result<J::Output, NsaError> {
        let name = format!("wgpu, {self}");
        let device = match self.kind {
            DeviceType::DiscreteGpu => WgpuDevice::DiscreteGpu(self.index),
            DeviceType::IntegratedGpu => WgpuDevice::IntegratedGpu(self.index),
            DeviceType::VirtualGpu => WgpuDevice::VirtualGpu(self.index),
            DeviceType::Cpu => WgpuDevice::Cpu,
            DeviceType::Other => WgpuDevice::DefaultDevice,
        };
        match self.interface {
            Backend::Metal => job.run::<burn_wgpu::Wgpu>(started::<Metal>(device), &name),
            Backend::Dx12 => job.run::<burn_wgpu::Wgpu>(started::<Dx12>(device), &name),
            _ => job.run::<burn_wgpu::Vulkan>(started::<Vulkan>(device), &name),
        }
    }
}

/// A device that is set up.
fn started<G: GraphicsApi>(device: WgpuDevice) -> WgpuDevice {
    init_setup::<G>(&device, Default::default());
    device
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interface = match self.interface {
            Backend::Metal => "Metal",
            Backend::Dx12 => "DirectX 12",
            _ => "Vulkan",
        };
        let software = if self.is_software() { ", in software" } else { "" };
        write!(f, "{} ({interface}{software})", self.name)
    }
}

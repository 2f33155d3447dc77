//! The browser's WebGPU device, for both programs that compute on it.

use burn_wgpu::graphics::WebGpu as Api;
use burn_wgpu::{WgpuDevice, init_setup_async};

/// Asks for the device, once a program, and gives it with the adapter's name. The page hears when it is lost.
pub(crate) async fn device() -> (String, WgpuDevice) {
    let device = WgpuDevice::default();
    let setup = init_setup_async::<Api>(&device, Default::default()).await;
    setup.device.set_device_lost_callback(|reason, why| {
        let why = if why.is_empty() { format!("{reason:?}").to_lowercase() } else { why };
        nsa_engine::lost(&why);
    });
    let info = setup.adapter.get_info();
    let name = [info.name, info.driver, info.vendor.to_string()].into_iter().find(|name| !name.is_empty());
    (name.unwrap_or_default(), device)
}

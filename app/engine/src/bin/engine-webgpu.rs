//! The engine on WebGPU.

use burn_wgpu::graphics::WebGpu as Api;
use burn_wgpu::{WebGpu, WgpuDevice, init_setup_async};
use wasm_bindgen::prelude::wasm_bindgen;

fn main() {}

/// Called by `worker.js` once the program is there. A missing adapter panics, which `worker.js` reports; the page
/// then starts the CPU engine.
#[wasm_bindgen]
pub async fn start() {
    let device = WgpuDevice::default();
    let setup = init_setup_async::<Api>(&device, Default::default()).await;
    setup.device.set_device_lost_callback(|reason, why| {
        let why = if why.is_empty() { format!("{reason:?}").to_lowercase() } else { why };
        nsa_engine::device_lost(why.trim_end_matches('.'));
    });
    let info = setup.adapter.get_info();
    let name = [info.name, info.driver, info.vendor.to_string()].into_iter().find(|name| !name.is_empty());
    nsa_engine::serve::<WebGpu>("webgpu", name.unwrap_or_default(), device).await;
}

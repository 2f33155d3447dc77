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
    let info = setup.adapter.get_info();
    let name = [info.name, info.driver, info.vendor.to_string()].into_iter().find(|name| !name.is_empty());
    nsa_engine::serve::<WebGpu>("webgpu", name.unwrap_or_default(), device, 16).await;
}

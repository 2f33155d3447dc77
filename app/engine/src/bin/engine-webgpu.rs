//! The engine on WebGPU.

use burn_wgpu::WebGpu;
use wasm_bindgen::prelude::wasm_bindgen;

fn main() {}

/// Called by `worker.js` once the program is there. A missing adapter panics, which `worker.js` reports; the page
/// then starts the CPU engine.
#[wasm_bindgen]
pub async fn start() {
    let (name, device) = nsa_engine::webgpu().await;
    nsa_engine::serve_scoring::<WebGpu>("webgpu", name, device).await;
}

//! The trainer on WebGPU.

use burn::backend::Autodiff;
use burn_wgpu::WebGpu;
use wasm_bindgen::prelude::wasm_bindgen;

mod webgpu;

fn main() {}

/// Called by `worker.js` once the program is there. A missing adapter panics, which `worker.js` reports; the page
/// then starts the CPU trainer.
#[wasm_bindgen]
pub async fn start() {
    let (name, device) = webgpu::device().await;
    nsa_engine::train::serve_training::<Autodiff<WebGpu>>("webgpu", name, device).await;
}

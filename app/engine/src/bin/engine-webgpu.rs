//! The engine on WebGPU.

use burn_wgpu::{CubeBackend, WgpuRuntime};
use wasm_bindgen::prelude::wasm_bindgen;

mod webgpu;

/// Without burn's fusion of elementwise operations, which only training needs: with batch norms folded into convolutions
/// little of that is left (docs/benchmarks.md).
type WebGpu = CubeBackend<WgpuRuntime, f32, i32, u32>;

fn main() {}

/// Called by `worker.js` once the program is there. A missing adapter panics, which `worker.js` reports; the page
/// then starts the CPU engine.
#[wasm_bindgen]
pub async fn start() {
    let (name, device) = webgpu::device().await;
    nsa_engine::serve_scoring::<WebGpu>("webgpu", name, device).await;
}

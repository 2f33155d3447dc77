//! The engine on WebGPU.

use burn_wgpu::{CubeBackend, WgpuRuntime};
use nsa_engine::protocol::Request;
use nsa_engine::{Job, JobError, Scorer};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_split_helpers::wasm_split;

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
    nsa_engine::serve_scoring::<WebGpu>("webgpu", name, device, later).await;
}

fn later<'a>(scorer: &'a mut Scorer<WebGpu>, request: Request, pixels: &'a [u8]) -> Job<'a> {
    Box::pin(rest(scorer, request, pixels))
}

#[wasm_split(engine_webgpu, fallible, return_wrapper(let job = _; { job.await } -> Result<(), JobError>))]
fn rest<'a>(scorer: &'a mut Scorer<WebGpu>, request: Request, pixels: &'a [u8]) -> Job<'a> {
    Box::pin(scorer.rest(request, pixels))
}

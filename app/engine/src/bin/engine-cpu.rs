//! The engine on the processor: always there.

use burn_flex::Flex;
use nsa_engine::protocol::Request;
use nsa_engine::{Job, JobError, Scorer};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_split_helpers::wasm_split;

fn main() {}

/// Called by `worker.js` once the program is there.
#[wasm_bindgen]
pub async fn start() {
    nsa_engine::serve_scoring::<Flex>("cpu", "CPU (WebAssembly SIMD)".into(), Default::default(), later).await;
}

fn later<'a>(scorer: &'a mut Scorer<Flex>, request: Request, pixels: &'a [u8]) -> Job<'a> {
    Box::pin(rest(scorer, request, pixels))
}

#[wasm_split(engine_cpu, fallible, return_wrapper(let job = _; { job.await } -> Result<(), JobError>))]
fn rest<'a>(scorer: &'a mut Scorer<Flex>, request: Request, pixels: &'a [u8]) -> Job<'a> {
    Box::pin(scorer.rest(request, pixels))
}

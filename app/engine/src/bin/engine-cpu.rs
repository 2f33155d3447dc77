//! The engine on the processor: always there.

use burn_flex::Flex;
use wasm_bindgen::prelude::wasm_bindgen;

fn main() {}

/// Called by `worker.js` once the program is there.
#[wasm_bindgen]
pub async fn start() {
    nsa_engine::serve_scoring::<Flex>("cpu", "CPU (WebAssembly SIMD)".into(), Default::default()).await;
}

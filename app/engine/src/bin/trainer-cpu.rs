//! The trainer on the processor.

use burn::backend::Autodiff;
use burn_flex::Flex;
use wasm_bindgen::prelude::wasm_bindgen;

fn main() {}

/// Called by `worker.js` once the program is there.
#[wasm_bindgen]
pub async fn start() {
    nsa_engine::train::serve_training::<Autodiff<Flex>>("cpu", "CPU (WebAssembly SIMD)".into(), Default::default())
        .await;
}

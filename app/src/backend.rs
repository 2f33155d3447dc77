//! Which engine to start.

use crate::state::BackendChoice;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// The two builds of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Webgpu,
    Cpu,
}

impl Backend {
    /// Its word in `data-backend`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Webgpu => "webgpu",
            Self::Cpu => "cpu",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webgpu => "WebGPU",
            Self::Cpu => "CPU",
        }
    }
}

#[wasm_bindgen]
extern "C" {
    /// `boot.js` asks the browser while the page's program is on its way.
    #[wasm_bindgen(catch, js_namespace = nsaLab, js_name = hasHardwareAdapter)]
    fn hardware_adapter() -> Result<Promise, JsValue>;
}

/// The engine to start for a choice.
pub async fn choose(choice: BackendChoice) -> Backend {
    match choice {
        BackendChoice::Webgpu => Backend::Webgpu,
        BackendChoice::Cpu => Backend::Cpu,
        BackendChoice::Auto if has_hardware_adapter().await => Backend::Webgpu,
        BackendChoice::Auto => Backend::Cpu,
    }
}

/// Whether there is a real graphics processor. Tests of the components have no `boot.js`, so none.
async fn has_hardware_adapter() -> bool {
    let Ok(answer) = hardware_adapter() else { return false };
    JsFuture::from(answer).await.is_ok_and(|there| there.is_truthy())
}

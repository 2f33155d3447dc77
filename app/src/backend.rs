//! Which engine to start. A software adapter of WebGPU is far slower than the CPU engine, so capabilities are
//! asked for, never the browser's name.

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

// What we need of WebGPU; web-sys offers it only to builds with unstable interfaces.
#[wasm_bindgen]
extern "C" {
    type NavigatorGpu;
    type Gpu;
    type Adapter;
    type AdapterInfo;

    #[wasm_bindgen(method, getter)]
    fn gpu(this: &NavigatorGpu) -> Option<Gpu>;
    #[wasm_bindgen(method, catch, js_name = requestAdapter)]
    fn request_adapter(this: &Gpu) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, getter, js_name = isFallbackAdapter)]
    fn is_fallback(this: &Adapter) -> Option<bool>;
    #[wasm_bindgen(method, getter)]
    fn info(this: &Adapter) -> Option<AdapterInfo>;
    #[wasm_bindgen(method, getter, js_name = isFallbackAdapter)]
    fn info_is_fallback(this: &AdapterInfo) -> Option<bool>;
    #[wasm_bindgen(method, getter)]
    fn vendor(this: &AdapterInfo) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn architecture(this: &AdapterInfo) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn device(this: &AdapterInfo) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn description(this: &AdapterInfo) -> Option<String>;
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

async fn has_hardware_adapter() -> bool {
    let Some(window) = web_sys::window() else { return false };
    let navigator: NavigatorGpu = window.navigator().unchecked_into();
    let Some(promise) = navigator.gpu().and_then(|gpu| gpu.request_adapter().ok()) else { return false };
    let adapter = match JsFuture::from(promise).await {
        Ok(value) if value.is_object() => value.unchecked_into::<Adapter>(),
        _ => return false,
    };
    let Some(info) = adapter.info() else { return !adapter.is_fallback().unwrap_or(false) };
    let fallback = adapter.is_fallback().or(info.info_is_fallback()).unwrap_or(false);
    let names = [info.vendor(), info.architecture(), info.device(), info.description()];
    !fallback && !names.into_iter().flatten().any(|name| is_software(&name))
}

/// Whether an adapter's name is that of a program that plays a GPU.
fn is_software(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["swiftshader", "llvmpipe", "lavapipe", "software", "basic render"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_play_a_gpu_are_known() {
        assert!(is_software("Google SwiftShader"));
        assert!(is_software("llvmpipe (LLVM 19.1, 256 bits)"));
        assert!(is_software("Microsoft Basic Render Driver"));
        assert!(!is_software("nvidia"));
        assert!(!is_software("apple-m3"));
    }
}

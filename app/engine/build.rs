//! Leaves the names of functions out of the engines' programs: 14 % of what people would download for WebGPU, 9 % for the CPU.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-bins=--strip-all");
        // wasm-bindgen reads here which instructions the browser must know.
        println!("cargo::rustc-link-arg-bins=--keep-section=target_features");
        // What calls what, for the tool that splits these two.
        for engine in ["engine-cpu", "engine-webgpu"] {
            println!("cargo::rustc-link-arg-bin={engine}=--emit-relocs");
        }
    }
}

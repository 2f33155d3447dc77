//! Leaves the names of functions out of the page's program: a quarter of what people would download.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-bins=--strip-all");
        // wasm-bindgen reads here which instructions the browser must know.
        println!("cargo::rustc-link-arg-bins=--keep-section=target_features");
        if std::env::var_os("CARGO_FEATURE_SPLIT").is_some() {
            // What calls what, for the tool that splits the program.
            println!("cargo::rustc-link-arg-bins=--emit-relocs");
        }
    }
}

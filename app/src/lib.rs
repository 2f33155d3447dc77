//! The page of NSA Lab.
//!
//! It owns the DOM and nothing else: pixels go to the engine, a Web Worker (`worker`), and scores come back.
//! `lab::Lab` is what the page knows and does, in a few stores, `state` is what a person has chosen (and the
//! address says), and `components` show it all. What can be computed without a browser (galleries' plans,
//! statistics, charts as SVG text) is kept free of it and tested natively.

mod backend;
mod charts;
mod clock;
mod components;
mod drawing;
mod embed;
mod export;
mod fetch;
mod gallery;
mod kept;
mod lab;
mod lazy;
mod own_image;
mod panic;
mod replay;
mod sphere;
mod state;
mod stats;
mod story;
mod text;
mod train;
mod unzip;
mod url;
mod worker;

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests;

use components::App;
use lab::Lab;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// Mounts the page into the `#app` element of `index.html`, in place of its skeleton.
pub fn start() {
    panic::show_panics();
    let Some(root) = document().get_element_by_id("app").and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) else {
        return leptos::logging::error!("index.html has no element #app to mount into");
    };
    root.set_inner_html("");
    leptos::mount::mount_to(root, || {
        let lab = Lab::new(url::current());
        lab.start();
        view! { <App lab/> }
    })
    .forget();
}

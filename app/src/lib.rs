//! The page of NSA Lab.
//!
//! It owns the DOM and nothing else: pixels go to the engine, a Web Worker ([`engine`]), and scores come back.
//! [`lab::Lab`] holds what the page knows as signals, [`session`] is what it does about it, [`state`] is what a
//! person has chosen (and the address says), and [`components`] show it all. What can be computed without a
//! browser (galleries' plans, statistics, charts as SVG text) is kept free of it and tested natively.

pub mod backend;
pub mod charts;
pub mod components;
pub mod drawing;
mod embed;
pub mod engine;
pub mod export;
pub mod fetch;
pub mod gallery;
pub mod lab;
pub mod own_image;
mod panic;
pub mod replay;
pub mod session;
pub mod sphere;
pub mod state;
pub mod stats;
pub mod story;
pub mod text;
pub mod train;
pub mod url;

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

//! The page's components in a real browser: mounted, clicked, typed into.

mod page;
mod score;
mod train;
mod views;
mod web;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

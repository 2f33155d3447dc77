//! The page as every test of the components meets it: mounted, looked at, awaited.

use crate::components::App;
use crate::lab::Lab;
use crate::state::State;
use crate::url;
use leptos::mount::mount_to;
use leptos::prelude::*;
use leptos::task::tick;
use nsa_core::bundle::{Catalog, CatalogEntry};
use std::any::Any;
use std::sync::{Arc, Mutex};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, HtmlElement};

/// The page, mounted into an element of its own, which goes with it.
pub struct Page {
    pub lab: Lab,
    pub root: HtmlElement,
    /// Dropped with the page: its listeners on the window would take the next page's keys.
    _mounted: Box<dyn Any>,
}

impl Page {
    /// A page in this state, at the address of it, that knows nothing yet.
    pub fn mount(state: State) -> Self {
        url::replace(&state);
        let root: HtmlElement = document().create_element("main").unwrap().dyn_into().unwrap();
        document().body().unwrap().append_child(&root).unwrap();
        let kept = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&kept);
        let mounted = mount_to(root.clone(), move || {
            let lab = Lab::new(state);
            *keep.lock().unwrap() = Some(lab);
            view! { <App lab/> }
        });
        let lab = kept.lock().unwrap().unwrap();
        Self { lab, root, _mounted: Box::new(mounted) }
    }

    pub fn all(&self, selector: &str) -> Vec<Element> {
        let found = self.root.query_selector_all(selector).unwrap();
        (0..found.length()).map(|i| found.item(i).unwrap().dyn_into().unwrap()).collect()
    }

    pub fn one<T: JsCast>(&self, selector: &str) -> T {
        let found = self.all(selector);
        assert_eq!(found.len(), 1, "elements for {selector}");
        found[0].clone().dyn_into().ok().unwrap()
    }

    pub fn text(&self, selector: &str) -> String {
        self.one::<Element>(selector).text_content().unwrap()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.root.remove();
    }
}

/// Models of these ids; the first is shown first.
pub fn catalog(ids: &[&str]) -> Catalog {
    let entry = |id: &&str| CatalogEntry {
        id: (*id).into(),
        title: format!("Model {id}"),
        dataset: "synth-digits".into(),
        id_class: 3,
        objective: "simsiam".into(),
        norm: "both".into(),
        pollution: 0.0,
        width: 16,
        epochs: 10,
        bytes: 1000,
    };
    Catalog { format: 3, default: ids[0].into(), bundles: ids.iter().map(entry).collect() }
}

/// Waits until what was changed is shown.
pub async fn settled() {
    for _ in 0..4 {
        tick().await;
    }
}

/// Waits for a time, and until what came of it is shown.
pub async fn wait(millis: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, millis).unwrap();
    });
    JsFuture::from(promise).await.unwrap();
    settled().await;
}

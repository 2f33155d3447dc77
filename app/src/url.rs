//! The browser's address and its history.

use crate::state::State;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// The state that the address tells of.
pub fn current() -> State {
    State::from_query(&window().location().search().unwrap_or_default())
}

/// The address of a state, for links.
pub fn href(state: &State) -> String {
    match state.to_query() {
        // An empty address would be the present one, query included.
        none if none.is_empty() => "?".into(),
        query => query,
    }
}

/// A new entry in the history, unless the address already says the same.
pub fn push(state: &State) {
    if *state != current() {
        let _ = window().history().map(|h| h.push_state_with_url(&JsValue::NULL, "", Some(&address(state))));
    }
}

/// The same entry with another address.
pub fn replace(state: &State) {
    if *state != current() {
        let _ = window().history().map(|h| h.replace_state_with_url(&JsValue::NULL, "", Some(&address(state))));
    }
}

fn address(state: &State) -> String {
    let location = window().location();
    let (path, hash) = (location.pathname().unwrap_or_default(), location.hash().unwrap_or_default());
    format!("{path}{}{hash}", state.to_query())
}

//! The browser's address and its history.

use crate::state::State;
use leptos::prelude::*;
use std::cell::Cell;
use std::time::Duration;
use wasm_bindgen::JsValue;

/// How long a choice must rest before the address tells of it.
const REST: Duration = Duration::from_millis(200);

thread_local! {
    /// The address is written once, however many changes wait for it.
    static WAITING: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
}

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

/// Changes the state, with a new entry in the history.
pub fn choose(state: RwSignal<State>, change: impl FnOnce(&mut State)) {
    state.update(change);
    state.with_untracked(push);
}

/// Changes the state; the address follows once the state rests.
pub fn drag(state: RwSignal<State>, change: impl FnOnce(&mut State)) {
    state.update(change);
    let write = set_timeout_with_handle(move || state.with_untracked(replace), REST);
    if let Some(before) = WAITING.replace(write.ok()) {
        before.clear();
    }
}

/// A new entry in the history, unless the address already says the same.
fn push(state: &State) {
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

//! Pages that embed the lab read its state and set it, by messages (docs/embedding.md). Whose messages are heard is
//! decided by the lab's own host: pages of its own origin, and those that `index.html` lists.

use crate::lab::{Lab, Phase};
use crate::state::State;
use leptos::ev;
use leptos::prelude::*;
use serde_json::{Map, Value, json};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, Window};

/// Version of the messages: the value of `nsaLab` in each.
const VERSION: u64 = 1;
/// Pages that are told of changes at most.
const FOLLOWERS: usize = 8;

/// A window that has asked, and its origin.
type Follower = (Window, String);

/// Hears messages for as long as the page lives, and tells those who have asked of every change.
pub fn listen(lab: Lab) {
    let followers = StoredValue::new_local(Vec::<Follower>::new());
    let handle = window_event_listener(ev::Custom::<MessageEvent>::new("message"), move |event: MessageEvent| {
        let (Some(message), Some(source)) = (message(&event.data()), event.source()) else { return };
        if !is_listed(&event.origin()) {
            return;
        }
        let follower = (source.unchecked_into::<Window>(), event.origin());
        let answer = match message.get("set") {
            Some(Value::Object(set)) => lab.state.with_untracked(|state| changed(state, set)).map(Some),
            Some(_) => Err("set must be an object".into()),
            None => Ok(None),
        };
        match answer {
            Ok(Some(state)) => lab.choose(|now| *now = state),
            Ok(None) => {}
            Err(why) => return say(&follower, &json!({ "nsaLab": VERSION, "error": why })),
        }
        say(&follower, &untrack(|| told(lab)));
        followers.update_value(|all| {
            all.retain(|(window, _)| *window != follower.0);
            all.push(follower);
            let surplus = all.len().saturating_sub(FOLLOWERS);
            all.drain(..surplus);
        });
    });
    on_cleanup(move || handle.remove());
    let state = Memo::new(move |_| told(lab));
    Effect::new(move |_| {
        let state = state.get();
        followers.with_value(|all| all.iter().for_each(|follower| say(follower, &state)));
    });
}

/// A message to the lab; none if it is another's.
fn message(data: &JsValue) -> Option<Map<String, Value>> {
    let text = js_sys::JSON::stringify(data).ok()?.as_string()?;
    match serde_json::from_slice(text.as_bytes()).ok()? {
        Value::Object(message) if message.get("nsaLab").and_then(Value::as_u64) == Some(VERSION) => Some(message),
        _ => None,
    }
}

/// The state with the address's keys set to other values; `null` is what a link without the key means.
fn changed(state: &State, set: &Map<String, Value>) -> Result<State, String> {
    let mut state = state.clone();
    for (key, value) in set {
        let text = match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => return Err(format!("{key} must be a text, a number or null")),
        };
        state = state.with(key, text.as_deref()).ok_or(format!("there is no key '{key}' in the lab's address"))?;
    }
    Ok(state)
}

/// What those who follow are told.
fn told(lab: Lab) -> Value {
    let scorer = lab.model.bundle.with(|b| b.as_ref().and_then(|b| b.score_name(lab.scores.shown.get())));
    lab.state.with(|state| {
        json!({
            "nsaLab": VERSION,
            "state": {
                "ready": lab.phase() == Phase::Ready,
                "query": state.to_query(),
                "view": state.view.word(),
                "model": lab.model.id(),
                "scorer": scorer.map(|name| name.as_str().to_string()),
                "threshold": lab.scores.threshold.get(),
                "epoch": lab.model.epoch(),
                "select": state.select.map(|one| one.to_string()),
                "marks": state.marks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            },
        })
    })
}

fn say((window, origin): &Follower, message: &Value) {
    if let Ok(message) = js_sys::JSON::parse(&message.to_string()) {
        // A window that is gone hears nothing.
        let _ = window.post_message(&message, origin);
    }
}

/// Whether an origin is the lab's own, or one that the host lists in `<meta name="nsa-lab-origins" content="...">`.
fn is_listed(origin: &str) -> bool {
    let listed = document().query_selector("meta[name=nsa-lab-origins]").ok().flatten();
    let listed = listed.and_then(|meta| meta.get_attribute("content")).unwrap_or_default();
    window().location().origin().is_ok_and(|own| own == origin) || listed.split_whitespace().any(|one| one == origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ImageName;

    fn set(value: Value) -> Result<State, String> {
        let state = State { epoch: Some(3), n: 8, ..State::default() };
        changed(&state, value.as_object().unwrap())
    }

    #[test]
    fn the_keys_of_the_address_are_set_and_taken_back() {
        let state = set(json!({ "select": "2.17", "threshold": 0.25, "epoch": null })).unwrap();
        assert_eq!(state.select, Some(ImageName::Test { class: 2, index: 17 }));
        assert_eq!((state.threshold, state.epoch, state.n), (Some(0.25), None, 8));
        assert_eq!(set(json!({ "n": 1e9 })).unwrap().n, 400, "clamped as in the address");
    }

    #[test]
    fn what_is_not_in_the_address_is_named() {
        assert_eq!(set(json!({ "colour": "red" })).unwrap_err(), "there is no key 'colour' in the lab's address");
        assert!(set(json!({ "epoch": [1] })).unwrap_err().starts_with("epoch must be"));
    }
}

//! For a room: big type without the page's frame, keys for everything, and a link to what is shown.

use super::story::step;
use super::{answers, lab};
use crate::lab::Lab;
use crate::state::{State, View};
use crate::story::Answers;
use crate::text;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, KeyboardEvent};

/// Copies the link, presents, and tells the keys.
#[component]
pub fn Tools(dialog: NodeRef<html::Dialog>) -> impl IntoView {
    let lab = lab();
    let (copied, set_copied) = signal(None::<bool>);
    let copy = move |_| {
        spawn_local(async move {
            let address = window().location().href().unwrap_or_default();
            let done = JsFuture::from(window().navigator().clipboard().write_text(&address)).await;
            set_copied.set(Some(done.is_ok()));
            set_timeout(move || set_copied.set(None), std::time::Duration::from_secs(3));
        });
    };
    let label = move || match copied.get() {
        None => text::shell::COPY,
        Some(true) => text::shell::COPIED,
        Some(false) => text::shell::NOT_COPIED,
    };
    view! {
        <div class="tools">
            <button type="button" class="quiet" data-testid="copy-link" on:click=copy>
                <span aria-live="polite">{label}</span>
            </button>
            <button type="button" class="quiet" data-testid="present" on:click=move |_| present(lab, true)>
                {text::shell::PRESENT}
            </button>
            <button type="button" class="quiet" aria-label=text::shell::KEYS_TITLE on:click=move |_| open(dialog)>"?"</button>
        </div>
    }
}

/// Listens to the keys of the whole page, and lists them.
#[component]
pub fn Keys(dialog: NodeRef<html::Dialog>) -> impl IntoView {
    let (lab, answers) = (lab(), answers());
    listen_to_keys(lab, answers, dialog);
    leave_with_the_full_screen(lab);
    fit_the_room(lab);
    let keys = text::shell::KEYS.iter().map(|(keys, what)| {
        let keys = keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view();
        view! { <div><dt>{keys}</dt><dd>{*what}</dd></div> }
    });
    let close = move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    view! {
        <dialog node_ref=dialog class="keys" aria-labelledby="keys-title" data-testid="keys">
            <h2 id="keys-title">{text::shell::KEYS_TITLE}</h2>
            <dl>{keys.collect_view()}</dl>
            <button type="button" on:click=close>{text::shell::CLOSE}</button>
        </dialog>
    }
}

fn open(dialog: NodeRef<html::Dialog>) {
    if let Some(dialog) = dialog.get_untracked().filter(|dialog| !dialog.open()) {
        let _ = dialog.show_modal();
    }
}

/// Enters or leaves the presentation; the full screen goes with it where the browser allows it.
fn present(lab: Lab, on: bool) {
    if on {
        let _ = document().document_element().map(|root| root.request_fullscreen());
    } else if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
    }
    lab.choose(|state| state.present = on);
}

/// What a presentation is laid out for, CSS pixels. Larger screens show the same, larger.
const SCREEN: (f64, f64) = (1280.0, 720.0);
/// Narrower windows are no screen for a room.
const NARROW: f64 = 960.0;

/// Tells the style sheet how much larger than [`SCREEN`] the window is: `--room` on the root.
fn fit_the_room(lab: Lab) {
    let fit = move || {
        let length = |value: Result<wasm_bindgen::JsValue, _>| value.ok().and_then(|v| v.as_f64()).unwrap_or_default();
        let (width, height) = (length(window().inner_width()), length(window().inner_height()));
        let room = lab.state.with_untracked(State::is_for_a_room) && width >= NARROW;
        let factor = if room { (width / SCREEN.0).min(height / SCREEN.1).clamp(0.5, 5.0) } else { 1.0 };
        let root = document().document_element().and_then(|root| root.dyn_into::<web_sys::HtmlElement>().ok());
        if let Some(root) = root {
            let _ = root.style().set_property("--room", &format!("{factor:.4}"));
        }
    };
    let on = Memo::new(move |_| lab.state.with(State::is_for_a_room));
    Effect::new(move |_| {
        on.track();
        fit();
    });
    let handle = window_event_listener(leptos::ev::resize, move |_| fit());
    on_cleanup(move || handle.remove());
}

/// Escape leaves the full screen before the page hears of it.
fn leave_with_the_full_screen(lab: Lab) {
    let change = leptos::ev::Custom::<web_sys::Event>::new("fullscreenchange");
    let handle = window_event_listener(change, move |_| {
        if document().fullscreen_element().is_none() && lab.state.with_untracked(|s| s.present) {
            lab.choose(|state| state.present = false);
        }
    });
    on_cleanup(move || handle.remove());
}

fn listen_to_keys(lab: Lab, answers: Answers, dialog: NodeRef<html::Dialog>) {
    let handle = window_event_listener(leptos::ev::keydown, move |event: KeyboardEvent| {
        let elsewhere = event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented();
        let asking = document().query_selector("dialog[open]").ok().flatten().is_some();
        let target = event.target().and_then(|t| t.dyn_into::<Element>().ok());
        if elsewhere || asking || target.is_some_and(|target| takes(&target, &event.key())) {
            return;
        }
        let (present_now, view) = lab.state.with_untracked(|s| (s.present, s.view));
        let steps = present_now || view == View::Story;
        match event.key().as_str() {
            "?" => open(dialog),
            "p" => present(lab, !present_now),
            "Escape" if present_now => present(lab, false),
            // PageUp and PageDown are what remote controls for slides send.
            "ArrowRight" | "PageDown" if steps => step(lab, answers, 1),
            "ArrowLeft" | "PageUp" if steps => step(lab, answers, -1),
            digit => match digit.parse::<usize>().ok().and_then(|n| View::ALL.get(n.checked_sub(1)?)) {
                Some(&view) => lab.choose(|state: &mut State| state.view = view),
                None => return,
            },
        }
        event.prevent_default();
    });
    on_cleanup(move || handle.remove());
}

/// Whether an element does something of its own with a key.
fn takes(element: &Element, key: &str) -> bool {
    match (element.tag_name().as_str(), element.get_attribute("type").as_deref()) {
        ("INPUT", Some("radio" | "range")) | ("CANVAS", _) => key.starts_with("Arrow") || key.starts_with("Page"),
        ("INPUT" | "SELECT" | "TEXTAREA", _) => true,
        _ => element.has_attribute("contenteditable"),
    }
}

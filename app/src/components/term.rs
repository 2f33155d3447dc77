//! Texts whose terms explain themselves: by mouse, by touch, and by keys.

use crate::text::terms::{Piece, pieces};
use leptos::html;
use leptos::prelude::*;
use web_sys::{DomRect, HtmlElement, KeyboardEvent, PointerEvent};

/// Between a term and its explanation, and between that and the window's edge, CSS pixels.
const GAP: f64 = 6.0;
/// What no line begins with.
const CLOSING: [char; 7] = ['.', ',', ':', ';', '?', ')', '’'];
const WORD_JOINER: char = '\u{2060}';

/// A text; the first of each of the field's terms in it is dotted.
#[component]
pub fn Prose(#[prop(into)] text: Signal<String>) -> impl IntoView {
    let piece = |piece: Piece| match piece {
        // A line may end behind a button, but not before a comma.
        Piece::Plain(words) if words.starts_with(CLOSING) => format!("{WORD_JOINER}{words}").into_any(),
        Piece::Plain(words) => words.into_any(),
        Piece::Term(word, meaning) => view! { <Explained word meaning/> }.into_any(),
    };
    move || text.with(|text| pieces(text).into_iter().map(piece).collect_view())
}

/// A term. Its explanation lies over everything else, and goes by Escape, by a touch elsewhere, and with pointer and focus.
#[component]
fn Explained(word: String, meaning: &'static str) -> impl IntoView {
    let button = NodeRef::<html::Button>::new();
    let note = NodeRef::<html::Span>::new();
    // Said only while it is seen: what is read aloud or copied is the text alone.
    let (shown, set_shown) = signal(false);
    let show = move || {
        let (Some(button), Some(note)) = (button.get_untracked(), note.get_untracked()) else { return };
        set_shown.set(true);
        note.set_text_content(Some(meaning));
        // Refused where it is shown already.
        if note.show_popover().is_ok() {
            place(&note, &button.get_bounding_client_rect());
        }
    };
    let hide = move || {
        if let Some(note) = note.get_untracked() {
            let _ = note.hide_popover();
        }
    };
    let gone = move |_| {
        let Some(note) = note.get_untracked() else { return };
        if !note.matches(":popover-open").unwrap_or(false) {
            note.set_text_content(None);
            set_shown.set(false);
        }
    };
    let leave = move |event: PointerEvent| {
        let focused = button.get_untracked().is_some_and(|b| document().active_element().as_ref() == Some(b.as_ref()));
        if event.pointer_type() == "mouse" && !focused {
            hide();
        }
    };
    let enter = move |event: PointerEvent| {
        if event.pointer_type() == "mouse" {
            show();
        }
    };
    let key = move |event: KeyboardEvent| {
        if event.key() == "Escape" && shown.get_untracked() {
            event.prevent_default();
            event.stop_propagation();
            hide();
        }
    };
    view! {
        <button
            type="button"
            class="term"
            data-testid="term"
            node_ref=button
            aria-description=meaning
            on:pointerenter=enter
            on:pointerleave=leave
            on:focus=move |_| show()
            on:blur=move |_| hide()
            on:click=move |_| show()
            on:keydown=key
        >
            {word}
        </button>
        <span class="term-note" popover="auto" aria-hidden="true" node_ref=note on:toggle=gone></span>
    }
}

/// Below the term, or above it where there is more room; never outside the window.
fn place(note: &HtmlElement, term: &DomRect) {
    let size = note.get_bounding_client_rect();
    let length = |value: Result<wasm_bindgen::JsValue, _>| value.ok().and_then(|v| v.as_f64()).unwrap_or_default();
    let (width, height) = (length(window().inner_width()), length(window().inner_height()));
    let left = term.left().min(width - size.width() - GAP).max(GAP);
    let below = term.bottom() + GAP;
    let top = if below + size.height() > height { (term.top() - size.height() - GAP).max(GAP) } else { below };
    // Before a room the page is enlarged, and so are the lengths of its style.
    let zoom = size.width() / f64::from(note.offset_width()).max(1.0);
    let style = note.style();
    let _ = style.set_property("left", &format!("{}px", left / zoom));
    let _ = style.set_property("top", &format!("{}px", top / zoom));
}

//! An image's details in a dialog: every score, where it stands, what it is near to, what training would have seen.

mod ensemble;
mod near;
mod place;

pub use near::dial;

use self::ensemble::EnsembleParts;
use self::near::{Neighbours, Views};
use self::place::Place;
use super::matrix::{Cell, Matrix};
use super::{Pixels, Prose, lab};
use crate::gallery::Side;
use crate::lab::{Lab, Shown};
use crate::state::{ImageName, State};
use crate::stats::{is_anomalous, percent, share_below};
use crate::text;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent, MouseEvent};

/// The dialog. It is open while the address names an image that is there; Esc, the button and a click beside it
/// close it, and the focus goes back to where it came from.
#[component]
pub fn Detail() -> impl IntoView {
    let lab = lab();
    let node = NodeRef::<html::Dialog>::new();
    let shown = Memo::new(move |_| lab.detail.shown());
    let open = Memo::new(move |_| shown.with(Option::is_some));
    Effect::new(move |_| {
        let (open, Some(dialog)) = (open.get(), node.get()) else { return };
        if open && !dialog.open() {
            let _ = dialog.show_modal();
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    let last = StoredValue::new(None::<ImageName>);
    Effect::new(move |_| {
        let Some(image) = shown.with(|shown| shown.as_ref().map(|shown| shown.image)) else { return };
        last.set_value(Some(image));
        // What had the focus may be gone with the image before: keys must still be heard.
        request_animation_frame(move || {
            let lost = document().active_element().is_none_or(|e| e.tag_name() == "BODY");
            if let Some(dialog) = node.get_untracked().filter(|dialog| lost && dialog.open()) {
                let _ = dialog.focus();
            }
        });
    });
    let close = move || {
        if lab.state.with_untracked(|s| s.image.is_some()) {
            lab.choose(|state| state.image = None);
        }
    };
    // Esc closes a dialog by itself; the address follows.
    let closed = move |_| {
        close();
        // To the tile last shown, not to the one that was opened first.
        if let Some(ImageName::Test { .. }) = last.get_value() {
            focus_tile();
        }
    };
    let beside = move |event: MouseEvent| {
        if event.target() == event.current_target() {
            close();
        }
    };
    let keys = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowLeft" => step(lab, -1),
        "ArrowRight" => step(lab, 1),
        _ => {}
    };
    let body = move || shown.get().map(|shown| view! { <Body lab shown/> });
    view! {
        <dialog
            class="detail"
            data-testid="detail"
            aria-labelledby="detail-title"
            tabindex="-1"
            node_ref=node
            on:close=closed
            on:click=beside
            on:keydown=keys
        >
            <div class="detail-frame">
                <div class="detail-bar">
                    <button type="button" class="quiet" on:click=move |_| step(lab, -1)>{text::score::PREVIOUS}</button>
                    <button type="button" class="quiet" on:click=move |_| step(lab, 1)>{text::score::NEXT}</button>
                    <button type="button" class="quiet close" data-testid="detail-close" on:click=move |_| close()>
                        {text::score::CLOSE}
                    </button>
                </div>
                {body}
            </div>
        </dialog>
    }
}

#[component]
fn Body(lab: Lab, shown: Shown) -> impl IntoView {
    let Shown { image, side, name, pixels } = shown;
    let value = Memo::new(move |_| lab.detail.row_of(image).and_then(|row| row.get(lab.scores.shown.get()).copied()));
    let title = {
        let name = name.clone();
        move || lab.detail.title(image, &name)
    };
    let label = Signal::derive({
        let title = title.clone();
        move || text::own_picture(&title())
    });
    let anomalous = move || value.get().zip(lab.scores.threshold.get()).map(|(v, t)| is_anomalous(v, t));
    let verdict = move || text::score::verdict(anomalous(), side.map(|side| side == Side::Ood));
    let score_name = move || lab.scores.title().unwrap_or_default();
    let failed = move || {
        let why = lab.detail.told.with(|detail| detail.failed.clone());
        why.map(|why| view! { <p class="failed" role="alert" data-testid="detail-error">{why}</p> })
    };
    let cell = move |score: usize| {
        let Some(value) = lab.detail.row_of(image).and_then(|row| row.get(score).copied()) else {
            return Cell::default();
        };
        let sides = lab.scores.sides_of(score);
        let below = (!sides.id.is_empty()).then(|| share_below(&sides.id, value));
        let note = below.map_or(String::new(), |share| format!("{} %", percent(share)));
        Cell { value: format!("{value:.3}"), note, tint: below.unwrap_or_default() }
    };
    view! {
        <header class="detail-head" data-side=side.map(Side::word)>
            <Pixels planes=pixels.to_vec() label/>
            <div>
                <h2 id="detail-title">{title}</h2>
                <p class="detail-value">
                    <strong
                        data-testid="detail-value"
                        data-score=move || value.get().map_or(String::new(), |v| v.to_string())
                    >
                        {move || value.get().map_or("…".into(), |v| format!("{v:.3}"))}
                    </strong>
                    <span><Prose text=Signal::derive(score_name)/></span>
                </p>
                <p role="status" data-testid="detail-verdict">{verdict}</p>
            </div>
        </header>
        {failed}
        <Place lab value/>
        <section>
            <h3>{text::score::EVERY_SCORE}</h3>
            <Matrix name="detail-matrix" cell/>
            <p class="small">{move || text::score::every_score_note(lab.scores.sides.with(|s| s.id.len()))}</p>
        </section>
        <EnsembleParts lab image/>
        <Neighbours lab/>
        <Views lab/>
    }
}

/// Opens the image before or after the one shown, in the order of the gallery.
fn step(lab: Lab, by: isize) {
    let Some(ImageName::Test { class, index }) = lab.state.with_untracked(|s| s.image) else { return };
    let next = lab.gallery.images.with_untracked(|images| {
        lab.scores.order.with_untracked(|order| {
            let here = |&i: &usize| images.get(i).is_some_and(|im| im.pick.class == class && im.pick.index == index);
            // An image that the filter hides has no neighbours in the gallery: begin with the first.
            let at = order.iter().position(here).map_or(0, |at| at as isize + by);
            let pick = images.get(*order.get(usize::try_from(at).ok()?)?)?.pick;
            Some(ImageName::Test { class: pick.class, index: pick.index })
        })
    });
    if let Some(next) = next {
        lab.drag(|state| open(state, next));
    }
}

/// Opens an image's details; a test image also stands out in the other views then.
pub fn open(state: &mut State, image: ImageName) {
    state.image = Some(image);
    if let ImageName::Test { .. } = image {
        state.select = Some(image);
    }
}

/// Gives the focus to the tile that stands out.
fn focus_tile() {
    let tile = document().query_selector(".tile.selected .tile-button").ok().flatten();
    if let Some(tile) = tile.and_then(|t| t.dyn_into::<HtmlElement>().ok()) {
        let _ = tile.focus();
    }
}

//! The first step: images of what is normal, and taking them out again.

use super::thumbnails::Thumbnails;
use crate::clock;
use crate::components::{Camera, Pad, Picker, Viewfinder, picked};
use crate::lab::Lab;
use crate::text;
use leptos::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// Between two pictures of a burst: 50 in 10 seconds.
const BETWEEN: Duration = Duration::from_millis(200);
/// Pictures of a burst.
const BURST: u32 = 50;

/// Where images come in, and those that are there.
#[component]
pub fn Give(lab: Lab) -> impl IntoView {
    let normal = lab.own.normal;
    let views = move || normal.views.get();
    let count = move || text::yours::count(normal.images.with(Vec::len), views().map(|(_, views)| views));
    let variety = move || views().map(|(images, views)| text::yours::variety(images, views));
    let none = move || normal.images.with(Vec::is_empty);
    let reading = move || normal.reading.get();
    // A drawing is given when a person says so: each stroke would be an image of its own.
    let drawing = RwSignal::new(None::<Arc<[u8]>>);
    let add = move |_| {
        if let Some(pixels) = drawing.get_untracked() {
            normal.give(text::yours::DRAWING_NAME.into(), pixels);
        }
    };
    view! {
        <p>{text::yours::NORMAL_LEAD}</p>
        <div class="sources">
            <Picker testid="normal-input" also=",.zip" take=move |files| normal.give_files(files)/>
            <label class="button quiet folder">
                <input
                    type="file"
                    class="visually-hidden"
                    data-testid="normal-folder"
                    prop:webkitdirectory=true
                    on:change:target=move |e| normal.give_files(picked(&e.target()))
                />
                {text::yours::FOLDER}
            </label>
            <Bursts lab/>
            <Pad drawn=move |pixels| drawing.set(Some(pixels))>
                <button type="button" disabled=move || drawing.with(Option::is_none) on:click=add>{text::yours::ADD_DRAWING}</button>
            </Pad>
        </div>
        <p role="status" data-testid="normal-count" data-images=move || normal.images.with(Vec::len).to_string()>{count}</p>
        <p
            role="status"
            data-testid="normal-views"
            data-views=move || views().map(|(_, views)| views.to_string())
            hidden=move || views().is_none()
        >
            {variety}
        </p>
        <p class="waiting" hidden=move || reading() == 0>{move || text::yours::reading(reading())}</p>
        <div class="refused" role="alert" hidden=move || normal.refused.with(Vec::is_empty) data-testid="normal-refused">
            <p>{text::yours::REFUSED}</p>
            <ul>
                {move || normal.refused.get().into_iter().map(|(name, why)| view! { <li><b>{name}</b> " " {why}</li> }).collect_view()}
            </ul>
        </div>
        <Thumbnails testid="normal-images" kind="id" images=normal.images take_out=move |key| normal.take_out(key)/>
        <div class="buttons">
            <button type="button" class="quiet" hidden=none on:click=move |_| normal.clear()>{text::yours::CLEAR}</button>
            <button
                type="button"
                class="quiet"
                data-testid="normal-undo"
                hidden=move || normal.before.with(Option::is_none)
                on:click=move |_| normal.undo()
            >
                {text::yours::UNDO}
            </button>
        </div>
    }
}

/// The camera, a picture every fifth of a second: while a button is held down, or fifty.
#[component]
fn Bursts(lab: Lab) -> impl IntoView {
    let camera = Camera::new();
    let left = RwSignal::new(0_u32);
    let take = move || match camera.on.get_untracked().then(|| camera.picture()).flatten() {
        Some(pixels) => {
            lab.own.normal.give(text::yours::CAMERA_NAME.into(), pixels);
            left.update(|left| *left = left.saturating_sub(1));
        }
        None => left.set(0),
    };
    let taking = Memo::new(move |_| left.get() > 0);
    clock::every(BETWEEN, move || taking.get(), take);
    let start = move |pictures: u32| {
        left.set(pictures);
        take();
    };
    let hold = move || start(u32::MAX);
    let stop = move || left.set(0);
    let is_key = |key: &str| key == " " || key == "Enter";
    view! {
        <Viewfinder camera>
            <button
                type="button"
                data-testid="normal-hold"
                on:pointerdown=move |_| hold()
                on:pointerup=move |_| stop()
                on:pointerleave=move |_| stop()
                on:pointercancel=move |_| stop()
                on:keydown=move |e| {
                    if is_key(&e.key()) && !e.repeat() {
                        e.prevent_default();
                        hold();
                    }
                }
                on:keyup=move |_| stop()
                on:blur=move |_| stop()
            >
                {text::yours::HOLD}
            </button>
            <button type="button" data-testid="normal-burst" on:click=move |_| start(BURST)>
                {move || match left.get() {
                    left @ 1..=BURST => left.to_string(),
                    _ => text::yours::BURST.into(),
                }}
            </button>
        </Viewfinder>
    }
}

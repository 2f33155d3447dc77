//! What is left of it: a bundle to take away, and what the browser keeps.

use crate::components::picked;
use crate::export;
use crate::lab::{Kept, Lab};
use crate::text;
use js_sys::Uint8Array;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlInputElement;

/// Saves the fitted bundle, says what the browser keeps, and has it forgotten.
#[component]
pub fn Keep(lab: Lab) -> impl IntoView {
    let normal = lab.own.normal;
    let kept = move || match normal.kept.get() {
        Ok(Kept { images: 0, .. }) => None,
        Ok(Kept { images, others }) => Some(text::yours::kept(images, others)),
        Err(why) => Some(text::yours::not_kept(&why.to_string())),
    };
    let failed = RwSignal::new(None::<&'static str>);
    let save = move |_| {
        normal.save(move |name, bytes| {
            failed.set(export::save(&name, "application/zip", &bytes).err().map(|_| text::yours::NOT_SAVED))
        });
    };
    let none = move || normal.images.with(Vec::is_empty);
    let open = move |input: HtmlInputElement| {
        spawn_local(async move {
            for file in picked(&input) {
                // A file that cannot be read is no zip to the Worker either, which then says so.
                let bytes =
                    JsFuture::from(file.array_buffer()).await.map_or(Vec::new(), |b| Uint8Array::new(&b).to_vec());
                lab.open_zip(&bytes);
            }
        });
    };
    view! {
        <section class="keep">
            <h3>{text::yours::KEEP_TITLE}</h3>
            <label class="button quiet folder">
                <input
                    type="file"
                    class="visually-hidden"
                    data-testid="normal-open"
                    accept=".zip"
                    on:change:target=move |e| open(e.target())
                />
                {text::yours::OPEN}
            </label>
            <div class="kept" hidden=none>
            <label class="field">
                <span>{text::yours::NAME}</span>
                <input
                    type="text"
                    maxlength="60"
                    data-testid="normal-title"
                    prop:value=normal.title
                    on:input:target=move |e| normal.title.set(e.target().value())
                />
            </label>
            <button type="button" data-testid="normal-save" disabled=move || normal.fitted().is_none() on:click=save>
                {text::yours::SAVE}
            </button>
            <p class="small">{text::yours::SAVE_HINT}</p>
            <p class="failed" role="alert" hidden=move || failed.get().is_none()>{failed}</p>
            <p class="small" data-testid="normal-kept">{kept}</p>
            <button type="button" class="quiet" on:click=move |_| normal.forget()>{text::yours::FORGET}</button>
            </div>
        </section>
    }
}

//! A person's own images: dropped anywhere, picked or pasted.

use super::{Drawn, Pixels, Snapshots, lab};
use crate::lab::{Lab, OwnImage, OwnProgress};
use crate::lazy::rest;
use crate::state::{ImageName, State, View};
use crate::stats::{is_anomalous, percent, share_below};
use crate::story::Scene;
use crate::text;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DragEvent, File, FileList, HtmlInputElement};

/// Where own images go in, and what came out.
#[component]
pub fn Own() -> impl IntoView {
    let lab = lab();
    let told = move || lab.own.images.with(|own| own.first().and_then(|image| spoken(lab, image)));
    let nothing = move || lab.own.images.with(Vec::is_empty);
    view! {
        <section class="card own" data-part="own" aria-labelledby="own-title" data-testid="score-own">
            <header data-part="lead">
                <h2 id="own-title">{text::OWN_TITLE}</h2>
                <p class="lead">{text::OWN_LEAD}</p>
            </header>
            <div class="own-body">
                <div class="own-in">
                    <Picker testid="file-input" take=move |files| lab.own.take_files(files)/>
                    <Snapshots/>
                    <Drawn/>
                    <p class="small">{text::OWN_PRIVATE}</p>
                    <button type="button" class="quiet" hidden=nothing on:click=move |_| lab.own.images.set(Vec::new())>
                        {text::OWN_CLEAR}
                    </button>
                </div>
                <p class="empty" hidden=move || !nothing()>{text::OWN_NONE}</p>
                <ul class="results" hidden=nothing>
                    <For each=move || lab.own.images.get() key=|image| (image.key, state_key(image)) let(image)>
                        <Result lab image/>
                    </For>
                </ul>
            </div>
            <p class="visually-hidden" role="status">{told}</p>
        </section>
    }
}

/// The input for image files, which says that they may be dropped as well.
#[component]
pub fn Picker<F>(
    testid: &'static str,
    /// What it takes besides images, as an `accept` list.
    #[prop(optional)]
    also: &'static str,
    /// Called with the files picked.
    take: F,
) -> impl IntoView
where
    F: Fn(Vec<File>) + 'static,
{
    view! {
        <label class="drop">
            <input
                type="file"
                class="visually-hidden"
                data-testid=testid
                accept=format!("image/*,.heic,.heif{also}")
                multiple
                on:change:target=move |e| take(picked(&e.target()))
            />
            <strong>{text::OWN_PICK}</strong>
            <span>{text::OWN_DROP}</span>
        </label>
    }
}

/// The files that a person picked; the same may be picked again.
pub fn picked(input: &HtmlInputElement) -> Vec<File> {
    let picked = files(input.files());
    input.set_value("");
    picked
}

/// Files may be dropped or pasted anywhere on the page, whatever it shows.
#[component]
pub fn DropAnywhere() -> impl IntoView {
    let lab = lab();
    let (dragging, set_dragging) = signal(false);
    listen_everywhere(lab, set_dragging);
    view! { <div class="drop-veil" hidden=move || !dragging.get() aria-hidden="true"><p>{text::OWN_VEIL}</p></div> }
}

/// Gives files that were dropped or pasted to what the view shows; own images come into sight then.
#[component]
pub fn Dropped() -> impl IntoView {
    let lab = lab();
    Effect::new(move |_| {
        let files = lab.own.dropped.get();
        if !files.is_empty() {
            lab.own.dropped.set(Vec::new());
            untrack(|| take(lab, files));
        }
    });
}

fn take(lab: Lab, files: Vec<File>) {
    if lab.state.with_untracked(|s| s.view == View::Yours) {
        return match untrack(|| lab.own.normal.fitted()) {
            Some(_) => lab.own.normal.attempt_files(files),
            None => lab.own.normal.give_files(files),
        };
    }
    // Before a room the scene of own images shows them itself.
    let shows = |s: &State| s.view == View::Score || s.view == View::Story && Scene::of(s) == Scene::YourTurn;
    if !lab.state.with_untracked(shows) {
        lab.choose(|state| state.view = View::Score);
    }
    lab.own.take_files(files);
}

/// One image: what the model sees of it, its score and where that stands, or why there is none.
#[component]
fn Result(lab: Lab, image: OwnImage) -> impl IntoView {
    let picture =
        image.pixels.as_ref().map(|p| view! { <Pixels planes=p.to_vec() label=text::own_picture(&image.name)/> });
    let name = image.name.clone();
    let key = image.key;
    let open = move |_| lab.choose(|state| state.image = Some(ImageName::Own(key)));
    let body = match image.progress.clone() {
        OwnProgress::Waiting | OwnProgress::Asked => view! { <p class="waiting">{text::OWN_WAITING}</p> }.into_any(),
        OwnProgress::Failed(why) => view! { <p class="failed" role="alert" data-testid="error">{why}</p> }.into_any(),
        OwnProgress::Scored(row) => {
            let value = Memo::new(move |_| row.get(lab.scores.shown.get()).copied());
            let verdict = move || value.get().map(|v| verdict(lab, v));
            let anomalous =
                move || value.get().zip(lab.scores.threshold.get()).is_some_and(|(v, t)| is_anomalous(v, t));
            view! {
                <p
                    class="value"
                    class:ood=anomalous
                    class:id=move || !anomalous()
                    data-testid="score-own-value"
                    data-score=move || value.get().map_or(String::new(), |v| v.to_string())
                >
                    {move || value.get().map(|v| format!("{v:.3}"))}
                </p>
                <p>{verdict}</p>
                <button type="button" class="quiet" data-testid="own-details" on:click=open>{text::score::DETAILS}</button>
            }
            .into_any()
        }
    };
    view! { <li class="result">{picture}<div><p class="name">{name}</p>{body}</div></li> }
}

/// Changes when a result must be shown anew.
fn state_key(image: &OwnImage) -> (bool, u8) {
    let progress = match image.progress {
        OwnProgress::Waiting | OwnProgress::Asked => 0,
        OwnProgress::Scored(_) => 1,
        OwnProgress::Failed(_) => 2,
    };
    (image.pixels.is_some(), progress)
}

fn verdict(lab: Lab, value: f32) -> String {
    let anomalous = lab.scores.threshold.get().map(|threshold| is_anomalous(value, threshold));
    let (share, n) = lab.scores.sides.with(|s| (share_below(&s.id, value), s.id.len()));
    text::own_verdict((n > 0).then(|| percent(share)), n, anomalous)
}

fn spoken(lab: Lab, image: &OwnImage) -> Option<String> {
    let value = image.value(lab.scores.shown.get())?;
    Some(format!("{}: {value:.3}. {}", image.name, verdict(lab, value)))
}

/// Files may be dropped or pasted anywhere on the page.
fn listen_everywhere(lab: Lab, set_dragging: WriteSignal<bool>) {
    let has = |e: &DragEvent, kind: &str| e.data_transfer().is_some_and(|d| d.types().includes(&kind.into(), 0));
    let has_files = move |e: &DragEvent| has(e, "Files");
    // An image dragged over from another tab: often only its address, which the browser would open in place of the page.
    let has_address = move |e: &DragEvent| has(e, "text/uri-list");
    // What takes them may still be on its way.
    let later = rest();
    let give = move |files: Vec<File>| {
        if !files.is_empty() {
            lab.own.dropped.set(files);
            later.fetch();
        }
    };
    let handles = [
        window_event_listener(ev::dragover, move |e| {
            if has_files(&e) || has_address(&e) {
                e.prevent_default();
                set_dragging.set(true);
            }
        }),
        window_event_listener(ev::dragleave, move |e| {
            // Leaving an element for another one inside the page is not leaving the page.
            if e.related_target().is_none() {
                set_dragging.set(false);
            }
        }),
        window_event_listener(ev::drop, move |e| {
            set_dragging.set(false);
            if has_files(&e) {
                e.prevent_default();
                give(files(e.data_transfer().and_then(|d| d.files())));
            } else if has_address(&e) {
                e.prevent_default();
                lab.notices.say(text::OWN_ADDRESS);
            }
        }),
        window_event_listener(ev::paste, move |e| {
            let event: &ClipboardEvent = e.unchecked_ref();
            give(files(event.clipboard_data().and_then(|d| d.files())));
        }),
    ];
    on_cleanup(move || handles.into_iter().for_each(WindowListenerHandle::remove));
}

fn files(list: Option<FileList>) -> Vec<File> {
    list.map_or(Vec::new(), |list| (0..list.length()).filter_map(|i| list.get(i)).collect())
}

//! How far the page is, and what went wrong.

use super::lab;
use crate::lab::{EngineState, Problem, Topic};
use crate::lazy::rest;
use crate::stats::percent;
use crate::text;
use leptos::prelude::*;

/// One line about the engine: what is loading and how much of it, or what it runs on. Beside it, for screen
/// readers, what has been reached.
#[component]
pub fn Status() -> impl IntoView {
    let lab = lab();
    let line = Memo::new(move |_| {
        let backend = lab.engine.backend.get().map_or("", |b| b.name());
        let scored = lab.scores.values.with(|v| (v.iter().flatten().count(), v.len()));
        match (lab.engine.state.get(), lab.model.loading.get()) {
            (EngineState::Choosing, _) => text::CHOOSING.into(),
            (EngineState::Downloading { loaded, total }, _) => text::loading_engine(backend, loaded, total),
            (EngineState::Crashed, _) => text::ENGINE_DEAD.into(),
            (EngineState::Ready { .. }, Some((loaded, total))) => text::loading_model(loaded, total),
            (EngineState::Ready { device }, None) => text::running(backend, &device, scored),
        }
    });
    // Between 0 and 1; none when there is nothing to wait for.
    let share = Memo::new(move |_| {
        let scored = lab.scores.values.with(|v| (v.iter().flatten().count() as u64, v.len() as u64));
        let (part, whole) = match (lab.engine.state.get(), lab.model.loading.get()) {
            (EngineState::Downloading { loaded, total }, _) => (loaded, total),
            (EngineState::Ready { .. }, Some(bytes)) => bytes,
            (EngineState::Ready { .. }, None) if lab.model.bundle.with(Option::is_some) => scored,
            _ => return None,
        };
        (part < whole).then(|| part as f64 / whole as f64)
    });
    let reached = move || {
        let auroc = lab.scores.auroc.get().filter(|_| lab.phase() == crate::lab::Phase::Ready);
        auroc.map(|a| text::all_scored(lab.scores.values.with(Vec::len), &percent(a)))
    };
    let bar =
        move || share.get().map(|s| view! { <progress max="1" value=s aria-label=move || line.get()></progress> });
    let notes =
        move || lab.notices.notes.get().into_iter().map(|note| view! { <p class="note">{note}</p> }).collect_view();
    view! {
        <div class="status" data-part="status">
            <p class="status-line"><span class="dot" aria-hidden="true"></span><span data-testid="status">{line}</span></p>
            {bar}
            <div role="status">{notes}<p class="visually-hidden">{reached}</p></div>
        </div>
    }
}

/// What failed, each in a sentence, with the button that helps.
#[component]
pub fn Problems() -> impl IntoView {
    let (lab, later) = (lab(), rest());
    let problem = move |Problem { topic, message }: Problem| {
        let help = match topic {
            Topic::Engine | Topic::Scoring => Some(text::RESTART),
            Topic::Rest => Some(text::shell::REST_AGAIN),
            _ => None,
        };
        let act = move |_| match topic {
            Topic::Rest => later.fetch(),
            _ => lab.engine.restart(),
        };
        view! {
            <div class="problem" role="alert" data-testid="error">
                <p>{message}</p>
                {help.map(|label| view! { <button type="button" on:click=act>{label}</button> })}
            </div>
        }
    };
    let shown = move || {
        lab.notices.problems.with(|p| p.iter().filter(|p| p.topic != Topic::Gallery).cloned().collect::<Vec<_>>())
    };
    view! { <div class="problems">{move || shown().into_iter().map(problem).collect_view()}</div> }
}

//! How compactly the features came to lie, epoch by epoch, of one model or of two side by side.

mod curve;
mod epochs;
mod replayed;

pub use curve::Curve;
pub use epochs::Epochs;
pub use replayed::{Replayed, ReplayedSphere};

use super::{Prose, lab};
use crate::charts::training::Measure;
use crate::lab::Lab;
use crate::replay::Replay;
use crate::state::State;
use crate::text;
use leptos::prelude::*;
use nsa_core::measure::History;
use std::sync::Arc;

/// One of the two models that curves are drawn of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    First,
    Second,
}

impl Which {
    /// What was measured of it.
    pub fn replay(self, lab: Lab) -> Option<Arc<Replay>> {
        match self {
            Self::First => lab.model.replay.get(),
            Self::Second => lab.model.compared.get(),
        }
    }

    /// Its title.
    pub fn title(self, lab: Lab) -> Option<String> {
        match self {
            Self::First => lab.model.entry.with(|e| e.as_ref().map(text::models::label)),
            Self::Second => lab.model.compared_entry.with(|e| e.as_ref().map(text::models::label)),
        }
    }

    /// The position of its frame at the checkpoint shown: its last one where the first model shows its last.
    pub fn frame(self, lab: Lab) -> Option<usize> {
        self.replay(lab)?.frame_at(lab.state.with(|s| s.epoch))
    }

    /// The curves that were measured of it: until they are here, those that the engine has read.
    pub fn history(self, lab: Lab) -> Option<History> {
        let fetched = self.replay(lab).map(|replay| replay.history.clone());
        match self {
            Self::First => fetched.or_else(|| lab.model.bundle.with(|b| b.as_ref().map(|b| b.history.clone()))),
            Self::Second => fetched,
        }
    }
}

/// All curves, the slider of checkpoints, and the checkpoint itself.
#[component]
pub fn Compact() -> impl IntoView {
    let lab = lab();
    let compares = Memo::new(move |_| lab.model.compared_entry.with(Option::is_some));
    let measures = Memo::new(move |_| {
        let histories: Vec<History> =
            [Which::First, Which::Second].into_iter().filter_map(|which| which.history(lab)).collect();
        let histories: Vec<&History> = histories.iter().collect();
        // The first two hold their place while nothing is there yet.
        Measure::ALL.into_iter().enumerate().filter(|(i, m)| *i < 2 || m.is_in(&histories)).map(|(_, m)| m).collect()
    });
    let heading = move |which: Which| view! { <h3 class="column">{move || which.title(lab)}</h3> };
    let curves = move || {
        let measures: Vec<Measure> = measures.get();
        let row = move |measure: Measure| {
            let second = compares.get().then(|| view! { <Curve measure which=Which::Second/> });
            view! { <Curve measure which=Which::First/> {second} }
        };
        measures.into_iter().map(row).collect_view()
    };
    view! {
        <section class="card compact" data-part="curves" aria-labelledby="compact-title">
            <header data-part="lead">
                <h2 id="compact-title">{text::compact::TITLE}</h2>
                <p class="lead"><Prose text=text::compact::LEAD/></p>
            </header>
            <div class="toolbar" data-part="toolbar">
                <ComparePicker lab/>
                <Epochs/>
            </div>
            <Legend/>
            <div class="curves" class:two=compares>
                {move || compares.get().then(|| view! { {heading(Which::First)} {heading(Which::Second)} })}
                {curves}
            </div>
            <div class="curves checkpoint" class:two=compares>
                <Replayed which=Which::First/>
                {move || match compares.get() {
                    true => view! { <Replayed which=Which::Second/> <ReplayedSphere which=Which::First/> <ReplayedSphere which=Which::Second/> }.into_any(),
                    false => view! { <ReplayedSphere which=Which::First/> }.into_any(),
                }}
            </div>
        </section>
    }
}

/// What the strokes mean.
#[component]
pub fn Legend() -> impl IntoView {
    view! {
        <p class="legend">
            <span class="key id line"><Prose text=text::ID/></span>
            <span class="key ood line"><Prose text=text::OOD/></span>
        </p>
    }
}

/// The menu of models to compare with.
#[component]
fn ComparePicker(lab: Lab) -> impl IntoView {
    let options = move || {
        let first = lab.model.id();
        let second = lab.model.compared_entry.with(|e| e.as_ref().map(|e| e.id.clone()));
        let labels = lab.model.catalog.with(|c| c.as_ref().map_or(Vec::new(), text::models::labels));
        let others = labels.into_iter().filter(move |(id, _)| Some(id) != first.as_ref());
        let option = move |(id, title): (String, String)| {
            let selected = second.as_ref() == Some(&id);
            view! { <option value=id selected=selected>{title}</option> }
        };
        others.map(option).collect_view()
    };
    let choose = move |id: String| lab.choose(|state: &mut State| state.compare = (!id.is_empty()).then_some(id));
    view! {
        <label class="field">
            <span>{text::compact::COMPARE}</span>
            <select name="compare" on:change:target=move |e| choose(e.target().value())>
                <option value="" selected=move || lab.model.compared_entry.with(Option::is_none)>{text::compact::COMPARE_NONE}</option>
                {options}
            </select>
        </label>
    }
}

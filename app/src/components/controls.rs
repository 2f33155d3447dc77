//! What a person chooses from: the model, the score; and what the model is and where it runs.

use super::{Prose, lab};
use crate::lab::Bundle;
use crate::state::BackendChoice;
use crate::stats::percent;
use crate::text;
use leptos::prelude::*;
use nsa_core::bundle::{Manifest, Provenance};

/// Menus for the model and the score.
#[component]
pub fn Controls() -> impl IntoView {
    let lab = lab();
    let models = move || {
        let chosen = lab.model.id();
        let option = |(id, title): (String, String)| {
            let selected = chosen.as_ref() == Some(&id);
            view! { <option value=id selected=selected>{title}</option> }
        };
        let labels = lab.model.catalog.with(|c| c.as_ref().map_or(Vec::new(), text::models::labels));
        labels.into_iter().map(option).collect_view()
    };
    let choose_model = move |id: String| {
        lab.choose(|state| {
            state.model = Some(id);
            // Another model's scores live on another scale.
            state.threshold = None;
        });
    };
    let scores = move || {
        let chosen = lab.scores.shown.get();
        let names = lab.model.bundle.with(|b| b.as_ref().map_or(Vec::new(), |b| score_names(b)));
        let option = |(at, (name, title)): (usize, (String, String))| {
            view! { <option value=name selected=at == chosen>{title}</option> }
        };
        names.into_iter().enumerate().map(option).collect_view()
    };
    let choose_score = move |name: String| {
        let entry = lab.model.bundle.with_untracked(|b| {
            let b = b.as_ref()?;
            (0..b.scores()).filter_map(|score| b.score_name(score)).find(|known| known.as_str() == name)
        });
        lab.choose(|state| {
            state.scorer = entry;
            state.threshold = None;
        });
    };
    view! {
        <div class="controls" data-part="controls" role="group" aria-label=text::CONTROLS>
            <label class="field">
                <span>{text::MODEL}</span>
                <select name="model" on:change:target=move |e| choose_model(e.target().value())>{models}</select>
            </label>
            <label class="field">
                <span>{text::SCORER}</span>
                <select
                    name="scorer"
                    disabled=move || lab.model.bundle.with(Option::is_none)
                    on:change:target=move |e| choose_score(e.target().value())
                >
                    {scores}
                </select>
            </label>
        </div>
    }
}

/// One of a few: a row of radio buttons that looks like one control.
#[component]
pub fn Choices<T, F>(
    legend: &'static str,
    /// Name of the radio group.
    name: &'static str,
    options: Vec<(T, &'static str)>,
    chosen: Signal<T>,
    /// Called with a new value.
    choose: F,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
    F: Fn(T) + Copy + Send + Sync + 'static,
{
    let option = move |(value, label): (T, &'static str)| {
        view! {
            <label>
                <input type="radio" name=name prop:checked=move || chosen.get() == value on:change=move |_| choose(value)/>
                <span>{label}</span>
            </label>
        }
    };
    view! {
        <fieldset class="choices">
            <legend>{legend}</legend>
            <div class="segments">{options.into_iter().map(option).collect_view()}</div>
        </fieldset>
    }
}

/// What the model is, where it came from, and what it reached. The catalogue tells enough to begin with.
#[component]
pub fn ModelCard() -> impl IntoView {
    let lab = lab();
    let head = move || {
        lab.model.entry.get().map(|entry| {
            view! {
                <h2 id="model-title">{text::models::knows(&entry)}</h2>
                <p class="lead"><Prose text=text::models::sentence(&entry)/></p>
            }
        })
    };
    let measured = move || {
        lab.model.bundle.with(|b| b.as_ref().map_or(String::new(), |b| text::auroc_measured(&b.manifest.provenance)))
    };
    let known = move || {
        let facts = lab.model.bundle.with(|b| b.as_ref().map_or(Vec::new(), |b| facts(&b.manifest)));
        facts
            .into_iter()
            .map(|(name, value)| view! { <div><dt>{name}</dt><dd><Prose text=value/></dd></div> })
            .collect_view()
    };
    view! {
        <section class="card model" data-part="model" aria-labelledby="model-title" hidden=move || lab.model.entry.with(Option::is_none)>
            <div class="model-head">{head}</div>
            <p class="figure-number">
                <strong><Percent share=Signal::derive(move || lab.scores.entry().and_then(|s| s.auroc_exported))/></strong>
                <span><Prose text=Signal::derive(measured)/></span>
            </p>
            <Choices
                legend=text::ENGINE
                name="backend"
                options=BackendChoice::ALL.iter().map(|&c| (c, text::backend(c))).collect()
                chosen=Signal::derive(move || lab.state.with(|s| s.backend))
                choose=move |choice| lab.choose(|state| state.backend = choice)
            />
            <details class="provenance" hidden=move || lab.model.bundle.with(Option::is_none)>
                <summary>{text::PROVENANCE}</summary>
                <dl>{known}</dl>
            </details>
        </section>
    }
}

/// A share in percent, or a dash while it is not known.
#[component]
pub fn Percent(
    /// 0..1.
    share: Signal<Option<f64>>,
) -> impl IntoView {
    let number = move || share.get().map_or("–".into(), percent);
    view! { {number}<span class="unit" hidden=move || share.get().is_none()>"%"</span> }
}

fn score_names(bundle: &Bundle) -> Vec<(String, String)> {
    let name = |score: usize| Some((bundle.score_name(score)?.as_str().to_string(), bundle.score_title(score)));
    (0..bundle.scores()).filter_map(name).collect()
}

fn facts(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let (Provenance { commit, device, wall_seconds, data_source, train_images, outliers, command, .. }, config) =
        (&manifest.provenance, &manifest.config);
    vec![
        ("Network", format!("ResNet-18, base width {}", config.width)),
        ("Training", format!("{} epochs, batches of {}, seed {}", config.epochs, config.batch, config.seed)),
        ("Images", format!("{train_images}, of which {outliers} outliers ({data_source})")),
        ("Device", format!("{device}, {}", text::duration(*wall_seconds))),
        ("Code", commit.clone()),
        ("Command", command.clone()),
    ]
}

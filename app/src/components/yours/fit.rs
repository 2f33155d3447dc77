//! The second step: which encoder, and what was fitted.

use crate::lab::{Fit, Lab};
use crate::state::{ALARMS, ScoreName};
use crate::text;
use leptos::prelude::*;
use nsa_core::data::OWN;
use nsa_core::eval::Alarm;
use std::fmt::Write;

/// Width of the strip in its own units; the style sheet stretches it.
const WIDTH: f32 = 1000.0;

/// The encoder, how far the fit is, the threshold and what it promises.
#[component]
pub fn Fitting(lab: Lab) -> impl IntoView {
    let normal = lab.own.normal;
    let said = move || {
        normal.fit.with(|fit| match fit {
            Fit::Waiting => text::yours::waiting(normal.images.with(Vec::len)),
            Fit::Fitting { done, total } => text::yours::fitting(*done, *total),
            Fit::Fitted(fitted) => {
                text::yours::fitted(fitted.images.len(), fitted.bundle.manifest.layers.len(), fitted.millis)
            }
            Fit::Failed(why) => why.clone(),
        })
    };
    let word = move || {
        normal.fit.with(|fit| match fit {
            Fit::Waiting => "waiting",
            Fit::Fitting { .. } => "fitting",
            Fit::Fitted(_) => "fitted",
            Fit::Failed(_) => "failed",
        })
    };
    let promise = move || {
        let (alarm, fitted) = (normal.alarm.get()?, normal.fitted()?);
        Some(text::yours::promise(&alarm, fitted.views))
    };
    let seen = move || normal.fitted().is_some_and(|fitted| fitted.bundle.manifest.config.dataset == OWN);
    view! {
        <label class="field">
            <span>{text::yours::ENCODER}</span>
            <select data-testid="normal-encoder" on:change:target=move |e| {
                let id = e.target().value();
                lab.choose(|state| (state.model, state.scorer, state.threshold) = (Some(id), None, None));
            }>
                {move || encoders(lab)}
            </select>
        </label>
        <p class="small">{text::yours::ADVICE}</p>
        <p role="status" data-testid="normal-fit" data-fit=word class:failed=move || word() == "failed">{said}</p>
        <div hidden=move || normal.fitted().is_none()>
            <label class="field">
                <span>{text::yours::SCORE}</span>
                <select data-testid="normal-score" on:change:target=move |e| {
                    let at = e.target().value().parse::<usize>().unwrap_or_default();
                    let name = normal.fitted().and_then(|fitted| Some(ScoreName::of(fitted.bundle.manifest.scores.get(at)?)));
                    lab.choose(|state| state.scorer = name);
                }>
                    {move || scores(lab)}
                </select>
            </label>
            <label class="field">
                <span>{text::yours::ALARMS} ": " <output>{move || format!("{} %", lab.state.with(|s| s.alarms))}</output></span>
                <input
                    type="range"
                    min=ALARMS.start().to_string()
                    max=ALARMS.end().to_string()
                    data-testid="normal-alarms"
                    prop:value=move || lab.state.with(|s| s.alarms).to_string()
                    on:input:target=move |e| {
                        if let Ok(alarms) = e.target().value().parse() {
                            lab.drag(|state| state.alarms = alarms);
                        }
                    }
                />
            </label>
            {move || strip(lab)}
            <p class="note" data-testid="normal-seen" hidden=move || !seen()>{text::yours::SEEN}</p>
            <p data-testid="normal-promise" data-threshold=move || normal.alarm.get().map(|a| a.threshold.to_string())>{promise}</p>
        </div>
    }
}

fn encoders(lab: Lab) -> impl IntoView {
    let chosen = lab.model.entry.with(|entry| entry.as_ref().map(|entry| entry.id.clone()));
    let labels = lab.model.catalog.with(|catalog| catalog.as_ref().map_or(Vec::new(), text::models::labels));
    let option = |(id, label): (String, String)| {
        let selected = Some(&id) == chosen.as_ref();
        view! { <option value=id selected=selected>{label}</option> }
    };
    labels.into_iter().map(option).collect_view()
}

fn scores(lab: Lab) -> Option<impl IntoView> {
    let (fitted, shown) = (lab.own.normal.fitted()?, lab.own.normal.shown.get());
    let option = |at: usize| {
        let title = fitted.bundle.score_title(at);
        view! { <option value=at.to_string() selected=at == shown>{title}</option> }
    };
    Some((0..fitted.bundle.manifest.scores.len()).map(option).collect_view())
}

/// A stroke for what each view of the normal images scores by banks that have not seen it, and a line at the threshold.
fn strip(lab: Lab) -> Option<impl IntoView> {
    let (fitted, Alarm { threshold, .. }) = (lab.own.normal.fitted()?, lab.own.normal.alarm.get()?);
    let held_out = fitted.held_out.get(lab.own.normal.shown.get())?;
    let most = held_out.iter().fold(threshold, |most, score| most.max(*score)) * 1.15;
    let x = |score: f32| WIDTH * (score / most).clamp(0.0, 1.0);
    let mut strokes = String::new();
    for score in held_out {
        let _ = write!(strokes, "M{:.1} 4v32", x(*score));
    }
    let at = x(threshold);
    Some(view! {
        <svg class="strip" viewBox="0 0 1000 40" preserveAspectRatio="none" role="img" aria-label=text::yours::STRIP>
            <path class="id" d=strokes></path>
            <line class="threshold" x1=at x2=at y1="0" y2="40"></line>
        </svg>
    })
}

//! The third step: images are tried, one by one or as the camera sees them.

use super::live::Live;
use super::thumbnails::Thumbnails;
use crate::components::{Pad, Picker, Pixels, dial};
use crate::lab::{Lab, Tried};
use crate::stats::is_anomalous;
use crate::text;
use leptos::prelude::*;
use nsa_core::bundle::{Explanation, Neighbour};
use std::sync::Arc;

/// Where images to try come in, and what is said of each.
#[component]
pub fn Attempt(lab: Lab) -> impl IntoView {
    let normal = lab.own.normal;
    let missing = move || normal.fitted().is_none();
    let told = move || normal.tried.with(|tried| tried.first().and_then(|tried| spoken(lab, tried)));
    view! {
        <p class="empty" hidden=move || !missing()>{text::yours::NOT_YET}</p>
        <div hidden=missing>
            <p>{text::yours::TRY_LEAD}</p>
            <div class="sources">
                <Picker testid="try-input" also=",.zip" take=move |files| normal.attempt_files(files)/>
                <Live lab/>
                <Pad drawn=move |pixels| normal.attempt(text::yours::DRAWING_NAME.into(), pixels)/>
            </div>
            <ul class="results" data-testid="tried">
                <For each=move || normal.tried.get() key=|tried| (tried.key, tried.found.is_some()) let(tried)>
                    <One lab tried/>
                </For>
            </ul>
            <p class="visually-hidden" role="status">{told}</p>
            <div hidden=move || normal.odd.with(Vec::is_empty)>
                <h4>{text::yours::ODD}</h4>
                <Thumbnails testid="odd-images" kind="ood" images=normal.odd take_out=move |key| normal.take_out_odd(key)/>
            </div>
        </div>
    }
}

/// One image: its score against the threshold, and the normal images that it is nearest to.
#[component]
fn One(lab: Lab, tried: Tried) -> impl IntoView {
    let Tried { key, name, pixels, found } = tried;
    let found = StoredValue::new(found);
    let score = Memo::new(move |_| found.with_value(|found| score_of(lab, found.as_deref()?)));
    let (label, title) = (text::own_picture(&name), name.clone());
    let seen = Arc::clone(&pixels);
    let fitted = move || lab.own.normal.fitted().is_some_and(|f| f.images.iter().any(|image| image.pixels == seen));
    view! {
        <li class="result" data-testid="tried-one" data-name=title data-score=move || score.get().map(|s| s.to_string())>
            <Pixels planes=pixels.to_vec() label/>
            <div>
                <p class="name">{name}</p>
                <Verdict lab score rests_on=score/>
                <p class="small" data-testid="tried-fitted" hidden=move || !fitted()>{text::yours::TRIED_FITTED}</p>
                {move || found.with_value(|found| found.as_deref().map(|found| near(lab, found)))}
                <div class="buttons">
                    <button type="button" class="quiet" on:click=move |_| lab.own.normal.was_normal(key)>{text::yours::WAS_NORMAL}</button>
                    <button type="button" class="quiet" on:click=move |_| lab.own.normal.was_odd(key)>{text::yours::WAS_ODD}</button>
                </div>
            </div>
        </li>
    }
}

/// A score in words and as a bar against the threshold.
#[component]
pub fn Verdict(
    lab: Lab,
    score: Memo<Option<f32>>,
    /// The score that says whether it is anomalous.
    rests_on: Memo<Option<f32>>,
) -> impl IntoView {
    let anomalous =
        move || rests_on.get().zip(lab.own.normal.alarm.get()).map(|(s, a)| is_anomalous(s, a.threshold.into()));
    let said = move || match score.get().zip(anomalous()) {
        Some((score, anomalous)) => text::yours::verdict(score, anomalous),
        None => text::yours::ASKING.into(),
    };
    // The threshold stands at two thirds of the bar.
    let share =
        move || score.get().zip(lab.own.normal.alarm.get()).map(|(s, a)| (s / a.threshold / 1.5).clamp(0.0, 1.0));
    let call = move || anomalous().map(|is| if is { text::yours::ANOMALOUS } else { text::yours::NORMAL });
    view! {
        <p class="value" class:ood=move || anomalous() == Some(true) class:id=move || anomalous() == Some(false) data-testid="verdict" data-call=call>
            {said}
        </p>
        <svg class="bar-against" viewBox="0 0 300 12" preserveAspectRatio="none" aria-hidden="true">
            <rect class="ground" width="300" height="12"></rect>
            <rect
                class=move || if anomalous() == Some(true) { "ood" } else { "id" }
                width=move || share().map_or(0.0, |share| 300.0 * share)
                height="12"
            ></rect>
            <line class="threshold" x1="200" x2="200" y1="0" y2="12"></line>
        </svg>
    }
}

/// An image's score of those shown.
pub fn score_of(lab: Lab, found: &Explanation) -> Option<f32> {
    found.scores.get(lab.own.normal.shown.get()).copied()
}

/// The normal images that an image is nearest to, and how far it is from their mean on the sphere.
pub fn near(lab: Lab, found: &Explanation) -> impl IntoView + use<> {
    let fitted = lab.own.normal.fitted();
    let one = |neighbour: &Neighbour| {
        let image = fitted.as_ref()?.images.get(neighbour.position? as usize)?;
        let label = format!("{}, {:.1}°", image.name, f64::from(neighbour.angle).to_degrees());
        let title = label.clone();
        Some(view! { <li title=title><Pixels planes=image.pixels.to_vec() label/></li> })
    };
    let list: Vec<_> = found
        .neighbours
        .get(lab.own.normal.shown.get())
        .map_or(Vec::new(), |near| near.iter().filter_map(one).collect());
    let angle = f64::from(found.angle);
    view! {
        <ul class="nearest" aria-label=text::yours::NEAREST>{list}</ul>
        <p class="small from-mean">{dial(angle)} <span>{text::yours::from_mean(angle)}</span></p>
    }
}

fn spoken(lab: Lab, tried: &Tried) -> Option<String> {
    let found: Arc<Explanation> = tried.found.clone()?;
    let (score, alarm) = (score_of(lab, &found)?, lab.own.normal.alarm.get()?);
    Some(format!("{}: {}", tried.name, text::yours::verdict(score, is_anomalous(score, alarm.threshold.into()))))
}

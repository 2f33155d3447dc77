//! The part of the lab that a scene plays with.

use super::turned::Turned;
use crate::charts::training::Measure;
use crate::components::compact::{Curve, Epochs, Legend, Replayed, ReplayedSphere, Which};
use crate::components::{Gallery, Own, Separate, TrainStage, lab};
use crate::story::Scene;
use leptos::prelude::*;

/// Curves, pictures or images, as the scene needs them: the same components as in the views.
#[component]
pub fn Stage(scene: Scene) -> impl IntoView {
    let lab = lab();
    let quality = Memo::new(move |_| Which::First.history(lab).is_some_and(|h| Measure::Quality.is_in(&[&h])));
    // Where the scene's runs are missing, one model stands alone.
    let compares = Memo::new(move |_| lab.model.compared_entry.with(Option::is_some));
    let curve = |measure, which| view! { <Curve measure which/> };
    let both = move |measure| {
        let second = move || compares.get().then(|| curve(measure, Which::Second));
        view! { {curve(measure, Which::First)} {second} }
    };
    let two = move |rows: AnyView| {
        view! {
            <Epochs/>
            <Legend/>
            <div class="curves" class:two=compares>
                {move || compares.get().then(|| view! { <Titles/> })}
                {rows}
            </div>
        }
        .into_any()
    };
    match scene {
        Scene::Detector => view! { <Gallery/> }.into_any(),
        Scene::Scores => view! { <Separate/> }.into_any(),
        Scene::YourTurn => view! { <Own/> }.into_any(),
        Scene::Live | Scene::Collapse => view! { <TrainStage/> }.into_any(),
        Scene::Rivals => view! { <Turned lab/> }.into_any(),
        Scene::Training => view! {
            <Epochs/>
            <div class="curves">
                <Curve measure=Measure::Auroc which=Which::First tall=true/>
                {move || quality.get().then(|| view! { <Curve measure=Measure::Quality which=Which::First tall=true/> })}
            </div>
        }
        .into_any(),
        Scene::Kappa => view! {
            <Epochs/>
            <Legend/>
            <div class="curves">
                <Curve measure=Measure::Kappa which=Which::First tall=true/>
                <ReplayedSphere which=Which::First/>
            </div>
        }
        .into_any(),
        Scene::Norm => two(view! { {both(Measure::Kappa)} {both(Measure::Auroc)} }.into_any()),
        Scene::StopGrad => {
            let second = move || compares.get().then(|| view! { <ReplayedSphere which=Which::Second/> });
            two(view! { {both(Measure::Kappa)} <ReplayedSphere which=Which::First/> {second} }.into_any())
        }
        Scene::Pollution => {
            let second = move || compares.get().then(|| view! { <Replayed which=Which::Second/> });
            two(view! { <Replayed which=Which::First/> {second} {both(Measure::Auroc)} }.into_any())
        }
    }
}

/// The two models' titles above their columns.
#[component]
fn Titles() -> impl IntoView {
    let lab = lab();
    let title = move |which: Which| view! { <h3 class="column">{move || which.title(lab)}</h3> };
    view! { {title(Which::First)} {title(Which::Second)} }
}

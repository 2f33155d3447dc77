//! The part of the lab that a scene plays with.

use crate::charts::training::Measure;
use crate::components::compact::{Curve, Epochs, Legend, Replayed, ReplayedSphere, Which};
use crate::components::{Gallery, Own, Separate, TrainStage, lab};
use crate::story::Scene;
use leptos::prelude::*;

/// Curves, pictures or images, as the scene needs them: the same components as in the views.
#[component]
pub fn Stage(
    /// The scene.
    scene: Scene,
) -> impl IntoView {
    let lab = lab();
    let quality = Memo::new(move |_| Which::First.history(lab).is_some_and(|h| Measure::Quality.is_in(&[&h])));
    let curve = |measure, which| view! { <Curve measure which/> };
    let both = move |measure| view! { {curve(measure, Which::First)} {curve(measure, Which::Second)} };
    match scene {
        Scene::Detector => view! { <Gallery/> }.into_any(),
        Scene::Scores => view! { <Separate/> }.into_any(),
        Scene::YourTurn => view! { <Own/> }.into_any(),
        Scene::Live => view! { <TrainStage/> }.into_any(),
        Scene::Training => view! {
            <Epochs/>
            <div class="curves">
                {curve(Measure::Auroc, Which::First)}
                {move || quality.get().then(|| curve(Measure::Quality, Which::First))}
            </div>
        }
        .into_any(),
        Scene::Kappa => view! {
            <Epochs/>
            <Legend/>
            <div class="curves">{curve(Measure::Kappa, Which::First)} <ReplayedSphere which=Which::First/></div>
        }
        .into_any(),
        Scene::Norm => view! {
            <Epochs/>
            <Legend/>
            <div class="curves two"><Titles/> {both(Measure::Kappa)} {both(Measure::Auroc)}</div>
        }
        .into_any(),
        Scene::StopGrad => view! {
            <Epochs/>
            <Legend/>
            <div class="curves two">
                <Titles/>
                {both(Measure::Kappa)}
                <ReplayedSphere which=Which::First/>
                <ReplayedSphere which=Which::Second/>
            </div>
        }
        .into_any(),
        Scene::Pollution => view! {
            <Epochs/>
            <Legend/>
            <div class="curves two">
                <Titles/>
                <Replayed which=Which::First/>
                <Replayed which=Which::Second/>
                {both(Measure::Auroc)}
            </div>
        }
        .into_any(),
    }
}

/// The two models' titles above their columns.
#[component]
fn Titles() -> impl IntoView {
    let lab = lab();
    let title = move |which: Which| view! { <h3 class="column">{move || which.title(lab)}</h3> };
    view! { {title(Which::First)} {title(Which::Second)} }
}

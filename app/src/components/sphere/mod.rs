//! The hypersphere: every image as a point, by its exact angle to the ID mean or by principal components.

pub mod brush;
mod input;
mod picked;
mod picture;
mod state;

pub use picture::{CAPS, Picture};
pub use state::reduced_motion;

use super::compact::{Epochs, Which};
use super::{Choices, Data, Marks, Prose, lab};
use crate::charts::Table;
use crate::lab::Lab;
use crate::sphere::{Dot, Kind, Projected, gallery_dots, own_dots, sample_dots, summary};
use crate::state::{ImageName, Projection};
use crate::text;
use leptos::prelude::*;
use nsa_core::sphere::cap_angle;
use picked::Picked;
use std::sync::Arc;

/// The whole view: the picture, its controls, and the image that is pointed at.
#[component]
pub fn Sphere() -> impl IntoView {
    let lab = lab();
    lab.sphere.look();
    let map = Memo::new(move |_| lab.state.with(|s| s.map));
    let placed = Memo::new(move |_| lab.sphere.projected.with(|p| p.as_ref().and_then(|p| p.as_ref().ok()).cloned()));
    let dots = Memo::new(move |_| Arc::new(shown(lab, map.get(), placed.get().unwrap_or_default())));
    let kappa = Memo::new(move |_| {
        (map.get() == Projection::Angle)
            .then(|| Which::First.replay(lab)?.compactness(lab.model.frame.get()?))
            .flatten()
    });
    let axes = Memo::new(move |_| {
        (map.get() == Projection::Pca).then(|| placed.with(|p| p.as_ref().map_or([0.0; 3], |p| p.explained)))
    });
    let caption = Memo::new(move |_| {
        let share = placed.with(|p| p.as_ref().map(|p| f64::from(p.explained.iter().sum::<f32>())));
        text::sphere::caption(map.get(), share)
    });
    let dim = move || lab.model.replay.with(|r| r.as_ref().map(|r| 8 * r.manifest.config.width));
    let caps = move || {
        kappa.get().map_or(String::new(), |(compactness, dim)| {
            let [half, most] = CAPS.map(|share| cap_angle(dim, compactness.kappa, share).to_degrees());
            text::sphere::caps(compactness.kappa, dim, half, most)
        })
    };
    let waits = move || {
        let failed = lab.sphere.projected.with(|p| p.as_ref().and_then(|p| p.as_ref().err()).cloned());
        let waiting = (map.get() == Projection::Pca && placed.with(Option::is_none)).then_some(text::sphere::PCA_WAITS);
        failed.or(waiting.map(Into::into)).map(|why| view! { <p class="empty" role="status">{why}</p> })
    };
    let (hovered, spin) = (RwSignal::new(None::<Dot>), RwSignal::new(!reduced_motion()));
    let (reset, zoom, lasso) = (RwSignal::new(0u32), RwSignal::new(None::<f64>), RwSignal::new(false));
    let dense = move || lab.state.with(|s| s.density);
    let magnify = move |factor: f64| zoom.set(Some(factor));
    view! {
        <section class="card sphere-view" aria-labelledby="sphere-title">
            <header data-part="lead">
                <h2 id="sphere-title">{text::sphere::TITLE}</h2>
                <p class="lead"><Prose text=Signal::derive(move || text::sphere::lead(map.get(), dim()))/></p>
            </header>
            <div class="toolbar" data-part="toolbar">
                <Choices
                    legend=text::sphere::MAP
                    name="map"
                    options=Projection::ALL.iter().map(|&m| (m, text::sphere::map(m))).collect()
                    chosen=map.into()
                    choose=move |map| lab.choose(|state| state.map = map)
                />
                <div class="sphere-epochs" hidden=move || map.get() == Projection::Pca><Epochs/></div>
            </div>
            <div class="sphere-body">
                <div class="sphere-stage">
                    <Picture dots kappa caption axes spin hovered reset zoom lasso/>
                    <div class="sphere-tools" data-part="toolbar">
                        <button type="button" class="quiet" aria-pressed=move || spin.get().to_string() on:click=move |_| spin.update(|on| *on = !*on)>
                            {text::sphere::TURN}
                        </button>
                        <button type="button" class="quiet" aria-label=text::sphere::FARTHER on:click=move |_| magnify(1.0 / 1.25)>"−"</button>
                        <button type="button" class="quiet" aria-label=text::sphere::NEARER on:click=move |_| magnify(1.25)>"+"</button>
                        <button type="button" class="quiet" on:click=move |_| reset.update(|n| *n += 1)>{text::sphere::RESET}</button>
                        <button
                            type="button"
                            class="quiet"
                            data-testid="density"
                            hidden=move || map.get() == Projection::Pca
                            aria-pressed=move || dense().to_string()
                            on:click=move |_| lab.choose(|state| state.density = !state.density)
                        >
                            {text::sphere::DENSITY}
                        </button>
                        <button
                            type="button"
                            class="quiet"
                            data-testid="lasso"
                            aria-pressed=move || lasso.get().to_string()
                            on:click=move |_| lasso.update(|on| *on = !*on)
                        >
                            {text::sphere::LASSO}
                        </button>
                    </div>
                    <p class="small">{move || if lasso.get() { text::sphere::LASSO_KEYS } else { text::sphere::KEYS }}</p>
                </div>
                <div class="sphere-side">
                    <Shapes lab/>
                    <Marks lab/>
                    {waits}
                    <Picked lab dots hovered/>
                    <p data-testid="sphere-summary"><Prose text=Signal::derive(move || dots.with(|dots| summary(dots)))/></p>
                    <p class="small"><Prose text=Signal::derive(caps)/></p>
                    <p class="small" hidden=move || !dense() || map.get() == Projection::Pca>{text::sphere::DENSITY_NOTE}</p>
                    <p class="small">{move || what_is_shown(lab, &dots.get())}</p>
                    <Data name="sphere" picture="sphere" table=Signal::derive(move || table(lab, &dots.get()))/>
                </div>
            </div>
        </section>
    }
}

/// What the points' shapes mean.
#[component]
fn Shapes(lab: Lab) -> impl IntoView {
    view! {
        <p class="legend">
            <span class="key id shape"><Prose text=text::ID/></span>
            <span class="key ood shape"><Prose text=text::OOD/></span>
            <span class="key own shape" hidden=move || lab.own.images.with(Vec::is_empty)>{text::OWN_KEY}</span>
        </p>
    }
}

/// The points: recorded ones of the checkpoint, and at the last checkpoint those that the engine has placed.
fn shown(lab: Lab, map: Projection, placed: Projected) -> Vec<Dot> {
    let recorded =
        || Which::First.replay(lab).zip(lab.model.frame.get()).map(|(replay, frame)| sample_dots(&replay, frame));
    let mut dots = match map {
        Projection::Angle => recorded().unwrap_or_default(),
        Projection::Pca => Vec::new(),
    };
    let at_the_end = lab.model.replay.with(|r| r.as_ref().is_none_or(|r| r.frame_at(None) == lab.model.frame.get()));
    if at_the_end || map == Projection::Pca {
        let components = map == Projection::Pca;
        let score = lab.scores.shown.get();
        let live = lab.gallery.images.with(|i| lab.scores.values.with(|v| gallery_dots(i, v, &placed, components)));
        // What was scored here stands for itself; its recorded place is the same but for rounding.
        let known: Vec<ImageName> = live.iter().map(|dot| dot.name).collect();
        dots.retain(|dot| !known.contains(&dot.name));
        dots.extend(live);
        dots.extend(lab.own.images.with(|own| own_dots(own, score, &placed, components)));
    }
    dots
}

fn what_is_shown(lab: Lab, dots: &[Dot]) -> String {
    let samples = dots.iter().filter(|d| matches!(d.origin, crate::sphere::Origin::Sample(_))).count();
    text::sphere::shown(lab.model.epoch().map(|epoch| epoch as usize), samples, dots.len() - samples)
}

fn table(lab: Lab, dots: &[Dot]) -> Table {
    let row = |dot: &Dot| {
        let side = match dot.kind {
            Kind::Id => text::ID,
            Kind::Ood => text::OOD,
            Kind::Own => text::OWN_KEY,
        };
        vec![
            dot.name.to_string(),
            side.into(),
            dot.class.map_or(String::new(), |class| lab.model.class_name(class)),
            format!("{:.2}", f64::from(dot.angle).to_degrees()),
            dot.score.map_or(String::new(), |score| format!("{score:.4}")),
        ]
    };
    Table::new(&text::sphere::HEAD, dots.iter().map(row).collect())
}

//! What an image is near to: the training images themselves, their mean, and the views that training would have made.

use crate::components::{Pixels, Prose};
use crate::gallery::TrainingImages;
use crate::lab::{Detail, Lab};
use crate::text;
use leptos::prelude::*;
use nsa_core::bundle::Neighbour;
use std::sync::Arc;

/// The nearest training images where the score shown compares, and the angle to the mean of all.
#[component]
pub fn Neighbours(lab: Lab) -> impl IntoView {
    let training = Memo::new(move |_| {
        lab.model.bundle.with(|b| b.as_ref().map(|b| Arc::new(TrainingImages::of(&b.manifest.config))))
    });
    // The ensemble has no space of its own: its first member stands in.
    let score = Memo::new(move |_| {
        let shown = lab.scores.shown.get();
        lab.model.bundle.with(|b| {
            let manifest = &b.as_ref()?.manifest;
            if shown < manifest.scores.len() { Some(shown) } else { manifest.ensemble_members().first().copied() }
        })
    });
    let near = Memo::new(move |_| {
        let score = score.get()?;
        lab.detail.told.with(|d| d.explanation.as_ref().and_then(|e| e.neighbours.get(score).cloned()))
    });
    let list = move || {
        let training = training.get();
        let one = move |neighbour: Neighbour| view! { <One training=training.clone() neighbour/> };
        near.get().map_or(Vec::new(), |near| near.into_iter().map(one).collect())
    };
    let lead = move || {
        let title = score.get().and_then(|score| lab.model.bundle.with(|b| b.as_ref().map(|b| b.score_title(score))));
        title.map_or(String::new(), |title| text::score::neighbours(&title))
    };
    let no_pictures = move || training.with(|t| t.as_ref().is_some_and(|t| !t.can_be_drawn()));
    let angle = Memo::new(move |_| lab.detail.told.with(|d| d.explanation.as_ref().map(|e| f64::from(e.angle))));
    view! {
        <section class="near" data-testid="detail-neighbours">
            <h3>{text::score::NEIGHBOURS_TITLE}</h3>
            <p class="small"><Prose text=Signal::derive(lead)/></p>
            <ol class="neighbours">{list}</ol>
            <p class="small" hidden=move || !no_pictures()>{text::score::NO_PICTURES}</p>
            <p class="waiting" hidden=move || near.with(Option::is_some)>{text::score::ASKING}</p>
        </section>
        <section class="mean-angle" data-testid="detail-angle" hidden=move || angle.with(Option::is_none)>
            <h3>{text::score::ANGLE_TITLE}</h3>
            <div>
                {move || angle.get().map(dial)}
                <p><Prose text=Signal::derive(move || angle.get().map_or(String::new(), text::score::angle))/></p>
            </div>
        </section>
    }
}

/// One training image: its picture where it can be drawn, its number, how far away it is.
#[component]
fn One(training: Option<Arc<TrainingImages>>, neighbour: Neighbour) -> impl IntoView {
    let found = neighbour.position.and_then(|at| training.as_ref()?.draw(at as usize));
    let which = match (&found, neighbour.position) {
        (Some(image), _) => text::score::training_image(&image.class, image.index),
        (None, Some(at)) => text::score::training_position(at),
        (None, None) => text::score::TRAINING_UNKNOWN.into(),
    };
    let angle = text::score::degrees(neighbour.angle.into());
    let picture = found.map(|image| view! { <Pixels planes=image.pixels.to_vec() label=which.clone()/> });
    view! {
        <li data-position=neighbour.position.map(|at| at.to_string()) data-angle=neighbour.angle.to_string()>
            {picture}
            <span>{which}</span>
            <b>{angle}</b>
        </li>
    }
}

/// An angle from the pole, which is the mean of the training images.
pub fn dial(angle: f64) -> impl IntoView {
    let (x, y) = (50.0 + 44.0 * angle.sin(), 50.0 - 44.0 * angle.cos());
    let (near_x, near_y) = (50.0 + 20.0 * angle.sin(), 50.0 - 20.0 * angle.cos());
    let arc = format!("M50 30A20 20 0 {} 1 {near_x:.2} {near_y:.2}", i32::from(angle > std::f64::consts::PI));
    view! {
        <svg class="dial" viewBox="0 0 100 100" aria-hidden="true">
            <circle class="ball" cx="50" cy="50" r="44"></circle>
            <line class="pole" x1="50" y1="50" x2="50" y2="6"></line>
            <path class="arc" d=arc></path>
            <line class="here" x1="50" y1="50" x2=x y2=y></line>
            <circle class="mean" cx="50" cy="6" r="4.5"></circle>
            <circle class="point" cx=x cy=y r="4.5"></circle>
        </svg>
    }
}

/// Random views of the image, as the model's training would have drawn them, and a button for others.
#[component]
pub fn Views(lab: Lab) -> impl IntoView {
    let about = move || lab.model.bundle.with(|b| b.as_ref().map(|b| text::score::views(&b.manifest.config.augment)));
    let picture = |(i, planes): (usize, Arc<[u8]>)| {
        view! { <li><Pixels planes=planes.to_vec() label=text::score::view(i + 1)/></li> }
    };
    let list = move || {
        let views = lab.detail.told.with(|Detail { views, .. }| views.clone());
        views.into_iter().enumerate().map(picture).collect_view()
    };
    view! {
        <section class="views-made" data-testid="detail-views" data-seed=move || lab.detail.told.with(|d| d.seed.to_string())>
            <h3>{text::score::VIEWS_TITLE}</h3>
            <p class="small">{about}</p>
            <ul class="made">{list}</ul>
            <button type="button" class="quiet" data-testid="detail-again" on:click=move |_| lab.detail.other_views()>
                {text::score::AGAIN}
            </button>
        </section>
    }
}

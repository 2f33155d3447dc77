//! Training in the page, watched.

mod curves;
mod panel;
mod recipe;
mod sphere;
mod transport;

use super::{Prose, lab};
use crate::lab::{Beside, Lab};
use crate::state::{View, scorer_word};
use crate::text::{self as shared, models, train as text};
use crate::train::recipe::Recipe;
use crate::train::{Status, TrainingStore};
use curves::Curves;
use leptos::prelude::*;
use panel::Panel;
use recipe::RecipeForm;
use transport::{Files, Messages, Transport};

/// The whole view: what is trained, the buttons, a panel for each run, the curves of both.
#[component]
pub fn Train() -> impl IntoView {
    let lab = lab();
    let training = lab.training;
    follow(lab);
    let recipe = Memo::new(move |_| lab.state.with(|s| s.train.clone()));
    let lead = move || {
        recipe.with(|r| match r.compares_the_norm() {
            true => text::comparison(&r.a.name(), &subject(r)),
            false => text::LEAD.into(),
        })
    };
    // Whoever comes with a recipe of their own sees it.
    let open = recipe.with_untracked(|r| *r != Recipe::default());
    view! {
        <section class="card train" aria-labelledby="train-title">
            <header data-part="lead">
                <h2 id="train-title">{text::TITLE}</h2>
                <p class="lead"><Prose text=Signal::derive(lead)/></p>
            </header>
            <details class="recipe-fold" data-testid="train-recipe" open=open>
                <summary>{text::RECIPE}</summary>
                <RecipeForm lab/>
            </details>
            <Transport lab/>
            <Messages training/>
            <OwnImages lab/>
            <Panels training/>
            <Curves lab/>
            <Files training/>
        </section>
    }
}

/// What the story shows of it: the buttons, and of each run sphere and κ.
#[component]
pub fn TrainStage() -> impl IntoView {
    let lab = lab();
    follow(lab);
    view! {
        <div class="train-stage">
            <Transport lab/>
            <Messages training=lab.training/>
            <Panels training=lab.training brief=true/>
        </div>
    }
}

fn subject(recipe: &Recipe) -> String {
    recipe.own.map_or_else(|| models::things("synth-digits", recipe.class), |kind| text::own(kind).into())
}

/// What there is to say where a person's own images are learned: how they are tested, what they give without training, or
/// how many are missing.
#[component]
fn OwnImages(lab: Lab) -> impl IntoView {
    let normal = lab.own.normal;
    let found = Memo::new(move |_| lab.own_to_train().map(|own| own.is_some()));
    let beside = move || {
        let title = |b: &Beside| format!("{} on {}", shared::scorer(&scorer_word(b.scorer)), shared::layer(b.layer));
        lab.own.beside.with(|b| b.as_ref().map(|b| text::beside(&b.encoder, &title(b), b.auroc)))
    };
    let missing = move |images: usize| {
        view! {
            <p class="note" role="status" data-testid="train-wants">
                {text::wants_images(images)} " "
                <button type="button" class="quiet" on:click=move |_| lab.choose(|s| s.view = View::Yours)>{text::TO_YOURS}</button>
            </p>
        }
    };
    let tested = move || {
        view! {
            <p class="small">{text::told_from(normal.odd.with(Vec::len))}</p>
            <p data-testid="train-beside" data-auroc=move || lab.own.beside.with(|b| b.as_ref().map(|b| b.auroc.to_string()))>
                {beside}
            </p>
        }
    };
    move || match found.get() {
        Ok(false) => None,
        Ok(true) => Some(tested().into_any()),
        Err(images) => Some(missing(images).into_any()),
    }
}

/// A panel for each run there is.
#[component]
fn Panels(training: TrainingStore, #[prop(optional)] brief: bool) -> impl IntoView {
    let panels = move || {
        let two = training.runs[1].config.with(Option::is_some);
        (0..1 + usize::from(two)).map(|index| view! { <Panel training index brief/> }).collect_view()
    };
    view! { <div class="train-panels">{panels}</div> }
}

/// Does what the address wants, as long as the component lives.
fn follow(lab: Lab) {
    let training = lab.training;
    // The trainer is loaded when somebody comes here, and the runs of the address are made ready.
    Effect::new(move |_| {
        let (recipe, choice) = lab.state.with(|s| (s.train.clone(), s.backend));
        let own = lab.own_to_train();
        untrack(|| {
            let Ok(own) = own else {
                return if training.has_begun() { training.pause() } else { training.wait_for_images() };
            };
            let same =
                training.is_of(&recipe, own.as_ref()) && training.recipe.with(|now| now.as_ref() == Some(&recipe));
            if training.status.get() == Status::Asleep || (!training.has_begun() && !same) {
                lab.train(false);
            } else if training.choice.get() != choice {
                training.use_engine(choice);
            } else if training
                .recipe
                .with(|now| now.as_ref().is_some_and(|now| *now != recipe && now.same_runs(&recipe)))
            {
                // Nothing but learning rates differs: they hold from the next step on.
                for (run, method) in recipe.methods().into_iter().enumerate() {
                    if training.runs[run].config.with(|c| c.as_ref().is_some_and(|c| c.lr != method.rate)) {
                        training.set_rate(run, method.rate);
                    }
                }
            }
        });
    });
    Effect::new(move |_| {
        if let Some(opened) = training.opened.get() {
            training.opened.set(None);
            lab.open_file(opened);
        }
    });
}

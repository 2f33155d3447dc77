//! Training in the page, watched.

mod curves;
mod panel;
mod recipe;
mod sphere;
mod transport;

use super::{Prose, lab};
use crate::lab::Lab;
use crate::text::train as text;
use crate::train::recipe::Recipe;
use crate::train::{Live, Status};
use curves::Curves;
use leptos::prelude::*;
use panel::Panel;
use recipe::RecipeForm;
use transport::{Files, Messages, Transport};

/// The whole view: what is trained, the buttons, a panel for each run, the curves of both.
#[component]
pub fn Train() -> impl IntoView {
    let lab = lab();
    let live = lab.live;
    follow(lab);
    let recipe = Memo::new(move |_| lab.state.with(|s| s.train.clone()));
    let lead = move || {
        recipe.with(|r| match r.compares_the_norm() {
            true => text::comparison(&r.a.name(), r.class),
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
            <Messages live/>
            <Panels live/>
            <Curves lab/>
            <Files live/>
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
            <Messages live=lab.live/>
            <Panels live=lab.live brief=true/>
        </div>
    }
}

/// A panel for each run there is.
#[component]
fn Panels(live: Live, #[prop(optional)] brief: bool) -> impl IntoView {
    let panels = move || {
        let two = live.runs[1].config.with(Option::is_some);
        (0..1 + usize::from(two)).map(|index| view! { <Panel live index brief/> }).collect_view()
    };
    view! { <div class="train-panels">{panels}</div> }
}

/// Does what the address wants, as long as the component lives.
fn follow(lab: Lab) {
    let live = lab.live;
    // The trainer is loaded when somebody comes here, and the runs of the address are made ready.
    Effect::new(move |_| {
        let (recipe, choice) = lab.state.with(|s| (s.train.clone(), s.backend));
        untrack(|| {
            let untouched = !live.has_begun() && live.recipe.with(|now| now.as_ref() != Some(&recipe));
            if live.status.get() == Status::Asleep || untouched {
                live.begin(recipe, choice, false);
            } else if live.choice.get() != choice {
                live.use_engine(choice);
            } else if live.recipe.with(|now| now.as_ref().is_some_and(|now| *now != recipe && now.same_runs(&recipe))) {
                // Nothing but learning rates differs: they hold from the next step on.
                for (run, method) in recipe.methods().into_iter().enumerate() {
                    if live.runs[run].config.with(|c| c.as_ref().is_some_and(|c| c.lr != method.rate)) {
                        live.set_rate(run, method.rate);
                    }
                }
            }
        });
    });
    Effect::new(move |_| {
        if let Some(opened) = live.opened.get() {
            live.opened.set(None);
            lab.open_file(opened);
        }
    });
}

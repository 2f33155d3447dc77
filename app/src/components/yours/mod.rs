//! The view "Yours": a person's own images as the normal ones, in three steps.

mod attempt;
mod fit;
mod give;
mod keep;
mod live;
mod thumbnails;

use super::lab;
use crate::lab::{Fit, Lab};
use crate::state::{OwnKind, State, View};
use crate::text;
use attempt::Attempt;
use fit::Fitting;
use give::Give;
use keep::Keep;
use leptos::prelude::*;
use nsa_core::bundle::MIN_NORMAL;
use nsa_core::data::MIN_OWN;

/// The three steps, and what is left of them.
#[component]
pub fn Yours() -> impl IntoView {
    let lab = lab();
    // Somebody's settings came with the address, but no images.
    let set = |state: &State| state.alarms != State::default().alarms || state.scorer.is_some();
    let invited = move || lab.own.normal.images.with(Vec::is_empty) && lab.state.with(set);
    view! {
        <section class="card yours" aria-labelledby="yours-title" data-testid="yours">
            <header data-part="lead">
                <h2 id="yours-title">{text::yours::TITLE}</h2>
                <p class="lead">{text::yours::LEAD}</p>
                <p class="small">{text::yours::PRIVATE}</p>
                <p hidden=move || !invited() data-testid="invited">{text::yours::INVITED}</p>
            </header>
            <ol class="steps">
                <Step lab at=Now::Normal title=text::yours::NORMAL_TITLE testid="yours-normal"><Give lab/></Step>
                <Step lab at=Now::Fit title=text::yours::FIT_TITLE testid="yours-fit"><Fitting lab/></Step>
                <Step lab at=Now::Try title=text::yours::TRY_TITLE testid="yours-try"><Attempt lab/></Step>
            </ol>
            <TrainOnThem lab/>
            <Keep lab/>
        </section>
    }
}

/// From so many images on a network of their own can be trained on them.
#[component]
fn TrainOnThem(lab: Lab) -> impl IntoView {
    let images = lab.own.normal.images;
    let train = move |_| {
        let drawn = images.with_untracked(|images| images.iter().all(|image| image.name == text::yours::DRAWING_NAME));
        let kind = if drawn { OwnKind::Drawings } else { OwnKind::Photos };
        lab.choose(|state| (state.view, state.train.own) = (View::Train, Some(kind)));
    };
    view! {
        <section class="keep">
            <h3>{text::yours::TRAIN_TITLE}</h3>
            <p>{move || text::yours::train(images.with(Vec::len))}</p>
            <button type="button" data-testid="normal-train" disabled=move || images.with(Vec::len) < MIN_OWN on:click=train>
                {text::yours::TRAIN}
            </button>
        </section>
    }
}

/// Where a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    Normal,
    Fit,
    Try,
}

impl Now {
    fn of(lab: Lab) -> Self {
        match lab.own.normal.fit.with(|fit| matches!(fit, Fit::Fitted(_))) {
            true => Self::Try,
            false if lab.own.normal.images.with(|images| images.len() < MIN_NORMAL) => Self::Normal,
            false => Self::Fit,
        }
    }
}

/// One step; the one that a person is at stands out.
#[component]
fn Step(lab: Lab, at: Now, title: &'static str, testid: &'static str, children: Children) -> impl IntoView {
    let current = Memo::new(move |_| Now::of(lab) == at);
    view! {
        <li class="step" class:current=current aria-current=move || current.get().then_some("step") data-testid=testid>
            <h3>{title}</h3>
            {children()}
        </li>
    }
}

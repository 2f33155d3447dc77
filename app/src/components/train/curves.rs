//! Loss and AUROC of both runs, one over the other.

use super::panel::marker;
use crate::charts::{PlotFrame, live as plots};
use crate::components::{Chart, Prose, use_width};
use crate::lab::Lab;
use crate::state::scorer_word;
use crate::text::{self as shared, train as text};
use crate::train::TrainingStore;
use leptos::html;
use leptos::prelude::*;
use nsa_core::score::Scorer;

/// The score that picture and histogram show: the angle to the mean.
pub const SHOWN: Scorer = Scorer::CCos;

/// The two curves, with a menu for the score.
#[component]
pub fn Curves(lab: Lab) -> impl IntoView {
    let training = lab.training;
    let (chosen, choose) = signal(None::<Scorer>);
    let measured = Memo::new(move |_| measured(training));
    let shown =
        Memo::new(move |_| chosen.get().filter(|chosen| measured.with(|all| all.contains(chosen))).unwrap_or(SHOWN));

    let loss_node = NodeRef::<html::Figure>::new();
    let loss_width = use_width(loss_node);
    let loss = Memo::new(move |_| {
        let size = (loss_width.get(), (loss_width.get() * 0.45).clamp(200.0, 300.0));
        let steps = training.runs[0].prepared.with(|p| p.as_ref().map_or(1, |p| p.steps));
        training.runs[0].losses.with(|a| training.runs[1].losses.with(|b| plots::losses(size, [a, b], steps)))
    });
    let auroc_node = NodeRef::<html::Figure>::new();
    let auroc_width = use_width(auroc_node);
    let auroc = Memo::new(move |_| {
        let size = (auroc_width.get(), (auroc_width.get() * 0.45).clamp(200.0, 300.0));
        let epochs = training.runs[0].config.with(|c| c.as_ref().map_or(1, |c| c.epochs));
        training.runs[0]
            .history
            .with(|a| training.runs[1].history.with(|b| plots::aurocs(size, [a, b], epochs, shown.get())))
    });
    let options = move || {
        let option = |scorer: Scorer| {
            let word = scorer_word(scorer);
            let title = shared::scorer(&word).to_string();
            view! { <option value=word selected=scorer == shown.get()>{title}</option> }
        };
        measured.get().into_iter().map(option).collect_view()
    };
    let key = move |index: usize| {
        let run = training.runs[index];
        move || {
            run.name().map(|name| view! {
            <span class="run-legend"><span class="run-key" data-run=index aria-hidden="true"></span>{text::RUNS[index]}": "{name}</span>
        })
        }
    };
    view! {
        <div class="train-curves" data-part="curves">
            <div>
                <h3><Prose text=text::AUROC/></h3>
                <label class="field">
                    <span>{text::AUROC_OF}</span>
                    <select name="train-scorer" on:change:target=move |e| choose.set(e.target().value().parse().ok())>{options}</select>
                </label>
                <Chart testid="train-auroc" node=auroc_node plot=auroc overlay=move |axes: &PlotFrame| marker(axes, training.shown.get())/>
            </div>
            <div>
                <h3>{text::LOSS}</h3>
                <p class="legend">{key(0)}{key(1)}</p>
                <Chart testid="train-loss" node=loss_node plot=loss overlay=|_: &PlotFrame| ()/>
            </div>
        </div>
    }
}

/// The scores that some run is followed by, its authors' own last; the angles before there is one.
fn measured(training: TrainingStore) -> Vec<Scorer> {
    let mut scorers = Scorer::ANGULAR.to_vec();
    for run in training.runs {
        let last = run.history.with(|history| history.last().map(|entry| entry.auroc.clone()));
        last.into_iter().flatten().for_each(|(scorer, _)| {
            if !scorers.contains(&scorer) {
                scorers.push(scorer);
            }
        });
    }
    scorers
}

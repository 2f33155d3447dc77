//! One run: its sphere, its histogram, its κ, its numbers.

use super::sphere::LiveSphere;
use crate::charts::{PlotFrame, histogram, live as plots};
use crate::components::{Chart, Prose, use_width};
use crate::text::{self as shared, train as text};
use crate::train::{Status, TrainingStore};
use leptos::html;
use leptos::prelude::*;
use nsa_core::eval::auroc;
use nsa_core::measure::HistoryEntry;

/// The panel of run `index`.
#[component]
pub fn Panel(
    /// What is known of the runs.
    training: TrainingStore,
    index: usize,
    /// Without the histogram and files.
    brief: bool,
) -> impl IntoView {
    let run = training.runs[index];
    let entry = Memo::new(move |_| run.entry(training.shown.get()));
    let number = move |decimals: usize, of: fn(&HistoryEntry) -> f64| {
        move || entry.with(|e| e.as_ref().map_or("–".into(), |e| format!("{:.decimals$}", of(e))))
    };
    let title = format!("train-run-{index}");
    let saveable = move || {
        let rests = matches!(training.status.get(), Status::Resting | Status::Finished);
        // What is saved is the last epoch, whichever is looked at.
        rests && training.saving.with(Option::is_none) && run.history.with(|h| h.last().is_some_and(|e| e.epoch > 0))
    };
    view! {
        <article class="train-panel" data-run=index data-testid="train-panel" aria-labelledby=title.clone()
            data-epoch=move || entry.with(|e| e.as_ref().map(|e| e.epoch.to_string()))
            data-kappa=move || entry.with(|e| e.as_ref().map(|e| e.id.kappa.to_string()))
        >
            <h3 id=title.clone()><span class="run-key" data-run=index aria-hidden="true"></span>{text::RUNS[index]}": "{move || run.name()}</h3>
            <dl class="run-numbers">
                <div><dt><Prose text=text::KAPPA_ID/></dt><dd class="id">{number(0, |e| e.id.kappa)}</dd></div>
                <div><dt><Prose text=text::KAPPA_OOD/></dt><dd class="ood">{number(0, |e| e.ood.kappa)}</dd></div>
                <div class="beside"><dt><Prose text=text::MMD/></dt><dd>{number(3, |e| e.id.mmd2)}</dd></div>
                <div class="beside"><dt><Prose text=text::RANK/></dt><dd>{number(1, |e| e.id.effective_rank)}</dd></div>
            </dl>
            <div class="run-pictures">
                <div data-part="sphere">
                    <h4><Prose text=text::SPHERE/></h4>
                    <LiveSphere training index/>
                </div>
                <div data-part="curves">
                    <h4><Prose text=text::KAPPA/></h4>
                    <Kappa training index/>
                </div>
                {(!brief)
                    .then(|| {
                        view! {
                            <div data-part="histogram">
                                <h4><Prose text=text::HISTOGRAM/></h4>
                                <Histogram training index/>
                            </div>
                        }
                    })}
            </div>
            <p class="legend"><span class="key id">{shared::ID}</span><span class="key ood">{shared::OOD}</span></p>
            {(!brief)
                .then(|| {
                    view! {
                        <button type="button" class="quiet" data-testid="train-save" disabled=move || !saveable() on:click=move |_| training.save(index, false)>
                            {text::SAVE}
                        </button>
                        <button
                            type="button"
                            class="quiet"
                            data-testid="train-use"
                            hidden=move || training.own.with(Option::is_none)
                            disabled=move || !saveable()
                            on:click=move |_| training.save(index, true)
                        >
                            {text::USE}
                        </button>
                    }
                })}
        </article>
    }
}

#[component]
fn Kappa(training: TrainingStore, index: usize) -> impl IntoView {
    let node = NodeRef::<html::Figure>::new();
    let width = use_width(node);
    let plot = Memo::new(move |_| {
        let size = (width.get(), (width.get() * 0.42).clamp(150.0, 240.0));
        let epochs = training.runs[index].config.with(|c| c.as_ref().map_or(1, |c| c.epochs));
        let [a, b] = training.runs.map(|run| run.history);
        a.with(|a| b.with(|b| plots::kappa(size, [a, b], index, epochs)))
    });
    let overlay = move |axes: &PlotFrame| marker(axes, training.shown.get());
    view! { <Chart testid="train-kappa" node plot overlay/> }
}

/// A line at the epoch looked at.
pub fn marker(axes: &PlotFrame, epoch: Option<u32>) -> impl IntoView + use<> {
    let (top, bottom) = (axes.down.start, axes.down.end);
    epoch.map(|epoch| axes.x_pixel(epoch.into())).map(|x| {
        view! { <line class="threshold" x1=x x2=x y1=top y2=bottom></line> }
    })
}

#[component]
fn Histogram(training: TrainingStore, index: usize) -> impl IntoView {
    let node = NodeRef::<html::Figure>::new();
    let width = use_width(node);
    let run = training.runs[index];
    let plot = Memo::new(move |_| {
        let size = (width.get(), (width.get() * 0.5).clamp(190.0, 260.0));
        let frame = run.frame(training.shown.get()).unwrap_or_default();
        let id = run.prepared.with(|p| p.as_ref().map_or(0, |p| p.id)).min(frame.angle.len());
        let (id, ood) = frame.angle.split_at(id);
        // The same range all the way, and for both runs, so that hills move and not the axis.
        let widest =
            training.runs.iter().map(|run| run.frames.with(|frames| plots::widest_angle(frames))).fold(0.2, f64::max);
        histogram::plot(size, id, ood, 0.0..widest, auroc(id, ood).ok())
    });
    view! { <Chart testid="train-histogram" node plot overlay=|_: &PlotFrame| ()/> }
}

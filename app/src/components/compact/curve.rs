//! One measure of one model against epochs.

use super::Which;
use crate::charts::training::{Measure, scorer_shown};
use crate::charts::{Plot, PlotFrame};
use crate::components::{Chart, Prose, lab, use_width};
use crate::state::scorer_word;
use crate::text;
use leptos::html;
use leptos::prelude::*;
use nsa_core::measure::History;

/// A chart of one measure, with a mark at the checkpoint shown.
#[component]
pub fn Curve(
    measure: Measure,
    which: Which,
    /// Whether it has a row with nothing below it.
    #[prop(optional)]
    tall: bool,
) -> impl IntoView {
    let lab = lab();
    let node = NodeRef::<html::Figure>::new();
    let width = use_width(node);
    let scorer = Memo::new(move |_| lab.scores.entry().map(|s| s.scorer));
    let history = Memo::new(move |_| which.history(lab).unwrap_or_default());
    let plot: Memo<Plot> = Memo::new(move |_| {
        let width = width.get();
        let (share, room) = if tall { (0.8, 360.0) } else { (0.5, 220.0) };
        let size = (width, (width * share).clamp(190.0, lab.state.with(|s| s.height(300.0, room))));
        let both: Vec<History> =
            [Which::First, Which::Second].into_iter().filter_map(|which| which.history(lab)).collect();
        let bounds = measure.bounds(&both.iter().collect::<Vec<_>>(), scorer.get());
        history.with(|h| measure.plot(size, h, scorer.get(), &bounds))
    });
    let overlay = move |frame: &PlotFrame| {
        let replay = which.replay(lab)?;
        let epoch = f64::from(*replay.frames.epochs.get(which.frame(lab)?)?);
        let x = frame.x_pixel(epoch);
        let y = history.with(|h| measure.drawn_at(h, scorer.get(), epoch)).map(|value| frame.y_pixel(value));
        Some(view! {
            <line class="mark" x1=x x2=x y1=frame.down.start y2=frame.down.end></line>
            {y.map(|y| view! { <circle class="mark" r="4.5" cx=x cy=y></circle> })}
        })
    };
    let title = move || {
        let shown = history.with(|h| scorer_shown(h, scorer.get()));
        text::compact::measure(measure, shown.map(|s| text::scorer(&scorer_word(s)).to_string()))
    };
    view! {
        <div class="curve">
            <h3><Prose text=Signal::derive(title)/></h3>
            <p class="which">{move || which.title(lab)}</p>
            <p class="small explained"><Prose text=text::compact::explained(measure)/></p>
            <Chart testid=testid(measure, which) node plot overlay/>
        </div>
    }
}

fn testid(measure: Measure, which: Which) -> &'static str {
    match (measure, which) {
        (Measure::Kappa, Which::First) => "chart-kappa",
        (Measure::Kappa, Which::Second) => "chart-kappa-compared",
        (Measure::Auroc, Which::First) => "chart-auroc",
        (Measure::Auroc, Which::Second) => "chart-auroc-compared",
        (Measure::Mmd, Which::First) => "chart-mmd",
        (Measure::Mmd, Which::Second) => "chart-mmd-compared",
        (Measure::Rank, Which::First) => "chart-rank",
        (Measure::Rank, Which::Second) => "chart-rank-compared",
        (Measure::Quality, Which::First) => "chart-quality",
        (Measure::Quality, Which::Second) => "chart-quality-compared",
    }
}

//! What a threshold does to the images shown, as a confusion matrix and the rates that papers print.

use super::Prose;
use crate::lab::Lab;
use crate::stats::{Readout, percent};
use crate::text;
use leptos::prelude::*;
use nsa_core::eval::{self, RocSummary};

/// Two rows of truth, two columns of what the threshold says; below it FPR95 and AUPR, which need no threshold.
#[component]
pub fn Confusion(
    lab: Lab,
    /// The counts at the threshold.
    readout: Memo<Option<Readout>>,
) -> impl IntoView {
    let summary = Memo::new(move |_| lab.scores.sides.with(|s| eval::summarize(&s.id, &s.ood).ok()));
    let cell = move |class: &'static str, count: fn(&Readout) -> (usize, usize)| {
        let counted = move || readout.get().map(|r| count(&r));
        let share = move || {
            let (part, whole) = counted()?;
            Some(format!("{} %", percent(part as f64 / whole.max(1) as f64)))
        };
        view! {
            <td class=class>
                <b>{move || counted().map_or("–".into(), |(part, _)| part.to_string())}</b>
                <small>{share}</small>
            </td>
        }
    };
    let rate = move |term: &'static str, value: fn(&RocSummary) -> f64| {
        let value = move || summary.get().map_or("–".into(), |s| format!("{} %", percent(value(&s))));
        view! { <div><dt><Prose text=term/></dt><dd>{value}</dd></div> }
    };
    view! {
        <div class="confusion" data-testid="confusion">
            <h3>{text::score::CONFUSION_TITLE}</h3>
            <table class="confusion-table">
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col">{text::score::CALLED_NORMAL}</th>
                        <th scope="col">{text::score::CALLED_ANOMALY}</th>
                    </tr>
                </thead>
                <tbody>
                    <tr>
                        <th scope="row">{text::ID}</th>
                        {cell("right", |r| (r.id - r.flagged, r.id))}
                        {cell("wrong", |r| (r.flagged, r.id))}
                    </tr>
                    <tr>
                        <th scope="row">{text::OOD}</th>
                        {cell("wrong", |r| (r.ood - r.caught, r.ood))}
                        {cell("right", |r| (r.caught, r.ood))}
                    </tr>
                </tbody>
            </table>
            <dl class="rates" data-testid="rates">
                {rate(text::score::FPR95, |s| s.fpr95)}
                {rate(text::score::AUPR_OUT, |s| s.aupr_out)}
                {rate(text::score::AUPR_IN, |s| s.aupr_in)}
            </dl>
        </div>
    }
}

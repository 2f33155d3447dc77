//! A checkpoint as it was recorded in training: the histogram of its scores, and its hypersphere.

use super::Which;
use crate::charts::{Plot, PlotFrame, histogram};
use crate::components::sphere::Picture;
use crate::components::{Chart, Prose, lab, use_width};
use crate::lab::Lab;
use crate::sphere::{Dot, sample_dots, summary};
use crate::state::Projection;
use crate::stats::percent;
use crate::text;
use leptos::html;
use leptos::prelude::*;
use nsa_core::eval::auroc;
use std::ops::Range;
use std::sync::Arc;

/// The histogram of the recorded scores. Its axes stay as they are while checkpoints change, and two models share
/// them.
#[component]
pub fn Replayed(which: Which) -> impl IntoView {
    let lab = lab();
    let node = NodeRef::<html::Figure>::new();
    let width = use_width(node);
    let scores = Memo::new(move |_| {
        let shown = which.replay(lab).zip(which.frame(lab));
        shown.map_or_else(Default::default, |(replay, frame)| replay.scores(frame))
    });
    let reached = Memo::new(move |_| scores.with(|(id, ood)| auroc(id, ood).ok()));
    let axes = Memo::new(move |_| shared_axes(lab));
    let plot: Memo<Plot> = Memo::new(move |_| {
        let width = width.get();
        let size = (width, (width * 0.5).clamp(200.0, 300.0));
        let (range, highest) = axes.get();
        scores.with(|(id, ood)| histogram::plot_below(size, id, ood, range, reached.get(), highest))
    });
    let selected = move |frame: &PlotFrame| {
        let (chosen, marks) = lab.state.with(|s| (s.select, s.marks.clone()));
        if chosen.is_none() && marks.is_empty() {
            return None;
        }
        let dots = which.replay(lab).zip(which.frame(lab)).map(|(replay, frame)| sample_dots(&replay, frame))?;
        let line = |dot: &Dot| {
            let is_chosen = Some(dot.name) == chosen;
            let x = frame.x_pixel(dot.score?.into());
            let (top, bottom) = (frame.down.start, frame.down.end);
            let (class, from) = if is_chosen { ("selected", top) } else { ("marked", bottom - 14.0) };
            let wanted = is_chosen || marks.contains(&dot.name);
            wanted.then(|| view! { <line class=class x1=x x2=x y1=from y2=bottom></line> })
        };
        Some(dots.iter().filter_map(line).collect_view())
    };
    let told = move || {
        let n = scores.with(|(id, ood)| id.len() + ood.len());
        let scorer = which.replay(lab).filter(|_| n > 0).map(|replay| replay.frames.scorer);
        scorer.map_or_else(String::new, |scorer| {
            text::compact::replayed(text::scorer(scorer.name()), reached.get().map(percent), n)
        })
    };
    let testid = match which {
        Which::First => "chart-replayed",
        Which::Second => "chart-replayed-compared",
    };
    view! {
        <div class="curve">
            <h3>{text::compact::REPLAY_TITLE}</h3>
            <p class="which">{move || which.title(lab)}</p>
            <p class="small explained"><Prose text=Signal::derive(told)/></p>
            <Chart testid node plot overlay=selected/>
        </div>
    }
}

/// The range of scores over all checkpoints of both models, and the fullest bin at the checkpoints shown.
fn shared_axes(lab: Lab) -> (Range<f64>, usize) {
    let replays: Vec<_> = [Which::First, Which::Second]
        .into_iter()
        .filter_map(|which| Some((which.replay(lab)?, which.frame(lab)?)))
        .collect();
    let ends = replays.iter().filter_map(|(replay, _)| replay.score_range()).flat_map(|r| [r.start, r.end]);
    let range = crate::charts::range_of(ends.map(f64::from), 0.02);
    let fullest = replays.iter().map(|(replay, frame)| {
        let (id, ood) = replay.scores(*frame);
        histogram::highest(&id, &ood, range.clone())
    });
    let highest = fullest.max().unwrap_or(0);
    (range, highest)
}

/// The recorded samples on the hypersphere.
#[component]
pub fn ReplayedSphere(which: Which) -> impl IntoView {
    let lab = lab();
    let dots: Memo<Arc<Vec<Dot>>> = Memo::new(move |_| {
        let shown = which.replay(lab).zip(which.frame(lab));
        Arc::new(shown.map_or(Vec::new(), |(replay, frame)| sample_dots(&replay, frame)))
    });
    let kappa = Memo::new(move |_| which.replay(lab)?.compactness(which.frame(lab)?));
    let caption = Memo::new(move |_| text::sphere::caption(Projection::Angle, None));
    view! {
        <div class="curve">
            <h3>{text::compact::SPHERE_TITLE}</h3>
            <p class="which">{move || which.title(lab)}</p>
            <p class="small explained"><Prose text=Signal::derive(move || dots.with(|dots| summary(dots)))/></p>
            <Picture dots kappa caption/>
        </div>
    }
}

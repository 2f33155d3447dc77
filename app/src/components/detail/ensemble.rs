//! The ensemble as what it is: a sum. Each score adds its part, scaled by the range of the training images.

use crate::components::Prose;
use crate::lab::Lab;
use crate::state::ImageName;
use crate::text;
use leptos::prelude::*;
use nsa_core::bundle::{Ensemble, Part};

/// Width of the bar in its own units.
const WIDTH: f64 = 1000.0;

/// The stacked bar, and below it the parts by name.
#[component]
pub fn EnsembleParts(lab: Lab, image: ImageName) -> impl IntoView {
    let ensemble = Memo::new(move |_| {
        let row = lab.detail.row_of(image)?;
        lab.model.bundle.with(|b| b.as_ref()?.manifest.ensemble(&row))
    });
    let bar = move || {
        ensemble.get().map(|Ensemble { sum, parts }| {
            let segments = stack(&parts);
            let scale = scale(&segments);
            let x = move |at: f64| WIDTH * (at - scale.0) / (scale.1 - scale.0);
            let piece = |(i, &(from, to)): (usize, &(f64, f64))| {
                view! { <rect class=format!("part p{}", i % 8) x=x(from) width=(x(to) - x(from)).max(0.0) y="8" height="34"></rect> }
            };
            let pieces = segments.iter().enumerate().map(piece).collect_view();
            let tick = |at: i32| {
                let at = f64::from(at);
                view! { <line class="tick" x1=x(at) x2=x(at) y1="44" y2="50"></line> }
            };
            let ticks = (scale.0.ceil() as i32..=scale.1.floor() as i32).map(tick).collect_view();
            let zero = x(0.0);
            let total = x(f64::from(sum));
            view! {
                <svg class="strip stack" viewBox="0 0 1000 50" preserveAspectRatio="none" aria-hidden="true">
                    {pieces}{ticks}
                    <line class="zero" x1=zero x2=zero y1="0" y2="50"></line>
                    <line class="here" x1=total x2=total y1="0" y2="50"></line>
                </svg>
            }
        })
    };
    let list = move || {
        ensemble.get().map(|Ensemble { parts, .. }| {
            parts.into_iter().enumerate().map(|(i, part)| view! { <Member lab i part/> }).collect_view()
        })
    };
    let sum = move || ensemble.with(|e| e.as_ref().map(|e| text::score::ensemble_sum(e.sum, e.parts.len())));
    view! {
        <section class="ensemble" hidden=move || ensemble.with(Option::is_none) data-testid="detail-ensemble">
            <h3><Prose text=text::score::ENSEMBLE_TITLE/></h3>
            {bar}
            <p data-testid="detail-ensemble-sum">{sum}</p>
            <ul class="parts">{list}</ul>
        </section>
    }
}

#[component]
fn Member(lab: Lab, i: usize, part: Part) -> impl IntoView {
    let title = move || lab.model.bundle.with(|b| b.as_ref().map(|b| b.score_title(part.score)));
    view! {
        <li data-part-value=part.value.to_string()>
            <span class=format!("swatch p{}", i % 8) aria-hidden="true"></span>
            <span>{title}</span>
            <b>{format!("{:+.2}", part.value)}</b>
        </li>
    }
}

/// Where each part lies on the axis: parts above 0 are put end to end to the right of it, those below to the left.
fn stack(parts: &[Part]) -> Vec<(f64, f64)> {
    let (mut above, mut below) = (0.0, 0.0);
    let mut place = |part: &Part| {
        let value = f64::from(part.value);
        let end = if value >= 0.0 { &mut above } else { &mut below };
        let from = *end;
        *end += value;
        (from.min(*end), from.max(*end))
    };
    parts.iter().map(&mut place).collect()
}

/// From the lowest end or 0 to the highest end or the number of parts: what the training images fill.
fn scale(segments: &[(f64, f64)]) -> (f64, f64) {
    let low = segments.iter().fold(0.0_f64, |low, s| low.min(s.0));
    let high = segments.iter().fold(segments.len() as f64, |high, s| high.max(s.1));
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_parts_stack_to_the_left_and_large_ones_widen_the_scale() {
        let part = |score, value| Part { score, value };
        let segments = stack(&[part(0, 0.5), part(1, -0.25), part(2, 3.5), part(3, -0.5)]);
        assert_eq!(segments, [(0.0, 0.5), (-0.25, 0.0), (0.5, 4.0), (-0.75, -0.25)]);
        assert_eq!(scale(&segments), (-0.75, 4.0));
        assert_eq!(scale(&stack(&[part(0, 0.1), part(1, 0.2)])), (0.0, 2.0));
    }
}

//! Where one score lies among those of the normal images and of the anomalies.

use crate::lab::Lab;
use crate::stats::{percent, share_below};
use crate::text;
use leptos::prelude::*;
use std::fmt::Write;
use std::ops::Range;

/// Width of the strip in its own units; the style sheet stretches it.
const WIDTH: f64 = 1000.0;

/// Two rows of strokes, one a gallery image, and a line through both where this image stands.
#[component]
pub fn Place(
    lab: Lab,
    /// The score of the image.
    value: Memo<Option<f32>>,
) -> impl IntoView {
    let strokes = move |side: fn(&crate::lab::Sides) -> &Vec<f32>, top: u32| {
        lab.scores.sides.with(|sides| strokes(side(sides), &lab.scores.range.get(), top))
    };
    let at = move |value: f64| lab.scores.range.with(|range| place(value, range));
    let line = move || {
        value.get().map(|v| {
            let x = at(v.into());
            view! { <line class="here" x1=x x2=x y1="0" y2="60"></line> }
        })
    };
    let threshold = move || {
        lab.scores.threshold.get().map(|t| {
            let x = at(t);
            view! { <line class="threshold" x1=x x2=x y1="0" y2="60"></line> }
        })
    };
    let sentence = move || {
        let value = value.get()?;
        let share =
            |scores: &Vec<f32>| (!scores.is_empty()).then(|| (percent(share_below(scores, value)), scores.len()));
        Some(lab.scores.sides.with(|s| text::score::place(share(&s.id), share(&s.ood))))
    };
    view! {
        <section class="place">
            <h3>{text::score::PLACE_TITLE}</h3>
            <svg class="strip" viewBox="0 0 1000 60" preserveAspectRatio="none" aria-hidden="true">
                <path class="id" d=move || strokes(|s| &s.id, 2)></path>
                <path class="ood" d=move || strokes(|s| &s.ood, 32)></path>
                {threshold}
                {line}
            </svg>
            <p data-testid="detail-place">{sentence}</p>
        </section>
    }
}

fn strokes(scores: &[f32], range: &Range<f64>, top: u32) -> String {
    let mut path = String::new();
    for score in scores {
        let _ = write!(path, "M{:.1} {top}v26", place(f64::from(*score), range));
    }
    path
}

fn place(value: f64, range: &Range<f64>) -> f64 {
    WIDTH * ((value - range.start) / (range.end - range.start)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_is_a_stroke_inside_the_strip() {
        assert_eq!(strokes(&[0.0, 0.5, 9.0], &(0.0..1.0), 2), "M0.0 2v26M500.0 2v26M1000.0 2v26");
        assert_eq!(strokes(&[], &(0.0..1.0), 2), "");
    }
}

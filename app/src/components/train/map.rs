//! The exact-angle map of a run: the mean of the training images in the middle, the true angle as the distance from it.

use crate::text::train as text;
use crate::train::Live;
use leptos::prelude::*;
use std::f64::consts::PI;
use std::fmt::Write;

/// Half of the picture's side.
const HALF: f64 = 160.0;
/// Radius of the largest ring.
const RADIUS: f64 = 150.0;
/// Rings that may be drawn, degrees.
const RINGS: [f64; 7] = [5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 180.0];

/// The map of run `index` after the epoch looked at.
#[component]
pub fn AngleMap(
    /// What is known of the runs.
    live: Live,
    /// Which.
    index: usize,
) -> impl IntoView {
    let run = live.runs[index];
    // The angle at the edge: the smallest ring that holds nearly everything that was ever drawn, of both runs.
    let edge = Memo::new(move |_| {
        let widest = live.runs.iter().map(|run| run.frames.with(|frames| crate::charts::live::widest_angle(frames)));
        ring_around(widest.fold(0.0, f64::max).to_degrees())
    });
    let points = Memo::new(move |_| {
        let frame = run.frame(live.shown.get()).unwrap_or_default();
        let id = run.prepared.with(|p| p.as_ref().map_or(0, |p| p.id)).min(frame.angle.len());
        (draw(&frame.angle, &frame.azimuth, id, edge.get()), describe(live, index))
    });
    let rings = move || {
        let edge = edge.get();
        let shown = RINGS.into_iter().filter(move |ring| *ring <= edge && *ring >= edge / 2.5);
        let ring = move |degrees: f64| {
            let r = RADIUS * degrees / edge;
            view! {
                <circle class="map-ring" cx="0" cy="0" r=r></circle>
                <text class="map-label" x="3" y=format!("{:.1}", 12.0 - r)>{format!("{degrees}°")}</text>
            }
        };
        shown.map(ring).collect_view()
    };
    view! {
        <svg
            class="angle-map"
            data-testid="train-sphere"
            role="img"
            aria-label=move || points.with(|(_, words)| words.clone())
            viewBox=format!("{} {} {} {}", -HALF, -HALF, 2.0 * HALF, 2.0 * HALF)
        >
            {rings}
            <path class="map-pole" d="M-5 0H5M0 -5V5"></path>
            <g inner_html=move || points.with(|(svg, _)| svg.clone())></g>
        </svg>
        <p class="small">{text::SPHERE_LEAD}</p>
    }
}

/// The smallest ring that holds an angle, in degrees.
fn ring_around(degrees: f64) -> f64 {
    RINGS.into_iter().find(|ring| *ring >= degrees).unwrap_or(180.0)
}

/// Anomalies first, so that the few of the digit lie on top.
fn draw(angle: &[f32], azimuth: &[f32], id: usize, edge: f64) -> String {
    let mut svg = String::new();
    for (i, (&angle, &azimuth)) in angle.iter().zip(azimuth).enumerate().rev() {
        let r = RADIUS * (f64::from(angle) * 180.0 / PI / edge).min(1.03);
        let (sin, cos) = f64::from(azimuth).sin_cos();
        let class = if i < id { "id" } else { "ood" };
        let _ = write!(svg, r#"<circle class="dot-{class}" cx="{:.1}" cy="{:.1}" r="3.2"/>"#, r * cos, -r * sin);
    }
    svg
}

fn describe(live: Live, index: usize) -> String {
    let run = live.runs[index];
    let Some(frame) = run.frame(live.shown.get()) else { return text::EMPTY.into() };
    let id = run.prepared.with(|p| p.as_ref().map_or(0, |p| p.id)).min(frame.angle.len());
    let median = |angles: &[f32]| {
        let mut sorted = angles.to_vec();
        sorted.sort_by(f32::total_cmp);
        sorted.get(sorted.len() / 2).map(|a| f64::from(*a))
    };
    let (id, ood) = frame.angle.split_at(id);
    text::sphere(&run.name().unwrap_or_default(), frame.epoch, median(id), median(ood))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_at_their_angle_and_far_ones_on_the_edge() {
        let svg = draw(&[0.0, (PI / 6.0) as f32, 3.0], &[0.0, (PI / 2.0) as f32, 0.0], 1, 30.0);
        let circles: Vec<&str> = svg.split_inclusive("/>").collect();
        assert!(circles[0].contains("dot-ood") && circles[0].contains(r#"cx="154.5" cy="-0.0""#), "{svg}");
        assert!(circles[1].contains(r#"cx="-0.0" cy="-150.0""#), "{svg}");
        assert!(circles[2].contains(r#"dot-id" cx="0.0""#), "the digit is drawn last: {svg}");
    }

    #[test]
    fn the_edge_is_a_ring_that_holds_everything() {
        assert_eq!([0.0, 5.0, 31.0, 91.0, 179.0].map(ring_around), [5.0, 5.0, 60.0, 180.0, 180.0]);
    }
}

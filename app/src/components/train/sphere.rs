//! A run's test images on the hypersphere, after the epoch looked at.

use crate::components::sphere::Picture;
use crate::sphere::{Dot, frame_dots, summary};
use crate::text::train as text;
use crate::train::TrainingStore;
use leptos::prelude::*;
use std::sync::Arc;

/// The picture of run `index`: the lab's, with the caps that κ of the epoch means.
#[component]
pub fn LiveSphere(
    /// What is known of the runs.
    training: TrainingStore,
    index: usize,
) -> impl IntoView {
    let run = training.runs[index];
    let dots: Memo<Arc<Vec<Dot>>> = Memo::new(move |_| {
        let frame = run.frame(training.shown.get()).unwrap_or_default();
        Arc::new(run.prepared.with(|p| p.as_ref().map_or(Vec::new(), |prepared| frame_dots(&frame, prepared))))
    });
    let kappa = Memo::new(move |_| {
        let width = run.config.with(|config| config.as_ref().map(|config| config.width))?;
        Some((run.entry(training.shown.get())?.id, 8 * width))
    });
    view! {
        <Picture dots kappa caption=text::SPHERE_CAPTION.to_string() testid="train-sphere"/>
        <p class="small">{move || dots.with(|dots| summary(dots))}</p>
    }
}

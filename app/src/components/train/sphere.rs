//! A run's test images on the hypersphere, after the epoch looked at.

use crate::components::sphere::Picture;
use crate::sphere::{Dot, frame_dots, summary};
use crate::text::train as text;
use crate::train::TrainingStore;
use leptos::prelude::*;
use nsa_engine::train::protocol::Prepared;
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
        let dataset = run.config.with(|config| config.as_ref().map_or(String::new(), |config| config.dataset.clone()));
        let placed = |prepared: &Prepared| frame_dots(&frame, prepared, &dataset);
        Arc::new(run.prepared.with(|prepared| prepared.as_ref().map_or(Vec::new(), placed)))
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

//! What is seen. Each component takes the [`Lab`] from the context and reads the signals it needs.

mod canvas;
mod chart;
mod controls;
mod gallery;
mod own;
mod separate;
mod status;
mod training;

pub use canvas::Pixels;
pub use chart::{Chart, use_width};
pub use controls::{Choices, Controls, ModelCard, Percent};
pub use gallery::Gallery;
pub use own::Own;
pub use separate::Separate;
pub use status::{Problems, Status};
pub use training::Training;

use crate::lab::Lab;
use crate::state::State;
use leptos::prelude::*;

/// The whole page below its headline.
#[component]
pub fn App(
    /// What the page knows.
    lab: Lab,
) -> impl IntoView {
    provide_context(lab);
    follow_history(lab);
    mirror_on_root(lab);
    view! {
        <Controls/>
        <Status/>
        <Problems/>
        <ModelCard/>
        <div class="views">
            <Gallery/>
            <Separate/>
            <Training/>
            <Own/>
        </div>
    }
}

/// The lab that the component stands in.
pub(crate) fn lab() -> Lab {
    expect_context()
}

/// Back and forward bring back the state of their address.
fn follow_history(lab: Lab) {
    let handle = window_event_listener(leptos::ev::popstate, move |_| {
        let state: State = crate::url::current();
        lab.state.set(state);
    });
    on_cleanup(move || handle.remove());
}

/// Tells tests and style sheets how far the page is: `<html data-state data-backend>`.
fn mirror_on_root(lab: Lab) {
    Effect::new(move |_| {
        let Some(root) = document().document_element() else { return };
        let _ = root.set_attribute("data-state", lab.phase.get().word());
        if let Some(backend) = lab.backend.get() {
            let _ = root.set_attribute("data-backend", backend.word());
        }
    });
}

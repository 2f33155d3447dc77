//! What is seen. Each component takes the [`Lab`] from the context and reads the signals it needs.

mod camera;
mod canvas;
mod chart;
pub mod compact;
mod confusion;
mod controls;
mod data;
mod detail;
mod gallery;
mod glance;
mod kiosk;
mod matrix;
mod own;
mod pad;
mod present;
mod separate;
pub mod sphere;
mod status;
mod story;
mod tabs;
mod term;
mod train;
mod yours;

pub use camera::{Camera, Snapshots, Viewfinder};
pub use canvas::Pixels;
#[cfg(all(test, target_arch = "wasm32"))]
pub use canvas::paint;
pub use chart::{Chart, use_width};
pub use compact::Compact;
pub use confusion::Confusion;
pub use controls::{Choices, Controls, ModelCard, Percent};
pub use data::Data;
pub use detail::{Detail, dial};
pub use gallery::{Gallery, Marks};
pub use glance::Glance;
pub use kiosk::Kiosk;
pub use matrix::Scorers;
pub use own::{DropAnywhere, Dropped, Own, Picker, picked};
pub use pad::{Drawn, Pad};
pub use present::Keys;
pub use separate::Separate;
pub use sphere::Sphere;
pub use status::{Problems, Status};
pub use story::Story;
pub use tabs::{Tabs, ViewLink};
pub use term::Prose;
pub use train::{Train, TrainStage};
pub use yours::Yours;

use crate::lab::Lab;
use crate::lazy::{Later, Part, RestStore};
use crate::state::{State, View};
use crate::story::{Answers, Scene};
use crate::text;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// The whole page below its headline.
#[component]
pub fn App(lab: Lab) -> impl IntoView {
    provide_context(lab);
    provide_context(Answers::new());
    let rest = RestStore::new(lab.notices);
    provide_context(rest);
    rest.start(lab);
    follow_history(lab);
    follow_the_tour(lab);
    crate::embed::listen(lab);
    mirror_on_root(lab);
    let shown = Memo::new(move |_| lab.state.with(|s| s.view));
    let dialog = NodeRef::<leptos::html::Dialog>::new();
    view! {
        <Tabs dialog/>
        <div class="top"><Controls/><Status/></div>
        <Problems/>
        <div class="views">{move || view_of(shown.get())}</div>
        <Later part=Part::Around/>
        <DropAnywhere/>
        <Keys dialog/>
    }
}

/// The parts of a view; those of most come later ([`mod@crate::lazy`]). A view is made when it is opened and gone when it is
/// left; what it shows lives in the [`Lab`].
fn view_of(shown: View) -> AnyView {
    match shown {
        View::Score => view! { <Gallery/> <Separate/> <Later part=Part::BelowScore/> }.into_any(),
        View::Separate => view! { <Separate full=true/> }.into_any(),
        view => view! { <Later part=Part::View(view)/> }.into_any(),
    }
}

/// The lab that the component stands in.
pub(crate) fn lab() -> Lab {
    expect_context()
}

/// What the reader of the story has answered.
pub(crate) fn answers() -> Answers {
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

/// The link in the headline, which is there before the program is, keeps the page once it is here.
fn follow_the_tour(lab: Lab) {
    let handle = window_event_listener(leptos::ev::click, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if target.is_some_and(|target| target.closest("[data-tour]").ok().flatten().is_some()) {
            let catalog = lab.model.catalog.get_untracked();
            tabs::follow(lab, &event, |state| Scene::Detector.set(catalog.as_ref(), state));
        }
    });
    on_cleanup(move || handle.remove());
}

/// Tells tests and style sheets how far the page is and what it shows:
/// `<html data-state data-backend data-trainer data-model data-view data-present data-hide>`.
fn mirror_on_root(lab: Lab) {
    let set = |name: &str, value: &str| {
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute(name, value);
        }
    };
    Effect::new(move |_| {
        set("data-state", lab.phase().word());
        if let Some(backend) = lab.engine.backend.get() {
            set("data-backend", backend.word());
        }
    });
    Effect::new(move |_| {
        if let Some(backend) = lab.training.backend.get() {
            set("data-trainer", backend.word());
        }
    });
    Effect::new(move |_| {
        if let Some(model) = lab.model.id() {
            set("data-model", &model);
        }
    });
    let around = Memo::new(move |_| lab.state.with(|s| (s.view, s.is_for_a_room(), s.hide.clone())));
    Effect::new(move |_| {
        let (view, present, hide) = around.get();
        set("data-view", view.word());
        set("data-present", if present { "1" } else { "0" });
        set("data-hide", &hide.iter().map(|part| part.word()).collect::<Vec<_>>().join(" "));
        document().set_title(&text::shell::window_title(view));
    });
}

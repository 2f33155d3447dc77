//! What the first view does not need comes later: on the site it is a file of its own, `split_rest.wasm`, which
//! scripts/seal-site.sh cuts out of the program. Only what nothing else calls can be cut out: whatever is named in [`build`]
//! and is to stay in that file must be named nowhere else.

use crate::components::{
    Compact, Detail, Dropped, Glance, Kiosk, ModelCard, Own, Scorers, Sphere, Story, Train, Yours,
};
use crate::lab::{Lab, NoticeStore, Topic};
use crate::state::{State, View};
use crate::text;
use futures_util::FutureExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;

/// A part of the page that comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A view that nobody sees first.
    View(View),
    /// What stands below gallery and histogram.
    BelowScore,
    /// What stands around every view: the model's card, an image's details, what becomes of files dropped, the kiosk.
    Around,
}

fn build(part: Part) -> AnyView {
    match part {
        Part::View(View::Compact) => view! { <Compact/> }.into_any(),
        Part::View(View::Sphere) => view! { <Sphere/> }.into_any(),
        Part::View(View::Train) => view! { <Train/> }.into_any(),
        Part::View(View::Yours) => view! { <Yours/> }.into_any(),
        Part::View(View::Story) => view! { <Story/> }.into_any(),
        // They are there from the start.
        Part::View(View::Score | View::Separate) => ().into_any(),
        Part::BelowScore => view! { <Scorers/> <Glance/> <Own/> }.into_any(),
        Part::Around => view! { <ModelCard/> <Detail/> <Dropped/> <Kiosk/> }.into_any(),
    }
}

#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(rest, wasm_split_path = leptos::wasm_split, preload(fetch), fallible)]
fn built(part: Part) -> Result<AnyView, SplitLoaderError> {
    Ok(build(part))
}

// Everywhere else the program is whole.
#[cfg(not(feature = "split"))]
async fn built(part: Part) -> Result<AnyView, SplitLoaderError> {
    Ok(build(part))
}
#[cfg(not(feature = "split"))]
async fn fetch() -> Result<(), SplitLoaderError> {
    Ok(())
}

/// How far the rest of the program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Not wanted yet, or it did not come.
    Away,
    Coming,
    Here,
}

/// The rest of the program.
#[derive(Clone, Copy)]
pub struct RestStore {
    rest: RwSignal<Rest>,
    notices: NoticeStore,
}

impl RestStore {
    pub fn new(notices: NoticeStore) -> Self {
        let rest = if cfg!(feature = "split") { Rest::Away } else { Rest::Here };
        Self { rest: RwSignal::new(rest), notices }
    }

    /// Has it fetched when the first view waits for nothing but the engine's work, for the link is free then; earlier where
    /// the address wants what is in it. A view that is opened fetches it by itself.
    pub fn start(self, lab: Lab) {
        let wanted = |s: &State| s.image.is_some() || s.kiosk;
        let free = move || lab.engine.is_ready() && lab.model.bundle.with(Option::is_some);
        let failed = move || lab.notices.problems.with(|problems| problems.iter().any(|p| p.topic.is_fatal()));
        let due = Memo::new(move |_| lab.state.with(wanted) || free() || failed());
        Effect::new(move |_| {
            if due.get() {
                self.fetch();
            }
        });
    }

    /// Fetches it unless it is here or on its way.
    pub fn fetch(self) {
        if self.rest.get_untracked() != Rest::Away {
            return;
        }
        self.rest.set(Rest::Coming);
        spawn_local(async move {
            match fetch().await {
                Ok(()) => {
                    self.notices.settle(Topic::Rest);
                    self.rest.set(Rest::Here);
                }
                Err(_) => {
                    self.rest.set(Rest::Away);
                    self.notices.report(Topic::Rest, text::shell::REST_MISSING);
                }
            }
        });
    }
}

/// The rest of the program, for the component that asks.
pub fn rest() -> RestStore {
    expect_context()
}

/// Shows a part as soon as it is here; until then the outline of a view.
#[component]
pub fn Later(part: Part) -> impl IntoView {
    let store = rest();
    let is_view = matches!(part, Part::View(_));
    if is_view {
        store.fetch();
    }
    move || match store.rest.get() {
        // Nothing is left to wait for, so that it is built at its place on the page, with the context there.
        Rest::Here => built(part).now_or_never().and_then(Result::ok),
        _ => is_view.then(|| view! { <Outline/> }.into_any()),
    }
}

#[component]
fn Outline() -> impl IntoView {
    view! {
        <section class="card outline" aria-busy="true" data-testid="outline">
            <p class="visually-hidden" role="status">{text::shell::REST_COMING}</p>
            <div class="bone title"></div>
            <div class="bone box"></div>
        </section>
    }
}

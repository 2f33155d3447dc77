//! The ways to the views: links, so that each view can be opened beside the others, bookmarked and sent.

use super::lab;
use crate::state::View;
use crate::{text, url};
use leptos::prelude::*;

/// One link a view; the one shown is marked.
#[component]
pub fn Tabs() -> impl IntoView {
    let lab = lab();
    let shown = Memo::new(move |_| lab.state.with(|s| s.view));
    let link = move |&view: &View| {
        let href = move || lab.state.with(|s| url::href(&crate::state::State { view, ..s.clone() }));
        let open = move |event: web_sys::MouseEvent| {
            // With a modifier key or another button the browser opens it elsewhere.
            if !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key()) {
                event.prevent_default();
                lab.choose(|state| state.view = view);
            }
        };
        let current = move || (shown.get() == view).then_some("page");
        view! { <li><a href=href aria-current=current on:click=open>{text::shell::view(view)}</a></li> }
    };
    view! {
        <nav class="tabs" data-part="tabs" aria-label=text::shell::VIEWS>
            <ul>{View::ALL.iter().map(link).collect_view()}</ul>
        </nav>
    }
}

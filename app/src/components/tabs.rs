//! The ways to the views: links, so that each view can be opened beside the others, bookmarked and sent.

use super::lab;
use super::present::Tools;
use crate::lab::Lab;
use crate::state::{State, View};
use crate::{text, url};
use leptos::html;
use leptos::prelude::*;

/// One link a view; the one shown is marked. Beside them what concerns the page as a whole.
#[component]
pub fn Tabs(dialog: NodeRef<html::Dialog>) -> impl IntoView {
    let link = |&view: &View| view! { <li><ViewLink view marked=true>{text::shell::view(view)}</ViewLink></li> };
    view! {
        <div class="bar" data-part="tabs">
            <nav class="tabs" aria-label=text::shell::VIEWS>
                <ul>{View::ALL.iter().map(link).collect_view()}</ul>
            </nav>
            <Tools dialog/>
        </div>
    }
}

/// A link to a view of the present state.
#[component]
pub fn ViewLink(
    view: View,
    /// Whether the link says that its view is the one shown.
    #[prop(optional)]
    marked: bool,
    children: Children,
) -> impl IntoView {
    let lab = lab();
    let current = move || (marked && lab.state.with(|s| s.view == view)).then_some("page");
    let change = move |state: &mut State| state.view = view;
    view! { <a href=move || lab.state.with(|s| changed(s, change)) aria-current=current on:click=move |e| follow(lab, &e, change)>{children()}</a> }
}

/// The address of a state with a change.
pub fn changed(state: &State, change: impl FnOnce(&mut State)) -> String {
    let mut state = state.clone();
    change(&mut state);
    url::href(&state)
}

/// Follows a link inside the page. With a modifier key or another button the browser opens it elsewhere.
pub fn follow(lab: Lab, event: &web_sys::MouseEvent, change: impl FnOnce(&mut State)) {
    if !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key() || event.button() != 0) {
        event.prevent_default();
        lab.choose(change);
    }
}

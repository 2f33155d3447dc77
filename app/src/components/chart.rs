//! A chart on the page: the drawing at the width there is, what is laid over it, and its data as a table.

use super::Data;
use crate::charts::{Plot, PlotFrame};
use leptos::prelude::*;
use leptos::{html, svg};
use wasm_bindgen::prelude::*;
use web_sys::ResizeObserver;

/// Shows a plot. It scales with the page only until it is drawn anew at its new width.
#[component]
pub fn Chart<O, V>(
    /// Name for tests and files.
    testid: &'static str,
    /// Where the plot stands; give the same to [`use_width`].
    node: NodeRef<html::Figure>,
    plot: Memo<Plot>,
    /// SVG elements to lay over the data.
    overlay: O,
    /// What stands between the drawing and its data.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView
where
    O: Fn(&PlotFrame) -> V + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let drawing = NodeRef::<svg::Svg>::new();
    let view_box = move || plot.with(|p| format!("0 0 {} {}", p.width, p.height));
    view! {
        <figure class="chart" data-testid=testid node_ref=node>
            <svg class="plot" node_ref=drawing role="img" aria-label=move || plot.with(|p| p.summary.clone()) viewBox=view_box>
                <g inner_html=move || plot.with(|p| p.svg.clone())></g>
                <g>{move || plot.with(|p| overlay(&p.frame))}</g>
            </svg>
            {children.map(|children| children())}
            <Data name=testid drawing table=Signal::derive(move || plot.with(|p| p.table.clone()))/>
        </figure>
    }
}

/// The width of an element in whole CSS pixels, kept up to date.
pub fn use_width(node: NodeRef<html::Figure>) -> ReadSignal<f64> {
    let (width, set_width) = signal(480.0);
    let watching = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    node.on_load(move |element| {
        let measured = element.clone();
        let measure = Closure::<dyn FnMut()>::new(move || {
            let now = f64::from(measured.client_width()).max(200.0);
            if now != width.get_untracked() {
                set_width.set(now);
            }
        });
        if let Ok(observer) = ResizeObserver::new(measure.as_ref().unchecked_ref()) {
            observer.observe(&element);
            watching.set_value(Some((observer, measure)));
        }
    });
    on_cleanup(move || {
        if let Some((observer, _)) = watching.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    });
    width
}

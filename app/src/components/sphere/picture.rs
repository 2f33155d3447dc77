//! The hypersphere as a picture that can be turned, enlarged, pointed at and walked through.

use super::brush::Brush;
use super::input::Input;
use super::state::{PictureState, Shared, change, repaint_with_the_theme};
use crate::components::{lab, use_width};
use crate::sphere::{Dot, Kind, Point, Viewpoint, contours, summary};
use crate::text;
use leptos::html;
use leptos::prelude::*;
use nsa_core::measure::Compactness;
use nsa_core::sphere::cap_angle;
use std::sync::Arc;

/// Shares of the fitted distribution that the caps hold.
pub const CAPS: [f64; 2] = [0.5, 0.95];

/// The picture. What is pointed at comes out in `hovered`; a click or Enter selects it for all views.
#[component]
pub fn Picture(
    #[prop(into)] dots: Signal<Arc<Vec<Dot>>>,
    /// Compactness of the ID features and their dimension, for the caps.
    #[prop(into)]
    kappa: Signal<Option<(Compactness, usize)>>,
    #[prop(into)] caption: Signal<String>,
    /// Shares of variance of the principal components, if these are drawn.
    #[prop(optional, into)]
    axes: Signal<Option<[f32; 3]>>,
    /// Whether the ball turns by itself.
    #[prop(optional)]
    spin: RwSignal<bool>,
    /// The point that is pointed at.
    #[prop(optional)]
    hovered: RwSignal<Option<Dot>>,
    /// Asks for the first viewpoint again, whenever it changes.
    #[prop(optional)]
    reset: RwSignal<u32>,
    /// Enlarges by this factor, whenever it changes.
    #[prop(optional)]
    zoom: RwSignal<Option<f64>>,
    /// Whether a drag draws a line around points instead of turning the ball.
    #[prop(optional)]
    lasso: RwSignal<bool>,
    #[prop(optional)] testid: Option<&'static str>,
) -> impl IntoView {
    let lab = lab();
    let figure = NodeRef::<html::Figure>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let width = use_width(figure);
    let height = Memo::new(move |_| {
        let most = lab.state.with(|s| s.height(640.0, 260.0));
        (width.get() * 0.8).clamp(240.0, most).round()
    });
    let picture: Shared = StoredValue::new_local(None);
    let selected = Memo::new(move |_| lab.state.with(|s| s.select));
    let marks = Memo::new(move |_| lab.state.with(|s| s.marks.clone()));

    canvas.on_load(move |element| match Brush::new(element) {
        Ok(brush) => picture.set_value(Some(PictureState::new(brush))),
        Err(error) => web_sys::console::error_1(&error),
    });
    // The canvas is there before any effect runs.
    Effect::new(move |_| {
        let size = (width.get(), height.get());
        change(picture, |picture| picture.brush.resize(size));
    });
    Effect::new(move |_| {
        let dots = dots.get();
        change(picture, |picture| picture.show(dots));
    });
    Effect::new(move |_| {
        let caps = kappa.get().map_or(Vec::new(), |(c, dim)| CAPS.map(|share| cap_angle(dim, c.kappa, share)).to_vec());
        let (axes, caption) = (axes.get(), caption.get());
        change(picture, |picture| {
            (picture.caps, picture.axes, picture.caption) = (caps, axes, caption);
        });
    });
    Effect::new(move |_| {
        let (hovered, selected) = (hovered.get(), selected.get());
        dots.track();
        change(picture, |picture| {
            let stands_out =
                |dot: &Dot| Some(dot.name) == selected || hovered.as_ref().is_some_and(|h| h.origin == dot.origin);
            picture.marked = (0..picture.dots.len()).filter(|&i| stands_out(&picture.dots[i])).collect();
        });
    });
    Effect::new(move |_| {
        let (marks, dots) = (marks.get(), dots.get());
        change(picture, |picture| {
            picture.ringed = (0..dots.len()).filter(|&i| marks.contains(&dots[i].name)).collect()
        });
    });
    let density = Memo::new(move |_| lab.state.with(|s| s.density));
    Effect::new(move |_| {
        // Principal components lie on no ball.
        let shown = density.get() && axes.with(Option::is_none);
        let dots = dots.get();
        let of = |kind: Kind| {
            let points: Vec<Point> = dots.iter().filter(|dot| dot.kind == kind).map(|dot| dot.at).collect();
            (kind, contours(&points))
        };
        let found: Vec<_> = if shown { [Kind::Ood, Kind::Id].map(of).to_vec() } else { Vec::new() };
        change(picture, |picture| picture.contours = found);
    });
    Effect::new(move |_| {
        let on = spin.get();
        change(picture, |picture| picture.spinning = on);
    });
    Effect::new(move |before: Option<u32>| {
        let now = reset.get();
        if before.is_some() {
            change(picture, |picture| picture.viewpoint = Viewpoint::default());
        }
        now
    });
    Effect::new(move |_| {
        if let Some(factor) = zoom.get() {
            change(picture, |picture| picture.viewpoint.magnify(factor));
        }
    });
    repaint_with_the_theme(picture);

    let input = Input { lab, canvas, picture, dots, hovered, spin, lasso, moved: StoredValue::new(0.0) };
    let label = move || format!("{}. {}", text::sphere::PICTURE, dots.with(|dots| summary(dots)));
    view! {
        <figure class="picture" data-part="sphere" data-testid=testid.unwrap_or("sphere") node_ref=figure>
            <canvas
                node_ref=canvas
                tabindex="0"
                role="application"
                aria-label=label
                aria-description=text::sphere::KEYS
                class:lasso=lasso
                style:height=move || format!("{}px", height.get())
                on:pointerdown=move |e| input.down(&e)
                on:pointermove=move |e| input.drag(&e)
                on:pointerup=move |e| input.up(&e)
                on:pointercancel=move |e| input.up(&e)
                on:pointerleave=move |_| input.point_at(None)
                on:wheel=move |e| input.wheel(&e)
                on:keydown=move |e| input.key(&e)
            ></canvas>
        </figure>
    }
}

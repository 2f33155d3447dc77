//! A pad of 32 x 32 pixels to draw on, with a pointer or with the keyboard. Each stroke is handed on as it ends.

use super::canvas::paint;
use super::{Choices, lab};
use crate::drawing::{Colour, Drawing, PAPER, colour};
use crate::state::State;
use crate::text;
use leptos::html;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use nsa_core::data::SIZE;
use std::sync::Arc;
use std::time::Duration;
use web_sys::{KeyboardEvent, PointerEvent};

/// What the pointer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Brush,
    Eraser,
}

/// Widths of the brush in pixels.
const WIDTHS: [(u32, &str); 3] = [(1, "1"), (2, "2"), (4, "4")];
/// The first colour of the brush.
const INK: &str = "#1d3fa8";
/// Keys paint pixel by pixel: the drawing is scored when they have rested for so long.
const REST: Duration = Duration::from_millis(350);

/// A pad whose drawing is an own image.
#[component]
pub fn Drawn() -> impl IntoView {
    let lab = lab();
    let key = StoredValue::new(None::<u32>);
    let submit = move |pixels: Arc<[u8]>| {
        let name = text::score::DRAWING_NAME.to_string();
        key.update_value(|key| {
            *key = Some(match *key {
                Some(old) => lab.own.replace_pixels(old, name, pixels),
                None => lab.own.take_pixels(name, pixels),
            });
        });
    };
    view! { <Pad drawn=submit/> }
}

/// The pad with its tools.
#[component]
pub fn Pad<F>(
    /// Gets the drawing, 3 x 32 x 32, whenever a stroke has ended.
    drawn: F,
    /// Further tools.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView
where
    F: Fn(Arc<[u8]>) + Copy + Send + Sync + 'static,
{
    let lab = lab();
    let canvas = NodeRef::<html::Canvas>::new();
    let drawing = StoredValue::new(Drawing::default());
    let tool = RwSignal::new(Tool::Brush);
    let width = RwSignal::new(2_u32);
    let ink = RwSignal::new(INK.to_string());
    let cursor = RwSignal::new((SIZE / 2, SIZE / 2));
    // Where the stroke under way was last; none between strokes.
    let stroke = StoredValue::new(None::<(f64, f64)>);
    let resting = StoredValue::new(None::<TimeoutHandle>);

    let show = move || {
        if let Some(canvas) = canvas.get_untracked() {
            let _ = drawing.with_value(|d| paint(&canvas, d.planes()));
        }
    };
    canvas.on_load(move |_| show());
    let submit = move || drawn(drawing.with_value(|d| Arc::from(d.planes())));
    let colour_now = move || -> Colour {
        match tool.get_untracked() {
            Tool::Brush => ink.with_untracked(|text| colour(text)).unwrap_or_default(),
            Tool::Eraser => PAPER,
        }
    };
    let draw = move |from: (f64, f64), to: (f64, f64)| {
        drawing.update_value(|d| d.line(from, to, width.get_untracked().into(), colour_now()));
        show();
    };

    let down = move |event: PointerEvent| {
        let Some(canvas) = canvas.get_untracked().filter(|_| event.is_primary() && event.button() == 0) else { return };
        let _ = canvas.set_pointer_capture(event.pointer_id());
        let at = place(&canvas, &event);
        stroke.set_value(Some(at));
        draw(at, at);
    };
    let moved = move |event: PointerEvent| {
        let (Some(canvas), Some(from)) = (canvas.get_untracked(), stroke.get_value()) else { return };
        let at = place(&canvas, &event);
        stroke.set_value(Some(at));
        draw(from, at);
    };
    let up = move |_: PointerEvent| {
        if stroke.get_value().is_some() {
            stroke.set_value(None);
            submit();
        }
    };
    let rest = move || {
        resting.update_value(|handle| {
            if let Some(handle) = handle.take() {
                handle.clear();
            }
            *handle = set_timeout_with_handle(submit, REST).ok();
        });
    };
    on_cleanup(move || {
        if let Some(handle) = resting.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    });
    let typed = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowLeft" => (-1, 0),
            "ArrowRight" => (1, 0),
            "ArrowUp" => (0, -1),
            "ArrowDown" => (0, 1),
            " " | "Enter" => (0, 0),
            _ => return,
        };
        event.prevent_default();
        let (x, y) = cursor.get_untracked();
        let to = |at: usize, by: i32| at.saturating_add_signed(by as isize).min(SIZE - 1);
        let (from, next) = ((x, y), (to(x, step.0), to(y, step.1)));
        cursor.set(next);
        // The space bar makes a dab, an arrow with Shift draws on the way.
        if step == (0, 0) || event.shift_key() {
            let middle = |(x, y): (usize, usize)| (x as f64 + 0.5, y as f64 + 0.5);
            draw(middle(from), middle(next));
            rest();
        }
    };
    let clear = move |_| {
        drawing.set_value(Drawing::default());
        show();
    };
    let fill = move |_| {
        drawing.update_value(|d| d.fill(colour_now()));
        show();
        submit();
    };
    let percent = |at: usize| format!("{}%", at as f64 * 100.0 / SIZE as f64);
    view! {
        <details class="pad" data-testid="pad" open=lab.state.with_untracked(State::is_for_a_room)>
            <summary>{text::score::PAD_OPEN}</summary>
            <div class="pad-frame">
                <canvas
                    node_ref=canvas
                    width=SIZE.to_string()
                    height=SIZE.to_string()
                    tabindex="0"
                    role="application"
                    aria-label=text::score::PAD_LABEL
                    aria-describedby="pad-keys"
                    data-testid="pad-canvas"
                    on:pointerdown=down
                    on:pointermove=moved
                    on:pointerup=up
                    on:pointercancel=up
                    on:keydown=typed
                ></canvas>
                <span
                    class="pad-cursor"
                    aria-hidden="true"
                    style:left=move || percent(cursor.get().0)
                    style:top=move || percent(cursor.get().1)
                ></span>
            </div>
            <div class="pad-tools">
                <Choices
                    legend=text::score::PAD_TOOL
                    name="pad-tool"
                    options=vec![(Tool::Brush, text::score::PAD_BRUSH), (Tool::Eraser, text::score::PAD_ERASER)]
                    chosen=tool.into()
                    choose=move |chosen| tool.set(chosen)
                />
                <Choices
                    legend=text::score::PAD_WIDTH
                    name="pad-width"
                    options=WIDTHS.to_vec()
                    chosen=width.into()
                    choose=move |chosen| width.set(chosen)
                />
                <label class="field colour">
                    <span>{text::score::PAD_COLOUR}</span>
                    <input type="color" prop:value=ink on:input:target=move |e| ink.set(e.target().value())/>
                </label>
                <button type="button" class="quiet" on:click=fill>{text::score::PAD_FILL}</button>
                <button type="button" class="quiet" on:click=clear>{text::score::PAD_CLEAR}</button>
                {children.map(|children| children())}
            </div>
            <p class="small" id="pad-keys">{text::score::PAD_KEYS}</p>
            <p class="visually-hidden" role="status">{move || text::score::pad_cursor(cursor.get())}</p>
        </details>
    }
}

/// A pointer's place in pixels of the pad.
fn place(canvas: &web_sys::HtmlCanvasElement, event: &PointerEvent) -> (f64, f64) {
    let pad = canvas.get_bounding_client_rect();
    let along = |at: i32, start: f64, length: f64| (f64::from(at) - start) / length.max(1.0) * SIZE as f64;
    (along(event.client_x(), pad.left(), pad.width()), along(event.client_y(), pad.top(), pad.height()))
}

//! How well the scores tell ID from OOD: histogram, threshold, ROC curve.

use super::{Chart, Confusion, Percent, Prose, lab, use_width};
use crate::charts::{PlotFrame, histogram, roc, short};
use crate::gallery::Image;
use crate::lab::Lab;
use crate::stats::{Readout, percent, rounded, step_of};
use crate::text;
use leptos::html;
use leptos::prelude::*;
use nsa_core::eval::auroc_interval;
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

/// The histogram with its threshold, what the threshold does, and the ROC curve; in full also the confusion matrix.
#[component]
pub fn Separate(
    /// Whether there is room for all of it.
    #[prop(optional)]
    full: bool,
) -> impl IntoView {
    let lab = lab();
    let readout = Memo::new(move |_| {
        let threshold = lab.scores.threshold.get()?;
        lab.scores
            .sides
            .with(|s| (!s.id.is_empty() && !s.ood.is_empty()).then(|| Readout::new(&s.id, &s.ood, threshold)))
    });
    view! {
        <section class="card separate" class:full=full aria-labelledby="separate-title">
            <header data-part="lead">
                <h2 id="separate-title">{text::SEPARATE_TITLE}</h2>
                <p class="lead">{text::SEPARATE_LEAD}</p>
            </header>
            <Legend lab/>
            <Histogram lab/>
            <dl class="readout" data-testid="readout">
                <div>
                    <dt><Prose text=text::CAUGHT/></dt>
                    <dd class="ood">{move || readout.get().map_or("–".into(), |r| format!("{} %", percent(r.tpr())))}</dd>
                    <dd>{move || readout.get().map(|r| text::of(r.caught, r.ood))}</dd>
                </div>
                <div>
                    <dt><Prose text=text::FLAGGED/></dt>
                    <dd class="id">{move || readout.get().map_or("–".into(), |r| format!("{} %", percent(r.fpr())))}</dd>
                    <dd>{move || readout.get().map(|r| text::of(r.flagged, r.id))}</dd>
                </div>
            </dl>
            <Aurocs lab/>
            {full.then(|| view! { <Confusion lab readout/> })}
            <RocCurve lab readout/>
        </section>
    }
}

/// AUROC of the images shown beside the one measured on the whole test set.
#[component]
fn Aurocs(lab: Lab) -> impl IntoView {
    let live = Signal::derive(move || lab.scores.auroc.get());
    let measured = Signal::derive(move || lab.scores.entry().and_then(|s| s.auroc_exported));
    let error = |auroc: Option<f64>, id: usize, ood: usize| {
        let [low, high] = auroc_interval(auroc?, id, ood)?;
        Some(text::score::sampling_error(&percent(low), &percent(high), id, ood))
    };
    let live_error = move || {
        let (id, ood) = lab.scores.sides.with(|s| (s.id.len(), s.ood.len()));
        error(live.get(), id, ood)
    };
    let live_title = move || lab.scores.recorded.get().map_or(text::AUROC_LIVE.into(), text::score::recorded);
    let nothing = move || {
        let none =
            lab.gallery.complete.get() && lab.gallery.images.with(Vec::is_empty) && lab.scores.recorded.get().is_none();
        (none && lab.model.replay.with(Option::is_some))
            .then(|| view! { <p class="small">{text::score::NOT_RECORDED}</p> })
    };
    let measured_error = move || {
        let counted = lab
            .model
            .bundle
            .with(|b| b.as_ref().map(|b| (b.manifest.provenance.test_id, b.manifest.provenance.test_ood)));
        counted.and_then(|(id, ood)| error(measured.get(), id, ood))
    };
    view! {
        <dl class="numbers">
            <div>
                <dt><Prose text=Signal::derive(live_title)/><span class="error" data-testid="auroc-live-error">{live_error}</span></dt>
                <dd data-testid="auroc-live"><Percent share=live/></dd>
            </div>
            <div>
                <dt><Prose text=text::AUROC_TEST/><span class="error" data-testid="auroc-test-error">{measured_error}</span></dt>
                <dd data-testid="auroc-test"><Percent share=measured/></dd>
            </div>
        </dl>
        {nothing}
    }
}

/// What the colours mean.
#[component]
fn Legend(lab: Lab) -> impl IntoView {
    view! {
        <p class="legend">
            <span class="key id"><Prose text=text::ID/></span>
            <span class="key ood"><Prose text=text::OOD/></span>
            <span class="key own" hidden=move || lab.own.images.with(Vec::is_empty)>{text::OWN_KEY}</span>
            <span class="key mark" hidden=move || lab.state.with(|s| s.marks.is_empty())>{text::MARKED_KEY}</span>
        </p>
    }
}

/// The score of the gallery image that a person has selected, in whatever view.
fn selected_value(lab: Lab) -> Option<f32> {
    let selected = lab.state.with(|s| s.select)?;
    let at = lab.gallery.images.with(|images| images.iter().position(|image| image.pick.name() == selected))?;
    lab.scores.values.with(|values| values.get(at).copied().flatten())
}

/// The scores of the gallery's images that are marked.
fn marked_values(lab: Lab) -> Vec<f32> {
    let is_marked = |image: &Image| {
        let name = image.pick.name();
        lab.state.with(|s| s.marks.contains(&name))
    };
    if lab.state.with(|s| s.marks.is_empty()) {
        return Vec::new();
    }
    lab.gallery.images.with(|images| {
        lab.scores.values.with(|values| {
            images.iter().zip(values).filter(|(image, _)| is_marked(image)).filter_map(|(_, value)| *value).collect()
        })
    })
}

#[component]
fn Histogram(lab: Lab) -> impl IntoView {
    let node = NodeRef::<html::Figure>::new();
    let width = use_width(node);
    let plot = Memo::new(move |_| {
        let most = lab.state.with(|s| s.height(340.0, 240.0));
        let size = (width.get(), (width.get() * 0.5).clamp(180.0, most));
        lab.scores.sides.with(|s| histogram::plot(size, &s.id, &s.ood, lab.scores.range.get(), lab.scores.auroc.get()))
    });
    let overlay = move |frame: &PlotFrame| {
        let (top, bottom) = (frame.down.start, frame.down.end);
        let line = lab.scores.threshold.get().map(|threshold| {
            let x = frame.x_pixel(threshold);
            view! { <line class="threshold" x1=x x2=x y1=top y2=bottom></line> }
        });
        let score = lab.scores.shown.get();
        let own = lab.own.images.with(|own| own.iter().filter_map(|i| i.value(score)).collect::<Vec<_>>());
        // Short strokes from below, where own images have lines from top to bottom.
        let stroke = |value: f32| {
            let x = frame.x_pixel(value.into());
            view! { <line class="marked" x1=x x2=x y1=bottom - 14.0 y2=bottom></line> }
        };
        let marks = marked_values(lab).into_iter().map(stroke).collect_view();
        let marker = |value: f32| {
            let x = frame.x_pixel(value.into());
            let head = format!("M{} {top} h12 l-6 9 z", x - 6.0);
            view! {
                <line class="own" x1=x x2=x y1=top y2=bottom></line>
                <path class="own" d=head></path>
            }
        };
        let selected = selected_value(lab).map(|value| {
            let x = frame.x_pixel(value.into());
            view! { <line class="selected" x1=x x2=x y1=top y2=bottom></line> }
        });
        view! { {marks}{line}{selected}{own.into_iter().map(marker).collect_view()} }
    };
    let frame = Memo::new(move |_| plot.with(|p| p.frame.clone()));
    // The line itself can be taken hold of, anywhere on the chart; the slider below it is for keys.
    let dragging = StoredValue::new(false);
    let to = move |event: &PointerEvent| {
        let Some(chart) = chart_of(event) else { return };
        let scale = plot.with(|p| p.width) / chart.get_bounding_client_rect().width().max(1.0);
        let x = (f64::from(event.client_x()) - chart.get_bounding_client_rect().left()) * scale;
        let value = frame.with(|f| f.x_value(x));
        lab.drag(|state| state.threshold = Some(rounded(value, &lab.scores.range.get_untracked())));
    };
    let down = move |event: PointerEvent| {
        if event.button() != 0 || chart_of(&event).is_none() || lab.scores.threshold.get_untracked().is_none() {
            return;
        }
        if let Some(holder) = event.current_target().and_then(|t| t.dyn_into::<Element>().ok()) {
            let _ = holder.set_pointer_capture(event.pointer_id());
        }
        dragging.set_value(true);
        to(&event);
    };
    let moved = move |event: PointerEvent| {
        if dragging.get_value() {
            to(&event);
        }
    };
    let done = move |_: PointerEvent| dragging.set_value(false);
    view! {
        <div
            class="holds-threshold"
            data-part="histogram"
            on:pointerdown=down
            on:pointermove=moved
            on:pointerup=done
            on:pointercancel=done
        >
            <Chart testid="chart-histogram" node plot overlay>
                <Threshold lab frame/>
            </Chart>
        </div>
    }
}

/// The drawing under a pointer; none over the slider and the data below it. While the pointer is held every event
/// goes to the holder, which has one drawing.
fn chart_of(event: &PointerEvent) -> Option<Element> {
    let target: Element = event.target()?.dyn_into().ok()?;
    match target.closest("svg.plot").ok()? {
        Some(chart) => Some(chart),
        None if event.type_() == "pointermove" => target.query_selector("svg.plot").ok()?,
        None => None,
    }
}

/// The slider lies exactly below the chart, so that its thumb meets the line.
#[component]
fn Threshold(lab: Lab, frame: Memo<PlotFrame>) -> impl IntoView {
    let set = move |text: String| {
        if let Ok(value) = text.parse::<f64>() {
            lab.drag(|state| state.threshold = Some(rounded(value, &lab.scores.range.get_untracked())));
        }
    };
    // `step="any"` leaves the size of a key's step to the browser, and it is coarse: a fortieth here, a quarter there.
    let typed = move |event: web_sys::KeyboardEvent| {
        let steps = match event.key().as_str() {
            "ArrowRight" | "ArrowUp" => 1.0,
            "ArrowLeft" | "ArrowDown" => -1.0,
            "PageUp" => 10.0,
            "PageDown" => -10.0,
            _ => return,
        };
        let Some(now) = lab.scores.threshold.get_untracked() else { return };
        event.prevent_default();
        let range = lab.scores.range.get_untracked();
        let next = (now + steps * step_of(&range)).clamp(range.start, range.end);
        lab.drag(|state| state.threshold = Some(rounded(next, &range)));
    };
    let chosen = move || lab.state.with(|s| s.threshold.is_some());
    view! {
        <div class="threshold-row">
            <input
                type="range"
                class="threshold"
                data-testid="threshold"
                aria-label=text::THRESHOLD
                aria-valuetext=move || lab.scores.threshold.get().map_or(String::new(), |t| short(&t))
                step="any"
                min=move || lab.scores.range.get().start.to_string()
                max=move || lab.scores.range.get().end.to_string()
                prop:value=move || {
                    // The bounds come first: a browser clamps the value to those it has.
                    lab.scores.range.track();
                    lab.scores.threshold.get().unwrap_or_default().to_string()
                }
                disabled=move || lab.scores.threshold.get().is_none()
                style:margin-left=move || format!("{}px", frame.with(|f| f.across.start) - 11.0)
                style:width=move || format!("{}px", frame.with(|f| f.across.end - f.across.start) + 22.0)
                on:input:target=move |e| set(e.target().value())
                on:keydown=typed
            />
            <p class="threshold-text">
                {text::THRESHOLD} " "
                <output data-testid="threshold-value">{move || lab.scores.threshold.get().map_or("–".into(), |t| short(&t))}</output>
                <button
                    type="button"
                    class="quiet"
                    hidden=move || !chosen()
                    on:click=move |_| lab.choose(|state| state.threshold = None)
                >
                    {text::THRESHOLD_RESET}
                </button>
            </p>
        </div>
    }
}

#[component]
fn RocCurve(lab: Lab, readout: Memo<Option<Readout>>) -> impl IntoView {
    let node = NodeRef::<html::Figure>::new();
    let width = use_width(node);
    let plot = Memo::new(move |_| {
        let size = (width.get(), (width.get() * 0.6).clamp(200.0, 300.0));
        lab.scores.sides.with(|s| roc::plot(size, &s.id, &s.ood))
    });
    let overlay = move |frame: &PlotFrame| {
        readout.get().map(|r| {
            view! { <circle class="threshold" r="6" cx=frame.x_pixel(r.fpr()) cy=frame.y_pixel(r.tpr())></circle> }
        })
    };
    view! {
        <div class="roc" data-part="roc">
            <h3><Prose text=text::ROC_TITLE/></h3>
            <Chart testid="chart-roc" node plot overlay/>
        </div>
    }
}

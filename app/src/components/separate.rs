//! How well the scores tell ID from OOD: histogram, threshold, ROC curve.

use super::{Chart, Percent, lab, use_width};
use crate::charts::{Frame, histogram, roc, short};
use crate::lab::Lab;
use crate::stats::{Readout, percent, step_of};
use crate::text;
use leptos::html;
use leptos::prelude::*;

/// The histogram with its threshold, what the threshold does, and the ROC curve.
#[component]
pub fn Separate() -> impl IntoView {
    let lab = lab();
    let readout = Memo::new(move |_| {
        let threshold = lab.threshold.get()?;
        lab.sides.with(|s| (!s.id.is_empty() && !s.ood.is_empty()).then(|| Readout::new(&s.id, &s.ood, threshold)))
    });
    view! {
        <section class="card separate" aria-labelledby="separate-title">
            <header data-part="lead">
                <h2 id="separate-title">{text::SEPARATE_TITLE}</h2>
                <p class="lead">{text::SEPARATE_LEAD}</p>
            </header>
            <Aurocs lab/>
            <Histogram lab/>
            <dl class="readout" data-testid="readout">
                <div>
                    <dt>{text::CAUGHT}</dt>
                    <dd class="ood">{move || readout.get().map_or("–".into(), |r| format!("{} %", percent(r.tpr())))}</dd>
                    <dd>{move || readout.get().map(|r| text::of(r.caught, r.ood))}</dd>
                </div>
                <div>
                    <dt>{text::FLAGGED}</dt>
                    <dd class="id">{move || readout.get().map_or("–".into(), |r| format!("{} %", percent(r.fpr())))}</dd>
                    <dd>{move || readout.get().map(|r| text::of(r.flagged, r.id))}</dd>
                </div>
            </dl>
            <RocCurve lab readout/>
        </section>
    }
}

/// AUROC of the images shown beside the one measured on the whole test set.
#[component]
fn Aurocs(lab: Lab) -> impl IntoView {
    let live = Signal::derive(move || lab.auroc.get());
    let measured = Signal::derive(move || lab.score_entry().map(|s| s.auroc_exported));
    view! {
        <dl class="numbers">
            <div><dt>{text::AUROC_LIVE}</dt><dd data-testid="auroc-live"><Percent share=live/></dd></div>
            <div><dt>{text::AUROC_TEST}</dt><dd data-testid="auroc-test"><Percent share=measured/></dd></div>
        </dl>
        <p class="legend">
            <span class="key id">{text::ID}</span>
            <span class="key ood">{text::OOD}</span>
            <span class="key own" hidden=move || lab.own.with(Vec::is_empty)>{text::OWN_KEY}</span>
        </p>
    }
}

#[component]
fn Histogram(lab: Lab) -> impl IntoView {
    let node = NodeRef::<html::Figure>::new();
    let width = use_width(node);
    let plot = Memo::new(move |_| {
        let size = (width.get(), (width.get() * 0.5).clamp(220.0, 340.0));
        lab.sides.with(|s| histogram::plot(size, &s.id, &s.ood, lab.range.get(), lab.auroc.get()))
    });
    let overlay = move |frame: &Frame| {
        let (top, bottom) = (frame.down.start, frame.down.end);
        let line = lab.threshold.get().map(|threshold| {
            let x = frame.x_pixel(threshold);
            view! { <line class="threshold" x1=x x2=x y1=top y2=bottom></line> }
        });
        let score = lab.score.get();
        let own = lab.own.with(|own| own.iter().filter_map(|i| i.value(score)).collect::<Vec<_>>());
        let marker = |value: f32| {
            let x = frame.x_pixel(value.into());
            let head = format!("M{} {top} h12 l-6 9 z", x - 6.0);
            view! {
                <line class="own" x1=x x2=x y1=top y2=bottom></line>
                <path class="own" d=head></path>
            }
        };
        view! { {line}{own.into_iter().map(marker).collect_view()} }
    };
    let frame = Memo::new(move |_| plot.with(|p| p.frame.clone()));
    view! {
        <Chart testid="chart-histogram" node plot overlay>
            <Threshold lab frame/>
        </Chart>
    }
}

/// The slider lies exactly below the chart, so that its thumb meets the line.
#[component]
fn Threshold(lab: Lab, frame: Memo<Frame>) -> impl IntoView {
    let step = move || step_of(&lab.range.get());
    // Rounded to the slider's steps, the address stays short and the slider and the line agree.
    let set = move |text: String| {
        if let Ok(value) = text.parse::<f64>() {
            let step = step();
            let rounded: f64 = format!("{:.9}", (value / step).round() * step).parse().unwrap_or(value);
            lab.drag(|state| state.threshold = Some(rounded));
        }
    };
    let chosen = move || lab.state.with(|s| s.threshold.is_some());
    view! {
        <div class="threshold-row">
            <input
                type="range"
                class="threshold"
                data-testid="threshold"
                aria-label=text::THRESHOLD
                aria-valuetext=move || lab.threshold.get().map_or(String::new(), |t| short(&t))
                step="any"
                min=move || lab.range.get().start.to_string()
                max=move || lab.range.get().end.to_string()
                prop:value=move || {
                    // The bounds come first: a browser clamps the value to those it has.
                    lab.range.track();
                    lab.threshold.get().unwrap_or_default().to_string()
                }
                disabled=move || lab.threshold.get().is_none()
                style:margin-left=move || format!("{}px", frame.with(|f| f.across.start) - 11.0)
                style:width=move || format!("{}px", frame.with(|f| f.across.end - f.across.start) + 22.0)
                on:input:target=move |e| set(e.target().value())
            />
            <p class="threshold-text">
                {text::THRESHOLD} " "
                <output data-testid="threshold-value">{move || lab.threshold.get().map_or("–".into(), |t| short(&t))}</output>
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
        lab.sides.with(|s| roc::plot(size, &s.id, &s.ood))
    });
    let overlay = move |frame: &Frame| {
        readout.get().map(|r| {
            view! { <circle class="threshold" r="6" cx=frame.x_pixel(r.fpr()) cy=frame.y_pixel(r.tpr())></circle> }
        })
    };
    view! {
        <h3>{text::ROC_TITLE}</h3>
        <Chart testid="chart-roc" node plot overlay/>
    }
}

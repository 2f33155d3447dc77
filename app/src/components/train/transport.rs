//! The buttons, the slider of epochs, what there is to say, and files.

use super::curves::SHOWN;
use crate::lab::Lab;
use crate::text::train as text;
use crate::train::recipe::toml;
use crate::train::{Run, Status, TrainingStore};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// Epochs between two announcements to those who listen.
const ANNOUNCED: usize = 5;
/// Largest file that is opened.
const MAX_FILE: f64 = 300e6;

/// Train, pause, step, start over; and back through the epochs.
#[component]
pub fn Transport(lab: Lab) -> impl IntoView {
    let training = lab.training;
    let playing = move || training.status.get() == Status::Playing;
    let begun = Memo::new(move |_| training.has_begun());
    let changed = Memo::new(move |_| {
        let recipe = lab.state.with(|s| s.train.clone());
        begun.get() && lab.own_to_train().is_ok_and(|own| !training.is_of(&recipe, own.as_ref()))
    });
    let play = move |_| if playing() { training.pause() } else { training.play() };
    let label = move || match (playing(), begun.get()) {
        (true, _) => text::PAUSE,
        (false, true) => text::GO_ON,
        (false, false) => text::PLAY,
    };
    let reset = move |_| lab.train(true);
    let line = Memo::new(move |_| status_line(training));
    let estimate = Memo::new(move |_| {
        let ready = training.status.get() == Status::Resting;
        training.estimate().filter(|_| ready).map(|seconds| text::estimate(seconds, training.present().count()))
    });
    view! {
        <div class="transport" role="group" aria-label=text::TRANSPORT data-part="toolbar">
            <button
                type="button"
                class="primary"
                data-testid="train-play"
                disabled=move || training.status.get() == Status::Finished || lab.own_to_train().is_err()
                on:click=play
            >
                {label}
            </button>
            <button
                type="button"
                data-testid="train-step"
                disabled=move || training.status.get() != Status::Resting
                on:click=move |_| training.step()
            >
                {text::STEP}
            </button>
            <button type="button" data-testid="train-reset" disabled=move || !begun.get() on:click=reset>{text::RESET}</button>
            <p class="train-status" data-testid="train-status" data-status=move || word(training.status.get())
                data-memory=move || training.runs[0].pace.with(|pace| pace.memory.to_string())
            >
                <span class="dot" aria-hidden="true"></span>
                <span>{line}</span>
            </p>
        </div>
        <p class="small" data-testid="train-estimate" hidden=move || estimate.with(Option::is_none)>{estimate}</p>
        <p class="note" hidden=move || !changed.get()>{text::CHANGED}</p>
        <Scrub training/>
    }
}

/// What the status is called in `data-status`.
fn word(status: Status) -> &'static str {
    match status {
        Status::Asleep => "asleep",
        Status::Downloading { .. } => "downloading",
        Status::Preparing => "preparing",
        Status::Resting => "resting",
        Status::Playing => "playing",
        Status::Finished => "finished",
        Status::Dead => "dead",
    }
}

fn status_line(training: TrainingStore) -> String {
    if let Some((done, total)) = training.saving.get() {
        return text::saving(done, total);
    }
    let machine = training.device.with(|device| text::machine(device, training.runs[0].pace.with(|pace| pace.memory)));
    match training.status.get() {
        Status::Asleep => text::downloading(0, 0),
        Status::Downloading { loaded, total } => text::downloading(loaded, total),
        Status::Preparing => text::PREPARING.into(),
        Status::Resting if training.has_begun() => format!("{} {machine}", text::RESTING),
        Status::Resting => format!("{} {machine}", text::READY),
        Status::Finished => format!("{} {machine}", text::FINISHED),
        Status::Dead => text::DEAD.into(),
        Status::Playing => format!("{}. {machine}", playing_line(training)),
    }
}

fn playing_line(training: TrainingStore) -> String {
    let runs: Vec<Run> = training.present().collect();
    let epochs = runs[0].config.with(|config| config.as_ref().map_or(1, |config| config.epochs));
    let pace = runs[0].pace.get();
    let seconds: f64 = runs.iter().map(|run| run.pace.with(|pace| pace.seconds)).sum();
    let done = training.measured();
    let left = (done > 0).then(|| seconds / f64::from(done) * (epochs as f64 - f64::from(done)));
    let views = runs.iter().map(|run| run.pace.with(|pace| pace.views)).sum::<f64>() / runs.len() as f64;
    text::progress(pace.epoch, epochs, views, left)
}

/// Back through the epochs measured so far.
#[component]
fn Scrub(training: TrainingStore) -> impl IntoView {
    let last = Memo::new(move |_| training.measured());
    let value = move || training.shown.get().unwrap_or(last.get());
    let scrub = move |text: String| {
        if let Ok(epoch) = text.parse::<u32>() {
            training.shown.set((epoch < last.get_untracked()).then_some(epoch));
        }
    };
    view! {
        <div class="scrub" data-part="epochs">
            <label>
                <span>{text::SCRUB}</span>
                <input
                    type="range"
                    data-testid="train-epoch"
                    min="0"
                    max=move || last.get().max(1)
                    step="1"
                    disabled=move || last.get() == 0
                    prop:value=move || value().to_string()
                    on:input:target=move |e| scrub(e.target().value())
                />
            </label>
            <output>{move || format!("{} of {}", value(), last.get())}</output>
            <button type="button" class="quiet" disabled=move || training.shown.get().is_none() on:click=move |_| training.shown.set(None)>
                {text::LATEST}
            </button>
        </div>
    }
}

/// What failed, what a person should know, and, for those who listen, what was reached.
#[component]
pub fn Messages(
    /// What is known of the runs.
    training: TrainingStore,
) -> impl IntoView {
    let problem = move || {
        training
            .problem
            .get()
            .map(|message| view! { <div class="problem" role="alert" data-testid="train-error"><p>{message}</p></div> })
    };
    let reached = Memo::new(move |_| {
        let done = training.measured() as usize;
        let rests = matches!(training.status.get(), Status::Resting | Status::Finished);
        let about = if rests { done } else { done / ANNOUNCED * ANNOUNCED };
        let tell = |run: Run| {
            let entry = run.entry(Some(about as u32)).filter(|entry| entry.epoch > 0)?;
            Some(text::reached(&run.name()?, &entry, SHOWN))
        };
        training.present().filter_map(tell).collect::<Vec<_>>().join(" ")
    });
    view! {
        {problem}
        <div role="status">
            {move || training.note.get().map(|note| view! { <p class="note" data-testid="train-note">{note}</p> })}
            <p class="visually-hidden">{reached}</p>
        </div>
    }
}

/// A saved model comes back; and how the same runs are trained natively.
#[component]
pub fn Files(
    /// What is known of the runs.
    training: TrainingStore,
) -> impl IntoView {
    let open = move |input: web_sys::HtmlInputElement| {
        let Some(file) = input.files().and_then(|files| files.get(0)) else { return };
        input.set_value("");
        if file.size() > MAX_FILE {
            return training.problem.set(Some(text::too_large(file.size() / 1e6)));
        }
        spawn_local(async move {
            match JsFuture::from(file.unchecked_ref::<web_sys::Blob>().array_buffer()).await {
                Ok(buffer) => training.open(&js_sys::Uint8Array::new(&buffer).to_vec()),
                Err(_) => training.problem.set(Some(text::UNREADABLE.into())),
            }
        });
    };
    let settings = move || {
        let one = |(index, run): (usize, Run)| {
            let config = run.config.get()?;
            Some(view! {
                <div>
                    <h4>{text::RUNS[index]}</h4>
                    <pre tabindex="0" data-testid="train-settings">{toml(&config)}</pre>
                </div>
            })
        };
        training.runs.into_iter().enumerate().filter_map(one).collect_view()
    };
    view! {
        <div class="train-files">
            <div class="open">
                <label class="button">
                    <input
                        type="file"
                        class="visually-hidden"
                        accept=".zip,application/zip"
                        data-testid="train-open"
                        disabled=move || matches!(training.status.get(), Status::Asleep | Status::Dead | Status::Downloading { .. })
                        on:change:target=move |e| open(e.target())
                    />
                    {text::OPEN}
                </label>
                <p class="small">{text::OPEN_HINT}</p>
            </div>
            <details class="provenance">
                <summary>{text::SETTINGS}</summary>
                <p class="small">{text::SETTINGS_LEAD}</p>
                <div class="settings">{settings}</div>
            </details>
        </div>
    }
}

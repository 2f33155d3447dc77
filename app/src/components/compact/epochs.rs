//! The slider of checkpoints, and the button that runs through them.

use crate::clock::every;
use crate::components::lab;
use crate::lab::Lab;
use crate::text;
use leptos::prelude::*;
use std::time::Duration;

/// How long a checkpoint stays while they play.
const STAY: Duration = Duration::from_millis(900);

/// Moves the checkpoint that curves, histogram and hypersphere show.
#[component]
pub fn Epochs() -> impl IntoView {
    let lab = lab();
    let epochs =
        Memo::new(move |_| lab.model.replay.with(|r| r.as_ref().map_or(Vec::new(), |r| r.frames.epochs.clone())));
    let last = move || epochs.with(|e| e.len().saturating_sub(1));
    let (playing, set_playing) = signal(false);
    play(lab, epochs, playing, set_playing);
    let shown = move || {
        let epoch = lab.model.frame.get().and_then(|frame| epochs.with(|e| e.get(frame).copied()));
        epoch.map(|epoch| text::compact::epoch(epoch, epochs.with(|e| e.last().map_or(0, |&last| last as usize))))
    };
    let toggle = move |_| {
        let at_end = lab.model.frame.get_untracked() == Some(last());
        if !playing.get_untracked() && at_end {
            go(lab, &epochs.get_untracked(), 0);
        }
        set_playing.update(|on| *on = !*on);
    };
    let slide = move |text: String| {
        set_playing.set(false);
        if let Ok(at) = text.parse::<usize>() {
            go(lab, &epochs.get_untracked(), at);
        }
    };
    view! {
        <div class="epochs" data-part="epochs" hidden=move || { last() == 0 }>
            <button type="button" data-testid="play" aria-pressed=move || playing.get().to_string() on:click=toggle>
                {move || if playing.get() { text::compact::PAUSE } else { text::compact::PLAY }}
            </button>
            <input
                type="range"
                data-testid="epoch"
                aria-label=text::compact::CHECKPOINT
                aria-valuetext=shown
                min="0"
                max=move || last().to_string()
                step="1"
                prop:value=move || {
                    // The bounds come first: a browser clamps the value to those it has.
                    epochs.track();
                    lab.model.frame.get().unwrap_or_default().to_string()
                }
                on:input:target=move |e| slide(e.target().value())
            />
            <output data-testid="epoch-value">{shown}</output>
        </div>
    }
}

/// Shows the checkpoint at a position. The last one is what the address says without an epoch.
fn go(lab: Lab, epochs: &[u32], at: usize) {
    let epoch = epochs.get(at).filter(|_| at + 1 < epochs.len()).map(|&epoch| epoch as usize);
    lab.drag(|state| state.epoch = epoch);
}

fn play(lab: Lab, epochs: Memo<Vec<u32>>, playing: ReadSignal<bool>, set_playing: WriteSignal<bool>) {
    let step = move || {
        let (epochs, at) = (epochs.get_untracked(), lab.model.frame.get_untracked().unwrap_or_default());
        match at + 1 < epochs.len() {
            true => go(lab, &epochs, at + 1),
            false => set_playing.set(false),
        }
    };
    every(STAY, move || playing.get(), step);
}

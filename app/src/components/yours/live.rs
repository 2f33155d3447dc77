//! What the camera sees, judged as fast as the engine can, with the last minute as a strip.

use super::attempt::{Verdict, near, score_of};
use crate::clock;
use crate::components::{Camera, Viewfinder};
use crate::lab::{Lab, Look, STRIP, steady};
use crate::stats::is_anomalous;
use crate::text;
use leptos::prelude::*;
use std::fmt::Write;
use wasm_bindgen::prelude::*;
use web_sys::AudioContext;

/// The height of the strip: scores up to twice the threshold have a place on it.
const HEIGHT: f64 = 60.0;
/// Seconds between two sounds.
const BETWEEN: f64 = 0.5;

/// The camera, the verdict on what it sees, the last minute.
#[component]
pub fn Live(lab: Lab) -> impl IntoView {
    let normal = lab.own.normal;
    let camera = Camera::new();
    let paused = RwSignal::new(false);
    let sound = RwSignal::new(false);
    let beeper = StoredValue::new_local(None::<AudioContext>);
    let beeped = StoredValue::new(0.0_f64);
    let last = Memo::new(move |_| normal.looks.with(|looks| looks.back().cloned()));
    let score = Memo::new(move |_| last.with(|look| score_of(lab, &look.as_ref()?.found)));
    let rests_on = Memo::new(move |_| {
        let shown = normal.shown.get();
        let of = |look: &Look| Some((look.at, *look.found.scores.get(shown)?));
        normal.looks.with(|looks| steady(looks.iter().filter_map(of)))
    });
    let anomalous =
        move || rests_on.get().zip(normal.alarm.get()).is_some_and(|(s, a)| is_anomalous(s, a.threshold.into()));

    // A frame of the browser asks for the next: none is taken that nobody would see.
    let looking = Memo::new(move |_| camera.on.get() && !paused.get() && normal.fitted().is_some());
    Effect::new(move |_| {
        if looking.get() {
            look_on(lab, camera, looking);
        }
    });
    Effect::new(move |_| {
        last.track();
        let now = seconds();
        if anomalous() && sound.get_untracked() && now - beeped.get_value() > BETWEEN {
            beeped.set_value(now);
            beeper.with_value(|beeper| beeper.as_ref().map(beep));
        }
    });
    on_cleanup(move || beeper.update_value(|beeper| drop(beeper.take().map(|beeper| beeper.close()))));
    // Browsers let a page sound only after a person pressed something.
    let toggle = move |on: bool| {
        sound.set(on);
        if on {
            beeper.update_value(|beeper| *beeper = beeper.take().or_else(|| AudioContext::new().ok()));
        }
    };
    let snapshot = move |_| {
        if let Some(look) = last.get_untracked() {
            normal.attempt(text::yours::CAMERA_NAME.into(), look.pixels);
        }
    };
    let was_normal = move |_| {
        if let Some(look) = last.get_untracked() {
            normal.give(text::yours::CAMERA_NAME.into(), look.pixels);
        }
    };
    view! {
        <Viewfinder camera>
            <button type="button" data-testid="live-pause" aria-pressed=move || paused.get().to_string() on:click=move |_| paused.update(|p| *p = !*p)>
                {move || if paused.get() { text::yours::GO_ON } else { text::yours::PAUSE }}
            </button>
            <button type="button" on:click=snapshot>{text::yours::SNAPSHOT}</button>
            <button type="button" data-testid="live-normal" on:click=was_normal>{text::yours::WAS_NORMAL}</button>
            <label class="check">
                <input type="checkbox" prop:checked=sound on:change:target=move |e| toggle(e.target().checked())/>
                {text::yours::SOUND}
            </label>
        </Viewfinder>
        <div class="live" data-testid="live" hidden=move || !camera.on.get() data-score=move || score.get().map(|s| s.to_string())>
            <Verdict lab score rests_on/>
            {move || last.with(|look| look.as_ref().map(|look| near(lab, &look.found)))}
            {move || strip(lab)}
        </div>
    }
}

/// Has one frame of the camera after the other judged, for as long as `looking` holds.
fn look_on(lab: Lab, camera: Camera, looking: Memo<bool>) {
    request_animation_frame(move || {
        if looking.try_get_untracked() != Some(true) {
            return;
        }
        if !lab.own.normal.is_looking()
            && let Some(pixels) = camera.picture()
        {
            lab.own.normal.look(pixels, seconds());
        }
        look_on(lab, camera, looking);
    });
}

/// The scores of the last minute, and a line at the threshold.
fn strip(lab: Lab) -> Option<impl IntoView + use<>> {
    let (threshold, shown) = (f64::from(lab.own.normal.alarm.get()?.threshold), lab.own.normal.shown.get());
    lab.own.normal.looks.with(|looks| {
        let (first, end) = (looks.front()?.at, looks.back()?.at);
        let (mut line, mut anomalous) = (String::new(), 0);
        for look in looks {
            let score = f64::from(*look.found.scores.get(shown)?);
            anomalous += usize::from(score >= threshold);
            let x = 1000.0 * (1.0 - (end - look.at) / STRIP);
            let y = HEIGHT * (1.0 - (score / threshold / 2.0).min(1.0));
            let _ = write!(line, "{}{x:.1} {y:.1}", if line.is_empty() { "M" } else { "L" });
        }
        let seconds = end - first;
        let said = text::yours::strip(seconds, looks.len() as f64 / seconds.max(1.0), anomalous, looks.len());
        Some(view! {
            <svg class="strip minute" viewBox="0 0 1000 60" preserveAspectRatio="none" aria-hidden="true">
                <line class="threshold" x1="0" x2="1000" y1="30" y2="30"></line>
                <path class="looks" d=line></path>
            </svg>
            <p class="small" data-testid="live-rate">{said}</p>
        })
    })
}

/// A short tone; a browser that will not sound is none the worse.
fn beep(audio: &AudioContext) {
    let tone = || -> Result<(), JsValue> {
        let (tone, volume) = (audio.create_oscillator()?, audio.create_gain()?);
        volume.gain().set_value(0.1);
        tone.connect_with_audio_node(&volume)?.connect_with_audio_node(&audio.destination())?;
        tone.start()?;
        tone.stop_with_when(audio.current_time() + 0.12)
    };
    let _ = tone();
}

fn seconds() -> f64 {
    clock::now() / 1e3
}

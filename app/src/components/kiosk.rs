//! The story by itself, for an exhibition (`kiosk=1`): it walks from scene to scene, waits for whoever touches it, and
//! begins anew when they have gone.

use super::story::step;
use super::{answers, lab};
use crate::clock::{every, now};
use crate::lab::Lab;
use crate::state::{LAST_SCENE, State, View};
use crate::story::{Answers, Scene};
use crate::{text, url};
use leptos::ev;
use leptos::prelude::*;
use std::time::Duration;

/// How long a scene stays, and its answer after that, milliseconds.
const STAY: f64 = 15_000.0;
/// After so long without a touch nobody is there any more, milliseconds.
const ALONE: f64 = 60_000.0;
/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// When what happened, milliseconds of the page's clock.
#[derive(Clone, Copy, Default)]
struct Times {
    /// Somebody touched it; none since it began anew.
    touched: Option<f64>,
    /// It went on by itself.
    walked: f64,
}

/// Walks as long as the address says so, and says that one may touch it.
#[component]
pub fn Kiosk() -> impl IntoView {
    let (lab, answers) = (lab(), answers());
    let times = StoredValue::new(Times::default());
    let on = Memo::new(move |_| lab.state.with(|s| s.kiosk));
    let touch = move || times.update_value(|times| times.touched = Some(now()));
    let handles = [
        window_event_listener(ev::pointerdown, move |_| touch()),
        window_event_listener(ev::keydown, move |_| touch()),
        window_event_listener(ev::wheel, move |_| touch()),
    ];
    Effect::new(move |_| {
        if on.get() {
            times.set_value(Times { touched: None, walked: now() });
            if lab.state.with_untracked(|s| s.view != View::Story) {
                start_over(lab, answers);
            }
        }
    });
    every(TICK, move || on.get(), move || tick(lab, answers, times));
    on_cleanup(move || handles.into_iter().for_each(WindowListenerHandle::remove));
    view! { <p class="kiosk-note" hidden=move || !on.get()>{text::shell::KIOSK}</p> }
}

fn tick(lab: Lab, answers: Answers, times: StoredValue<Times>) {
    let (now, Times { touched, walked }) = (now(), times.get_value());
    match touched {
        Some(at) if now - at < ALONE => return,
        Some(_) => start_over(lab, answers),
        None if now - walked < STAY => return,
        None if lab.state.with_untracked(|s| s.scene == LAST_SCENE) => start_over(lab, answers),
        None => step(lab, answers, 1),
    }
    times.set_value(Times { touched: None, walked: now });
}

/// The first scene as nobody has seen it yet. What the exhibitor has set stays.
fn start_over(lab: Lab, answers: Answers) {
    let catalog = lab.model.catalog.get_untracked();
    answers.forget();
    lab.own.images.set(Vec::new());
    lab.training.pause();
    lab.state.update(|state| {
        let State { kiosk, present, backend, ref hide, .. } = *state;
        *state = State { kiosk, present, backend, hide: hide.clone(), ..State::default() };
        Scene::Detector.set(catalog.as_ref(), state);
    });
    // Not an entry of its own: a day's walk would fill the history.
    lab.state.with_untracked(url::replace);
}

//! The page's time: what it is, and what happens again and again.

use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen_futures::JsFuture;

/// Milliseconds since the page began.
pub fn now() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// Lets the browser paint and listen before the work goes on.
pub async fn next_turn() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let _ = window().set_timeout_with_callback(&resolve);
    });
    let _ = JsFuture::from(promise).await;
}

/// Does `tick` every `period` while `on` says so and the component lives.
pub fn every(period: Duration, on: impl Fn() -> bool + 'static, tick: impl Fn() + Copy + 'static) {
    let timer = StoredValue::new(None::<IntervalHandle>);
    let stop = move || {
        if let Some(handle) = timer.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    Effect::new(move |_| {
        stop();
        if on() {
            timer.set_value(set_interval_with_handle(tick, period).ok());
        }
    });
    on_cleanup(stop);
}

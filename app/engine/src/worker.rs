//! The Worker's side of the conversation with the page, the same for scoring and for training.

use crate::conversation::WorkerEvent;
use crate::protocol::Event;
use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use js_sys::{Array, Promise, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// What a Worker does for the page.
pub(crate) trait Service: Sized {
    /// What the page asks for.
    type Request: DeserializeOwned + 'static;
    /// What it is told.
    type Event: WorkerEvent;

    /// Does what was asked, with the bytes that came along.
    async fn answer(&mut self, request: Self::Request, bytes: Vec<u8>);

    /// Whether there is work to do that nobody needs to ask for again.
    fn is_at_work(&self) -> bool {
        false
    }

    /// Does the next piece of that work.
    async fn work(&mut self) {}
}

/// Tells the page that `start` is through and answers its requests one after the other, for as long as the Worker
/// lives.
///
/// `backend` is what the page shows and tests see (`cpu` or `webgpu`). Each request passes `arrives` at once, whatever
/// the Worker is doing; what that keeps back is not answered.
pub(crate) async fn serve<S: Service>(
    backend: &str,
    device: String,
    arrives: impl Fn(S::Request) -> Option<S::Request> + 'static,
    start: impl Future<Output = Result<S, String>>,
) {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        stopped::<S>(info);
    }));
    let mut requests = listen::<S>(arrives);
    let mut service = match start.await {
        Ok(service) => service,
        Err(message) => return say(&S::Event::crashed(message), &[]),
    };
    say(&S::Event::ready(backend.into(), device), &[]);
    loop {
        // While it works it only looks whether something was said; else it waits.
        let request = if service.is_at_work() {
            next_turn().await;
            requests.try_recv().ok()
        } else {
            match requests.recv().await {
                Ok(request) => Some(request),
                Err(_) => return,
            }
        };
        match request {
            Some((request, bytes)) => service.answer(request, bytes).await,
            None => service.work().await,
        }
    }
}

/// Tells the page that the Worker is dead: it starts another one then.
pub(crate) fn stopped<S: Service>(why: impl std::fmt::Display) {
    say(&S::Event::crashed(format!("The {} stopped: {why}.", S::Event::SPEAKER)), &[]);
}

/// Tells the page that the device is lost, and why: whichever program it is, the page starts another one then.
pub fn lost(why: &str) {
    let message = format!("The engine stopped: its device was lost ({}).", why.trim_end_matches('.'));
    // Scorer and trainer have the same word for it.
    say(&Event::Crashed { message }, &[]);
}

/// Queues what the page asks for, with the bytes beside it.
fn listen<S: Service>(
    arrives: impl Fn(S::Request) -> Option<S::Request> + 'static,
) -> UnboundedReceiver<(S::Request, Vec<u8>)> {
    let (sender, requests) = unbounded();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let message: Array = event.data().unchecked_into();
        let json = message.get(0).as_string().unwrap_or_default();
        let bytes = message.get(1).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
        match serde_json::from_str(&json).map(&arrives) {
            // The queue closes only with the Worker.
            Ok(Some(request)) => drop(sender.unbounded_send((request, bytes))),
            Ok(None) => {}
            Err(error) => {
                let message = format!("The {} did not understand the page: {error}.", S::Event::SPEAKER);
                say(&S::Event::crashed(message), &[]);
            }
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    requests
}

/// Sends an event to the page as JSON text, or, with `parts` beside it in one piece, as `[json, bytes]`.
pub(crate) fn say(event: &impl Serialize, parts: &[&[u8]]) {
    // Events are plain data: they always become JSON.
    let Ok(json) = serde_json::to_string(event) else { return };
    if parts.is_empty() {
        let _ = scope().post_message(&json.into());
        return;
    }
    let bytes = Uint8Array::new_with_length(parts.iter().map(|part| part.len() as u32).sum());
    let mut start = 0;
    for part in parts {
        bytes.subarray(start, start + part.len() as u32).copy_from(part);
        start += part.len() as u32;
    }
    let message = Array::of2(&json.into(), &bytes);
    let _ = scope().post_message_with_transfer(&message, &Array::of1(&bytes.buffer()));
}

/// Bytes of this program's memory.
pub(crate) fn memory() -> u64 {
    #[cfg(target_arch = "wasm32")]
    return (core::arch::wasm32::memory_size(0) as u64) << 16;
    #[cfg(not(target_arch = "wasm32"))]
    0
}

/// Milliseconds on a clock that only goes forward.
pub(crate) fn now() -> f64 {
    scope().performance().map_or(0.0, |clock| clock.now())
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Goes on after the messages that wait have been handled.
pub(crate) async fn next_turn() {
    let later = Promise::new(&mut |resolve, _| {
        let _ = scope().set_timeout_with_callback(&resolve);
    });
    let _ = JsFuture::from(later).await;
}

//! The Worker's side of the conversation with the page.

use crate::jobs::Engine;
use crate::protocol::{Event, Request};
use burn::tensor::backend::Backend;
use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use js_sys::{Array, Promise, Uint8Array};
use nsa_core::config::{Norm, Objective};
use nsa_core::data::{IMAGE_BYTES, SIZE};
use nsa_core::model::{Layer, NetworkConfig, embed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::PanicHookInfo;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Answers the page's requests one after the other, for as long as the Worker lives.
///
/// `backend` is what the page shows and tests see (`cpu` or `webgpu`).
pub async fn serve<B: Backend>(backend: &str, name: String, device: B::Device) {
    tell_panics(|info| say(&Event::Crashed { message: format!("The engine stopped: {info}.") }, &[]));
    let cancelled = Rc::new(RefCell::new(HashSet::new()));
    let noted = cancelled.clone();
    // Cancellations are noted at once, because the job may be under way.
    let wait = move |request| match request {
        Request::Cancel { job } => {
            noted.borrow_mut().insert(job);
            None
        }
        other => Some(other),
    };
    let refused = |error| {
        say(&Event::Crashed { message: format!("The engine did not understand the page: {error}.") }, &[]);
    };
    let mut requests = listen(wait, refused);
    if let Err(message) = warm_up::<B>(&device).await {
        return say(&Event::Crashed { message }, &[]);
    }
    say(&Event::Ready { backend: backend.into(), device: name }, &[]);

    let mut engine = Engine::<B>::new(device);
    while let Ok((request, pixels)) = requests.recv().await {
        let job = request.job();
        // Jobs come in the order of their numbers: what was cancelled before this one is over.
        cancelled.borrow_mut().retain(|&other| other >= job);
        if cancelled.borrow_mut().remove(&job) {
            continue;
        }
        match engine.run(request, &pixels, &cancelled, &|event| say(&event, &[])).await {
            Ok(()) => {}
            // A device that is gone does not come back: the page starts another engine, on a fresh one.
            Err(error) if error.is_loss() => {
                say(&Event::Crashed { message: format!("The engine stopped: {error}.") }, &[]);
            }
            Err(error) => say(&Event::Failed { job, message: error.to_string() }, &[]),
        }
    }
}

/// Puts one tiny batch through a tiny network, so that what a device prepares at its first use (pipelines, memory) is
/// prepared before the page is told that the engine is ready.
async fn warm_up<B: Backend>(device: &B::Device) -> Result<(), String> {
    let config = NetworkConfig { width: 1, objective: Objective::Simclr, norm: Norm::None, ..Default::default() };
    let network = config.init::<B>(0, device);
    match embed(&network, &[0; IMAGE_BYTES], SIZE, &[Layer::EMBEDDING], device).await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("The engine cannot compute on this device: {error}.")),
    }
}

/// Tells the page, too, when the program panics.
pub(crate) fn tell_panics(tell: impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |info| {
        console_error_panic_hook::hook(info);
        tell(info);
    }));
}

/// Queues what the page asks for, with the bytes beside it, as it arrives: what `wait` gives back. What is no request is
/// `refused`.
pub(crate) fn listen<R: DeserializeOwned + 'static>(
    wait: impl Fn(R) -> Option<R> + 'static,
    refused: impl Fn(serde_json::Error) + 'static,
) -> UnboundedReceiver<(R, Vec<u8>)> {
    let (sender, requests) = unbounded();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let message: Array = event.data().unchecked_into();
        let json = message.get(0).as_string().unwrap_or_default();
        let bytes = message.get(1).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
        match serde_json::from_str(&json).map(&wait) {
            // The queue closes only with the Worker.
            Ok(Some(request)) => drop(sender.unbounded_send((request, bytes))),
            Ok(None) => {}
            Err(error) => refused(error),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    requests
}

/// Tells the page that the device is gone, whatever the engine is doing. The page starts another engine then.
pub fn device_lost(why: &str) {
    say(&Event::Crashed { message: format!("The engine stopped: its device was lost ({why}).") }, &[]);
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

pub(crate) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Goes on after the messages that wait have been handled.
pub(crate) async fn next_turn() {
    let later = Promise::new(&mut |resolve, _| {
        let _ = scope().set_timeout_with_callback(&resolve);
    });
    let _ = JsFuture::from(later).await;
}

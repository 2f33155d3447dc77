//! The Worker's side of the conversation with the page.

use crate::jobs::Engine;
use crate::protocol::{Event, Request};
use burn::tensor::backend::Backend;
use futures_channel::mpsc::{UnboundedSender, unbounded};
use js_sys::{Array, Promise, Uint8Array};
use nsa_core::config::{Norm, Objective};
use nsa_core::data::{IMAGE_BYTES, SIZE};
use nsa_core::model::{Layer, NetworkConfig, embed};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Answers the page's requests one after the other, for as long as the Worker lives.
///
/// `backend` is what the page shows and tests see (`cpu` or `webgpu`).
pub async fn serve<B: Backend>(backend: &str, name: String, device: B::Device) {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        say(Event::Crashed { message: format!("The engine stopped: {info}.") });
    }));
    let (sender, mut requests) = unbounded();
    let cancelled = Rc::new(RefCell::new(HashSet::new()));
    listen(sender, cancelled.clone());
    if let Err(message) = warm_up::<B>(&device).await {
        return say(Event::Crashed { message });
    }
    say(Event::Ready { backend: backend.into(), device: name });

    let mut engine = Engine::<B>::new(device);
    while let Ok((request, pixels)) = requests.recv().await {
        let job = request.job();
        // Jobs come in the order of their numbers: what was cancelled before this one is over.
        cancelled.borrow_mut().retain(|&other| other >= job);
        if cancelled.borrow_mut().remove(&job) {
            continue;
        }
        match engine.run(request, &pixels, &cancelled, &say).await {
            Ok(()) => {}
            // A device that is gone does not come back: the page starts another engine, on a fresh one.
            Err(error) if error.is_loss() => say(Event::Crashed { message: format!("The engine stopped: {error}.") }),
            Err(error) => say(Event::Failed { job, message: error.to_string() }),
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

/// Queues requests as they arrive; cancellations are noted at once, because the job may be under way.
fn listen(sender: UnboundedSender<(Request, Vec<u8>)>, cancelled: Rc<RefCell<HashSet<u32>>>) {
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let message: Array = event.data().unchecked_into();
        let json = message.get(0).as_string().unwrap_or_default();
        let pixels = message.get(1).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
        match serde_json::from_str(&json) {
            Ok(Request::Cancel { job }) => {
                cancelled.borrow_mut().insert(job);
            }
            // The queue closes only with the Worker.
            Ok(request) => drop(sender.unbounded_send((request, pixels))),
            Err(error) => say(Event::Crashed { message: format!("The engine did not understand the page: {error}.") }),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
}

/// Tells the page that the device is gone, whatever the engine is doing. The page starts another engine then.
pub fn device_lost(why: &str) {
    say(Event::Crashed { message: format!("The engine stopped: its device was lost ({why}).") });
}

/// Sends an event to the page.
fn say(event: Event) {
    // Events are plain data: they always become JSON, and strings can always be posted.
    if let Ok(json) = serde_json::to_string(&event) {
        let _ = scope().post_message(&JsValue::from_str(&json));
    }
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

//! The page's end of the trainer: a Web Worker that speaks [`nsa_engine::train::protocol`].

use crate::backend::Backend;
use crate::engine::NoWorker;
use js_sys::{Array, Uint8Array};
use nsa_engine::train::protocol::{Event, Request};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

/// A running trainer. Dropping it ends the Worker.
pub struct Link {
    worker: Worker,
    alive: Rc<Cell<bool>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Link {
    /// Starts one build of the trainer. `on_event` hears everything it says with the bytes beside it, and
    /// [`Event::Crashed`] at most once, as the last thing.
    pub fn start(backend: Backend, on_event: impl Fn(Event, Vec<u8>) + 'static) -> Result<Self, NoWorker> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let url = format!("worker.js?engine=trainer-{}", backend.word());
        let worker = Worker::new_with_options(&url, &options).map_err(|_| NoWorker)?;

        let alive = Rc::new(Cell::new(true));
        let hear = {
            let alive = Rc::clone(&alive);
            Rc::new(move |event: Event, bytes: Vec<u8>| {
                if alive.get() {
                    alive.set(!matches!(event, Event::Crashed { .. }));
                    on_event(event, bytes);
                }
            })
        };
        let on_message = Closure::new({
            let hear = Rc::clone(&hear);
            move |message: MessageEvent| {
                let (event, bytes) = read(&message.data());
                hear(event, bytes);
            }
        });
        let on_error = Closure::new(move |error: ErrorEvent| {
            error.prevent_default();
            let why = error.message();
            let why = if why.is_empty() { "its program could not be loaded".into() } else { why };
            hear(Event::Crashed { message: format!("The trainer stopped: {why}.") }, Vec::new());
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, alive, _on_message: on_message, _on_error: on_error })
    }

    /// Sends a request, with bytes where it wants them. What a dead trainer is asked is lost.
    pub fn send(&self, request: &Request, bytes: &[u8]) {
        let Ok(json) = serde_json::to_string(request) else { return };
        let message = Array::of1(&json.into());
        let transfer = Array::new();
        if !bytes.is_empty() {
            let bytes = Uint8Array::from(bytes);
            message.push(&bytes);
            transfer.push(&bytes.buffer());
        }
        let _ = self.worker.post_message_with_transfer(&message, &transfer);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.alive.set(false);
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// `[json, bytes?]` from the trainer, plain JSON from `worker.js`.
fn read(data: &JsValue) -> (Event, Vec<u8>) {
    let parts = data.dyn_ref::<Array>();
    let json = parts.map_or(data.clone(), |parts| parts.get(0)).as_string().unwrap_or_default();
    let bytes = parts.and_then(|parts| parts.get(1).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec));
    let event = serde_json::from_slice(json.as_bytes()).unwrap_or_else(|e| Event::Crashed {
        message: format!("The trainer and the page do not understand each other ({e}): reload the page."),
    });
    (event, bytes.unwrap_or_default())
}

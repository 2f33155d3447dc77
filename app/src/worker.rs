//! The page's end of a Web Worker, of the one that scores and of the one that trains: see [`nsa_engine::conversation`].

use js_sys::{Array, Uint8Array};
use nsa_engine::conversation::WorkerEvent;
use serde::Serialize;
use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;
use thiserror::Error;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, WorkerOptions, WorkerType};

/// A running Worker that is asked `Request`s and says `Event`s. Dropping it ends it.
pub struct Worker<Request, Event> {
    worker: web_sys::Worker,
    alive: Rc<Cell<bool>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
    _conversation: PhantomData<fn(Request) -> Event>,
}

/// The browser refused to start a Worker.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("This browser did not start a Web Worker, which the engine needs: try a current Chrome, Firefox or Safari.")]
pub struct NoWorker;

#[wasm_bindgen]
extern "C" {
    /// The Worker that `boot.js` has started for a program, if there is one.
    #[wasm_bindgen(catch, js_namespace = nsaLab, js_name = takeWorker)]
    fn take_worker(program: &str) -> Result<Option<web_sys::Worker>, JsValue>;
}

impl<Request: Serialize, Event: WorkerEvent + 'static> Worker<Request, Event> {
    /// Starts a program of `worker.js`, if it does not run already. `on_event` hears everything it says with the bytes
    /// beside it, and that it crashed at most once, as the last thing.
    pub fn start(program: &str, on_event: impl Fn(Event, Vec<u8>) + 'static) -> Result<Self, NoWorker> {
        // Tests of the components have no `boot.js`.
        let worker = match take_worker(program) {
            Ok(Some(worker)) => worker,
            _ => {
                let options = WorkerOptions::new();
                options.set_type(WorkerType::Module);
                let url = format!("worker.js?engine={program}");
                web_sys::Worker::new_with_options(&url, &options).map_err(|_| NoWorker)?
            }
        };

        let alive = Rc::new(Cell::new(true));
        let still_alive = Rc::clone(&alive);
        let hear = Rc::new(move |event: Event, bytes: Vec<u8>| {
            if still_alive.get() {
                still_alive.set(!event.is_crash());
                on_event(event, bytes);
            }
        });
        let heard = Rc::clone(&hear);
        let on_message = Closure::new(move |message: MessageEvent| {
            let (event, bytes) = read(&message.data());
            heard(event, bytes);
        });
        let on_error = Closure::new(move |error: ErrorEvent| {
            error.prevent_default();
            let why = error.message();
            let why = if why.is_empty() { "its program could not be loaded".into() } else { why };
            hear(Event::crashed(format!("The {} stopped: {why}.", Event::SPEAKER)), Vec::new());
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, alive, _on_message: on_message, _on_error: on_error, _conversation: PhantomData })
    }

    /// Sends a request, with bytes where it wants them. What a dead Worker is asked is lost: its death has been or will
    /// be heard of.
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

impl<Request, Event> Drop for Worker<Request, Event> {
    fn drop(&mut self) {
        self.alive.set(false);
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// `[json, bytes]` or plain JSON.
fn read<Event: WorkerEvent>(data: &JsValue) -> (Event, Vec<u8>) {
    let parts = data.dyn_ref::<Array>();
    let json = parts.map_or(data.clone(), |parts| parts.get(0)).as_string().unwrap_or_default();
    let bytes = parts.and_then(|parts| parts.get(1).dyn_ref::<Uint8Array>().map(Uint8Array::to_vec));
    let event = serde_json::from_slice(json.as_bytes()).unwrap_or_else(|e| {
        let who = Event::SPEAKER;
        Event::crashed(format!("The {who} and the page do not understand each other ({e}): reload the page."))
    });
    (event, bytes.unwrap_or_default())
}

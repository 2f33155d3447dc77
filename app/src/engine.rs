//! The page's end of the engine: a Web Worker that speaks [`nsa_engine::protocol`].

use crate::backend::Backend;
use js_sys::{Array, Uint8Array};
use nsa_engine::protocol::{Event, Request};
use std::cell::Cell;
use std::rc::Rc;
use thiserror::Error;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

/// A running engine. Dropping it ends the Worker.
pub struct Engine {
    worker: Worker,
    alive: Rc<Cell<bool>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

/// The browser refused to start a Worker.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("This browser did not start a Web Worker, which the engine needs: try a current Chrome, Firefox or Safari.")]
pub struct NoWorker;

impl Engine {
    /// Starts one build of the engine. `on_event` hears everything it says, and [`Event::Crashed`] at most once,
    /// as the last thing.
    pub fn start(backend: Backend, on_event: impl Fn(Event) + 'static) -> Result<Self, NoWorker> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let url = format!("worker.js?engine={}", backend.program());
        let worker = Worker::new_with_options(&url, &options).map_err(|_| NoWorker)?;

        let alive = Rc::new(Cell::new(true));
        let hear = {
            let alive = Rc::clone(&alive);
            Rc::new(move |event: Event| {
                if !alive.get() {
                    return;
                }
                alive.set(!matches!(event, Event::Crashed { .. }));
                on_event(event);
            })
        };
        let on_message = Closure::new({
            let hear = Rc::clone(&hear);
            move |message: MessageEvent| hear(read(&message.data()))
        });
        let on_error = Closure::new(move |error: ErrorEvent| {
            error.prevent_default();
            let why = error.message();
            let why = if why.is_empty() { "its program could not be loaded".into() } else { why };
            hear(Event::Crashed { message: format!("The engine stopped: {why}.") });
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, alive, _on_message: on_message, _on_error: on_error })
    }

    /// Sends a request, with pixels where it wants them. What a dead engine is asked is lost: its death has been
    /// or will be heard of.
    pub fn send(&self, request: &Request, pixels: Option<&[u8]>) {
        let Ok(json) = serde_json::to_string(request) else { return };
        let message = Array::of1(&json.into());
        let transfer = Array::new();
        if let Some(pixels) = pixels {
            let bytes = Uint8Array::from(pixels);
            message.push(&bytes);
            transfer.push(&bytes.buffer());
        }
        let _ = self.worker.post_message_with_transfer(&message, &transfer);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.alive.set(false);
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

fn read(data: &JsValue) -> Event {
    let json = data.as_string().unwrap_or_default();
    serde_json::from_slice(json.as_bytes()).unwrap_or_else(|e| Event::Crashed {
        message: format!("The engine and the page do not understand each other ({e}): reload the page."),
    })
}

//! What the conversations of scorer and trainer with the page have in common.
//!
//! The page posts `[json, bytes?]` to a Worker and receives JSON text, or `[json, bytes]`. Each message is an object
//! with the message's name and in it its fields. (A tag among the fields would make the page 3 % larger, because they
//! would be read twice.) `worker.js` adds two messages of its own before the program runs: how much of it is
//! downloaded, and that it crashed.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a Worker says to the page.
pub trait WorkerEvent: Serialize + DeserializeOwned {
    /// What the Worker is called in sentences.
    const SPEAKER: &'static str;

    /// It runs: `webgpu` or `cpu`, and the device's name.
    fn ready(backend: String, device: String) -> Self;

    /// It is dead, for this reason: a sentence.
    fn crashed(message: String) -> Self;

    /// Whether it is dead.
    fn is_crash(&self) -> bool;
}

/// Both protocols call these events by the same names.
macro_rules! worker_event {
    ($event:ty, $speaker:literal) => {
        impl $crate::conversation::WorkerEvent for $event {
            const SPEAKER: &'static str = $speaker;

            fn ready(backend: String, device: String) -> Self {
                Self::Ready { backend, device }
            }

            fn crashed(message: String) -> Self {
                Self::Crashed { message }
            }

            fn is_crash(&self) -> bool {
                matches!(self, Self::Crashed { .. })
            }
        }
    };
}
pub(crate) use worker_event;

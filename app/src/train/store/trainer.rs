//! The trainer: chosen, started, given the runs, and started again when it is dead.

use super::{Status, TrainingStore};
use crate::backend::{self, Backend};
use crate::state::BackendChoice;
use crate::text::train as text;
use crate::train::run::Run;
use crate::worker::Worker;
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_engine::train::protocol::Request;

impl TrainingStore {
    /// Goes on with another engine from what is kept.
    pub fn use_engine(self, choice: BackendChoice) {
        self.choice.set(choice);
        self.inner.update_value(|inner| {
            inner.worker = None;
            inner.wanted = false;
        });
        self.status.set(Status::Downloading { loaded: 0, total: 0 });
        spawn_local(async move {
            let backend = backend::choose(choice).await;
            // Somebody may have chosen again in the meantime.
            if self.choice.get_untracked() == choice && self.inner.with_value(|inner| inner.worker.is_none()) {
                let slow = choice == BackendChoice::Auto && backend == Backend::Cpu;
                if slow && self.note.with_untracked(Option::is_none) {
                    self.note.set(Some(text::NO_ADAPTER.into()));
                }
                self.start(backend);
            }
        });
    }

    /// Starts a trainer; it is given the runs once it is ready.
    pub(super) fn start(self, backend: Backend) {
        self.backend.set(Some(backend));
        self.status.set(Status::Downloading { loaded: 0, total: 0 });
        match Worker::start(&format!("trainer-{}", backend.word()), move |event, bytes| self.hear(event, bytes)) {
            Ok(worker) => self.inner.update_value(|inner| inner.worker = Some(worker)),
            Err(error) => {
                self.status.set(Status::Dead);
                self.problem.set(Some(error.to_string()));
            }
        }
    }

    /// Hands the trainer the runs as they stood after their last measured epoch.
    pub(super) fn send_begin(self) {
        self.status.set(Status::Preparing);
        let generation = self.inner.try_update_value(|inner| {
            inner.generation += 1;
            inner.heard = false;
            inner.generation
        });
        let generation = generation.unwrap_or_default();
        let runs = self.runs.iter().filter_map(Run::begin).collect();
        let mut bytes = self.runs.map(|run| run.snapshot.get_value()).concat();
        let own = self.own.with_untracked(|own| {
            let own = own.as_ref()?;
            bytes.extend(&own.pixels);
            Some(own.count)
        });
        self.send(&Request::Begin { generation, runs, own }, &bytes);
    }

    pub(super) fn send(self, request: &Request, bytes: &[u8]) {
        self.inner.with_value(|inner| {
            if let Some(worker) = &inner.worker {
                worker.send(request, bytes);
            }
        });
    }

    /// Starts another trainer and hands it what is kept.
    pub(super) fn revive(self) {
        self.start(self.backend.get_untracked().unwrap_or(Backend::Cpu));
    }
}

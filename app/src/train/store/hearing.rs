//! What the trainer says, and what becomes of it.

use super::{Status, TrainingStore};
use crate::backend::Backend;
use crate::export;
use crate::lab::BundleFile;
use crate::text::train as text;
use leptos::prelude::*;
use nsa_engine::train::protocol::Event;

impl TrainingStore {
    /// Takes in what the trainer says.
    pub fn hear(self, event: Event, bytes: Vec<u8>) {
        let about_runs = matches!(event, Event::Stepped { .. } | Event::Measured { .. } | Event::Rests { .. });
        if about_runs && !self.inner.with_value(|inner| inner.heard) {
            return;
        }
        match event {
            Event::Download { loaded, total } => self.status.set(Status::Downloading { loaded, total }),
            Event::Ready { device, .. } => {
                self.device.set(device);
                self.send_begin();
            }
            Event::Prepared { generation, .. } if self.inner.with_value(|inner| inner.generation != generation) => {}
            Event::Prepared { runs, .. } => {
                self.inner.update_value(|inner| inner.heard = true);
                self.present_untracked().iter().zip(runs).for_each(|(run, prepared)| run.prepare(prepared));
            }
            Event::Stepped { run, epoch, step, loss, millis, views } => {
                self.runs[run].stepped(epoch, step, loss, views as f64 / (millis.max(0.1) / 1e3));
            }
            Event::Measured { run, entry, frame, seconds, memory } => {
                self.runs[run].measured(*entry, frame);
                self.runs[run].pace.update(|pace| (pace.seconds, pace.memory) = (seconds, memory));
                self.runs[run].snapshot.set_value(bytes);
                self.autosave(false);
            }
            Event::Rests { finished } => self.rests(finished),
            Event::Saving { done, total } => self.saving.set(Some((done, total))),
            Event::Saved { run, used } => {
                self.saving.set(None);
                if used { self.open(&bytes) } else { self.offer(run, &bytes) }
            }
            Event::Opened { manifest, sizes } => {
                self.opened.set(Some(BundleFile::new(*manifest, sizes, &bytes)));
            }
            Event::Failed { message } => {
                self.saving.set(None);
                self.inner.update_value(|inner| inner.wanted = false);
                self.problem.set(Some(message));
            }
            Event::Crashed { message } => self.crashed(&message),
        }
    }

    fn rests(self, finished: bool) {
        self.status.set(if finished { Status::Finished } else { Status::Resting });
        if !finished && self.inner.with_value(|inner| inner.wanted) {
            return self.go_on();
        }
        if self.has_begun_untracked() {
            self.autosave(true);
        }
    }

    fn crashed(self, message: &str) {
        let was_ready = !matches!(self.status.get_untracked(), Status::Downloading { .. });
        self.saving.set(None);
        let epoch = self.present_untracked().iter().map(|run| run.done()).min().unwrap_or(0);
        if self.backend.get_untracked() == Some(Backend::Webgpu) {
            // Whoever trained goes on training, from what is kept.
            let note = if was_ready { text::webgpu_lost(epoch) } else { text::WEBGPU_TO_CPU.into() };
            self.note.set(Some(note));
            return self.start(Backend::Cpu);
        }
        self.inner.update_value(|inner| {
            inner.worker = None;
            inner.wanted = false;
        });
        self.status.set(Status::Dead);
        self.problem.set(Some(text::died(message, epoch)));
    }

    /// Hands a packed run to the person, as a download.
    fn offer(self, run: usize, zip: &[u8]) {
        let Some(id) = self.runs[run].bundle_id(run) else { return };
        let name = format!("{id}.zip");
        if export::save(&name, "application/zip", zip).is_err() {
            self.problem.set(Some(text::NO_DOWNLOAD.into()));
        } else {
            self.note.set(Some(text::saved(&name)));
        }
    }
}

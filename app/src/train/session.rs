//! What the page does about training: it starts the trainer, speaks with it, and picks up the pieces when it dies.

use super::keep::{self, KeepError, Kept, KeptRun};
use super::link::Link;
use super::recipe::Recipe;
use super::{Live, Opened, Pace, Run, Status};
use crate::backend::{self, Backend};
use crate::export;
use crate::state::BackendChoice;
use crate::text::train as text;
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_engine::train::protocol::{Begin, Event, Frame, Request};
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// Frames kept of a run.
const MAX_FRAMES: usize = 256;
/// Milliseconds between two times that the browser keeps runs in training.
const KEEP_EVERY: f64 = 3000.0;

impl Live {
    /// Wakes the trainer and has it prepare the runs of `recipe`, in place of those before: as this browser kept them
    /// on an earlier visit, or, if `anew`, from their first step.
    pub fn begin(self, recipe: Recipe, choice: BackendChoice, anew: bool) {
        self.watch_visibility();
        self.problem.set(None);
        self.note.set(None);
        self.shown.set(None);
        self.status.set(Status::Downloading { loaded: 0, total: 0 });
        let mut configs = recipe.configs().into_iter();
        self.runs.iter().for_each(|run| run.clear(configs.next()));
        self.recipe.set(Some(recipe.clone()));
        let generation = self.inner.try_update_value(|inner| {
            inner.snapshots = Default::default();
            inner.wanted = false;
            inner.heard = false;
            inner.generation += 1;
            inner.generation
        });
        spawn_local(async move {
            // A browser that keeps nothing, or what cannot be read: then the runs begin anew, as a person expects.
            let kept = match anew {
                true => keep::forget().await.ok().and(None),
                false => keep::read().await.ok().flatten(),
            };
            // Somebody may have chosen again in the meantime.
            if self.inner.try_with_value(|inner| inner.generation) != generation {
                return;
            }
            if let Some(kept) = kept.filter(|kept| kept.epoch() > 0 && kept.recipe.same_runs(&recipe)) {
                self.take_up(kept);
            }
            if choice == self.choice.get_untracked() && self.inner.with_value(|inner| inner.link.is_some()) {
                return self.send_begin();
            }
            self.use_engine(choice);
        });
    }

    /// Takes the runs as the browser kept them.
    fn take_up(self, kept: Kept) {
        self.note.set(Some(text::taken_up(kept.epoch())));
        for (index, (run, kept)) in self.runs.iter().zip(kept.runs).enumerate() {
            run.history.set(kept.history);
            run.frames.set(kept.frames);
            run.losses.set(kept.losses);
            run.pace.update(|pace| pace.seconds = kept.seconds);
            self.inner.update_value(|inner| inner.snapshots[index] = kept.snapshot);
        }
    }

    /// Has the browser keep the runs as they stood after the last epoch that all of them have done; while they train,
    /// every few seconds at most.
    fn keep(self, now: bool) {
        let runs = self.present_untracked();
        let epoch = runs.first().map_or(0, Run::done);
        let time = window().performance().map_or(0.0, |clock| clock.now());
        let due = self.inner.try_update_value(|inner| {
            let rested = inner.kept_at.is_none_or(|at| time - at >= KEEP_EVERY);
            inner.keep_again |= now && inner.keeping;
            !inner.keeping && (now || rested) && inner.snapshots.iter().take(runs.len()).all(|s| !s.is_empty())
        });
        let Some(recipe) = self.recipe.get_untracked() else { return };
        if due != Some(true) || epoch == 0 || runs.iter().any(|run| run.done() != epoch) {
            return;
        }
        let kept = |(index, run): (usize, &Run)| KeptRun {
            snapshot: self.inner.with_value(|inner| inner.snapshots[index].clone()),
            history: run.history.get_untracked(),
            frames: run.frames.get_untracked(),
            losses: run.losses.get_untracked(),
            seconds: run.pace.with_untracked(|pace| pace.seconds),
        };
        let kept = Kept { recipe, runs: runs.iter().enumerate().map(kept).collect() };
        self.inner.update_value(|inner| (inner.kept_at, inner.keeping) = (Some(time), true));
        spawn_local(async move {
            let done = keep::write(&kept).await;
            let full = matches!(done, Err(KeepError::Refused(_)));
            let before = self.inner.try_update_value(|inner| {
                inner.keeping = false;
                (std::mem::replace(&mut inner.told_full, full), std::mem::take(&mut inner.keep_again))
            });
            match before {
                // Said once: who goes on all the same has read it.
                Some((false, _)) if full => {
                    self.pause();
                    self.problem.set(Some(text::STORAGE_FULL.into()));
                }
                Some((_, true)) if !full => self.keep(true),
                _ => {}
            }
        });
    }

    /// Goes on with another engine from what is kept.
    pub fn use_engine(self, choice: BackendChoice) {
        self.choice.set(choice);
        self.inner.update_value(|inner| {
            inner.link = None;
            inner.wanted = false;
        });
        self.status.set(Status::Downloading { loaded: 0, total: 0 });
        spawn_local(async move {
            let backend = backend::choose(choice).await;
            // Somebody may have chosen again in the meantime.
            if self.choice.get_untracked() == choice && self.inner.with_value(|inner| inner.link.is_none()) {
                let slow = choice == BackendChoice::Auto && backend == Backend::Cpu;
                if slow && self.note.with_untracked(Option::is_none) {
                    self.note.set(Some(text::NO_ADAPTER.into()));
                }
                self.start(backend);
            }
        });
    }

    /// Starts a trainer; it is given the runs once it is ready.
    fn start(self, backend: Backend) {
        self.backend.set(Some(backend));
        self.status.set(Status::Downloading { loaded: 0, total: 0 });
        match Link::start(backend, move |event, bytes| self.hear(event, bytes)) {
            Ok(link) => self.inner.update_value(|inner| inner.link = Some(link)),
            Err(error) => {
                self.status.set(Status::Dead);
                self.problem.set(Some(error.to_string()));
            }
        }
    }

    /// Hands the trainer the runs as they stood after their last measured epoch.
    fn send_begin(self) {
        self.status.set(Status::Preparing);
        let (snapshots, generation) = self
            .inner
            .try_update_value(|inner| {
                inner.generation += 1;
                inner.heard = false;
                (inner.snapshots.clone(), inner.generation)
            })
            .unwrap_or_default();
        let mut runs = Vec::new();
        for (run, snapshot) in self.runs.iter().zip(&snapshots) {
            let Some(config) = run.config.get_untracked() else { continue };
            runs.push(Begin {
                config,
                snapshot: snapshot.len(),
                history: run.history.get_untracked(),
                frames: run.frames.get_untracked(),
                seconds: run.pace.with_untracked(|pace| pace.seconds),
            });
        }
        self.send(&Request::Begin { generation, runs }, &snapshots.concat());
    }

    fn send(self, request: &Request, bytes: &[u8]) {
        self.inner.with_value(|inner| {
            if let Some(link) = &inner.link {
                link.send(request, bytes);
            }
        });
    }

    /// Trains, now or as soon as everything is there.
    pub fn play(self) {
        self.problem.set(None);
        self.note.set(None);
        self.shown.set(None);
        self.inner.update_value(|inner| inner.wanted = true);
        match self.status.get_untracked() {
            Status::Resting => self.go_on(),
            Status::Dead => self.revive(),
            _ => {}
        }
    }

    fn go_on(self) {
        self.status.set(Status::Playing);
        self.send(&Request::Play, &[]);
    }

    /// Starts another trainer and hands it what is kept.
    fn revive(self) {
        self.start(self.backend.get_untracked().unwrap_or(Backend::Cpu));
    }

    /// Stops after the step under way.
    pub fn pause(self) {
        self.inner.update_value(|inner| inner.wanted = false);
        if self.status.get_untracked() == Status::Playing {
            self.send(&Request::Pause, &[]);
        }
    }

    /// One step of each run.
    pub fn step(self) {
        self.shown.set(None);
        if self.status.get_untracked() == Status::Resting {
            self.status.set(Status::Playing);
            self.send(&Request::Step, &[]);
        }
    }

    /// Another peak learning rate for a run, from its next step on.
    pub fn set_rate(self, run: usize, lr: f64) {
        self.runs[run].config.update(|config| {
            if let Some(config) = config {
                config.lr = lr;
            }
        });
        self.recipe.update(|recipe| {
            if let Some(recipe) = recipe {
                match (run, &mut recipe.b) {
                    (0, _) => recipe.a.rate = lr,
                    (_, Some(b)) => b.rate = lr,
                    _ => {}
                }
            }
        });
        self.send(&Request::Rate { run, lr }, &[]);
    }

    /// Has a run packed; the browser then offers it for download.
    pub fn save(self, run: usize) {
        let Some(config) = self.runs[run].config.get_untracked() else { return };
        let epoch = self.runs[run].history.with_untracked(|h| h.last().map_or(0, |e| e.epoch));
        self.saving.set(Some((0, 1)));
        let id = bundle_id(run, &config, epoch);
        let name = self.runs[run].name().unwrap_or_default();
        let title = text::bundle_title(&name, config.id_class, epoch);
        self.send(&Request::Save { run, id, title }, &[]);
    }

    /// Has a bundle out of a file unpacked and checked, with a trainer that is started for it where there is none.
    pub fn open(self, bytes: &[u8]) {
        self.problem.set(None);
        self.send(&Request::Open, bytes);
    }

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
                for (run, prepared) in self.present_untracked().into_iter().zip(runs) {
                    // A trainer that died took the epoch under way with it.
                    run.losses.update(|losses| losses.truncate(prepared.epochs_done * prepared.steps));
                    run.pace.update(|pace| (pace.epoch, pace.step) = (prepared.epochs_done, 0));
                    run.prepared.set(Some(prepared));
                }
            }
            Event::Stepped { run, epoch, step, loss, millis, views } => self.runs[run].stepped(epoch, step, loss, {
                let rate = views as f64 / (millis.max(0.1) / 1e3);
                move |before: f64| if before > 0.0 { 0.8 * before + 0.2 * rate } else { rate }
            }),
            Event::Measured { run, entry, frame, seconds, memory } => {
                self.runs[run].measured(*entry, frame);
                self.runs[run].pace.update(|pace| (pace.seconds, pace.memory) = (seconds, memory));
                self.inner.update_value(|inner| inner.snapshots[run] = bytes);
                self.keep(false);
            }
            Event::Rests { finished } => self.rests(finished),
            Event::Saving { done, total } => self.saving.set(Some((done, total))),
            Event::Saved { run } => {
                self.saving.set(None);
                self.offer(run, &bytes);
            }
            Event::Opened { manifest, sizes } => {
                let (manifest, bytes) = (Arc::new(*manifest), Arc::from(bytes));
                self.opened.set(Some(Opened { manifest, sizes, bytes }));
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
            self.keep(true);
        }
    }

    fn crashed(self, message: &str) {
        let was_ready = !matches!(self.status.get_untracked(), Status::Downloading { .. });
        self.saving.set(None);
        self.inner.update_value(|inner| {
            inner.link = None;
            inner.wanted = false;
        });
        self.status.set(Status::Dead);
        if self.backend.get_untracked() == Some(Backend::Webgpu) && !was_ready {
            self.note.set(Some(text::WEBGPU_TO_CPU.into()));
            return self.start(Backend::Cpu);
        }
        let epoch = self.present_untracked().iter().map(|run| run.done()).min().unwrap_or(0);
        self.problem.set(Some(text::died(message, epoch)));
    }

    /// A tab that nobody sees does not train.
    fn watch_visibility(self) {
        if self.inner.try_update_value(|inner| std::mem::replace(&mut inner.watching, true)).unwrap_or(true) {
            return;
        }
        let hidden = Closure::<dyn Fn()>::new(move || {
            if document().hidden() && self.status.get_untracked() == Status::Playing {
                self.pause();
                self.note.set(Some(text::HIDDEN.into()));
            }
        });
        let _ = document().add_event_listener_with_callback("visibilitychange", hidden.as_ref().unchecked_ref());
        // For as long as the page lives.
        hidden.forget();
    }

    fn has_begun_untracked(self) -> bool {
        untrack(|| self.has_begun())
    }

    fn present_untracked(self) -> Vec<Run> {
        untrack(|| self.present().collect())
    }

    /// Hands a packed run to the person, as a download.
    fn offer(self, run: usize, zip: &[u8]) {
        let Some(config) = self.runs[run].config.get_untracked() else { return };
        let name = format!("{}.zip", bundle_id(run, &config, self.runs[run].done()));
        if export::save(&name, "application/zip", zip).is_err() {
            self.problem.set(Some(text::NO_DOWNLOAD.into()));
        } else {
            self.note.set(Some(text::saved(&name)));
        }
    }
}

impl Run {
    /// Epochs measured.
    fn done(&self) -> usize {
        self.history.with_untracked(|history| history.last().map_or(0, |entry| entry.epoch))
    }

    fn stepped(&self, epoch: usize, step: usize, loss: f32, rate: impl Fn(f64) -> f64) {
        self.losses.update(|losses| losses.push(loss));
        let steps = self.prepared.with_untracked(|p| p.as_ref().map_or(1, |p| p.steps));
        self.pace.update(|pace: &mut Pace| {
            (pace.epoch, pace.step) = if step + 1 < steps { (epoch, step + 1) } else { (epoch + 1, 0) };
            pace.views = rate(pace.views);
        });
    }

    fn measured(&self, entry: nsa_core::measure::HistoryEntry, frame: Frame) {
        self.history.update(|history| history.push(entry));
        self.frames.update(|frames| {
            frames.push(frame);
            if frames.len() >= MAX_FRAMES {
                let last = frames.len() - 1;
                let mut at = 0;
                frames.retain(|_| {
                    at += 1;
                    (at - 1) % 2 == 0 || at - 1 == last
                });
            }
        });
    }
}

/// Id of a saved run: it names the file, and the folder it is unpacked to.
fn bundle_id(run: usize, config: &nsa_core::config::TrainConfig, epoch: usize) -> String {
    let letter = if run == 0 { 'a' } else { 'b' };
    format!("live-{letter}-{}-{}-digit-{}-epoch-{epoch}", config.objective, config.norm, config.id_class)
}

//! The engine, a Web Worker that scores: which one runs, how far it is, and what it is asked.

use super::NoticeStore;
use super::notices::Topic;
use crate::backend::{self, Backend};
use crate::state::{BackendChoice, State, View};
use crate::text;
use crate::worker::Worker;
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_engine::protocol::{Event, Request};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How often a dead engine is started again without being asked.
const RESTARTS: u32 = 1;

/// Where the engine stands.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineState {
    /// The browser is asked what it can do.
    Choosing,
    /// The engine's program is on its way.
    Downloading {
        /// Bytes so far.
        loaded: u64,
        /// Bytes in all; 0 if unknown.
        total: u64,
    },
    Ready {
        /// The processor's name.
        device: String,
    },
    Crashed,
}

/// The engine, and who waits for an answer of it.
#[derive(Clone, Copy)]
pub struct EngineStore {
    pub state: RwSignal<EngineState>,
    /// Which engine it is, once that is decided.
    pub backend: RwSignal<Option<Backend>>,
    notices: NoticeStore,
    inner: StoredValue<Inner, LocalStorage>,
}

/// Hears what the engine says about a job.
type Listener = Rc<dyn Fn(Event, Vec<u8>)>;

#[derive(Default)]
struct Inner {
    worker: Option<Worker<Request, Event>>,
    jobs: BTreeMap<u32, Listener>,
    last_job: u32,
    restarts: u32,
}

impl EngineStore {
    pub fn new(notices: NoticeStore) -> Self {
        Self {
            state: RwSignal::new(EngineState::Choosing),
            backend: RwSignal::new(None),
            notices,
            inner: StoredValue::new_local(Inner::default()),
        }
    }

    /// Runs the engine that a person chooses.
    pub fn follow(self, state: RwSignal<State>) {
        let choice = Memo::new(move |_| state.with(|s| s.backend));
        // Who only trains needs no engine yet: it would take the trainer's time. Once it is there it stays. Of one's own
        // images it says what they give without training.
        let wanted = Memo::new(move |before| {
            before == Some(&true) || state.with(|s| s.view != View::Train || s.train.own.is_some())
        });
        Effect::new(move |_| {
            let choice = choice.get();
            if !wanted.get() {
                return;
            }
            spawn_local(async move {
                let backend = backend::choose(choice).await;
                self.inner.update_value(|inner| inner.restarts = 0);
                self.notices.notes.set(Vec::new());
                if choice == BackendChoice::Auto && backend == Backend::Cpu {
                    self.notices.say(text::NO_ADAPTER);
                }
                self.start(backend);
            });
        });
    }

    /// Whether it can be asked.
    pub fn is_ready(&self) -> bool {
        self.state.with(|state| matches!(state, EngineState::Ready { .. }))
    }

    /// Starts it again because a person asked for it.
    pub fn restart(self) {
        self.inner.update_value(|inner| inner.restarts = 0);
        self.start(self.backend.get_untracked().unwrap_or(Backend::Cpu));
    }

    /// Starts an engine in place of the one before it, if there is one. What that was asked is forgotten.
    fn start(self, backend: Backend) {
        self.notices.settle(Topic::Engine);
        self.backend.set(Some(backend));
        self.state.set(EngineState::Downloading { loaded: 0, total: 0 });
        let worker = Worker::start(&format!("engine-{}", backend.word()), move |event, bytes| self.hear(event, bytes));
        let error = worker.as_ref().err().map(ToString::to_string);
        self.inner.update_value(|inner| {
            inner.jobs.clear();
            inner.worker = worker.ok();
        });
        if let Some(message) = error {
            self.state.set(EngineState::Crashed);
            self.notices.report(Topic::Engine, message);
        }
    }

    /// Asks for a job, with bytes where it wants them, and gives its number; none if there is no engine. `listener`
    /// hears every answer, and [`Event::Crashed`] if the engine dies for good.
    pub fn ask(
        self,
        request: impl FnOnce(u32) -> Request,
        bytes: &[u8],
        listener: impl Fn(Event) + 'static,
    ) -> Option<u32> {
        self.ask_for_bytes(request, bytes, move |event, _| listener(event))
    }

    /// [`EngineStore::ask`] for an answer that has bytes beside it.
    pub fn ask_for_bytes(
        self,
        request: impl FnOnce(u32) -> Request,
        bytes: &[u8],
        listener: impl Fn(Event, Vec<u8>) + 'static,
    ) -> Option<u32> {
        let asked = self.inner.try_update_value(|inner| {
            let worker = inner.worker.as_ref()?;
            inner.last_job += 1;
            inner.jobs.insert(inner.last_job, Rc::new(listener));
            worker.send(&request(inner.last_job), bytes);
            Some(inner.last_job)
        });
        asked.flatten()
    }

    /// Whether a job is under way.
    pub fn is_at(self, job: Option<u32>) -> bool {
        self.inner.with_value(|inner| job.is_some_and(|job| inner.jobs.contains_key(&job)))
    }

    /// Has a job forgotten, if it is under way: nothing is heard of it any more.
    pub fn cancel(self, job: Option<u32>) {
        self.inner.update_value(|inner| {
            let Some(job) = job.filter(|job| inner.jobs.remove(job).is_some()) else { return };
            if let Some(worker) = &inner.worker {
                worker.send(&Request::Cancel { job }, &[]);
            }
        });
    }

    /// Has every job forgotten.
    pub fn cancel_all(self) {
        let jobs: Vec<u32> = self.inner.with_value(|inner| inner.jobs.keys().copied().collect());
        jobs.into_iter().for_each(|job| self.cancel(Some(job)));
    }

    /// Takes in what the engine says.
    pub fn hear(self, event: Event, bytes: Vec<u8>) {
        match event {
            Event::Download { loaded, total } => self.state.set(EngineState::Downloading { loaded, total }),
            Event::Ready { device, .. } => self.state.set(EngineState::Ready { device }),
            Event::Crashed { message } => self.crashed(&message),
            answer => self.pass_on(answer, bytes),
        }
    }

    fn pass_on(self, answer: Event, bytes: Vec<u8>) {
        let Some(job) = answer.job() else { return };
        let listener = self.inner.try_update_value(|inner| match answer {
            Event::Scored { .. } | Event::Fitting { .. } => inner.jobs.get(&job).cloned(),
            // An engine that finishes its work has earned another start.
            Event::Done { .. } => {
                inner.restarts = 0;
                inner.jobs.remove(&job)
            }
            _ => inner.jobs.remove(&job),
        });
        if let Some(listener) = listener.flatten() {
            listener(answer, bytes);
        }
    }

    fn crashed(self, message: &str) {
        let was_ready = untrack(|| self.is_ready());
        let backend = self.backend.get_untracked().unwrap_or(Backend::Cpu);
        self.state.set(EngineState::Crashed);
        let restarts = self.inner.try_update_value(|inner| {
            inner.worker = None;
            inner.restarts += 1;
            inner.restarts
        });
        let again = was_ready && restarts.is_some_and(|n| n <= RESTARTS);
        if backend == Backend::Webgpu && !again {
            self.inner.update_value(|inner| inner.restarts = 0);
            self.notices.say(if was_ready { text::WEBGPU_LOST } else { text::WEBGPU_TO_CPU });
            self.start(Backend::Cpu);
        } else if again {
            self.notices.say(text::ENGINE_RESTARTED);
            self.start(backend);
        } else {
            let jobs = self.inner.try_update_value(|inner| std::mem::take(&mut inner.jobs)).unwrap_or_default();
            jobs.into_values().for_each(|listener| listener(Event::Crashed { message: message.into() }, Vec::new()));
            self.notices.report(Topic::Engine, text::engine_failed(message));
        }
    }
}

//! What the page does: it starts the engine, opens models, fills the gallery, has images scored, and picks up
//! the pieces when something fails.

use crate::backend::{self, Backend};
use crate::engine::Engine;
use crate::gallery::{Recipe, Source, plan};
use crate::lab::{Bundle, EngineState, Lab, OwnProgress, Row, Topic};
use crate::{fetch, text};
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_core::bundle::{Catalog, FORMAT};
use nsa_engine::protocol::{Event, Request};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Largest gallery file: 10,000 images and a header.
const MAX_GALLERY: usize = 32 << 20;
const MAX_CATALOG: usize = 1 << 20;
/// How often a dead engine is started again without being asked.
const RESTARTS: u32 = 1;
/// Milliseconds of drawing before the page gets its turn.
const TURN: f64 = 8.0;

/// What the engine was asked to do.
enum Job {
    /// Load the model with this id.
    Load(String),
    /// Score the gallery images at these positions.
    Gallery(Vec<usize>),
    /// Score the person's own images with these keys.
    Own(Vec<u32>),
}

/// The page's side of the conversation with the engine. Views do not see it.
#[derive(Default)]
pub struct Session {
    engine: Option<Engine>,
    jobs: BTreeMap<u32, Job>,
    last_job: u32,
    last_key: u32,
    restarts: u32,
    /// Grows with every gallery, so that one that was overtaken notices.
    gallery: u32,
}

impl Lab {
    /// Sets everything in motion. The page changes what it does whenever a person changes what they want.
    pub fn start(self) {
        spawn_local(self.fetch_catalog());
        let choice = Memo::new(move |_| self.state.with(|s| s.backend));
        Effect::new(move |_| {
            let choice = choice.get();
            spawn_local(async move {
                let backend = backend::choose(choice).await;
                self.session.update_value(|s| s.restarts = 0);
                self.notes.set(Vec::new());
                self.start_engine(backend);
            });
        });
        let model = Memo::new(move |_| self.entry.with(|e| e.as_ref().map(|e| e.id.clone())));
        Effect::new(move |_| {
            if model.with(Option::is_some) {
                untrack(|| self.open_model());
            }
        });
        Effect::new(move |_| {
            if let Some(recipe) = self.recipe.get() {
                spawn_local(self.fill_gallery(recipe));
            }
        });
    }

    async fn fetch_catalog(self) {
        let result = fetch::bytes("assets/catalog.json", MAX_CATALOG).await.map_err(|e| e.to_string());
        let parsed = result.and_then(|bytes| serde_json::from_slice::<Catalog>(&bytes).map_err(|e| e.to_string()));
        match parsed {
            Ok(catalog) if catalog.format == FORMAT && !catalog.bundles.is_empty() => self.catalog.set(Some(catalog)),
            Ok(_) => self.report(Topic::Catalog, text::catalog_failed("it lists no model of this version")),
            Err(why) => self.report(Topic::Catalog, text::catalog_failed(&why)),
        }
    }

    // --- the engine --------------------------------------------------------------------------------------

    /// Starts an engine in place of the one before it, if there is one. The page's state stays as it is.
    pub fn start_engine(self, backend: Backend) {
        self.settle(Topic::Engine);
        self.backend.set(Some(backend));
        self.engine.set(EngineState::Downloading { loaded: 0, total: 0 });
        let engine = Engine::start(backend, move |event| self.hear(event));
        let error = engine.as_ref().err().map(ToString::to_string);
        self.session.update_value(|session| {
            session.jobs.clear();
            session.engine = engine.ok();
        });
        if let Some(message) = error {
            self.engine.set(EngineState::Crashed);
            self.report(Topic::Engine, message);
        }
    }

    /// Starts the engine again because a person asked for it.
    pub fn restart_engine(self) {
        self.session.update_value(|s| s.restarts = 0);
        self.start_engine(self.backend.get_untracked().unwrap_or(Backend::Cpu));
    }

    /// Takes in what the engine says.
    pub fn hear(self, event: Event) {
        match event {
            Event::Download { loaded, total } => self.engine.set(EngineState::Downloading { loaded, total }),
            Event::Ready { device, .. } => {
                self.engine.set(EngineState::Ready { device });
                self.open_model();
            }
            Event::Progress { loaded, total, job } if self.has_job(job) => self.loading.set(Some((loaded, total))),
            Event::Loaded { job, manifest, history } => {
                self.model_loaded(job, Bundle { manifest: *manifest, history: *history })
            }
            Event::Scored { job, first, scores, .. } => self.take_scores(job, first, scores),
            Event::Done { job, .. } => drop(self.end_job(job)),
            Event::Failed { job, message } => self.job_failed(job, &message),
            Event::Crashed { message } => self.engine_crashed(&message),
            Event::Progress { .. } => {}
        }
    }

    fn engine_crashed(self, message: &str) {
        let was_ready = self.engine.with_untracked(|e| matches!(e, EngineState::Ready { .. }));
        let backend = self.backend.get_untracked().unwrap_or(Backend::Cpu);
        self.engine.set(EngineState::Crashed);
        self.fail_own(text::OWN_INTERRUPTED);
        let restarts = self.session.try_update_value(|session| {
            session.engine = None;
            session.restarts += 1;
            session.restarts
        });
        if backend == Backend::Webgpu && !was_ready {
            self.session.update_value(|s| s.restarts = 0);
            self.notes.update(|notes| notes.push(text::WEBGPU_TO_CPU.into()));
            self.start_engine(Backend::Cpu);
        } else if was_ready && restarts.is_some_and(|n| n <= RESTARTS) {
            self.notes.update(|notes| notes.push(text::ENGINE_RESTARTED.into()));
            self.start_engine(backend);
        } else {
            self.report(Topic::Engine, text::engine_failed(message));
        }
    }

    fn ask(self, job: Job, request: impl FnOnce(u32) -> Request, pixels: Option<&[u8]>) {
        self.session.update_value(|session| {
            session.last_job += 1;
            let number = session.last_job;
            if let Some(engine) = &session.engine {
                session.jobs.insert(number, job);
                engine.send(&request(number), pixels);
            }
        });
    }

    fn has_job(self, job: u32) -> bool {
        self.session.with_value(|s| s.jobs.contains_key(&job))
    }

    fn end_job(self, job: u32) -> Option<Job> {
        self.session.try_update_value(|s| s.jobs.remove(&job)).flatten()
    }

    fn cancel(self, which: fn(&Job) -> bool) {
        self.session.update_value(|session| {
            let numbers: Vec<u32> = session.jobs.iter().filter(|(_, job)| which(job)).map(|(n, _)| *n).collect();
            for job in numbers {
                session.jobs.remove(&job);
                if let Some(engine) = &session.engine {
                    engine.send(&Request::Cancel { job }, None);
                }
            }
        });
    }

    fn is_ready(self) -> bool {
        self.engine.with_untracked(|e| matches!(e, EngineState::Ready { .. }))
    }

    // --- models ------------------------------------------------------------------------------------------

    /// Forgets the model before and has the one chosen loaded, as soon as there is an engine.
    fn open_model(self) {
        self.bundle.set(None);
        self.rows.update(|rows| rows.fill(None));
        self.own.update(|own| own.iter_mut().for_each(|image| image.progress.reset()));
        self.settle(Topic::Model);
        self.settle(Topic::Scoring);
        self.cancel(|_| true);
        let Some(entry) = self.entry.get_untracked().filter(|_| self.is_ready()) else { return };
        self.loading.set(Some((0, entry.bytes)));
        match absolute(&format!("assets/bundles/{}/", entry.id)) {
            Some(url) => self.ask(Job::Load(entry.id), |job| Request::Load { job, url }, None),
            None => self.report(Topic::Model, text::model_failed(&entry.title, "its address is not valid")),
        }
    }

    fn model_loaded(self, job: u32, bundle: Bundle) {
        let Some(Job::Load(id)) = self.end_job(job) else { return };
        self.loading.set(None);
        if bundle.manifest.id != id {
            let why = format!("its folder is named {id}, but its bundle.json says {}", bundle.manifest.id);
            return self.report(Topic::Model, text::model_failed(&bundle.manifest.title, &why));
        }
        self.bundle.set(Some(Arc::new(bundle)));
        self.score_gallery();
        self.score_own();
    }

    fn job_failed(self, job: u32, message: &str) {
        match self.end_job(job) {
            Some(Job::Load(id)) => {
                self.loading.set(None);
                let title = self.entry.get_untracked().map_or(id, |e| e.title);
                self.report(Topic::Model, text::model_failed(&title, message));
            }
            Some(Job::Gallery(_)) => self.report(Topic::Scoring, text::scoring_failed(message)),
            Some(Job::Own(keys)) => self.update_own(&keys, |progress| *progress = OwnProgress::Failed(message.into())),
            None => {}
        }
    }

    // --- images ------------------------------------------------------------------------------------------

    /// Draws the gallery a few milliseconds at a time, so that the page stays alive.
    async fn fill_gallery(self, recipe: Recipe) {
        let generation = self.session.try_update_value(|s| {
            s.gallery += 1;
            s.gallery
        });
        let overtaken = move || self.session.try_with_value(|s| Some(s.gallery) != generation).unwrap_or(true);
        self.cancel(|job| matches!(job, Job::Gallery(_)));
        self.settle(Topic::Gallery);
        self.images_complete.set(false);
        self.images.set(Vec::new());
        self.rows.set(Vec::new());

        let source = match open_source(&recipe.dataset).await {
            _ if overtaken() => return,
            Ok(source) => source,
            Err(message) => {
                self.images_complete.set(true);
                return self.report(Topic::Gallery, message);
            }
        };
        let mut picks = plan(&recipe, &source.available()).into_iter().peekable();
        while picks.peek().is_some() {
            let until = now() + TURN;
            let mut drawn = Vec::new();
            while now() < until {
                let Some(pick) = picks.next() else { break };
                drawn.extend(source.image(pick).map(Arc::new));
            }
            self.rows.update(|rows| rows.resize(rows.len() + drawn.len(), None));
            self.images.update(|images| images.extend(drawn));
            next_turn().await;
            if overtaken() {
                return;
            }
        }
        self.images_complete.set(true);
        self.score_gallery();
    }

    /// Has every gallery image scored that has no score yet.
    fn score_gallery(self) {
        let busy = self.session.with_value(|s| s.jobs.values().any(|job| matches!(job, Job::Gallery(_))));
        if busy || !self.images_complete.get_untracked() || self.bundle.with_untracked(Option::is_none) {
            return;
        }
        let waiting: Vec<usize> =
            self.rows.with_untracked(|rows| (0..rows.len()).filter(|&i| rows[i].is_none()).collect());
        if waiting.is_empty() {
            return;
        }
        let pixels = self.images.with_untracked(|images| {
            waiting.iter().flat_map(|&i| images[i].pixels.iter().copied()).collect::<Vec<u8>>()
        });
        let n = waiting.len();
        self.ask(Job::Gallery(waiting), |job| Request::Score { job, n }, Some(&pixels));
    }

    /// A number for another own image.
    pub fn next_key(self) -> u32 {
        self.session.update_value(|s| s.last_key += 1);
        self.session.with_value(|s| s.last_key)
    }

    /// Has every own image scored that is decoded and has no score yet.
    pub fn score_own(self) {
        if self.bundle.with_untracked(Option::is_none) {
            return;
        }
        let asked: Vec<u32> = self.session.with_value(|s| {
            s.jobs.values().flat_map(|job| if let Job::Own(keys) = job { keys.clone() } else { Vec::new() }).collect()
        });
        let waiting: Vec<(u32, Arc<[u8]>)> = self.own.with_untracked(|own| {
            let new = own.iter().filter(|i| i.progress == OwnProgress::Waiting && !asked.contains(&i.key));
            new.filter_map(|image| Some((image.key, image.pixels.clone()?))).collect()
        });
        if waiting.is_empty() {
            return;
        }
        let pixels: Vec<u8> = waiting.iter().flat_map(|(_, pixels)| pixels.iter().copied()).collect();
        let keys: Vec<u32> = waiting.into_iter().map(|(key, _)| key).collect();
        let n = keys.len();
        self.ask(Job::Own(keys), |job| Request::Score { job, n }, Some(&pixels));
    }

    fn take_scores(self, job: u32, first: usize, scores: Vec<Row>) {
        let width = self.bundle.with_untracked(|b| b.as_ref().map_or(0, |b| b.manifest.scores.len()));
        let rows = scores.into_iter().enumerate().filter(|(_, row)| row.len() == width);
        self.session.with_value(|session| match session.jobs.get(&job) {
            Some(Job::Gallery(positions)) => self.rows.update(|all| {
                for (k, row) in rows {
                    if let Some(slot) = positions.get(first + k).and_then(|&at| all.get_mut(at)) {
                        *slot = Some(row);
                    }
                }
            }),
            Some(Job::Own(keys)) => {
                for (k, row) in rows {
                    if let Some(key) = keys.get(first + k) {
                        self.update_own(&[*key], |progress| *progress = OwnProgress::Scored(row.clone()));
                    }
                }
            }
            _ => {}
        });
    }

    fn update_own(self, keys: &[u32], change: impl Fn(&mut OwnProgress)) {
        self.own.update(|own| {
            own.iter_mut().filter(|image| keys.contains(&image.key)).for_each(|image| change(&mut image.progress));
        });
    }

    /// Ends the wait of the own images that the engine was working on.
    fn fail_own(self, why: &str) {
        let keys: Vec<u32> = self.session.with_value(|s| {
            s.jobs.values().flat_map(|job| if let Job::Own(keys) = job { keys.clone() } else { Vec::new() }).collect()
        });
        self.update_own(&keys, |progress| {
            if *progress == OwnProgress::Waiting {
                *progress = OwnProgress::Failed(why.into());
            }
        });
    }
}

impl OwnProgress {
    /// Another model has yet to score it; what could not be read stays unreadable.
    fn reset(&mut self) {
        if let Self::Scored(_) = self {
            *self = Self::Waiting;
        }
    }
}

async fn open_source(dataset: &str) -> Result<Source, String> {
    if Source::is_built_in(dataset) {
        return Ok(Source::SynthDigits);
    }
    match fetch::bytes(&format!("assets/galleries/{dataset}.safetensors"), MAX_GALLERY).await {
        Ok(bytes) => Source::from_file(dataset, &bytes).map_err(|e| e.to_string()),
        Err(fetch::FetchError::Missing { .. }) => Err(text::gallery_missing(dataset)),
        Err(error) => Err(text::gallery_failed(&error.to_string())),
    }
}

fn absolute(path: &str) -> Option<String> {
    let base = document().base_uri().ok().flatten()?;
    web_sys::Url::new_with_base(path, &base).ok().map(|url| url.href())
}

fn now() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

/// Lets the browser paint and listen before the work goes on.
async fn next_turn() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let _ = window().set_timeout_with_callback(&resolve);
    });
    let _ = JsFuture::from(promise).await.map(|_: JsValue| ());
}

//! What the page does: it starts the engine, opens models, fills the gallery, has images scored, and picks up
//! the pieces when something fails.

mod detail;
mod images;
mod own;
mod replay;

use crate::backend::{self, Backend};
use crate::engine::Engine;
use crate::lab::{Bundle, EngineState, Lab, OwnProgress, Topic};
use crate::replay::Replay;
use crate::sphere::Projected;
use crate::state::{BackendChoice, View};
use crate::train::Opened;
use crate::{fetch, text};
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_core::bundle::{Catalog, CatalogEntry, FORMAT};
use nsa_engine::protocol::{Event, Request};
use std::collections::BTreeMap;
use std::sync::Arc;

const MAX_CATALOG: usize = 1 << 20;
/// How often a dead engine is started again without being asked.
const RESTARTS: u32 = 1;

/// What the engine was asked to do.
enum Job {
    /// Load the model with this id.
    Load(String),
    /// Score the gallery images at these positions.
    Gallery(Vec<usize>),
    /// Score the person's own images with these keys.
    Own(Vec<u32>),
    /// Say why the open image has its scores.
    Explain,
    /// Draw views of the open image.
    Views,
    /// Place the gallery's images and these own ones on the hypersphere.
    Project {
        /// How many of the gallery's.
        images: usize,
        /// Keys of the own ones.
        own: Vec<u32>,
    },
}

/// The page's side of the conversation with the engine. Views do not see it.
#[derive(Default)]
pub struct Session {
    engine: Option<Engine>,
    jobs: BTreeMap<u32, Job>,
    last_job: u32,
    last_key: u32,
    restarts: u32,
    /// Whether the engine has the model that the page shows.
    loaded: bool,
    /// Bundles out of a person's files, by id.
    files: BTreeMap<String, Opened>,
    /// Grows with every gallery, so that one that was overtaken notices.
    gallery: u32,
}

impl Lab {
    /// Sets everything in motion. The page changes what it does whenever a person changes what they want.
    pub fn start(self) {
        spawn_local(self.fetch_catalog());
        self.follow_replays();
        self.follow_projection();
        let choice = Memo::new(move |_| self.state.with(|s| s.backend));
        // Who only trains needs no engine yet: it would take the trainer's time. Once it is there it stays.
        let wanted = Memo::new(move |before| before == Some(&true) || self.state.with(|s| s.view != View::Train));
        Effect::new(move |_| {
            let choice = choice.get();
            if !wanted.get() {
                return;
            }
            spawn_local(async move {
                let backend = backend::choose(choice).await;
                self.session.update_value(|s| s.restarts = 0);
                self.notes.set(Vec::new());
                if choice == BackendChoice::Auto && backend == Backend::Cpu {
                    self.say(text::NO_ADAPTER);
                }
                self.start_engine(backend);
            });
        });
        let model = Memo::new(move |_| self.entry.with(|e| e.as_ref().map(|e| e.id.clone())));
        Effect::new(move |_| {
            if model.with(Option::is_some) {
                untrack(|| self.open_model());
            }
        });
        self.follow_subject();
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
            session.loaded = false;
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
                self.reopen_model();
            }
            Event::Progress { loaded, total, job } if self.has_job(job) => self.loading.set(Some((loaded, total))),
            Event::Loaded { job, manifest, history } => {
                self.model_loaded(job, Bundle { manifest: *manifest, history: *history })
            }
            Event::Scored { job, first, scores, angles } => self.take_scores(job, first, scores, &angles),
            Event::Done { job, .. } => {
                // An engine that finishes its work has earned another start.
                self.session.update_value(|s| s.restarts = 0);
                self.end_job(job);
            }
            Event::Explained { job, explanation } => self.explained(job, *explanation),
            Event::Drawn { job, views } => self.drawn(job, views),
            Event::Projected { job, angles, azimuths, points, explained } => {
                if let Some(Job::Project { images, own }) = self.end_job(job) {
                    self.projected.set(Some(Ok(Projected { images, own, angles, azimuths, points, explained })));
                }
            }
            Event::Failed { job, message } => self.job_failed(job, &message),
            Event::Crashed { message } => self.engine_crashed(&message),
            Event::Progress { .. } => {}
        }
    }

    fn engine_crashed(self, message: &str) {
        let was_ready = self.engine.with_untracked(|e| matches!(e, EngineState::Ready { .. }));
        let backend = self.backend.get_untracked().unwrap_or(Backend::Cpu);
        self.engine.set(EngineState::Crashed);
        let restarts = self.session.try_update_value(|session| {
            session.engine = None;
            session.restarts += 1;
            session.restarts
        });
        if backend == Backend::Webgpu && !was_ready {
            self.session.update_value(|s| s.restarts = 0);
            self.say(text::WEBGPU_TO_CPU);
            self.start_engine(Backend::Cpu);
        } else if was_ready && restarts.is_some_and(|n| n <= RESTARTS) {
            self.say(text::ENGINE_RESTARTED);
            self.start_engine(backend);
        } else {
            self.fail_own(text::OWN_INTERRUPTED);
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

    /// Whether images can be scored now.
    fn is_loaded(self) -> bool {
        self.session.with_value(|s| s.loaded)
    }

    // --- models ------------------------------------------------------------------------------------------

    /// Forgets the model before and has the one chosen loaded, as soon as there is an engine.
    fn open_model(self) {
        self.session.update_value(|s| s.loaded = false);
        self.bundle.set(None);
        self.rows.update(|rows| rows.fill(None));
        self.angles.update(|angles| angles.fill(None));
        self.own.update(|own| own.iter_mut().for_each(|image| image.progress.reset()));
        self.settle(Topic::Model);
        self.settle(Topic::Scoring);
        self.cancel(|_| true);
        self.load_model();
    }

    /// Gives a fresh engine the model that the page has; scores that are there stay, and only the others are computed.
    fn reopen_model(self) {
        let same = self.bundle.with_untracked(|b| {
            self.entry.with_untracked(|e| b.as_ref().map(|b| &b.manifest.id) == e.as_ref().map(|e| &e.id))
        });
        if same { self.load_model() } else { self.open_model() }
    }

    fn load_model(self) {
        let Some(entry) = self.entry.get_untracked().filter(|_| self.is_ready()) else { return };
        self.loading.set(Some((0, entry.bytes)));
        if let Some(Opened { sizes, bytes, .. }) = self.session.with_value(|s| s.files.get(&entry.id).cloned()) {
            return self.ask(Job::Load(entry.id), |job| Request::Open { job, sizes }, Some(&bytes));
        }
        match absolute(&format!("assets/bundles/{}/", entry.id)) {
            Some(url) => self.ask(Job::Load(entry.id), |job| Request::Load { job, url }, None),
            None => self.report(Topic::Model, text::model_failed(&entry.title, "its address is not valid")),
        }
    }

    /// Lists a bundle out of a person's file with the models, and shows what it says of the gallery.
    pub fn open_file(self, opened: Opened) {
        let entry = catalog_entry(&opened);
        let replay = Replay::of_file(&opened).ok();
        let id = entry.id.clone();
        self.session.update_value(|s| drop(s.files.insert(id.clone(), opened)));
        self.catalog.update(|catalog| {
            let catalog =
                catalog.get_or_insert_with(|| Catalog { format: FORMAT, default: id.clone(), bundles: vec![] });
            catalog.bundles.retain(|e| e.id != id);
            catalog.bundles.push(entry);
        });
        let again = self.entry.with_untracked(|e| e.as_ref().is_some_and(|e| e.id == id));
        self.choose(|state| (state.view, state.model, state.threshold) = (View::Score, Some(id), None));
        if again {
            // The same name, maybe another content.
            self.open_model();
            self.replay.set(replay.map(Arc::new));
        }
    }

    fn model_loaded(self, job: u32, bundle: Bundle) {
        let Some(Job::Load(id)) = self.end_job(job) else { return };
        self.loading.set(None);
        if bundle.manifest.id != id {
            let why = format!("its folder is named {id}, but its bundle.json says {}", bundle.manifest.id);
            return self.report(Topic::Model, text::model_failed(&bundle.manifest.title, &why));
        }
        self.session.update_value(|s| s.loaded = true);
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
            Some(Job::Explain | Job::Views) => {
                self.detail.update(|detail| detail.failed = Some(text::score::detail_failed(message)));
            }
            Some(Job::Project { .. }) => self.projected.set(Some(Err(message.into()))),
            None => {}
        }
    }
}

/// What the menu of models knows of a bundle out of a file.
fn catalog_entry(opened: &Opened) -> CatalogEntry {
    CatalogEntry::of(&opened.manifest, opened.sizes.iter().map(|&size| size as u64).sum())
}

fn absolute(path: &str) -> Option<String> {
    let base = document().base_uri().ok().flatten()?;
    web_sys::Url::new_with_base(path, &base).ok().map(|url| url.href())
}

//! The gallery: test images, drawn or decoded, and what the engine says of them.

use super::bundle::Row;
use super::engine::EngineStore;
use super::model::ModelStore;
use super::notices::{NoticeStore, Topic};
use crate::clock::{next_turn, now};
use crate::fetch::{FetchError, fetch};
use crate::gallery::{Contents, Image, Source, plan};
use crate::state::State;
use crate::text;
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_core::bundle::CatalogEntry;
use nsa_core::data::OWN;
use nsa_engine::protocol::{Event, Request};
use std::sync::Arc;

/// Largest gallery file: 10,000 images and a header.
const MAX_GALLERY: u64 = 32 << 20;
/// Milliseconds of drawing before the page gets its turn.
const TURN: f64 = 8.0;

/// The gallery.
#[derive(Clone, Copy)]
pub struct GalleryStore {
    /// What it is made of.
    pub contents: Memo<Option<Contents>>,
    pub images: RwSignal<Vec<Arc<Image>>>,
    /// Whether [`GalleryStore::images`] is all there will be.
    pub complete: RwSignal<bool>,
    /// For every image its scores, once they are there.
    pub rows: RwSignal<Vec<Option<Row>>>,
    /// For every image its angle to the ID mean in radians, once it is there.
    pub angles: RwSignal<Vec<Option<f32>>>,
    /// Grows with every gallery, so that one that was overtaken notices.
    generation: StoredValue<u32>,
    /// The engine's job of scoring.
    job: StoredValue<Option<u32>>,
    model: ModelStore,
    engine: EngineStore,
    notices: NoticeStore,
}

impl GalleryStore {
    pub fn new(state: RwSignal<State>, model: ModelStore, engine: EngineStore, notices: NoticeStore) -> Self {
        let contents = Memo::new(move |_| {
            let (n, seed) = state.with(|s| (s.n, s.seed));
            let of = |e: &CatalogEntry| Contents { dataset: e.dataset.clone(), id_class: e.id_class, n, seed };
            model.entry.with(|e| e.as_ref().map(of))
        });
        Self {
            contents,
            images: RwSignal::new(Vec::new()),
            complete: RwSignal::new(false),
            rows: RwSignal::new(Vec::new()),
            angles: RwSignal::new(Vec::new()),
            generation: StoredValue::new(0),
            job: StoredValue::new(None),
            model,
            engine,
            notices,
        }
    }

    /// Fills it whenever it is made of something else, and has it scored by the model there is.
    pub fn start(self) {
        Effect::new(move |_| {
            if let Some(contents) = self.contents.get() {
                spawn_local(self.fill(contents));
            }
        });
        Effect::new(move |_| {
            self.model.opened.track();
            self.rows.update(|rows| rows.fill(None));
            self.angles.update(|angles| angles.fill(None));
        });
        Effect::new(move |_| {
            if self.model.loaded.get() && self.complete.get() {
                untrack(|| self.score());
            }
        });
    }

    /// Draws the images a few milliseconds at a time, so that the page stays alive.
    async fn fill(self, contents: Contents) {
        let generation = self.generation.try_update_value(|n| {
            *n += 1;
            *n
        });
        let overtaken = move || self.generation.try_get_value() != generation;
        self.engine.cancel(self.job.get_value());
        self.notices.settle(Topic::Gallery);
        self.complete.set(false);
        self.images.set(Vec::new());
        self.rows.set(Vec::new());
        self.angles.set(Vec::new());

        let source = match open_source(&contents.dataset).await {
            _ if overtaken() => return,
            Ok(source) => source,
            Err(message) => {
                self.complete.set(true);
                return self.notices.report(Topic::Gallery, message);
            }
        };
        let mut picks = plan(&contents, &source.available()).into_iter().peekable();
        while picks.peek().is_some() {
            let until = now() + TURN;
            let mut drawn = Vec::new();
            while now() < until {
                let Some(pick) = picks.next() else { break };
                drawn.extend(source.image(pick).map(Arc::new));
            }
            self.rows.update(|rows| rows.resize(rows.len() + drawn.len(), None));
            self.angles.update(|angles| angles.resize(angles.len() + drawn.len(), None));
            self.images.update(|images| images.extend(drawn));
            next_turn().await;
            if overtaken() {
                return;
            }
        }
        self.complete.set(true);
    }

    /// Has every image scored that has no score yet.
    fn score(self) {
        if self.engine.is_at(self.job.get_value()) {
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
        let listener = move |event| match event {
            Event::Scored { first, scores, angles, .. } => {
                self.take(waiting.get(first..).unwrap_or_default(), scores, angles);
            }
            Event::Failed { message, .. } => self.notices.report(Topic::Scoring, text::scoring_failed(&message)),
            _ => {}
        };
        self.job.set_value(self.engine.ask(|job| Request::Score { job, n }, &pixels, listener));
    }

    /// Takes in what the engine says of the images at these positions.
    fn take(self, positions: &[usize], scores: Vec<Row>, angles: Vec<f32>) {
        let Some(bundle) = self.model.bundle.get_untracked() else { return };
        self.rows.update(|rows| {
            for (&at, row) in positions.iter().zip(scores) {
                if let (Some(slot), Some(row)) = (rows.get_mut(at), bundle.complete(row)) {
                    *slot = Some(row);
                }
            }
        });
        self.angles.update(|all| {
            for (&at, angle) in positions.iter().zip(angles) {
                if let Some(slot) = all.get_mut(at) {
                    *slot = Some(angle);
                }
            }
        });
    }
}

async fn open_source(dataset: &str) -> Result<Source, String> {
    if dataset == OWN {
        return Err(text::OWN_GALLERY.into());
    }
    if Source::is_built_in(dataset) {
        return Ok(Source::SynthDigits);
    }
    match fetch(&format!("assets/galleries/{dataset}.safetensors"), MAX_GALLERY, |_| {}).await {
        Ok(bytes) => Source::from_file(dataset, &bytes).map_err(|e| e.to_string()),
        Err(FetchError::Missing { .. }) => Err(text::gallery_missing(dataset)),
        Err(error) => Err(text::gallery_failed(&error.to_string())),
    }
}

//! The image whose details are open: what the page knows of it, and what the engine is asked about it.

use super::bundle::Row;
use super::engine::EngineStore;
use super::gallery::GalleryStore;
use super::model::ModelStore;
use super::own::OwnStore;
use crate::gallery::{Image, Side};
use crate::state::{ImageName, State};
use crate::text;
use leptos::prelude::*;
use nsa_core::bundle::Explanation;
use nsa_engine::protocol::{Banks, Event, Request};
use std::sync::Arc;

/// Training images that are named.
const NEIGHBOURS: usize = 6;
/// Views that are drawn.
const VIEWS: usize = 8;

/// The image whose details are open.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub image: ImageName,
    /// Its side; none of a person's own image.
    pub side: Option<Side>,
    /// File name of a person's own image.
    pub name: String,
    pub pixels: Arc<[u8]>,
}

/// What the engine has told of the image whose details are open.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail {
    /// Why it has its scores.
    pub explanation: Option<Arc<Explanation>>,
    /// Views of it.
    pub views: Vec<Arc<[u8]>>,
    /// Which views.
    pub seed: u64,
    /// Why the engine had no answer.
    pub failed: Option<String>,
}

/// The details.
#[derive(Clone, Copy)]
pub struct DetailStore {
    /// What the engine has told.
    pub told: RwSignal<Detail>,
    /// The engine's jobs: the explanation, and the views.
    jobs: StoredValue<[Option<u32>; 2]>,
    state: RwSignal<State>,
    model: ModelStore,
    gallery: GalleryStore,
    own: OwnStore,
    engine: EngineStore,
}

impl DetailStore {
    pub fn new(
        state: RwSignal<State>,
        model: ModelStore,
        gallery: GalleryStore,
        own: OwnStore,
        engine: EngineStore,
    ) -> Self {
        let (told, jobs) = (RwSignal::new(Detail::default()), StoredValue::new([None; 2]));
        Self { told, jobs, state, model, gallery, own, engine }
    }

    /// Whenever another image is opened, or another model is there, the engine is asked about it.
    pub fn start(self) {
        let pixels = Memo::new(move |_| self.shown().map(|shown| shown.pixels));
        Effect::new(move |_| {
            // Read, not only tracked: a memo that nobody reads is never computed.
            let (pixels, loaded) = (pixels.get(), self.model.loaded.get());
            untrack(|| self.ask(pixels.filter(|_| loaded)));
        });
    }

    fn ask(self, pixels: Option<Arc<[u8]>>) {
        let [explanation, views] = self.jobs.get_value();
        self.engine.cancel(explanation);
        self.engine.cancel(views);
        let seed = self.told.with_untracked(|told| told.seed);
        self.told.set(Detail { seed, ..Detail::default() });
        let Some(pixels) = pixels else { return };
        let explain = |job| Request::Explain { job, neighbours: NEIGHBOURS, banks: Banks::Bundle };
        let explanation = self.engine.ask(explain, &pixels, move |event| self.hear(event));
        self.jobs.set_value([explanation, self.ask_views(&pixels, seed)]);
    }

    /// Draws other views of the open image.
    pub fn other_views(self) {
        let seed = self.told.try_update(|told| {
            told.seed += 1;
            told.seed
        });
        let shown = untrack(|| self.shown().filter(|_| self.model.loaded.get()));
        let (Some(seed), Some(shown)) = (seed, shown) else { return };
        let [explanation, views] = self.jobs.get_value();
        self.engine.cancel(views);
        self.jobs.set_value([explanation, self.ask_views(&shown.pixels, seed)]);
    }

    fn ask_views(self, pixels: &[u8], seed: u64) -> Option<u32> {
        self.engine.ask(|job| Request::Views { job, n: VIEWS, seed }, pixels, move |event| self.hear(event))
    }

    fn hear(self, event: Event) {
        self.told.update(|told| match event {
            Event::Explained { explanation, .. } => told.explanation = Some(Arc::new(*explanation)),
            Event::Drawn { views, .. } => told.views = views.into_iter().map(Arc::from).collect(),
            Event::Failed { message, .. } => told.failed = Some(text::score::detail_failed(&message)),
            _ => {}
        });
    }

    /// The image that the address opens, if it is there and can be seen.
    pub fn shown(&self) -> Option<Shown> {
        let image = self.state.with(|s| s.image)?;
        if let ImageName::Own(key) = image {
            return self.own.images.with(|own| {
                let own = own.iter().find(|own| own.key == key)?;
                Some(Shown { image, side: None, name: own.name.clone(), pixels: own.pixels.clone()? })
            });
        }
        let test = self.gallery.images.with(|images| Some(Arc::clone(images.get(find(images, image)?)?)))?;
        let (side, pixels) = (Some(test.pick.side), Arc::from(test.pixels.as_slice()));
        Some(Shown { image, side, name: String::new(), pixels })
    }

    /// An image's scores, once they are there.
    pub fn row_of(&self, image: ImageName) -> Option<Row> {
        if let ImageName::Own(key) = image {
            return self.own.images.with(|own| own.iter().find(|own| own.key == key)?.row().cloned());
        }
        let at = self.gallery.images.with(|images| find(images, image))?;
        self.gallery.rows.with(|rows| rows.get(at).cloned().flatten())
    }

    /// An image for people: its side, class and number, or its file's name.
    pub fn title(&self, image: ImageName, name: &str) -> String {
        let ImageName::Test { class, index } = image else { return name.into() };
        let normal = self.model.entry.with(|e| e.as_ref().is_some_and(|e| e.id_class == class));
        text::score::test_image(normal, &self.model.class_name(class), index)
    }
}

fn find(images: &[Arc<Image>], wanted: ImageName) -> Option<usize> {
    images.iter().position(|image| image.pick.name() == wanted)
}

//! What the page knows and does, in a few stores: each has its signals, which the views read, and its actions.

mod beside;
mod bundle;
mod detail;
mod engine;
mod gallery;
mod model;
mod normal;
mod notices;
mod own;
mod scores;
mod sphere;

pub use beside::Beside;
pub use bundle::{Bundle, BundleFile, BundleHead};
pub use detail::{Detail, Shown};
pub use engine::{EngineState, EngineStore};
pub use normal::{Fit, Kept, Look, NormalImage, STRIP, Tried, steady};
pub use notices::{NoticeStore, Problem, Topic};
pub use own::{OwnImage, OwnProgress};
pub use scores::Sides;

use crate::state::{State, View};
use crate::train::{OwnPixels, TrainingStore};
use crate::url;
use detail::DetailStore;
use gallery::GalleryStore;
use leptos::prelude::*;
use model::ModelStore;
use nsa_core::data::{MIN_OWN, OWN};
use nsa_engine::protocol::{Event, Request};
use own::OwnStore;
use scores::ScoreStore;
use sphere::SphereStore;
use std::sync::Arc;

/// Everything the page knows. Views take it from the context and read what they need.
#[derive(Clone, Copy)]
pub struct Lab {
    /// What a person has chosen.
    pub state: RwSignal<State>,
    pub notices: NoticeStore,
    pub engine: EngineStore,
    /// The models: chosen, compared, and what was measured of them.
    pub model: ModelStore,
    /// Test images and what the engine says of them.
    pub gallery: GalleryStore,
    pub own: OwnStore,
    /// The score shown, and what follows from it.
    pub scores: ScoreStore,
    /// The image whose details are open.
    pub detail: DetailStore,
    /// Where images lie on the hypersphere.
    pub sphere: SphereStore,
    pub training: TrainingStore,
}

/// The main job as a whole: `data-state` of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Something is still on its way.
    Loading,
    /// Every tile has its score.
    Ready,
    /// Something that the main job needs has failed.
    Error,
}

impl Phase {
    /// Its word in `data-state`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Error => "error",
        }
    }
}

impl Lab {
    /// A page that knows nothing yet but what a person has chosen.
    pub fn new(state: State) -> Self {
        let state = RwSignal::new(state);
        let notices = NoticeStore::new();
        let engine = EngineStore::new(notices);
        let model = ModelStore::new(state, engine, notices);
        let gallery = GalleryStore::new(state, model, engine, notices);
        let own = OwnStore::new(state, model, engine, notices);
        Self {
            state,
            notices,
            engine,
            model,
            gallery,
            own,
            scores: ScoreStore::new(state, model, gallery, own),
            detail: DetailStore::new(state, model, gallery, own, engine),
            sphere: SphereStore::new(model, gallery, own, engine),
            training: TrainingStore::new(),
        }
    }

    /// Sets everything in motion. The page changes what it does whenever a person changes what they want.
    pub fn start(self) {
        self.engine.follow(self.state);
        self.model.start();
        self.gallery.start();
        self.own.start();
        self.detail.start();
        self.sphere.start();
    }

    /// A choice: it gets an entry of its own in the browser's history.
    pub fn choose(&self, change: impl FnOnce(&mut State)) {
        url::choose(self.state, change);
    }

    /// A choice that is still moving: it changes the address once it rests.
    pub fn drag(&self, change: impl FnOnce(&mut State)) {
        url::drag(self.state, change);
    }

    /// Opens a bundle out of a person's file: a model shows what it says of the gallery, an own normal its images, and an
    /// encoder trained on a person's own images is there for these.
    pub fn open_file(&self, mut file: BundleFile) {
        let images = std::mem::take(&mut file.normal);
        let fitted = file.manifest.normal.is_some();
        if fitted {
            self.own.normal.open(file.manifest.title.clone(), images);
        }
        let own = fitted || file.manifest.config.dataset == OWN;
        self.model.open_file(file, if own { View::Yours } else { View::Score });
    }

    /// The images that the chosen recipe wants, where they are a person's own.
    ///
    /// # Errors
    /// How many there are, where these are too few.
    pub fn own_to_train(&self) -> Result<Option<Arc<OwnPixels>>, usize> {
        let wanted = self.state.with(|s| s.train.own.is_some());
        match self.own.normal.images.with(Vec::len) {
            _ if !wanted => Ok(None),
            few if few < MIN_OWN => Err(few),
            _ => Ok(Some(self.own.normal.pixels.get())),
        }
    }

    /// Has the trainer prepare the runs of the chosen recipe; see [`TrainingStore::begin`].
    pub fn train(&self, anew: bool) {
        let (recipe, choice) = self.state.with_untracked(|s| (s.train.clone(), s.backend));
        match untrack(|| self.own_to_train()) {
            Ok(own) => self.training.begin(recipe, own, choice, anew),
            Err(_) => self.training.wait_for_images(),
        }
    }

    /// Has the Worker take a zip apart and opens what is in it.
    pub fn open_zip(self, zip: &[u8]) {
        self.engine.ask_for_bytes(
            |job| Request::Unpack { job },
            zip,
            move |event, bytes| match event {
                Event::Opened { manifest, sizes, .. } => self.open_file(BundleFile::new(*manifest, sizes, &bytes)),
                Event::Failed { message, .. } => self.notices.say(message),
                _ => {}
            },
        );
    }

    /// How far the main job is.
    pub fn phase(&self) -> Phase {
        // The view that trains waits for the trainer alone.
        if self.state.with(|s| s.view) == View::Train {
            return self.training.phase();
        }
        let scored = self.gallery.complete.get() && self.scores.values.with(|v| v.iter().all(Option::is_some));
        let loaded = self.engine.is_ready() && self.model.bundle.with(Option::is_some) && self.model.settled.get();
        match self.notices.problems.with(|p| p.iter().any(|p| p.topic.is_fatal())) {
            true => Phase::Error,
            false if loaded && scored => Phase::Ready,
            false => Phase::Loading,
        }
    }
}

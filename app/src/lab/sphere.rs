//! Where the engine places the gallery's and a person's own images on the hypersphere, as long as it is looked at.

use super::engine::EngineStore;
use super::gallery::GalleryStore;
use super::model::ModelStore;
use super::own::OwnStore;
use crate::sphere::{Projected, known_places};
use leptos::prelude::*;
use nsa_engine::protocol::{Event, Request};

/// The images' places.
#[derive(Clone, Copy)]
pub struct SphereStore {
    /// Where the images lie, or why the engine cannot say.
    pub projected: RwSignal<Option<Result<Projected, String>>>,
    /// How many pictures on the page want [`SphereStore::projected`].
    viewers: RwSignal<usize>,
    job: StoredValue<Option<u32>>,
    model: ModelStore,
    gallery: GalleryStore,
    own: OwnStore,
    engine: EngineStore,
}

impl SphereStore {
    pub fn new(model: ModelStore, gallery: GalleryStore, own: OwnStore, engine: EngineStore) -> Self {
        let (projected, viewers, job) = (RwSignal::new(None), RwSignal::new(0), StoredValue::new(None));
        Self { projected, viewers, job, model, gallery, own, engine }
    }

    /// Has images placed for as long as the component lives.
    pub fn look(self) {
        self.viewers.update(|n| *n += 1);
        on_cleanup(move || {
            let _ = self.viewers.try_update(|n| *n -= 1);
        });
    }

    /// Asks again whenever there are other images or another model.
    pub fn start(self) {
        let wanted = Memo::new(move |_| {
            let loaded = self.model.loaded.get() && self.gallery.complete.get();
            // Asked for once scores are there: they are what most people wait for.
            let scored = loaded && self.gallery.rows.with(|rows| !rows.is_empty() && rows.iter().all(Option::is_some));
            (scored && self.viewers.get() > 0).then(|| {
                let own = self.own.images.with(|own| {
                    own.iter().filter(|image| image.angle.is_some()).map(|image| image.key).collect::<Vec<_>>()
                });
                let replay = self.model.replay.with(|r| r.as_ref().map(|r| r.manifest.id.clone()));
                (self.gallery.contents.get(), self.model.id(), replay, own)
            })
        });
        Effect::new(move |_| {
            self.engine.cancel(self.job.get_value());
            self.projected.set(None);
            if let Some((.., own)) = wanted.get() {
                untrack(|| self.ask(own));
            }
        });
    }

    fn ask(self, own: Vec<u32>) {
        let images = self.gallery.images.get_untracked();
        let mut pixels: Vec<u8> = images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
        self.own.images.with_untracked(|all| {
            for image in own.iter().filter_map(|key| all.iter().find(|image| image.key == *key)) {
                pixels.extend(image.pixels.iter().flat_map(|p| p.iter().copied()));
            }
        });
        let known = self.model.replay.with_untracked(|r| r.as_ref().map_or(Vec::new(), |r| known_places(&images, r)));
        let (fit, n) = (images.len(), images.len() + own.len());
        let listener = move |event| match event {
            Event::Projected { angles, azimuths, points, explained, .. } => {
                let own = own.clone();
                self.projected.set(Some(Ok(Projected { images: fit, own, angles, azimuths, points, explained })));
            }
            Event::Failed { message, .. } => self.projected.set(Some(Err(message))),
            _ => {}
        };
        self.job.set_value(self.engine.ask(|job| Request::Project { job, n, fit, known }, &pixels, listener));
    }
}

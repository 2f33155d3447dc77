//! What was measured in training: fetched by the page itself, beside the engine, for one model or two.

use super::Job;
use crate::lab::{EngineState, Lab, Topic};
use crate::replay::Replay;
use crate::sphere::known_places;
use crate::text;
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_core::bundle::CatalogEntry;
use nsa_engine::protocol::Request;
use std::sync::Arc;

impl Lab {
    /// Fetches what belongs to the model chosen and to the one compared, whenever another is chosen.
    pub(super) fn follow_replays(self) {
        self.follow_replay(self.entry, self.replay, Topic::Replay);
        self.follow_replay(self.compared_entry, self.compared, Topic::Compare);
    }

    fn follow_replay(self, entry: Memo<Option<CatalogEntry>>, slot: RwSignal<Option<Arc<Replay>>>, topic: Topic) {
        Effect::new(move |_| {
            self.settle(topic);
            slot.set(None);
            let Some(wanted) = entry.get() else { return };
            spawn_local(async move {
                let result = match self.session.with_value(|s| s.files.get(&wanted.id).cloned()) {
                    Some(opened) => Replay::of_file(&opened),
                    None => Replay::fetch(&wanted.id).await,
                };
                if entry.try_get_untracked().flatten().is_none_or(|now| now.id != wanted.id) {
                    return;
                }
                match result {
                    Ok(replay) => slot.set(Some(Arc::new(replay))),
                    Err(why) => self.report(topic, text::compact::failed(&wanted.title, &why)),
                }
            });
        });
    }

    /// Has the engine place the gallery's and a person's own images on the hypersphere, as long as it is looked at.
    pub(super) fn follow_projection(self) {
        let subject = Memo::new(move |_| {
            let ready = self.engine.with(|e| matches!(e, EngineState::Ready { .. }));
            let loaded = ready && self.images_complete.get() && self.bundle.with(Option::is_some);
            // Asked for once scores are there: they are what most people wait for.
            let scored = loaded && self.values.with(|v| !v.is_empty() && v.iter().all(Option::is_some));
            (scored && self.spheres.get() > 0).then(|| {
                let own = self.own.with(|own| {
                    own.iter().filter(|image| image.angle.is_some()).map(|image| image.key).collect::<Vec<_>>()
                });
                let replay = self.replay.with(|r| r.as_ref().map(|r| r.manifest.id.clone()));
                (self.recipe.get(), self.entry.with(|e| e.as_ref().map(|e| e.id.clone())), replay, own)
            })
        });
        Effect::new(move |_| {
            self.cancel(|job| matches!(job, Job::Project { .. }));
            self.projected.set(None);
            if let Some((.., own)) = subject.get() {
                untrack(|| self.ask_projection(own));
            }
        });
    }

    fn ask_projection(self, own: Vec<u32>) {
        let images = self.images.get_untracked();
        let mut pixels: Vec<u8> = images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
        self.own.with_untracked(|all| {
            for image in own.iter().filter_map(|key| all.iter().find(|image| image.key == *key)) {
                pixels.extend(image.pixels.iter().flat_map(|p| p.iter().copied()));
            }
        });
        let known = self.replay.with_untracked(|r| r.as_ref().map_or(Vec::new(), |r| known_places(&images, r)));
        let (fit, n) = (images.len(), images.len() + own.len());
        let job = Job::Project { images: fit, own };
        self.ask(job, |job| Request::Project { job, n, fit, known }, Some(&pixels));
    }
}

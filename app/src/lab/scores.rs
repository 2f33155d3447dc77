//! The score shown, and what follows from it for the gallery: two sides, AUROC, threshold, order.

use super::bundle::Bundle;
use super::gallery::GalleryStore;
use super::model::ModelStore;
use super::own::OwnStore;
use crate::gallery::{self, Image, Side};
use crate::state::{ScoreName, State};
use crate::{charts, stats};
use leptos::prelude::*;
use nsa_core::bundle::ScoreEntry;
use nsa_core::eval;
use std::ops::Range;
use std::sync::Arc;

/// Scores of one kind, by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sides {
    pub id: Vec<f32>,
    pub ood: Vec<f32>,
}

/// The score shown and what follows from it.
#[derive(Clone, Copy)]
pub struct ScoreStore {
    /// Which of the bundle's scores is shown.
    pub shown: Memo<usize>,
    /// For every gallery image the score shown, once it is there.
    pub values: Memo<Vec<Option<f32>>>,
    /// The epoch whose recorded scores stand in for those of the gallery, where the data set's images may not be shown.
    pub recorded: Memo<Option<u32>>,
    /// The scores shown, by side.
    pub sides: Memo<Sides>,
    /// AUROC of the images shown, 0..1.
    pub auroc: Memo<Option<f64>>,
    /// The range of the histogram and of the threshold.
    pub range: Memo<Range<f64>>,
    /// Scores at or above it are called anomalous.
    pub threshold: Memo<Option<f64>>,
    /// The gallery's images in the order shown.
    pub order: Memo<Vec<usize>>,
    model: ModelStore,
    gallery: GalleryStore,
}

impl ScoreStore {
    /// Everything follows from the other stores.
    pub fn new(state: RwSignal<State>, model: ModelStore, gallery: GalleryStore, own: OwnStore) -> Self {
        let GalleryStore { images, complete, rows, .. } = gallery;
        let ModelStore { bundle, replay, frame, .. } = model;
        // Without pictures there is nothing to score: what training recorded is shown then.
        let none = move || complete.get() && images.with(Vec::is_empty);
        let shown = Memo::new(move |_| {
            let recorded = replay.with(|r| r.as_ref().filter(|_| none())?.recorded_score());
            bundle.with(|b| b.as_ref().map_or(0, |b| state.with(|s| pick(s, b, recorded))))
        });
        let values = Memo::new(move |_| {
            let score = shown.get();
            rows.with(|rows| rows.iter().map(|row| row.as_ref()?.get(score).copied()).collect::<Vec<_>>())
        });
        let recorded = Memo::new(move |_| {
            let (none, frame, score) = (none(), frame.get()?, shown.get());
            replay.with(|r| {
                r.as_ref().filter(|r| none && r.recorded_score() == Some(score))?.frames.epochs.get(frame).copied()
            })
        });
        let sides = Memo::new(move |_| match recorded.get().and(frame.get()) {
            Some(frame) => {
                let (id, ood) = replay.with(|r| r.as_ref().map(|r| r.scores(frame))).unwrap_or_default();
                Sides { id, ood }
            }
            None => images.with(|images| values.with(|values| Sides::of(images, values))),
        });
        let auroc = Memo::new(move |_| sides.with(|s| eval::auroc(&s.id, &s.ood).ok()));
        let range = Memo::new(move |_| {
            let score = shown.get();
            let training = bundle.with(|b| b.as_ref().map(|b| b.training_range(score)));
            let own = own.images.with(|own| own.iter().filter_map(|image| image.value(score)).collect::<Vec<_>>());
            let shown = sides.with(|s| s.id.iter().chain(&s.ood).copied().collect::<Vec<_>>());
            training.map_or(0.0..1.0, |t| charts::histogram::score_range(shown.into_iter().chain(own), t))
        });
        let threshold = Memo::new(move |_| {
            let chosen = state.with(|s| s.threshold);
            chosen.or_else(|| sides.with(|s| stats::default_threshold(&s.id)))
        });
        let order = Memo::new(move |_| {
            let (sort, filter) = state.with(|s| (s.sort, s.filter));
            let threshold = threshold.get();
            images.with(|images| values.with(|values| gallery::order(images, values, threshold, sort, filter)))
        });
        Self { shown, values, recorded, sides, auroc, range, threshold, order, model, gallery }
    }

    /// The score shown: its layer, its scorer, what it reached.
    pub fn entry(&self) -> Option<ScoreEntry> {
        self.model.bundle.with(|b| b.as_ref()?.manifest.scores.get(self.shown.get()).cloned())
    }

    /// Its name for people.
    pub fn title(&self) -> Option<String> {
        self.model.bundle.with(|b| b.as_ref().map(|b| b.score_title(self.shown.get())))
    }

    /// All scores of one kind by side, whichever is shown.
    pub fn sides_of(&self, score: usize) -> Sides {
        let GalleryStore { images, rows, .. } = self.gallery;
        let values = rows.with(|rows| rows.iter().map(|row| row.as_ref()?.get(score).copied()).collect::<Vec<_>>());
        images.with(|images| Sides::of(images, &values))
    }
}

impl Sides {
    fn of(images: &[Arc<Image>], values: &[Option<f32>]) -> Self {
        let mut sides = Self::default();
        for (image, value) in images.iter().zip(values) {
            let Some(value) = value else { continue };
            match image.pick.side {
                Side::Id => sides.id.push(*value),
                Side::Ood => sides.ood.push(*value),
            }
        }
        sides
    }
}

/// The score shown: the one chosen, else the recorded one where there is nothing else, else the bundle's own first.
fn pick(state: &State, bundle: &Bundle, recorded: Option<usize>) -> usize {
    let chosen = state.scorer.as_ref().and_then(|name: &ScoreName| bundle.find_score(name));
    chosen.or(recorded).unwrap_or_else(|| bundle.manifest.default_score())
}

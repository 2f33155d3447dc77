//! What the page knows: one set of signals that every view reads, and what follows from them.

mod kinds;
mod open;
mod scores;

pub use kinds::{Bundle, Detail, EngineState, OwnImage, OwnProgress, Phase, Problem, Row, Shown, Sides, Topic};

use crate::backend::Backend;
use crate::gallery::{self, Image, Recipe, Side};
use crate::replay::Replay;
use crate::session::Session;
use crate::sphere::Projected;
use crate::state::{LAST_SCENE, ScoreName, State, View};
use crate::story::Answer;
use crate::train::Live;
use crate::{charts, stats, url};
use leptos::prelude::*;
use nsa_core::bundle::{Catalog, CatalogEntry, ScoreEntry};
use nsa_core::eval;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Everything the page knows. Views take it from the context and read what they need.
#[derive(Clone, Copy)]
pub struct Lab {
    /// What a person has chosen.
    pub state: RwSignal<State>,
    /// The models there are.
    pub catalog: RwSignal<Option<Catalog>>,
    /// The model chosen, once it is loaded.
    pub bundle: RwSignal<Option<Arc<Bundle>>>,
    /// Bytes of the model so far and in all, while it is loaded.
    pub loading: RwSignal<Option<(u64, u64)>>,
    /// The gallery.
    pub images: RwSignal<Vec<Arc<Image>>>,
    /// Whether [`Lab::images`] is all there will be.
    pub images_complete: RwSignal<bool>,
    /// For every gallery image its scores, once they are there.
    pub rows: RwSignal<Vec<Option<Row>>>,
    /// For every gallery image its angle to the ID mean in radians, once it is there.
    pub angles: RwSignal<Vec<Option<f32>>>,
    /// A person's own images, newest first.
    pub own: RwSignal<Vec<OwnImage>>,
    /// What the engine has told of the image whose details are open.
    pub detail: RwSignal<Detail>,
    /// The engine.
    pub engine: RwSignal<EngineState>,
    /// Which engine it is, once that is decided.
    pub backend: RwSignal<Option<Backend>>,
    /// What was measured while the model chosen was trained.
    pub replay: RwSignal<Option<Arc<Replay>>>,
    /// The same of the model compared.
    pub compared: RwSignal<Option<Arc<Replay>>>,
    /// Where the engine places images on the hypersphere, or why it cannot.
    pub projected: RwSignal<Option<Result<Projected, String>>>,
    /// How many pictures on the page want [`Lab::projected`].
    pub spheres: RwSignal<usize>,
    /// What failed.
    pub problems: RwSignal<Vec<Problem>>,
    /// Calm lines: nothing is wrong, but a person should know.
    pub notes: RwSignal<Vec<String>>,
    /// What a reader has made of each scene's question.
    pub answers: RwSignal<[Option<Answer>; LAST_SCENE]>,
    /// Training in the page.
    pub live: Live,

    /// The catalogue's entry of the model chosen.
    pub entry: Memo<Option<CatalogEntry>>,
    /// The catalogue's entry of the model compared.
    pub compared_entry: Memo<Option<CatalogEntry>>,
    /// The checkpoint shown of the model chosen: the position of its frame.
    pub frame: Memo<Option<usize>>,
    /// What the gallery is made of.
    pub recipe: Memo<Option<Recipe>>,
    /// Which of the bundle's scores is shown.
    pub score: Memo<usize>,
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
    /// The main job as a whole.
    pub phase: Memo<Phase>,

    pub(crate) session: StoredValue<Session, LocalStorage>,
    pending_address: StoredValue<Option<TimeoutHandle>>,
}

impl Lab {
    /// A page that knows nothing yet but what a person has chosen.
    pub fn new(state: State) -> Self {
        let state = RwSignal::new(state);
        let catalog = RwSignal::new(None::<Catalog>);
        let bundle = RwSignal::new(None::<Arc<Bundle>>);
        let images = RwSignal::new(Vec::<Arc<Image>>::new());
        let images_complete = RwSignal::new(false);
        let rows = RwSignal::new(Vec::<Option<Row>>::new());
        let own = RwSignal::new(Vec::<OwnImage>::new());
        let engine = RwSignal::new(EngineState::Choosing);
        let problems = RwSignal::new(Vec::<Problem>::new());

        let entry = Memo::new(move |_| catalog.with(|c| find_entry(c.as_ref()?, state.with(|s| s.model.clone()))));
        let compared_entry = Memo::new(move |_| {
            let wanted =
                state.with(|s| s.compare.clone()).filter(|id| entry.with(|e| e.as_ref().is_some_and(|e| e.id != *id)));
            catalog.with(|c| c.as_ref()?.bundles.iter().find(|e| Some(&e.id) == wanted.as_ref()).cloned())
        });
        let replay = RwSignal::new(None::<Arc<Replay>>);
        let frame = Memo::new(move |_| replay.with(|r| r.as_ref()?.frame_at(state.with(|s| s.epoch))));
        let recipe = Memo::new(move |_| {
            let (n, seed) = state.with(|s| (s.n, s.seed));
            entry.with(|e| e.as_ref().map(|e| Recipe { dataset: e.dataset.clone(), id_class: e.id_class, n, seed }))
        });
        let score = Memo::new(move |_| {
            // Without pictures there is nothing to score: what training recorded is shown then.
            let none = images_complete.get() && images.with(Vec::is_empty);
            let recorded = replay.with(|r| r.as_ref().filter(|_| none)?.recorded_score());
            bundle.with(|b| b.as_ref().map_or(0, |b| state.with(|s| pick_score(s, b, recorded))))
        });
        let values = Memo::new(move |_| {
            let score = score.get();
            rows.with(|rows| rows.iter().map(|row| row.as_ref()?.get(score).copied()).collect::<Vec<_>>())
        });
        let recorded = Memo::new(move |_| {
            let none = images_complete.get() && images.with(Vec::is_empty);
            let (frame, score) = (frame.get()?, score.get());
            replay.with(|r| {
                r.as_ref().filter(|r| none && r.recorded_score() == Some(score))?.frames.epochs.get(frame).copied()
            })
        });
        let sides = Memo::new(move |_| match recorded.get().and(frame.get()) {
            Some(frame) => {
                let (id, ood) = replay.with(|r| r.as_ref().map(|r| r.scores(frame))).unwrap_or_default();
                Sides { id, ood }
            }
            None => images.with(|images| values.with(|values| split(images, values))),
        });
        let auroc = Memo::new(move |_| sides.with(|s| eval::auroc(&s.id, &s.ood).ok()));
        let range = Memo::new(move |_| {
            let score = score.get();
            let training = bundle.with(|b| b.as_ref().map(|b| b.training_range(score)));
            let own = own.with(|own| own.iter().filter_map(|image| image.value(score)).collect::<Vec<_>>());
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
        let live = Live::new();
        let phase = Memo::new(move |_| {
            // The view that trains waits for the trainer alone.
            if state.with(|s| s.view) == View::Train {
                return live.phase();
            }
            let scored = images_complete.get() && values.with(|v| v.iter().all(Option::is_some));
            let loaded = engine.with(|e| matches!(e, EngineState::Ready { .. })) && bundle.with(Option::is_some);
            match problems.with(|p| p.iter().any(|p| p.topic.is_fatal())) {
                true => Phase::Error,
                false if loaded && scored => Phase::Ready,
                false => Phase::Loading,
            }
        });
        Self {
            state,
            catalog,
            bundle,
            loading: RwSignal::new(None),
            images,
            images_complete,
            rows,
            angles: RwSignal::new(Vec::new()),
            own,
            detail: RwSignal::new(Detail::default()),
            engine,
            backend: RwSignal::new(None),
            replay,
            compared: RwSignal::new(None),
            projected: RwSignal::new(None),
            spheres: RwSignal::new(0),
            problems,
            notes: RwSignal::new(Vec::new()),
            answers: RwSignal::new([None; LAST_SCENE]),
            live,
            entry,
            compared_entry,
            frame,
            recipe,
            score,
            values,
            recorded,
            sides,
            auroc,
            range,
            threshold,
            order,
            phase,
            session: StoredValue::new_local(Session::default()),
            pending_address: StoredValue::new(None),
        }
    }

    /// A choice: it gets an entry of its own in the browser's history.
    pub fn choose(&self, change: impl FnOnce(&mut State)) {
        self.state.update(change);
        self.state.with_untracked(url::push);
    }

    /// A choice that is still moving: it changes the address once it rests.
    pub fn drag(&self, change: impl FnOnce(&mut State)) {
        self.state.update(change);
        self.pending_address.update_value(|pending| {
            if let Some(handle) = pending.take() {
                handle.clear();
            }
            let state = self.state;
            let write = move || state.with_untracked(url::replace);
            *pending = set_timeout_with_handle(write, Duration::from_millis(200)).ok();
        });
    }

    /// The score shown: its layer, its scorer, what it reached.
    pub fn score_entry(&self) -> Option<ScoreEntry> {
        self.bundle.with(|b| b.as_ref()?.manifest.scores.get(self.score.get()).cloned())
    }

    /// Says what failed about a topic, in place of what was said before.
    pub fn report(&self, topic: Topic, message: impl Into<String>) {
        let message = message.into();
        self.problems.update(|problems| {
            problems.retain(|p| p.topic != topic);
            problems.push(Problem { topic, message });
            problems.sort_by_key(|p| p.topic);
        });
    }

    /// Takes back what was said about a topic.
    pub fn settle(&self, topic: Topic) {
        if self.problems.with_untracked(|problems| problems.iter().any(|p| p.topic == topic)) {
            self.problems.update(|problems| problems.retain(|p| p.topic != topic));
        }
    }
}

fn find_entry(catalog: &Catalog, model: Option<String>) -> Option<CatalogEntry> {
    let find = |id: &str| catalog.bundles.iter().find(|e| e.id == id);
    model.and_then(|id| find(&id)).or_else(|| find(&catalog.default)).or(catalog.bundles.first()).cloned()
}

/// The score shown: the one chosen, else the recorded one where there is nothing else, else the bundle's own first.
fn pick_score(state: &State, bundle: &Bundle, recorded: Option<usize>) -> usize {
    let chosen = state.scorer.as_ref().and_then(|name: &ScoreName| bundle.find_score(name));
    chosen.or(recorded).unwrap_or_else(|| bundle.manifest.default_score())
}

fn split(images: &[Arc<Image>], values: &[Option<f32>]) -> Sides {
    let mut sides = Sides::default();
    for (image, value) in images.iter().zip(values) {
        let Some(value) = value else { continue };
        match image.pick.side {
            Side::Id => sides.id.push(*value),
            Side::Ood => sides.ood.push(*value),
        }
    }
    sides
}

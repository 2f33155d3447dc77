//! The models: which there are, the one chosen and the one compared, loaded, and what was measured in their training.

use super::bundle::{Bundle, BundleFile, BundleHead};
use super::engine::EngineStore;
use super::notices::{NoticeStore, Topic};
use crate::fetch::fetch;
use crate::replay::Replay;
use crate::state::{State, View};
use crate::{text, url};
use futures_util::future::try_join3;
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_core::bundle::{BANK_FILE, Catalog, CatalogEntry, FORMAT, FRAMES_FILE, HISTORY_FILE, MODEL_FILE, Manifest};
use nsa_engine::protocol::{Event, Request};
use std::collections::BTreeMap;
use std::sync::Arc;

const MAX_CATALOG: u64 = 1 << 20;

/// The models.
#[derive(Clone, Copy)]
pub struct ModelStore {
    pub catalog: RwSignal<Option<Catalog>>,
    /// The catalogue's entry of the model chosen.
    pub entry: Memo<Option<CatalogEntry>>,
    /// The catalogue's entry of the model compared.
    pub compared_entry: Memo<Option<CatalogEntry>>,
    /// The model chosen, once it is loaded.
    pub bundle: RwSignal<Option<Arc<Bundle>>>,
    /// Bytes of the model so far and in all, while it is loaded.
    pub loading: RwSignal<Option<(u64, u64)>>,
    /// What was measured while the model chosen was trained.
    pub replay: RwSignal<Option<Arc<Replay>>>,
    /// Whether that is here, or is known not to come.
    pub settled: RwSignal<bool>,
    /// The same of the model compared.
    pub compared: RwSignal<Option<Arc<Replay>>>,
    /// The checkpoint shown of the model chosen: the position of its frame.
    pub frame: Memo<Option<usize>>,
    /// Counts the models opened: with another one the scores of before hold no longer.
    pub opened: RwSignal<u32>,
    /// Whether images can be scored now.
    pub loaded: Memo<bool>,
    /// Whether an engine has taken it in, be it alive or not.
    taken: RwSignal<bool>,
    /// Bundles out of a person's files, by id.
    files: StoredValue<BTreeMap<String, BundleFile>>,
    /// The model chosen, once it is here.
    here: StoredValue<Option<BundleFile>>,
    /// Its head and history, until its frames are asked for.
    unseen: RwSignal<Option<(BundleHead, Vec<u8>)>>,
    state: RwSignal<State>,
    engine: EngineStore,
    notices: NoticeStore,
}

impl ModelStore {
    /// No model is known yet.
    pub fn new(state: RwSignal<State>, engine: EngineStore, notices: NoticeStore) -> Self {
        let catalog = RwSignal::new(None::<Catalog>);
        let entry = Memo::new(move |_| catalog.with(|c| find_entry(c.as_ref()?, state.with(|s| s.model.clone()))));
        let compared_entry = Memo::new(move |_| {
            let wanted =
                state.with(|s| s.compare.clone()).filter(|id| entry.with(|e| e.as_ref().is_some_and(|e| e.id != *id)));
            catalog.with(|c| c.as_ref()?.bundles.iter().find(|e| Some(&e.id) == wanted.as_ref()).cloned())
        });
        let replay = RwSignal::new(None::<Arc<Replay>>);
        let taken = RwSignal::new(false);
        Self {
            catalog,
            entry,
            compared_entry,
            bundle: RwSignal::new(None),
            loading: RwSignal::new(None),
            replay,
            settled: RwSignal::new(false),
            compared: RwSignal::new(None),
            frame: Memo::new(move |_| replay.with(|r| r.as_ref()?.frame_at(state.with(|s| s.epoch)))),
            opened: RwSignal::new(0),
            loaded: Memo::new(move |_| engine.is_ready() && taken.get()),
            taken,
            files: StoredValue::new(BTreeMap::new()),
            here: StoredValue::new(None),
            unseen: RwSignal::new(None),
            state,
            engine,
            notices,
        }
    }

    /// Fetches the catalogue, and whatever belongs to the models that a person chooses.
    pub fn start(self) {
        spawn_local(self.fetch_catalog());
        self.follow_compared();
        self.follow_measured();
        let ready = Memo::new(move |_| self.engine.is_ready());
        Effect::new(move |_| match ready.get() {
            true => untrack(|| self.reopen()),
            false => self.taken.set(false),
        });
        let id = Memo::new(move |_| self.id());
        Effect::new(move |_| {
            if id.with(Option::is_some) {
                untrack(|| self.open());
            }
        });
    }

    async fn fetch_catalog(self) {
        let result = fetch("assets/catalog.json", MAX_CATALOG, |_| {}).await.map_err(|e| e.to_string());
        let parsed = result.and_then(|bytes| serde_json::from_slice::<Catalog>(&bytes).map_err(|e| e.to_string()));
        match parsed {
            Ok(catalog) if catalog.format == FORMAT && !catalog.bundles.is_empty() => self.catalog.set(Some(catalog)),
            Ok(_) => {
                self.notices.report(Topic::Catalog, text::catalog_failed("it lists no model of this version"));
            }
            Err(why) => self.notices.report(Topic::Catalog, text::catalog_failed(&why)),
        }
    }

    /// Fetches what was measured in training of the model compared, whenever that is another one.
    fn follow_compared(self) {
        Effect::new(move |_| {
            self.notices.settle(Topic::Compare);
            self.compared.set(None);
            let Some(wanted) = self.compared_entry.get() else { return };
            spawn_local(async move {
                let result = match self.file(&wanted.id) {
                    Some(file) => Replay::of_file(&file),
                    None => Replay::fetch(&wanted.id).await,
                };
                if self.compared_entry.try_get_untracked().flatten().is_some_and(|now| now.id == wanted.id) {
                    self.measured(&wanted, result, self.compared, Topic::Compare);
                }
            });
        });
    }

    fn measured(
        self,
        entry: &CatalogEntry,
        result: Result<Replay, String>,
        slot: RwSignal<Option<Arc<Replay>>>,
        topic: Topic,
    ) {
        match result {
            Ok(replay) => slot.set(Some(Arc::new(replay))),
            Err(why) => self.notices.report(topic, text::compact::failed(&entry.title, &why)),
        }
    }

    fn file(self, id: &str) -> Option<BundleFile> {
        self.files.with_value(|files| files.get(id).cloned())
    }

    /// The id of the model chosen.
    pub fn id(&self) -> Option<String> {
        self.entry.with(|entry| entry.as_ref().map(|entry| entry.id.clone()))
    }

    /// The epoch of the checkpoint shown.
    pub fn epoch(&self) -> Option<u32> {
        let frame = self.frame.get()?;
        self.replay.with(|replay| replay.as_ref()?.frames.epochs.get(frame).copied())
    }

    /// A class's name, or its number while no name is known.
    pub fn class_name(&self, class: usize) -> String {
        let name = |manifest: &Manifest| manifest.classes.get(class).cloned();
        let loaded = self.bundle.with(|bundle| bundle.as_ref().and_then(|bundle| name(&bundle.manifest)));
        let named = loaded.or_else(|| self.replay.with(|replay| replay.as_ref().and_then(|r| name(&r.manifest))));
        named.unwrap_or_else(|| class.to_string())
    }

    /// Forgets the model before and has the one chosen fetched, and loaded as soon as there is an engine.
    fn open(self) {
        self.taken.set(false);
        self.bundle.set(None);
        self.replay.set(None);
        self.settled.set(false);
        self.here.set_value(None);
        self.unseen.set(None);
        self.opened.update(|n| *n += 1);
        [Topic::Model, Topic::Scoring, Topic::Replay].into_iter().for_each(|topic| self.notices.settle(topic));
        self.engine.cancel_all();
        let Some(entry) = self.entry.get_untracked() else { return };
        if let Some(file) = self.file(&entry.id) {
            self.measured(&entry, Replay::of_file(&file), self.replay, Topic::Replay);
            self.settled.set(true);
            self.here.set_value(Some(file));
            return self.load();
        }
        self.loading.set(Some((0, entry.bytes)));
        let turn = self.opened.get_untracked();
        spawn_local(async move {
            if let Err(why) = self.fetch(&entry, turn).await
                && self.is_turn(turn)
            {
                self.failed(&entry.title, &why);
            }
        });
    }

    /// Whether nobody has chosen again since a model was opened as the `turn`th.
    fn is_turn(self, turn: u32) -> bool {
        self.opened.try_get_untracked() == Some(turn)
    }

    /// Counts bytes of the model opened as the `turn`th.
    fn tick(self, turn: u32) -> impl FnMut(u64) + Copy {
        move |bytes| {
            if self.is_turn(turn) {
                self.loading.update(|loading| *loading = loading.map(|(loaded, total)| (loaded + bytes, total)));
            }
        }
    }

    /// Fetches what the engine is given of a model.
    async fn fetch(self, entry: &CatalogEntry, turn: u32) -> Result<(), String> {
        let head = BundleHead::fetch(&entry.id).await?;
        let tick = self.tick(turn);
        let history = async {
            let history = head.file(HISTORY_FILE, tick).await?;
            if self.is_turn(turn) {
                self.unseen.set(Some((head.clone(), history.clone())));
            }
            Ok(history)
        };
        let (history, model, bank) =
            try_join3(history, head.file(MODEL_FILE, tick), head.file(BANK_FILE, tick)).await?;
        if self.is_turn(turn) {
            self.here.set_value(Some(head.with(&model, &bank, &history)));
            self.load();
        }
        Ok(())
    }

    /// Fetches what was measured in training: at once where it is looked at, for there is something to see in it while weights
    /// and banks are on their way, and where images are scored after these.
    fn follow_measured(self) {
        let due = Memo::new(move |_| {
            let scores = self.state.with(|s| matches!(s.view, View::Score | View::Separate) && s.epoch.is_none());
            !scores || self.bundle.with(Option::is_some)
        });
        Effect::new(move |_| {
            let (Some((head, history)), true) = (self.unseen.get(), due.get()) else { return };
            self.unseen.set(None);
            let (turn, entry) = (self.opened.get_untracked(), self.entry.get_untracked());
            spawn_local(async move {
                let frames = head.file(FRAMES_FILE, self.tick(turn)).await;
                let replay = frames.and_then(|frames| Replay::read(head.manifest.clone(), &history, &frames));
                if let Some(entry) = entry.filter(|_| self.is_turn(turn)) {
                    self.measured(&entry, replay, self.replay, Topic::Replay);
                    self.settled.set(true);
                }
            });
        });
    }

    /// Gives a fresh engine the model that the page has; scores that are there stay, and only the others are computed.
    fn reopen(self) {
        let failed =
            self.notices.problems.with_untracked(|all| all.iter().any(|problem| problem.topic == Topic::Model));
        if failed { self.open() } else { self.load() }
    }

    /// Gives the engine the model chosen, once both are there.
    fn load(self) {
        let (entry, here) = (self.entry.get_untracked(), self.here.get_value());
        let (Some(entry), Some(BundleFile { sizes, bytes, .. })) = (entry, here) else { return };
        if untrack(|| self.engine.is_ready()) {
            let id = entry.id.clone();
            self.engine.ask(|job| Request::Open { job, id, sizes }, &bytes, move |event| self.hear(&entry, event));
        }
    }

    fn hear(self, entry: &CatalogEntry, event: Event) {
        match event {
            Event::Loaded { manifest, history, .. } => {
                self.loading.set(None);
                self.bundle.set(Some(Arc::new(Bundle { manifest: *manifest, history: *history })));
                self.taken.set(true);
            }
            Event::Failed { message, .. } => self.failed(&entry.title, &message),
            _ => {}
        }
    }

    fn failed(self, title: &str, why: &str) {
        self.loading.set(None);
        self.notices.report(Topic::Model, text::model_failed(title, why));
    }

    /// Lists a bundle out of a person's file with the models, and chooses it, to be shown in a view.
    pub fn open_file(self, file: BundleFile, view: View) {
        let entry = CatalogEntry::of(&file.manifest, file.sizes.iter().map(|&size| size as u64).sum());
        let id = entry.id.clone();
        self.files.update_value(|files| drop(files.insert(id.clone(), file)));
        self.catalog.update(|catalog| {
            let catalog =
                catalog.get_or_insert_with(|| Catalog { format: FORMAT, default: id.clone(), bundles: vec![] });
            catalog.bundles.retain(|e| e.id != id);
            catalog.bundles.push(entry);
        });
        let again = self.entry.with_untracked(|e| e.as_ref().is_some_and(|e| e.id == id));
        url::choose(self.state, |state| (state.view, state.model, state.threshold) = (view, Some(id), None));
        if again {
            // The same name, maybe another content.
            self.open();
        }
    }
}

fn find_entry(catalog: &Catalog, model: Option<String>) -> Option<CatalogEntry> {
    let find = |id: &str| catalog.bundles.iter().find(|e| e.id == id);
    model.and_then(|id| find(&id)).or_else(|| find(&catalog.default)).or(catalog.bundles.first()).cloned()
}

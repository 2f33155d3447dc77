//! The models: which there are, the one chosen and the one compared, loaded, and what was measured in their training.

use super::bundle::{Bundle, BundleFile};
use super::engine::EngineStore;
use super::notices::{NoticeStore, Topic};
use crate::replay::Replay;
use crate::state::{State, View};
use crate::{text, url};
use leptos::prelude::*;
use leptos::task::spawn_local;
use nsa_core::bundle::{Catalog, CatalogEntry, FORMAT, Manifest};
use nsa_engine::fetch::fetch;
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
            compared: RwSignal::new(None),
            frame: Memo::new(move |_| replay.with(|r| r.as_ref()?.frame_at(state.with(|s| s.epoch)))),
            opened: RwSignal::new(0),
            loaded: Memo::new(move |_| engine.is_ready() && taken.get()),
            taken,
            files: StoredValue::new(BTreeMap::new()),
            state,
            engine,
            notices,
        }
    }

    /// Fetches the catalogue, and whatever belongs to the models that a person chooses.
    pub fn start(self) {
        spawn_local(self.fetch_catalog());
        self.follow_replay(self.entry, self.replay, Topic::Replay);
        self.follow_replay(self.compared_entry, self.compared, Topic::Compare);
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

    /// Fetches what was measured in training, beside the engine, whenever another model is chosen.
    fn follow_replay(self, entry: Memo<Option<CatalogEntry>>, slot: RwSignal<Option<Arc<Replay>>>, topic: Topic) {
        Effect::new(move |_| {
            self.notices.settle(topic);
            slot.set(None);
            let Some(wanted) = entry.get() else { return };
            spawn_local(async move {
                let result = match self.file(&wanted.id) {
                    Some(file) => Replay::of_file(&file),
                    None => Replay::fetch(&wanted.id).await,
                };
                if entry.try_get_untracked().flatten().is_none_or(|now| now.id != wanted.id) {
                    return;
                }
                match result {
                    Ok(replay) => slot.set(Some(Arc::new(replay))),
                    Err(why) => self.notices.report(topic, text::compact::failed(&wanted.title, &why)),
                }
            });
        });
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

    /// Forgets the model before and has the one chosen loaded, as soon as there is an engine.
    fn open(self) {
        self.taken.set(false);
        self.bundle.set(None);
        self.opened.update(|n| *n += 1);
        self.notices.settle(Topic::Model);
        self.notices.settle(Topic::Scoring);
        self.engine.cancel_all();
        self.load();
    }

    /// Gives a fresh engine the model that the page has; scores that are there stay, and only the others are computed.
    fn reopen(self) {
        let same = self.bundle.with_untracked(|b| {
            self.entry.with_untracked(|e| b.as_ref().map(|b| &b.manifest.id) == e.as_ref().map(|e| &e.id))
        });
        if same { self.load() } else { self.open() }
    }

    fn load(self) {
        let Some(entry) = self.entry.get_untracked().filter(|_| untrack(|| self.engine.is_ready())) else { return };
        self.loading.set(Some((0, entry.bytes)));
        let file = self.file(&entry.id);
        let url = absolute(&format!("assets/bundles/{}/", entry.id));
        let title = entry.title.clone();
        let hear = move |event| self.hear(&entry, event);
        match (file, url) {
            (Some(BundleFile { sizes, bytes, .. }), _) => {
                self.engine.ask(|job| Request::Open { job, sizes }, &bytes, hear);
            }
            (None, Some(url)) => drop(self.engine.ask(|job| Request::Load { job, url }, &[], hear)),
            (None, None) => self.failed(&title, "its address is not valid"),
        }
    }

    fn hear(self, entry: &CatalogEntry, event: Event) {
        match event {
            Event::Progress { loaded, total, .. } => self.loading.set(Some((loaded, total))),
            Event::Loaded { manifest, .. } if manifest.id != entry.id => {
                let why = format!("its folder is named {}, but its bundle.json says {}", entry.id, manifest.id);
                self.failed(&manifest.title, &why);
            }
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
        let replay = Replay::of_file(&file).ok();
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
            self.replay.set(replay.map(Arc::new));
        }
    }
}

fn find_entry(catalog: &Catalog, model: Option<String>) -> Option<CatalogEntry> {
    let find = |id: &str| catalog.bundles.iter().find(|e| e.id == id);
    model.and_then(|id| find(&id)).or_else(|| find(&catalog.default)).or(catalog.bundles.first()).cloned()
}

fn absolute(path: &str) -> Option<String> {
    let base = document().base_uri().ok().flatten()?;
    web_sys::Url::new_with_base(path, &base).ok().map(|url| url.href())
}

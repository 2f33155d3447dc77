//! What a person's own images give without training, beside the networks that are trained on them: a bank of the same
//! training images behind the encoder chosen, judged by the same test images.

use super::engine::EngineStore;
use super::model::ModelStore;
use super::normal::NormalStore;
use crate::state::{State, View};
use crate::text;
use leptos::prelude::*;
use nsa_core::data::OwnImages;
use nsa_core::model::Layer;
use nsa_core::score::Scorer;
use nsa_engine::protocol::{Event, Request};

/// What a bank without training reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// What the encoder knows and how it learned, in words.
    pub encoder: String,
    pub layer: Layer,
    pub scorer: Scorer,
    pub auroc: f64,
}

/// Asks for it whenever images, split or encoder change while the view that trains shows own images.
pub fn follow(
    state: RwSignal<State>,
    normal: NormalStore,
    model: ModelStore,
    engine: EngineStore,
    beside: RwSignal<Option<Beside>>,
) {
    let config = Memo::new(move |_| {
        let recipe = state.with(|s| (s.view == View::Train && s.train.own.is_some()).then(|| s.train.clone()))?;
        recipe.configs().into_iter().next()
    });
    let job = StoredValue::new(None::<u32>);
    Effect::new(move |_| {
        engine.cancel(job.get_value());
        beside.set(None);
        let (Some(config), true) = (config.get(), model.loaded.get()) else { return };
        let Some(OwnImages { train, test }) = normal.pixels.get().split(&config) else { return };
        let encoder = model.entry.with_untracked(|entry| entry.as_ref().map_or(String::new(), text::models::label));
        let (n, fit, id) = (train.len() + test.len(), train.len(), test.of_class(0).len());
        let asked = engine.ask(
            |job| Request::Rate { job, n, fit, id },
            &[train.pixels(), test.pixels()].concat(),
            move |event| {
                if let Event::Rated { layer, scorer, auroc, .. } = event {
                    beside.set(Some(Beside { encoder: encoder.clone(), layer, scorer, auroc }));
                }
            },
        );
        job.set_value(asked);
    });
}

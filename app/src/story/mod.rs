//! The guided tour: which runs a scene is about, and what they say about the paper's claims.

pub mod ask;
mod evidence;
mod findings;
mod paper;
mod runs;

pub use ask::{Answer, Answers, Task};
pub use evidence::{Evidence, Fact, Verdict, evidence};
pub use paper::PaperRow;
pub use runs::{Settings, find};

use crate::state::{ScoreName, State, View};
use crate::train::recipe::{Method, Recipe};
use nsa_core::bundle::{Catalog, CatalogEntry};
use nsa_core::config::Objective;
use nsa_core::model::Layer;
use nsa_core::score::Scorer;

/// The layer that the paper's Table 11 scores: the pooled encoder output.
pub const LAYER: Layer = Layer::EMBEDDING;

/// The scenes, in the paper's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// What a one-class detector is.
    Detector,
    /// SimCLR gets worse with training though its features do not.
    Training,
    /// What κ sees.
    Kappa,
    /// l2 normalisation of the encoder's output.
    Norm,
    /// The gradient beside the stop-grad.
    StopGrad,
    /// Outliers in the training set.
    Pollution,
    /// Scores and ensembles.
    Scores,
    YourTurn,
    /// Two encoders that learn in the tab.
    Live,
    /// What methods of other papers think of an image that is turned.
    Rivals,
    /// What becomes of an encoder that is only to put its images close together.
    Collapse,
}

impl Scene {
    /// Every scene, in order.
    pub const ALL: [Self; 11] = [
        Self::Detector,
        Self::Training,
        Self::Kappa,
        Self::Norm,
        Self::StopGrad,
        Self::Pollution,
        Self::Scores,
        Self::YourTurn,
        Self::Live,
        Self::Rivals,
        Self::Collapse,
    ];

    /// The scene with a number, from 1.
    pub fn of(state: &State) -> Self {
        Self::ALL[state.scene.clamp(1, Self::ALL.len()) - 1]
    }

    /// Its number, from 1.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// The runs that it is about; none where any model will do.
    pub fn settings(self) -> &'static [Settings] {
        const fn run(objective: &'static str, norm: &'static str, polluted: bool) -> Settings {
            Settings { objective, norm, polluted }
        }
        const SIMCLR: Settings = run("simclr", "none", false);
        match self {
            Self::Detector | Self::Scores | Self::YourTurn | Self::Live | Self::Collapse => &[],
            Self::Training | Self::Kappa => const { &[SIMCLR] },
            Self::Norm => const { &[SIMCLR, run("simclr", "f", false)] },
            Self::StopGrad => const { &[run("simsiam", "none", false), run("simsiam", "both", false)] },
            Self::Rivals => {
                const { &[run("rotnet", "none", false), run("csi", "none", false), run("simclr", "f", false)] }
            }
            Self::Pollution => const { &[run("simclr", "none", true), run("simclr", "f", true)] },
        }
    }

    /// The scorer that the scene's claim is about, where it is not the lab's default.
    pub fn scorer(self) -> Option<Scorer> {
        matches!(self, Self::Training | Self::Norm | Self::StopGrad).then_some(Scorer::CCos)
    }

    /// The methods that it trains in the tab.
    fn methods(self) -> Option<[Method; 2]> {
        let Recipe { a, b, .. } = Recipe::default();
        match self {
            Self::Live => Some([a, b?]),
            Self::Collapse => {
                let svdd = Method { rate: 0.01, ..a.learning(Objective::DeepSvdd) };
                Some([svdd, Method { biases: true, ..svdd }])
            }
            _ => None,
        }
    }

    /// The view of the lab that the scene opens.
    pub fn view(self) -> View {
        match self {
            Self::Detector | Self::YourTurn | Self::Rivals => View::Score,
            Self::Scores => View::Separate,
            Self::Live | Self::Collapse => View::Train,
            Self::Kappa => View::Sphere,
            Self::Training | Self::Norm | Self::StopGrad | Self::Pollution => View::Compact,
        }
    }

    /// Its runs in the catalogue, in the order of [`Scene::settings`]; none if not all of them are there.
    pub fn runs(self, catalog: &Catalog) -> Option<Vec<CatalogEntry>> {
        find(catalog, self.settings())
    }

    /// Sets the scene: its runs if they are there, its score, the last checkpoint, nothing selected.
    pub fn set(self, catalog: Option<&Catalog>, state: &mut State) {
        let mut runs = catalog.and_then(|catalog| self.runs(catalog)).unwrap_or_default().into_iter().map(|e| e.id);
        state.view = View::Story;
        state.scene = self.number();
        (state.model, state.compare) = (runs.next(), runs.next());
        state.scorer = self.scorer().map(|scorer| ScoreName::new(LAYER, scorer));
        (state.epoch, state.threshold, state.select, state.image) = (None, None, None, None);
        if let Some([a, b]) = self.methods() {
            (state.train.a, state.train.b) = (a, Some(b));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_have_numbers_and_links() {
        for (i, scene) in Scene::ALL.into_iter().enumerate() {
            let mut state = State { model: Some("x".into()), epoch: Some(3), ..State::default() };
            scene.set(None, &mut state);
            assert_eq!((Scene::of(&state), state.scene, state.view), (scene, i + 1, View::Story));
            assert_eq!((state.model, state.epoch), (None, None));
        }
        assert_eq!(Scene::ALL.len(), crate::state::LAST_SCENE);
    }

    #[test]
    fn a_scene_that_trains_brings_its_methods() {
        let mut state = State::default();
        Scene::Collapse.set(None, &mut state);
        assert_eq!(state.train.a_text().unwrap(), "deep-svdd,none,0,0.01");
        assert_eq!(state.train.b_text().unwrap(), "deep-svdd,none,0,0.01,biases");
        Scene::Live.set(None, &mut state);
        assert_eq!(state.train, Recipe::default());
    }

    #[test]
    fn a_scene_takes_its_runs_from_the_catalogue() {
        let catalog = runs::tests::catalog();
        let mut state = State::default();
        Scene::Norm.set(Some(&catalog), &mut state);
        assert_eq!((state.model.as_deref(), state.compare.as_deref()), (Some("long-none"), Some("long-f")));
        Scene::Detector.set(Some(&catalog), &mut state);
        assert_eq!((state.model, state.compare), (None, None));
    }
}

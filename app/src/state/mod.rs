//! What a person has chosen: all of it is in the URL's query, so that a link brings someone else to the same
//! view. One table drives reading and writing; unknown keys are ignored, values are clamped.

mod image;
mod words;

pub use image::ImageName;
pub use words::{BackendChoice, Filter, OwnKind, Part, Projection, Sort, View};

use crate::train::recipe::{Method, Recipe};
use nsa_core::bundle::{Manifest, ScoreEntry, is_id};
use nsa_core::model::Layer;
use nsa_core::score::Scorer;

/// A score's name in the URL: `layer:scorer`, for example `conv4-1x1:k-cos-mah`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreName(String);

impl ScoreName {
    /// The name of a bundle's score.
    pub fn of(entry: &ScoreEntry) -> Self {
        Self::new(entry.layer, entry.scorer)
    }

    /// The name of a scorer on a layer.
    pub fn new(layer: Layer, scorer: Scorer) -> Self {
        Self(format!("{layer}:{}", scorer_word(scorer)))
    }

    /// The name of the sum of a bundle's scores.
    pub fn ensemble() -> Self {
        Self("ensemble".into())
    }

    /// Whether it is that name.
    pub fn is_ensemble(&self) -> bool {
        self.0 == "ensemble"
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its position among a bundle's scores.
    pub fn position(&self, manifest: &Manifest) -> Option<usize> {
        manifest.scores.iter().position(|entry| Self::of(entry) == *self)
    }
}

/// A scorer's word in files and URLs, for example `k-cos-mah`.
pub fn scorer_word(scorer: Scorer) -> String {
    scorer.to_string()
}

/// Everything a person can choose.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub view: View,
    /// Id of the bundle; none for the catalogue's default.
    pub model: Option<String>,
    pub backend: BackendChoice,
    /// The score shown; none for the bundle's default.
    pub scorer: Option<ScoreName>,
    /// Scores at or above it are called anomalous; none for one that lets 95 % of the ID images pass.
    pub threshold: Option<f64>,
    pub sort: Sort,
    pub filter: Filter,
    /// Images in the gallery, half of them ID.
    pub n: usize,
    /// Which test images are drawn for the gallery.
    pub seed: usize,
    /// The checkpoint shown, in epochs trained: the nearest one there is; none for the last.
    pub epoch: Option<usize>,
    /// Id of a second bundle, shown beside the first.
    pub compare: Option<String>,
    /// How the hypersphere is drawn.
    pub map: Projection,
    /// The image that stands out in every view.
    pub select: Option<ImageName>,
    /// Images marked in every view, at most [`MARKS`].
    pub marks: Vec<ImageName>,
    /// Whether the hypersphere shows where points lie densely.
    pub density: bool,
    /// The image whose details are open.
    pub image: Option<ImageName>,
    /// Normal images of a person's own that may be called anomalous, in percent.
    pub alarms: u32,
    /// What is trained in the page.
    pub train: Recipe,
    /// Scene of the story, from 1.
    pub scene: usize,
    /// Big type, no menus: for a room.
    pub present: bool,
    /// The story walks by itself: for an exhibition.
    pub kiosk: bool,
    /// Parts of the page that are not shown.
    pub hide: Vec<Part>,
}

/// Bounds of [`State::n`].
pub const IMAGES: std::ops::RangeInclusive<usize> = 4..=400;
/// Most [`State::marks`].
pub const MARKS: usize = 400;
/// Bounds of [`State::alarms`].
pub const ALARMS: std::ops::RangeInclusive<u32> = 1..=30;
/// Largest [`State::seed`].
pub const LAST_SEED: usize = 999;
/// Largest [`State::epoch`].
pub const LAST_EPOCH: usize = 1_000_000;
/// Largest [`State::scene`].
pub const LAST_SCENE: usize = 11;

impl Default for State {
    fn default() -> Self {
        Self {
            view: View::default(),
            model: None,
            backend: BackendChoice::default(),
            scorer: None,
            threshold: None,
            sort: Sort::default(),
            filter: Filter::default(),
            n: 72,
            seed: 0,
            epoch: None,
            compare: None,
            map: Projection::default(),
            select: None,
            marks: Vec::new(),
            density: false,
            image: None,
            alarms: 5,
            train: Recipe::default(),
            scene: 1,
            present: false,
            kiosk: false,
            hide: Vec::new(),
        }
    }
}

/// One key of the query. `read` leaves the state alone if it cannot make sense of the text; `write` gives
/// nothing for a default, which keeps links short.
struct Property {
    key: &'static str,
    read: fn(&mut State, &str),
    write: fn(&State) -> Option<String>,
}

const PROPERTIES: [Property; 24] = [
    Property {
        key: "view",
        read: |s, t| s.view = View::from_word(t).unwrap_or(s.view),
        write: |s| unless_default(s.view, View::word),
    },
    Property { key: "model", read: |s, t| s.model = is_id(t).then(|| t.into()), write: |s| s.model.clone() },
    Property {
        key: "backend",
        read: |s, t| s.backend = BackendChoice::from_word(t).unwrap_or(s.backend),
        write: |s| unless_default(s.backend, BackendChoice::word),
    },
    Property {
        key: "scorer",
        read: |s, t| s.scorer = name(t).map(ScoreName),
        write: |s| s.scorer.as_ref().map(|name| name.0.clone()),
    },
    Property {
        key: "threshold",
        read: |s, t| s.threshold = t.parse().ok().filter(|v: &f64| v.is_finite()).map(|v| v.clamp(-1e6, 1e6)),
        write: |s| s.threshold.map(|v| v.to_string()),
    },
    Property {
        key: "sort",
        read: |s, t| s.sort = Sort::from_word(t).unwrap_or(s.sort),
        write: |s| unless_default(s.sort, Sort::word),
    },
    Property {
        key: "filter",
        read: |s, t| s.filter = Filter::from_word(t).unwrap_or(s.filter),
        write: |s| unless_default(s.filter, Filter::word),
    },
    Property {
        key: "n",
        read: |s, t| s.n = whole(t).map_or(s.n, |n| n.clamp(*IMAGES.start(), *IMAGES.end())),
        write: |s| (s.n != State::default().n).then(|| s.n.to_string()),
    },
    Property {
        key: "seed",
        read: |s, t| s.seed = whole(t).map_or(s.seed, |seed| seed.min(LAST_SEED)),
        write: |s| (s.seed != 0).then(|| s.seed.to_string()),
    },
    Property {
        key: "epoch",
        read: |s, t| s.epoch = whole(t).map(|epoch| epoch.min(LAST_EPOCH)),
        write: |s| s.epoch.map(|epoch| epoch.to_string()),
    },
    Property { key: "compare", read: |s, t| s.compare = is_id(t).then(|| t.into()), write: |s| s.compare.clone() },
    Property {
        key: "map",
        read: |s, t| s.map = Projection::from_word(t).unwrap_or(s.map),
        write: |s| unless_default(s.map, Projection::word),
    },
    Property {
        key: "select",
        read: |s, t| s.select = ImageName::from_text(t),
        write: |s| s.select.map(|image| image.to_string()),
    },
    Property {
        key: "marks",
        read: |s, t| s.marks = t.split(',').filter_map(ImageName::from_text).take(MARKS).collect(),
        write: |s| (!s.marks.is_empty()).then(|| s.marks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    },
    Property { key: "density", read: |s, t| s.density = t == "1", write: |s| s.density.then(|| "1".into()) },
    Property { key: "train", read: |s, t| s.train.read_common(t), write: |s| s.train.common_text() },
    Property { key: "a", read: |s, t| s.train.a = Method::from_text(t, s.train.a), write: |s| s.train.a_text() },
    Property { key: "b", read: |s, t| s.train.read_b(t), write: |s| s.train.b_text() },
    Property {
        key: "image",
        // Of a sample of the frames there are no details.
        read: |s, t| s.image = ImageName::from_text(t).filter(|image| !matches!(image, ImageName::Sample(_))),
        write: |s| s.image.map(|image| image.to_string()),
    },
    Property {
        key: "alarms",
        read: |s, t| s.alarms = t.parse().map_or(s.alarms, |n: u32| n.clamp(*ALARMS.start(), *ALARMS.end())),
        write: |s| (s.alarms != State::default().alarms).then(|| s.alarms.to_string()),
    },
    Property {
        key: "scene",
        read: |s, t| s.scene = whole(t).map_or(s.scene, |scene| scene.clamp(1, LAST_SCENE)),
        write: |s| (s.scene != 1).then(|| s.scene.to_string()),
    },
    Property { key: "present", read: |s, t| s.present = t == "1", write: |s| s.present.then(|| "1".into()) },
    Property { key: "kiosk", read: |s, t| s.kiosk = t == "1", write: |s| s.kiosk.then(|| "1".into()) },
    Property {
        key: "hide",
        read: |s, t| {
            s.hide = Part::ALL
                .iter()
                .filter(|p| t.split(',').any(|word| Part::from_word(word) == Some(**p)))
                .copied()
                .collect()
        },
        write: |s| (!s.hide.is_empty()).then(|| s.hide.iter().map(|p| p.word()).collect::<Vec<_>>().join(",")),
    },
];

fn unless_default<T: Default + PartialEq + Copy>(value: T, word: fn(T) -> &'static str) -> Option<String> {
    (value != T::default()).then(|| word(value).into())
}

/// Names of scores: nothing but letters, digits and `:_-` is taken.
fn name(text: &str) -> Option<String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b":_-".contains(&b));
    (plain && !text.is_empty() && text.len() <= 100).then(|| text.into())
}

/// A whole number, however large: what does not fit is clamped like any other large number.
fn whole(text: &str) -> Option<usize> {
    text.parse::<f64>().ok().filter(|v| !v.is_nan()).map(|v| v as usize)
}

impl State {
    /// Whether many people look at it: in a lecture, in an exhibition.
    pub fn is_for_a_room(&self) -> bool {
        self.present || self.kiosk
    }

    /// How high a picture may be, CSS pixels: `free`, or `room` where a scene has to fit the screen of a room.
    pub fn height(&self, free: f64, room: f64) -> f64 {
        if self.is_for_a_room() && self.view == View::Story { room } else { free }
    }

    /// Reads a query, with or without its question mark.
    pub fn from_query(query: &str) -> Self {
        let mut state = Self::default();
        for (key, text) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            if let Some(property) = PROPERTIES.iter().find(|p| p.key == key) {
                (property.read)(&mut state, &text);
            }
        }
        state
    }

    /// The same with one key of the query set to another text, or left out; none if there is no such key.
    pub fn with(&self, key: &str, text: Option<&str>) -> Option<Self> {
        PROPERTIES.iter().find(|property| property.key == key)?;
        let mut state = Self::default();
        for property in &PROPERTIES {
            let text = if property.key == key { text.map(Into::into) } else { (property.write)(self) };
            if let Some(text) = text {
                (property.read)(&mut state, &text);
            }
        }
        Some(state)
    }

    /// Writes the query: empty for the default state, else beginning with a question mark.
    pub fn to_query(&self) -> String {
        let mut query = String::new();
        for property in &PROPERTIES {
            if let Some(text) = (property.write)(self) {
                // Every value consists of characters that a query may hold as they are.
                query += if query.is_empty() { "?" } else { "&" };
                query += &format!("{}={text}", property.key);
            }
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_brings_back_the_same_state() {
        let state = State {
            view: View::Sphere,
            model: Some("fmnist-3-simsiam-n".into()),
            backend: BackendChoice::Cpu,
            scorer: Some(ScoreName("conv4-1x1:k-cos-mah".into())),
            threshold: Some(-0.125),
            sort: Sort::Class,
            filter: Filter::Mistakes,
            n: 8,
            seed: 7,
            epoch: Some(40),
            compare: Some("fmnist-3-simsiam".into()),
            map: Projection::Pca,
            select: Some(ImageName::Test { class: 2, index: 17 }),
            marks: vec![ImageName::Test { class: 3, index: 1 }, ImageName::Sample(9)],
            density: true,
            image: Some(ImageName::Own(4)),
            alarms: 10,
            train: Recipe { class: 4, batch: 16, epochs: 20, b: None, ..Recipe::default() },
            scene: 3,
            present: true,
            kiosk: true,
            hide: vec![Part::Header, Part::Controls],
        };
        let query = state.to_query();
        assert_eq!(
            query,
            "?view=sphere&model=fmnist-3-simsiam-n&backend=cpu&scorer=conv4-1x1:k-cos-mah&threshold=-0.125&sort=class\
             &filter=mistakes&n=8&seed=7&epoch=40&compare=fmnist-3-simsiam&map=pca&select=2.17\
             &marks=3.1,s9&density=1&train=c4-i16-w4-b16-n256-e20-s0&b=off&image=own.4&alarms=10&scene=3&present=1\
             &kiosk=1&hide=header,controls"
        );
        assert_eq!(State::from_query(&query), state);
        assert_eq!(State::from_query("?scorer=conv4-1x1%3Ak-cos-mah").scorer, state.scorer);
    }

    #[test]
    fn the_default_state_needs_no_query() {
        assert_eq!(State::default().to_query(), "");
        assert_eq!(State::from_query(""), State::default());
        assert_eq!(State::from_query("?"), State::default());
    }

    #[test]
    fn unknown_keys_and_words_are_ignored() {
        assert_eq!(State::from_query("?utm=1&sort=sideways&&=&filter&backend=quantum&n=many"), State::default());
        assert_eq!(State::from_query("model=../../etc").model, None);
        assert_eq!(State::from_query("model=..").model, None);
        assert_eq!(State::from_query("threshold=NaN").threshold, None);
        assert_eq!(State::from_query("view=nowhere&compare=..%2F&select=all&image=s12&present=yes"), State::default());
        assert_eq!(State::from_query("hide=controls,everything,tabs").hide, [Part::Tabs, Part::Controls]);
    }

    #[test]
    fn values_are_clamped() {
        assert_eq!(State::from_query("n=1").n, 4);
        assert_eq!(State::from_query("n=99999999999999999999999").n, 400);
        assert_eq!(State::from_query("n=-5").n, 4);
        assert_eq!(State::from_query("seed=1e9").seed, LAST_SEED);
        assert_eq!(State::from_query("threshold=1e300").threshold, Some(1e6));
        assert_eq!(State::from_query("epoch=1e99").epoch, Some(LAST_EPOCH));
        assert_eq!(State::from_query(&format!("marks=x,{}", "s1,".repeat(2 * MARKS))).marks.len(), MARKS);
        assert_eq!((State::from_query("scene=0").scene, State::from_query("scene=99").scene), (1, LAST_SCENE));
    }

    #[test]
    fn every_property_is_written_and_read_under_its_key() {
        let mut keys: Vec<_> = PROPERTIES.iter().map(|p| p.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), PROPERTIES.len());
    }
}

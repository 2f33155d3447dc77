//! What is to be trained: all of it is in the address, so that a class trains what its lecturer sends.

use crate::state::OwnKind;
use nsa_core::config::{AugmentConfig, Norm, Objective, Schedule, TrainConfig};
use nsa_core::data::OWN;
use nsa_engine::train::protocol::MAX_WIDTH;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Digits to choose the ID class from.
pub const CLASSES: usize = 10;
/// Base widths to choose from.
pub const WIDTHS: [usize; 4] = [2, 4, 8, MAX_WIDTH];
/// Sides of the images to choose from, pixels.
pub const SIZES: [usize; 2] = [16, 32];
/// Batches to choose from.
pub const BATCHES: [usize; 4] = [8, 16, 32, 64];
/// Training images to choose from.
pub const IMAGES: [usize; 5] = [64, 128, 256, 512, 1024];
/// Epochs to choose from.
pub const EPOCHS: [usize; 5] = [5, 10, 20, 40, 100];
/// Shares of outliers to choose from, percent.
pub const POLLUTIONS: [usize; 4] = [0, 5, 10, 20];
/// Peak learning rates to choose from.
pub const RATES: [f64; 4] = [3e-4, 1e-3, 3e-3, 1e-2];
/// Objectives to choose from: the paper's, then those of other papers that a tab can train. (DROC's one-class SVM and
/// Geom's 72 transformations of every image take too long after each epoch.)
pub const OBJECTIVES: [Objective; 13] = [
    Objective::Simclr,
    Objective::SimclrRot,
    Objective::Simsiam,
    Objective::Byol,
    Objective::Rotnet,
    Objective::RotTrans,
    Objective::Csi,
    Objective::Ssd,
    Objective::DeepSvdd,
    Objective::Goad,
    Objective::Drocc,
    Objective::Arnet,
    Objective::Elsa,
];
/// Places of the normalisation to choose from.
pub const NORMS: [Norm; 4] = [Norm::None, Norm::F, Norm::G, Norm::Both];
/// SimCLR's temperature.
const TEMPERATURE: f32 = 0.1;
/// Largest seed.
pub const LAST_SEED: usize = 999;
/// Test images of each kind that a run is measured on, and training images for the bank.
pub const MEASURED: usize = 150;

/// What two runs have in common, and what each has of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// A person's own images in place of the digits.
    #[serde(default)]
    pub own: Option<OwnKind>,
    /// The digit that is learned.
    pub class: usize,
    /// Side of the images, pixels.
    pub size: usize,
    /// Base width of the encoder.
    pub width: usize,
    /// Images a step.
    pub batch: usize,
    pub images: usize,
    /// Passes over them.
    pub epochs: usize,
    /// Seed of everything random.
    pub seed: usize,
    pub a: Method,
    /// The second, if there is one.
    pub b: Option<Method>,
}

/// What a run has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// What is optimised.
    pub objective: Objective,
    /// Where features are normalised.
    pub norm: Norm,
    /// Share of outliers, percent.
    pub pollution: usize,
    pub rate: f64,
    /// Deep SVDD with the biases that its paper forbids.
    #[serde(default)]
    pub biases: bool,
}

impl Default for Recipe {
    /// The comparison that the view opens on: one objective without and with the norm, everything else alike, small
    /// enough for a laptop's processor.
    fn default() -> Self {
        let method = |objective, norm| Method { objective, norm, pollution: 0, rate: 3e-3, biases: false };
        Self {
            own: None,
            class: 2,
            size: 16,
            width: 4,
            batch: 64,
            images: 256,
            epochs: 100,
            seed: 0,
            a: method(Objective::Simclr, Norm::None),
            b: Some(method(Objective::Simclr, Norm::F)),
        }
    }
}

impl Method {
    /// What a run has of its own.
    pub fn of(config: &TrainConfig) -> Self {
        let pollution = (config.pollution * 100.0).round() as usize;
        let &TrainConfig { objective, norm, lr: rate, svdd_biases: biases, .. } = config;
        Self { objective, norm, pollution, rate, biases }
    }

    /// With another objective; those of other papers are trained as these say, without this paper's norm.
    #[must_use]
    pub fn learning(self, objective: Objective) -> Self {
        let norm = if objective.is_rival() { Norm::None } else { self.norm };
        Self { objective, norm, biases: self.biases && objective == Objective::DeepSvdd, ..self }
    }

    /// The paper's name of it.
    pub fn name(&self) -> String {
        let mut method = self.objective.with_norm(self.norm);
        if self.biases {
            method += " with biases";
        }
        if self.pollution > 0 { format!("{method}, {} % polluted", self.pollution) } else { method }
    }

    /// Reads `simclr-rot,f,10,0.001`, or `deep-svdd,none,0,0.01,biases`; a part that is missing or unknown leaves `method`
    /// as it is there.
    pub fn from_text(text: &str, mut method: Self) -> Self {
        let mut parts = text.split(',');
        if let Some(objective) = parts.next().and_then(|word| word.parse().ok()) {
            method.objective = objective;
        }
        if let Some(norm) = parts.next().and_then(|word| word.parse().ok()) {
            method.norm = norm;
        }
        method = method.learning(method.objective);
        if let Some(share) = parts.next().and_then(|word| word.parse().ok()) {
            method.pollution = nearest(&POLLUTIONS, share);
        }
        if let Some(rate) = parts.next().and_then(|word| word.parse::<f64>().ok()).filter(|rate| rate.is_finite()) {
            method.rate = rate.clamp(1e-6, 0.1);
        }
        method.biases = method.objective == Objective::DeepSvdd && parts.next() == Some("biases");
        method
    }

    /// What [`Method::from_text`] reads.
    pub fn text(&self) -> String {
        let biases = if self.biases { ",biases" } else { "" };
        format!("{},{},{},{}{biases}", self.objective, self.norm, self.pollution, self.rate)
    }
}

impl Recipe {
    /// Reads `c1-i16-w4-b16-n256-e20-s0` into what is common to the runs; a part that is missing or unknown changes
    /// nothing, a value that is not among the choices becomes the nearest one.
    pub fn read_common(&mut self, text: &str) {
        // Links from before images could be smaller do not say how large they are.
        self.size = SIZES[SIZES.len() - 1];
        self.own = None;
        for part in text.split('-') {
            if let Some(kind) = OwnKind::from_word(part) {
                self.own = Some(kind);
                continue;
            }
            let (key, value) = part.split_at(part.chars().next().map_or(0, char::len_utf8));
            let Ok(value) = value.parse::<f64>().map(|v| v as usize) else { continue };
            match key {
                "c" => self.class = value.min(CLASSES - 1),
                "i" => self.size = nearest(&SIZES, value),
                "w" => self.width = nearest(&WIDTHS, value),
                "b" => self.batch = nearest(&BATCHES, value),
                "n" => self.images = nearest(&IMAGES, value),
                "e" => self.epochs = value.clamp(1, 1000),
                "s" => self.seed = value.min(LAST_SEED),
                _ => {}
            }
        }
    }

    /// What [`Recipe::read_common`] reads; none if it is the default's.
    pub fn common_text(&self) -> Option<String> {
        let text = |r: &Self| {
            let Self { own, class, size, width, batch, images, epochs, seed, .. } = r;
            let own = own.map_or(String::new(), |kind| format!("-{}", kind.word()));
            format!("c{class}-i{size}-w{width}-b{batch}-n{images}-e{epochs}-s{seed}{own}")
        };
        (text(self) != text(&Self::default())).then(|| text(self))
    }

    /// The first run's own settings as text; none if they are the default's.
    pub fn a_text(&self) -> Option<String> {
        (self.a != Self::default().a).then(|| self.a.text())
    }

    /// The second run's own settings as text, `off` for none; none if they are the default's.
    pub fn b_text(&self) -> Option<String> {
        (self.b != Self::default().b).then(|| self.b.map_or("off".into(), |b| b.text()))
    }

    /// Reads what [`Recipe::b_text`] writes.
    pub fn read_b(&mut self, text: &str) {
        self.b = match text {
            "off" => None,
            text => self.b.or(Self::default().b).map(|b| Method::from_text(text, b)),
        };
    }

    /// The runs' own settings: one or two.
    pub fn methods(&self) -> Vec<Method> {
        [Some(self.a), self.b].into_iter().flatten().collect()
    }

    /// The settings of every run, as `nsa train` knows them.
    pub fn configs(&self) -> Vec<TrainConfig> {
        // Of a person's own images none is known to be an outlier.
        let (dataset, id_class, share) = match self.own {
            None => ("synth-digits", self.class, 1.0),
            Some(_) => (OWN, 0, 0.0),
        };
        let augment = match self.own {
            Some(OwnKind::Photos) => AugmentConfig::default(),
            None | Some(OwnKind::Drawings) => digits(),
        };
        let config = |method: Method| TrainConfig {
            dataset: dataset.into(),
            id_class,
            objective: method.objective,
            norm: method.norm,
            pollution: share * method.pollution as f32 / 100.0,
            image_size: self.size,
            width: self.width,
            epochs: self.epochs,
            batch: self.batch,
            lr: method.rate,
            schedule: Schedule::Constant,
            warmup: 20,
            temperature: TEMPERATURE,
            svdd_biases: method.biases,
            limit: self.images,
            eval_every: 1,
            eval_limit: MEASURED,
            seed: self.seed as u64,
            augment: augment.clone(),
            ..TrainConfig::default()
        };
        self.methods().into_iter().map(config).collect()
    }

    /// Whether the two runs differ in the norm alone.
    pub fn compares_the_norm(&self) -> bool {
        self.b.is_some_and(|b| Method { norm: self.a.norm, ..b } == self.a && b.norm != self.a.norm)
    }

    /// Whether two recipes differ in nothing but learning rates, which may change while runs train.
    pub fn same_runs(&self, other: &Self) -> bool {
        let still = |recipe: &Self| {
            let hold = |method: Method| Method { rate: 0.0, ..method };
            Self { a: hold(recipe.a), b: recipe.b.map(hold), ..recipe.clone() }
        };
        still(self) == still(other)
    }
}

/// How digits are augmented, as in `train/configs/digits.toml`: colour says nothing about which digit it is, so it is
/// jittered as strongly as it goes; crops keep most of the digit, and nothing is mirrored.
fn digits() -> AugmentConfig {
    AugmentConfig {
        crop_min: 0.6,
        flip: 0.0,
        jitter: 1.0,
        brightness: 0.8,
        contrast: 0.8,
        saturation: 0.8,
        hue: 0.5,
        grayscale: 0.5,
    }
}

/// The choice nearest to a number.
fn nearest(choices: &[usize], value: usize) -> usize {
    choices.iter().copied().min_by_key(|choice| choice.abs_diff(value)).unwrap_or(value)
}

/// Settings as `nsa train --config` reads them.
pub fn toml(config: &TrainConfig) -> String {
    let mut text = String::new();
    // By way of text, in which f32 keeps its few digits.
    let json = serde_json::to_vec(config).and_then(|json| serde_json::from_slice(&json));
    let json: serde_json::Value = json.unwrap_or_default();
    let mut tables = Vec::new();
    for (key, value) in json.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(table) => tables.push((key.clone(), table.clone())),
            // Strings and numbers are written alike in JSON and TOML.
            None => drop(writeln!(text, "{key} = {value}")),
        }
    }
    for (name, table) in tables {
        let _ = writeln!(text, "\n[{name}]");
        for (key, value) in table {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_survives_its_address() {
        let recipe = Recipe {
            own: Some(OwnKind::Drawings),
            class: 7,
            size: 32,
            width: 8,
            batch: 32,
            images: 512,
            epochs: 33,
            seed: 5,
            a: Method { objective: Objective::Simsiam, norm: Norm::Both, pollution: 10, rate: 3e-3, biases: false },
            b: None,
        };
        assert_eq!(recipe.common_text().unwrap(), "c7-i32-w8-b32-n512-e33-s5-drawings");
        assert_eq!(recipe.a_text().unwrap(), "simsiam,both,10,0.003");
        let mut read = Recipe::default();
        read.read_common(&recipe.common_text().unwrap());
        read.a = Method::from_text(&recipe.a_text().unwrap(), read.a);
        read.read_b(&recipe.b_text().unwrap());
        assert_eq!(read, recipe);
        let digits = Recipe { own: None, ..recipe.clone() };
        assert_eq!(digits.configs().iter().map(Method::of).collect::<Vec<_>>(), digits.methods());
        let svdd = Method { biases: true, ..recipe.a.learning(Objective::DeepSvdd) };
        assert_eq!(
            (svdd.text().as_str(), svdd.name().as_str()),
            ("deep-svdd,none,10,0.003,biases", "Deep SVDD with biases, 10 % polluted")
        );
        assert_eq!(Method::from_text(&svdd.text(), recipe.a), svdd);
        assert!(!svdd.learning(Objective::Ssd).biases && !Method::from_text("ssd,none,0,0.003,biases", svdd).biases);
        let plain = Recipe::default();
        assert_eq!((plain.common_text(), plain.a_text(), plain.b_text()), (None, None, None));
    }

    #[test]
    fn nonsense_in_an_address_changes_nothing_and_numbers_are_clamped() {
        let mut recipe = Recipe::default();
        recipe.read_common("é9-x3--w-c-eNaN-banana-w∞");
        let default = Recipe::default();
        assert_eq!(recipe.size, 32, "a link from before images could be smaller");
        assert_eq!(Recipe { epochs: default.epochs, size: default.size, ..recipe.clone() }, default);
        recipe.read_common("c99-w1000-b1e9-n0-e0-s123456789");
        assert_eq!((recipe.class, recipe.width, recipe.batch, recipe.images), (9, 16, 64, 64));
        assert_eq!((recipe.epochs, recipe.seed), (1, LAST_SEED));
        let method = Method::from_text("vicreg,q,7,1e99", Recipe::default().a);
        assert_eq!(method, Method { pollution: 5, rate: 0.1, ..Recipe::default().a });
    }

    #[test]
    fn every_choice_is_a_run_that_can_begin() {
        for width in WIDTHS {
            let recipe = Recipe { width, ..Recipe::default() };
            assert!(recipe.configs().iter().all(|config| config.check().is_ok()));
        }
        for objective in OBJECTIVES {
            let mut recipe = Recipe::default();
            recipe.read_b(&format!("{objective},f,0,0.001"));
            assert!(recipe.configs().iter().all(|config| config.check().is_ok()), "{objective}");
        }
        let mut faster = Recipe::default();
        faster.a.rate = 0.01;
        assert!(faster.same_runs(&Recipe::default()) && faster != Recipe::default());
        faster.seed = 1;
        assert!(!faster.same_runs(&Recipe::default()));
    }

    #[test]
    fn own_images_are_one_class_without_outliers_and_photos_may_be_mirrored() {
        let of = |own| {
            let mut recipe = Recipe { own, ..Recipe::default() };
            recipe.a.pollution = 10;
            recipe.configs().remove(0)
        };
        let [digits, photos, drawings] = [None, Some(OwnKind::Photos), Some(OwnKind::Drawings)].map(of);
        assert_eq!((digits.dataset.as_str(), digits.id_class, digits.pollution), ("synth-digits", 2, 0.1));
        assert_eq!((photos.dataset.as_str(), photos.id_class, photos.pollution), (OWN, 0, 0.0));
        assert!(photos.augment.flip > 0.0 && drawings.augment.flip == 0.0);
        assert!(photos.check().is_ok() && drawings.check().is_ok());
    }

    #[test]
    fn the_view_opens_on_a_comparison_of_one_thing() {
        let recipe = Recipe::default();
        assert!(recipe.compares_the_norm());
        let [a, b] = &recipe.configs()[..] else { panic!("two runs") };
        assert_eq!(nsa_core::config::TrainConfig { norm: a.norm, ..b.clone() }, *a, "nothing but the norm differs");
        for other in ["off", "simsiam,f,0,0.001", "simclr,none,0,0.001", "simclr,f,10,0.001"] {
            let mut changed = recipe.clone();
            changed.read_b(other);
            assert!(!changed.compares_the_norm(), "{other}");
        }
    }

    #[test]
    fn settings_are_toml() {
        let mut recipe = Recipe::default();
        recipe.read_b("simclr,f,0,0.001");
        let text = toml(&recipe.configs()[1]);
        assert!(text.contains("objective = \"simclr\"\n") && text.contains("lr = 0.001\n"), "{text}");
        assert!(text.contains("\n[augment]\n") && text.contains("crop-min = 0.6\n"), "{text}");
        assert!(text.find("seed =") < text.find("[augment]"));
    }
}

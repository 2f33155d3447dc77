//! The settings in which runs that are to be compared may differ, and their short labels.

use super::record::RunRecord;
use nsa_core::config::TrainConfig;

/// Settings besides data set, class, method, pollution and seed, with a letter for the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `a`, `b`, ...
    pub label: String,
    /// In words.
    pub text: String,
    config: TrainConfig,
}

/// Everything but what a table's rows and classes differ in.
fn common(config: &TrainConfig) -> TrainConfig {
    let base = TrainConfig::default();
    TrainConfig {
        dataset: base.dataset,
        id_class: base.id_class,
        objective: base.objective,
        norm: base.norm,
        pollution: base.pollution,
        seed: base.seed,
        eval_every: base.eval_every,
        evaluations: base.evaluations,
        eval_limit: base.eval_limit,
        augment: config.augment.clone(),
        ..config.clone()
    }
}

/// All settings that occur, in the order of their words.
pub fn of_all(records: &[RunRecord]) -> Vec<Settings> {
    let mut found: Vec<(String, TrainConfig)> = Vec::new();
    for record in records {
        let config = common(&record.config);
        if !found.iter().any(|(_, known)| *known == config) {
            found.push((describe(&config), config));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.into_iter().enumerate().map(|(i, (text, config))| Settings { label: letters(i), text, config }).collect()
}

/// The settings of a run.
pub fn of<'a>(all: &'a [Settings], config: &TrainConfig) -> Option<&'a Settings> {
    all.iter().find(|settings| settings.is_of(config))
}

impl Settings {
    /// Whether a run was trained like this.
    pub fn is_of(&self, config: &TrainConfig) -> bool {
        self.config == common(config)
    }
}

/// a, b, ..., z, aa, ab, ...
fn letters(mut i: usize) -> String {
    let mut label = String::new();
    loop {
        label.insert(0, char::from(b'a' + (i % 26) as u8));
        if i < 26 {
            return label;
        }
        i = i / 26 - 1;
    }
}

fn describe(config: &TrainConfig) -> String {
    let c = config;
    let limit = if c.limit > 0 { format!("at most {} images of the class", c.limit) } else { "all images".into() };
    let a = &c.augment;
    let size = if c.image_size == nsa_core::data::SIZE {
        String::new()
    } else {
        format!(", images of {0} x {0}", c.image_size)
    };
    let weights = c.weights.as_ref().map_or(String::new(), |hash| format!(", from weights {:.12}", hash));
    format!(
        "width {}{size}{weights}, {} epochs, batch {}, lr {} ({}, {} steps of warm-up), temperature {} (SimCLR), {limit}, crop {}-1, \
         flip {}, jitter {} ({}/{}/{}/{}), grey {}",
        c.width,
        c.epochs,
        c.batch,
        c.lr,
        c.schedule,
        c.warmup,
        c.temperature,
        a.crop_min,
        a.flip,
        a.jitter,
        a.brightness,
        a.contrast,
        a.saturation,
        a.hue,
        a.grayscale
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_go_on_after_z() {
        let labels: Vec<String> = [0, 25, 26, 27, 51, 52, 701, 702].into_iter().map(letters).collect();
        assert_eq!(labels, ["a", "z", "aa", "ab", "az", "ba", "zz", "aaa"]);
    }
}

//! What a report needs of a run, in one file that is small enough to be committed: no weights, no paths of a machine.
//!
//! `NAME.json` has the settings, the summary (provenance, counts, history) and the outcome (what each score reaches on the
//! whole test set). Measured numbers have six significant digits. A run's own folder is read as well.

use super::stats::Class;
use crate::error::NsaError;
use crate::evaluation::{Evaluation, Histogram};
use crate::files;
use crate::plan::Plan;
use crate::run::{Record, RunFolder, read_config};
use nsa_core::config::{Norm, TrainConfig};
use nsa_core::measure::{History, HistoryEntry};
use nsa_core::model::Layer;
use nsa_core::score::Scorer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Bytes a record's file may have.
const MAX_BYTES: u64 = 64 << 20;

/// A run as a report sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its folder's name.
    pub name: String,
    /// Its settings.
    pub config: TrainConfig,
    /// Its record.
    pub summary: Summary,
    /// What it reaches; none if it was cut or not evaluated.
    pub outcome: Option<Outcome>,
    /// What its plan says of it.
    pub planned: Planned,
}

/// What was written down of a run before it was made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Planned {
    /// The measures that decide.
    pub decides: Vec<String>,
    /// A measure is the mean of so many last evaluations during training; 0: of the evaluation after it.
    pub evaluations: usize,
    /// Whether it was planned after results of others were seen.
    pub exploratory: bool,
}

/// A record's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    config: TrainConfig,
    summary: Summary,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
}

/// Provenance, counts and history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Summary {
    /// Commit of the code that trained it.
    pub commit: String,
    /// Where it was trained.
    pub device: String,
    /// Where the images came from.
    pub data_source: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Training images, outliers included.
    pub train_images: usize,
    /// Outliers among them.
    pub outliers: usize,
    /// Epochs trained.
    pub epochs_done: usize,
    /// Seconds of training, evaluations during it included.
    pub wall_seconds: f64,
    /// Why the last attempt on it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What was measured during training.
    pub history: History,
}

/// A score with its AUROC (0..1) on test images, and on validation images if some were held back.
pub type Reached<S> = (S, f64, Option<f64>);

/// What a run reaches on the whole test set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Epochs it was trained for.
    pub epoch: usize,
    /// Each feature map with its scores.
    pub layers: Vec<(Layer, Vec<Reached<Scorer>>)>,
    /// Sums of scores, by name.
    pub sums: Vec<Reached<String>>,
    /// How the default score is spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
}

impl From<Evaluation> for Outcome {
    fn from(evaluation: Evaluation) -> Self {
        let scores = |row: crate::evaluation::LayerRow| {
            let scores = row.scores.into_iter().map(|s| (s.scorer, s.reached.auroc, s.validation));
            (row.layer, scores.collect())
        };
        let sums = evaluation.ensembles.into_iter();
        Self {
            epoch: evaluation.epoch,
            layers: evaluation.layers.into_iter().map(scores).collect(),
            sums: sums.filter_map(|row| Some((row.name, row.reached?.auroc, row.validation))).collect(),
            histogram: evaluation.histogram,
        }
    }
}

impl Outcome {
    /// AUROC (0..1) of a scorer on a feature map.
    pub fn of(&self, layer: Layer, scorer: Scorer) -> Option<f64> {
        let scores = self.scores(layer)?;
        scores.iter().find(|(found, ..)| *found == scorer).map(|(_, auroc, _)| *auroc)
    }

    /// AUROC (0..1) of one of [`super::paper::SCORES`]: of the last encoder features, or of the first sum of that name.
    pub fn reached(&self, score: &str) -> Option<f64> {
        match score.parse() {
            Ok(scorer) => self.of(Layer::EMBEDDING, scorer),
            Err(_) => self.sums.iter().find(|(name, ..)| name == score).map(|(_, auroc, _)| *auroc),
        }
    }

    /// The scores of a feature map.
    pub fn scores(&self, layer: Layer) -> Option<&[Reached<Scorer>]> {
        self.layers.iter().find(|(found, _)| *found == layer).map(|(_, scores)| scores.as_slice())
    }

    /// AUROC (0..1) on test images of the feature map and scorer, or of the sum, that is best on validation images. Raw pixels
    /// are no feature map of the network.
    pub fn chosen(&self) -> Option<f64> {
        let layers = self.layers.iter().filter(|(layer, _)| *layer != Layer::Pixels);
        let scores = layers.flat_map(|(_, scores)| scores).map(|(_, test, validation)| (*test, *validation));
        best_on_validation(scores.chain(self.sums.iter().map(|(_, test, validation)| (*test, *validation))))
    }

    /// The same of raw pixels.
    pub fn chosen_of_pixels(&self) -> Option<f64> {
        best_on_validation(self.scores(Layer::Pixels)?.iter().map(|(_, test, validation)| (*test, *validation)))
    }

    /// `-raw` where whitened scores that are summed see raw features, as all did once; else nothing. It makes a score's name
    /// that of the same reading.
    pub fn reading(&self) -> &'static str {
        if self.reached("ens").is_none() && self.reached("ens-raw").is_some() { "-raw" } else { "" }
    }
}

/// The first of equals, so that the order of the scores decides and nothing else.
fn best_on_validation(scores: impl Iterator<Item = (f64, Option<f64>)>) -> Option<f64> {
    let validated = scores.filter_map(|(test, validation)| Some((test, validation?)));
    validated.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(test, _)| test)
}

impl From<Record> for Summary {
    fn from(record: Record) -> Self {
        Self {
            commit: record.commit,
            device: record.device,
            data_source: record.data_source,
            classes: record.classes,
            train_images: record.split.indices.len(),
            outliers: record.split.outliers,
            epochs_done: record.epochs_done,
            wall_seconds: record.wall_seconds,
            failure: None,
            history: record.history,
        }
    }
}

impl RunRecord {
    /// Reads a run's folder, or a record's file.
    pub fn read(path: &Path) -> Result<Self, NsaError> {
        fn parsed<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, NsaError> {
            let refused = |e: serde_json::Error| NsaError::ConfigFile { path: path.into(), why: e.to_string() };
            serde_json::from_slice(&files::read_capped(path, MAX_BYTES)?).map_err(refused)
        }
        let name = |stem: Option<&std::ffi::OsStr>| stem.unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            let File { config, summary, outcome } = parsed(path)?;
            config.check()?;
            return Ok(Self { name: name(path.file_stem()), config, summary, outcome, planned: Planned::default() });
        }
        let record: Record = parsed(&path.join("record.json"))?;
        Ok(Self {
            name: name(path.file_name()),
            config: read_config(&path.join("config.toml"))?,
            summary: rounded(&Summary { failure: RunFolder::failure(path), ..record.into() })?,
            outcome: Evaluation::read(path)?.map(|evaluation| rounded(&Outcome::from(evaluation))).transpose()?,
            planned: Planned::default(),
        })
    }

    /// Whether it is an encoder of random weights, evaluated.
    pub fn is_untrained(&self) -> bool {
        self.config.epochs == 0 && self.result().is_some()
    }

    /// What an untrained encoder has in common with a trained one beside class and seed: the data set, the images' side, the
    /// base width, how many images at most, and how many of a thousand are outliers.
    pub fn setting(&self) -> (&str, usize, usize, usize, u32) {
        let c = &self.config;
        (&c.dataset, c.image_size, c.width, c.limit, (1000.0 * c.pollution) as u32)
    }

    /// Steps of training.
    pub fn steps(&self) -> usize {
        self.config.epochs * (self.summary.train_images / self.config.batch)
    }

    /// Writes the record as `folder/NAME.json`.
    pub fn write(&self, folder: &Path) -> Result<(), NsaError> {
        let file = File { config: self.config.clone(), summary: self.summary.clone(), outcome: self.outcome.clone() };
        let mut json = serde_json::to_vec(&file)?;
        json.push(b'\n');
        std::fs::create_dir_all(folder).map_err(files::writing(folder))?;
        let path = folder.join(format!("{}.json", self.name));
        let is_record = || files::read(&path).is_ok_and(|bytes| serde_json::from_slice::<File>(&bytes).is_ok());
        if path.exists() && !is_record() {
            let path = path.display();
            return Err(NsaError::Usage(format!("{path} is there already and is no record: choose another --collect")));
        }
        files::write_atomic(&path, &json)
    }

    /// The outcome after its last epoch: what counts as a result.
    pub fn result(&self) -> Option<&Outcome> {
        self.outcome.as_ref().filter(|outcome| outcome.epoch == self.config.epochs)
    }

    /// Its class, as a test has it.
    pub fn unit(&self) -> Class {
        (self.config.dataset.clone(), self.config.id_class)
    }

    /// The ID class's name.
    pub fn class(&self) -> String {
        self.summary.classes.get(self.config.id_class).cloned().unwrap_or_else(|| self.config.id_class.to_string())
    }

    /// The method's name, `untrained` before it where it was not trained.
    pub fn method(&self) -> String {
        let method = self.config.objective.with_norm(self.config.norm);
        if self.config.epochs == 0 { format!("untrained {method}") } else { method }
    }

    /// The data set, and whether its images are not the published ones.
    pub fn dataset(&self) -> String {
        let source = &self.summary.data_source;
        match source.split_once("re-encoded as ") {
            Some((_, how)) => format!("{} ({how})", self.config.dataset),
            None => self.config.dataset.clone(),
        }
    }

    /// The untrained encoder's measures.
    pub fn start(&self) -> Option<&HistoryEntry> {
        self.summary.history.epochs.first().filter(|entry| entry.epoch == 0)
    }

    /// The evaluations after training began.
    pub fn trained(&self) -> &[HistoryEntry] {
        let epochs = &self.summary.history.epochs;
        if self.start().is_some() { &epochs[1..] } else { epochs }
    }

    /// The mean of a measure over the last `count` evaluations; none where there are fewer, or one lacks it.
    pub fn last(&self, count: usize, of: impl Fn(&HistoryEntry) -> Option<f64>) -> Option<f64> {
        let trained = self.trained();
        let last = &trained[trained.len().checked_sub(count)?..];
        let values: Vec<f64> = last.iter().map(of).collect::<Option<_>>()?;
        (count > 0).then(|| values.iter().sum::<f64>() / count as f64)
    }

    /// Whether a run differs from this one in nothing but the norm, which it lacks.
    pub fn is_pair_of(&self, plain: &Self) -> bool {
        plain.config.norm == Norm::None && plain.config == TrainConfig { norm: Norm::None, ..self.config.clone() }
    }
}

/// The same with six significant digits for what is no whole number, so that a run and its record give one report.
fn rounded<T: Serialize + serde::de::DeserializeOwned>(value: &T) -> Result<T, NsaError> {
    fn round(value: Value) -> Value {
        match value {
            Value::Number(number) if number.is_f64() => {
                let number = number.as_f64().and_then(|v| format!("{v:.5e}").parse::<f64>().ok());
                number.map_or(Value::Null, Value::from)
            }
            Value::Array(values) => values.into_iter().map(round).collect(),
            Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, round(value))).collect(),
            value => value,
        }
    }
    Ok(serde_json::from_value(round(serde_json::to_value(value)?))?)
}

/// Reads runs and records: each path is one, or a folder of them. Sorted by name.
pub fn read_all(paths: &[PathBuf]) -> Result<Vec<RunRecord>, NsaError> {
    let is_one = |path: &Path| {
        path.join("config.toml").exists() || (path.is_file() && path.extension().is_some_and(|e| e == "json"))
    };
    let mut records = Vec::new();
    for path in paths {
        let before = records.len();
        if is_one(path) {
            records.push(RunRecord::read(path)?);
        } else {
            for entry in std::fs::read_dir(path).map_err(files::reading(path))? {
                let inside = entry.map_err(files::reading(path))?.path();
                if is_one(&inside) {
                    records.push(RunRecord::read(&inside)?);
                }
            }
        }
        if records.len() == before {
            let must = "be a run, a record, or a folder of them".into();
            return Err(NsaError::File {
                path: path.clone(),
                must,
                found: "no config.toml and no record in it".into(),
            });
        }
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = records.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(NsaError::Usage(format!("every run needs a name of its own, but two are called {}", pair[0].name)));
    }
    Ok(records)
}

/// Tells each run what its plan says of it: the first that has it.
pub fn plan(records: &mut [RunRecord], plans: &[(String, Plan)]) {
    for record in records {
        let of = plans.iter().find_map(|(_, plan)| {
            let run = plan.runs.iter().find(|run| run.config == record.config)?;
            Some((plan.decide.clone(), run.exploratory))
        });
        if let Some((decide, exploratory)) = of {
            record.planned = Planned { decides: decide.measures, evaluations: decide.evaluations, exploratory };
        }
    }
}

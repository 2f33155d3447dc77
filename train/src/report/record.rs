//! What a report needs of a run: small enough to be committed, without weights and without paths of a machine.
//!
//! ```text
//! RECORD/config.toml    every setting, as in the run
//! RECORD/summary.json   provenance, counts, history
//! RECORD/eval.json      as in the run
//! ```
//!
//! A run's own folder is read as well.

use crate::error::NsaError;
use crate::evaluation::{EVAL_FILE, Evaluation};
use crate::files;
use crate::run::{Record, RunFolder, read_config};
use nsa_core::config::TrainConfig;
use nsa_core::measure::History;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const SUMMARY_FILE: &str = "summary.json";
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
    pub evaluation: Option<Evaluation>,
}

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// Reads a run's folder, or a record's.
    pub fn read(path: &Path) -> Result<Self, NsaError> {
        let parse = |file: &str| -> Result<(PathBuf, Vec<u8>), NsaError> {
            let file = path.join(file);
            let bytes = files::read_capped(&file, MAX_BYTES)?;
            Ok((file, bytes))
        };
        let refused =
            |file: PathBuf| move |e: serde_json::Error| NsaError::ConfigFile { path: file, why: e.to_string() };
        let summary = if path.join(SUMMARY_FILE).exists() {
            let (file, bytes) = parse(SUMMARY_FILE)?;
            serde_json::from_slice(&bytes).map_err(refused(file))?
        } else {
            let (file, bytes) = parse("record.json")?;
            let record: Record = serde_json::from_slice(&bytes).map_err(refused(file))?;
            Summary { failure: RunFolder::failure(path), ..record.into() }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, config: read_config(&path.join("config.toml"))?, summary, evaluation: Evaluation::read(path)? })
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

    /// Writes the record into `folder/NAME`.
    pub fn write(&self, folder: &Path) -> Result<(), NsaError> {
        let path = folder.join(&self.name);
        std::fs::create_dir_all(&path).map_err(files::writing(&path))?;
        // The summary is written first, so that what has none is not a record.
        let others = ["config.toml", EVAL_FILE].map(|name| path.join(name));
        if let Some(file) = others.iter().find(|file| file.exists() && !path.join(SUMMARY_FILE).exists()) {
            let file = file.display();
            return Err(NsaError::Usage(format!(
                "{file} is there already and is of no record: choose another --collect"
            )));
        }
        let config = toml::to_string(&self.config)
            .map_err(|e| NsaError::ConfigFile { path: path.join("config.toml"), why: e.to_string() })?;
        files::write_atomic(&path.join(SUMMARY_FILE), &line(&self.summary)?)?;
        files::write_atomic(&path.join("config.toml"), config.as_bytes())?;
        match &self.evaluation {
            Some(evaluation) => files::write_atomic(&path.join(EVAL_FILE), &line(evaluation)?),
            None => files::remove(&path.join(EVAL_FILE)),
        }
    }

    /// The evaluation after its last epoch: what counts as a result.
    pub fn result(&self) -> Option<&Evaluation> {
        self.evaluation.as_ref().filter(|evaluation| evaluation.epoch == self.config.epochs)
    }

    /// The ID class's name.
    pub fn class(&self) -> String {
        self.summary.classes.get(self.config.id_class).cloned().unwrap_or_else(|| self.config.id_class.to_string())
    }

    /// The data set, and whether its images are not the published ones.
    pub fn dataset(&self) -> String {
        let source = &self.summary.data_source;
        match source.split_once("re-encoded as ") {
            Some((_, how)) => format!("{} ({how})", self.config.dataset),
            None => self.config.dataset.clone(),
        }
    }
}

/// JSON in one line: records are for programs.
fn line(value: &impl Serialize) -> Result<Vec<u8>, NsaError> {
    let mut json = serde_json::to_vec(value)?;
    json.push(b'\n');
    Ok(json)
}

/// Reads runs and records: each path is one, or a folder of them. Sorted by name.
pub fn read_all(paths: &[PathBuf]) -> Result<Vec<RunRecord>, NsaError> {
    let mut records = Vec::new();
    for path in paths {
        let before = records.len();
        if path.join("config.toml").exists() {
            records.push(RunRecord::read(path)?);
        } else {
            for entry in std::fs::read_dir(path).map_err(files::reading(path))? {
                let inside = entry.map_err(files::reading(path))?.path();
                if inside.join("config.toml").exists() {
                    records.push(RunRecord::read(&inside)?);
                }
            }
        }
        if records.len() == before {
            let must = "be a run, or a folder of runs".into();
            return Err(NsaError::File { path: path.clone(), must, found: "no config.toml in it".into() });
        }
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = records.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(NsaError::Usage(format!("every run needs a name of its own, but two are called {}", pair[0].name)));
    }
    Ok(records)
}

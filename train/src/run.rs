//! A run's folder: its settings, its checkpoint, what was measured.
//!
//! ```text
//! RUN/config.toml        every setting; `nsa train --config RUN/config.toml` repeats the run
//! RUN/record.json        provenance, training images used, history
//! RUN/frames.safetensors test samples on the hypersphere, a frame an evaluated epoch
//! RUN/checkpoint.bin     weights, optimiser, epochs done, and the checksum of all that
//! RUN/eval.json          what it reaches on the whole test set, from `nsa eval` or `nsa sweep`
//! RUN/failed.txt         why the last attempt of `nsa sweep` failed
//! RUN/lock               held while it is trained
//! ```
//!
//! Each file is replaced whole, the checkpoint last. A kill in between leaves measurements that are one epoch ahead
//! of the checkpoint; a run that goes on drops them, and the epoch is trained and measured again.

use crate::data::{self, Listed, Opened};
use crate::device::wait;
use crate::error::NsaError;
use crate::evaluation::EVAL_FILE;
use crate::files;
use burn::tensor::backend::AutodiffBackend;
use nsa_core::bundle::{FRAMES_FILE, sha256};
use nsa_core::config::TrainConfig;
use nsa_core::data::{OneClassSplit, Split};
use nsa_core::measure::{Frames, History};
use nsa_core::ssl::{Run, Trainer, TrainerError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The commit that this program was built from, `-dirty` behind it where the sources had changed since; `unknown`
/// outside of a checkout.
pub const COMMIT: &str = env!("NSA_COMMIT");

const RECORD_FILE: &str = "record.json";
const CHECKPOINT_FILE: &str = "checkpoint.bin";
/// Stands in a checkpoint's file between the checkpoint and its SHA-256 in hexadecimal. Earlier versions wrote neither.
const SEAL: &[u8] = b"\nSHA256 ";
/// Characters of a SHA-256.
const SHA256: usize = 64;
const FAILED_FILE: &str = "failed.txt";

/// `record.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// Commit of the code that trains it.
    pub commit: String,
    /// The device.
    pub device: String,
    /// Where the images come from.
    pub data_source: String,
    /// Folder given with `--root`, for later commands on the run.
    pub root: Option<PathBuf>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The training images, outliers last.
    pub split: OneClassSplit,
    /// Epochs trained; the checkpoint may be one behind after a kill.
    #[serde(default)]
    pub epochs_done: usize,
    /// Seconds of work so far.
    pub wall_seconds: f64,
    /// What was measured.
    pub history: History,
    /// The settings that the run began with, in TOML. Earlier versions did not keep them, nor its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// The images that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
}

/// What a run's data set was when the run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Data {
    /// The absolute path of a folder or zip of images: a relative one would be another from elsewhere.
    pub folder: Option<PathBuf>,
    /// The training split.
    pub train: Listed,
    /// The test split.
    pub test: Listed,
}

impl Data {
    /// Of a run that begins.
    pub fn of(
        config: &TrainConfig,
        root: Option<&Path>,
        train: &mut Opened,
        test: &mut Opened,
    ) -> Result<Self, NsaError> {
        let folder = data::path_of(&config.dataset, root).map(|path| absolute(&path)).transpose()?;
        Ok(Self { folder, train: train.listed(), test: test.listed() })
    }
}

/// A path that means the same in every folder.
pub fn absolute(path: &Path) -> Result<PathBuf, NsaError> {
    std::path::absolute(path).map_err(files::reading(path))
}

/// An opened run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Its settings.
    pub config: TrainConfig,
    /// Its record.
    pub record: Record,
    /// Its frames.
    pub frames: Frames,
}

impl RunFolder {
    /// Starts a run in a folder that must not hold one yet.
    pub fn create(path: &Path, config: TrainConfig, record: Record) -> Result<Self, NsaError> {
        Self::check_new(path)?;
        std::fs::create_dir_all(path).map_err(files::writing(path))?;
        let mut run = Self { path: path.to_path_buf(), config, record, frames: Frames::default() };
        let text = run.settings()?;
        run.record.settings = Some(text.clone());
        run.save_record()?;
        files::write_atomic(&run.path.join("config.toml"), text.as_bytes())?;
        Ok(run)
    }

    /// Whether the folder has no file that a run would replace. A record alone is what a kill leaves of a run that had
    /// just begun.
    pub fn check_new(path: &Path) -> Result<(), NsaError> {
        if Self::exists(path) {
            let path = path.display();
            return Err(NsaError::Usage(format!(
                "{path} already holds a run: continue it with `nsa train --resume {path}`, or choose another --out"
            )));
        }
        let is_ours = |file: &Path| files::read(file).is_ok_and(|json| serde_json::from_slice::<Record>(&json).is_ok());
        let names = [RECORD_FILE, FRAMES_FILE, CHECKPOINT_FILE, EVAL_FILE, FAILED_FILE];
        let found = names.map(|name| path.join(name)).into_iter().find(|file| file.exists());
        match found.filter(|file| !(file.ends_with(RECORD_FILE) && is_ours(file))) {
            None => Ok(()),
            Some(file) => Err(NsaError::Usage(format!(
                "{} is there already and belongs to no run, but this one would replace it: choose another --out",
                file.display()
            ))),
        }
    }

    /// `config.toml`, which must say all that the settings say.
    fn settings(&self) -> Result<String, NsaError> {
        let fault = |why: String| NsaError::ConfigFile { path: self.path.join("config.toml"), why };
        let text = toml::to_string(&self.config).map_err(|e| fault(e.to_string()))?;
        let again: TrainConfig = toml::from_str(&text).map_err(|e| fault(e.to_string()))?;
        match again == self.config {
            true => Ok(text),
            false => Err(fault("these settings cannot be kept: some value is lost when they are read again".into())),
        }
    }

    /// Whether the folder holds a run.
    pub fn exists(path: &Path) -> bool {
        path.join("config.toml").exists()
    }

    /// Why the last attempt on the run in `path` failed, if it did.
    pub fn failure(path: &Path) -> Option<String> {
        std::fs::read_to_string(path.join(FAILED_FILE)).ok().map(|why| why.trim().to_string())
    }

    /// Keeps or, with none, forgets why the run in `path` failed. A folder that holds no run is left alone.
    pub fn set_failure(path: &Path, why: Option<&str>) -> Result<(), NsaError> {
        let file = path.join(FAILED_FILE);
        match why {
            Some(why) if Self::exists(path) => files::write_atomic(&file, format!("{why}\n").as_bytes()),
            Some(_) => Ok(()),
            None => files::remove(&file),
        }
    }

    /// Opens a run.
    pub fn open(path: &Path) -> Result<Self, NsaError> {
        let settings = path.join("config.toml");
        if !settings.exists() {
            let path = path.display();
            return Err(NsaError::Usage(format!("{path} holds no run: start one with `nsa train --out {path}`")));
        }
        let config = read_config(&settings)?;
        let record_path = path.join(RECORD_FILE);
        let record: Record = serde_json::from_slice(&files::read(&record_path)?)
            .map_err(|e| NsaError::ConfigFile { path: record_path, why: e.to_string() })?;
        if let Some(then) = &record.settings {
            must_be_unchanged(&settings, &config, then)?;
        }
        let frames_path = path.join(FRAMES_FILE);
        let mut frames = if frames_path.exists() {
            Frames::from_bytes(&files::read(&frames_path)?)
                .map_err(|source| NsaError::Bundle { path: path.to_path_buf(), source })?
        } else {
            Frames::default()
        };
        // The frames are saved before the record: a kill in between leaves a frame that the record does not have.
        frames.keep(|_, epoch| record.history.epochs.iter().any(|entry| entry.epoch == epoch as usize));
        Ok(Self { path: path.to_path_buf(), config, record, frames })
    }

    /// Training and test split of its data set, from `root` or where the run found them.
    ///
    /// # Errors
    /// They cannot be read, or are not what the run was trained on.
    pub fn data(&self, root: Option<&Path>) -> Result<(Opened, Opened), NsaError> {
        let kept = self.record.data.as_ref();
        // A path that is no Unicode has no place in the name of a data set, and is looked for as it was given.
        let folder = kept.and_then(|data| data.folder.as_ref()?.to_str()).filter(|_| root.is_none());
        let name = folder.map_or(self.config.dataset.clone(), |folder| format!("folder:{folder}"));
        let root = root.or(self.record.root.as_deref()).filter(|_| folder.is_none());
        let open = |split| data::open(&name, root, split, self.config.image_size);
        let (mut train, mut test) = (open(Split::Train)?, open(Split::Test)?);
        if let Some(kept) = kept {
            train.must_be(Split::Train, &kept.train)?;
            test.must_be(Split::Test, &kept.test)?;
        }
        Ok((train, test))
    }

    /// The checkpoint's bytes, if there is one yet.
    ///
    /// # Errors
    /// Its checksum is another than when it was written.
    pub fn checkpoint(path: &Path) -> Result<Option<Vec<u8>>, NsaError> {
        let file = path.join(CHECKPOINT_FILE);
        if !file.exists() {
            return Ok(None);
        }
        let mut bytes = files::read(&file)?;
        if let Some((rest, sum)) = bytes.split_last_chunk::<SHA256>()
            && let Some(checkpoint) = rest.strip_suffix(SEAL)
        {
            if sha256(checkpoint).as_bytes() != sum {
                let why = "its checksum is not the one that it was written with: the file was damaged".into();
                return Err(NsaError::Checkpoint { path: file, source: TrainerError::Checkpoint(why) });
            }
            let length = checkpoint.len();
            bytes.truncate(length);
        }
        Ok(Some(bytes))
    }

    /// The checkpoint of a run that has one.
    pub fn checkpoint_of(path: &Path) -> Result<Vec<u8>, NsaError> {
        Self::checkpoint(path)?.ok_or_else(|| {
            let path = path.display();
            NsaError::Usage(format!("{path} has no checkpoint yet: train it first with `nsa train --resume {path}`"))
        })
    }

    /// A trainer that stands where the checkpoint of the run in `path` says.
    pub fn trainer<B: AutodiffBackend>(
        path: &Path,
        config: &TrainConfig,
        checkpoint: &[u8],
        device: &B::Device,
    ) -> Result<Trainer<B>, NsaError> {
        Trainer::resume(config.clone(), checkpoint, device.clone()).map_err(|error| Self::refused(path, error))
    }

    /// An error about the checkpoint of the run in `path`, if it is one.
    pub fn refused(path: &Path, error: TrainerError) -> NsaError {
        match error {
            source @ (TrainerError::Checkpoint(_) | TrainerError::Version { .. }) => {
                NsaError::Checkpoint { path: path.join(CHECKPOINT_FILE), source }
            }
            other => other.into(),
        }
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Saves all, the checkpoint last.
    pub fn save<B: AutodiffBackend>(&mut self, run: &Run<B>) -> Result<(), NsaError> {
        let mut checkpoint = wait(run.checkpoint())?;
        let sum = sha256(&checkpoint);
        checkpoint.extend(SEAL);
        checkpoint.extend(sum.into_bytes());
        self.record.epochs_done = run.position().0;
        self.record.history.clone_from(run.history());
        let frames = run.frames().to_bytes().map_err(|source| NsaError::Bundle { path: self.path.clone(), source })?;
        files::write_atomic(&self.path.join(FRAMES_FILE), &frames)?;
        self.save_record()?;
        files::write_atomic(&self.path.join(CHECKPOINT_FILE), &checkpoint)
    }

    fn save_record(&self) -> Result<(), NsaError> {
        let mut json = serde_json::to_vec_pretty(&self.record)?;
        json.push(b'\n');
        files::write_atomic(&self.path.join(RECORD_FILE), &json)
    }
}

/// Whether a run's settings are those that it began with, which are `then` in TOML.
///
/// # Errors
/// One that is not: what was trained is not what such settings describe.
fn must_be_unchanged(path: &Path, config: &TrainConfig, then: &str) -> Result<(), NsaError> {
    let fault = |why: String| NsaError::ConfigFile { path: path.into(), why };
    let then: TrainConfig = toml::from_str(then).map_err(|e| fault(format!("the record's settings: {e}")))?;
    if then == *config {
        return Ok(());
    }
    let table = |config: &TrainConfig| toml::Table::try_from(config).map_err(|e| fault(e.to_string()));
    let (then, now) = (table(&then)?, table(config)?);
    let said = |value: Option<&toml::Value>| value.map_or("nothing".into(), ToString::to_string);
    match then.keys().chain(now.keys()).find(|key| then.get(*key) != now.get(*key)) {
        None => Ok(()),
        Some(key) => Err(fault(format!(
            "{key} must be {}, as when the run began, found {}: put it back, or begin another run with `nsa train \
             --config`",
            said(then.get(key)),
            said(now.get(key))
        ))),
    }
}

/// Reads settings from TOML and checks their ranges.
pub fn read_config(path: &Path) -> Result<TrainConfig, NsaError> {
    let text = std::fs::read_to_string(path).map_err(files::reading(path))?;
    let fault = |e: toml::de::Error| NsaError::ConfigFile { path: path.into(), why: e.to_string() };
    let mut config: TrainConfig = toml::from_str(&text).map_err(fault)?;
    // Where it is not said, images have the size that the data set's have.
    if !toml::from_str::<toml::Table>(&text).map_err(fault)?.contains_key("image-size") {
        config.image_size = data::side_of(&config.dataset);
    }
    config.check()?;
    Ok(config)
}

//! One run that trains step by step.

use super::protocol::{Begin, Frame, MAX_BATCH, MAX_IMAGES, MAX_WIDTH, Prepared};
use burn::tensor::backend::AutodiffBackend;
use nsa_core::config::{ConfigError, Objective, TrainConfig};
use nsa_core::data::{DataError, ImageSet, SIZE, Split, synth_digits};
use nsa_core::measure::{Frames, History, HistoryEntry};
use nsa_core::ssl::{Trainer, TrainerError, Watch, WatchError};
use thiserror::Error;

/// Images embedded at once when a run is measured.
pub(super) const BATCH: usize = 32;

/// Why a run cannot begin or go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// A setting outside its range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A setting that a browser is spared.
    #[error("in the browser, {setting} must be {must}, found {found}")]
    Browser {
        /// The setting's name, as on the command line.
        setting: &'static str,
        /// What must hold.
        must: String,
        /// What was found.
        found: String,
    },
    /// The training images cannot be chosen.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network cannot be trained.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// The network cannot be measured.
    #[error("the features of epoch {epoch} cannot be measured: {source}")]
    Watch {
        /// Epochs done.
        epoch: usize,
        /// Why.
        source: WatchError,
    },
    /// The loss is not a number any more.
    #[error("the loss became {loss} in epoch {epoch}: lower the learning rate and go on from the last whole epoch")]
    Diverged {
        /// The epoch under way.
        epoch: usize,
        /// What the loss was.
        loss: f32,
    },
}

/// A run of `nsa train` on synth-digits, one step at a time.
pub struct LiveRun<B: AutodiffBackend> {
    trainer: Trainer<B>,
    device: B::Device,
    images: ImageSet,
    outliers: usize,
    watch: Watch,
    /// What was measured.
    history: History,
    frames: Frames,
    /// The image indices of the epoch under way, a batch an entry.
    batches: Vec<Vec<usize>>,
    /// Losses of the epoch under way.
    losses: Vec<f32>,
    /// Mean loss of the last whole epoch.
    loss: Option<f64>,
    /// As it stood after the last epoch that was measured.
    snapshot: Vec<u8>,
    /// The peak learning rates it was trained with: from which epoch and step on.
    rates: Vec<(usize, usize, f64)>,
}

impl<B: AutodiffBackend> LiveRun<B> {
    /// Takes up a run: from its first step, or from a snapshot.
    pub fn begin(begin: Begin, snapshot: &[u8], device: B::Device) -> Result<Self, RunError> {
        let Begin { config, history, frames, .. } = begin;
        check(&config)?;
        let labels = synth_digits::labels(Split::Train);
        let split = config.split(&labels, synth_digits::CLASSES.len())?;
        if split.indices.len() < 2 {
            return Err(TrainerError::TooFew(split.indices.len()).into());
        }
        let images = draw(&config, Split::Train, &split.indices)?;
        let [val_id, val_ood] = Watch::validation_places(&config, &split, &labels);
        let validation = [draw(&config, Split::Train, &val_id)?, draw(&config, Split::Train, &val_ood)?];
        let test = |indices: &[usize]| Ok::<_, DataError>((draw(&config, Split::Test, indices)?, indices.to_vec()));
        let watch = Watch::new(&config, &images, validation, &synth_digits::labels(Split::Test), test, BATCH)?;
        let trainer = match snapshot {
            [] => fresh::<B>(config, &images, &device),
            bytes => Trainer::restore(config, bytes, device.clone())?,
        };
        let mut run = Self {
            batches: trainer.batches(images.len(), trainer.epochs_done()),
            rates: vec![(trainer.epochs_done(), 0, trainer.config().lr)],
            loss: history.last().and_then(|entry| entry.loss),
            history: History { epochs: history },
            frames: Frames::default(),
            losses: Vec::new(),
            snapshot: snapshot.to_vec(),
            outliers: split.outliers,
            trainer,
            device,
            images,
            watch,
        };
        run.take_frames(frames);
        Ok(run)
    }

    /// Its settings.
    pub fn config(&self) -> &TrainConfig {
        self.trainer.config()
    }

    /// What was measured so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What it has before its next step.
    pub fn prepared(&self) -> Prepared {
        let (id, ood) = (&self.watch.id, &self.watch.ood);
        let (id_index, ood_index) = self.watch.places();
        Prepared {
            images: self.images.len(),
            outliers: self.outliers,
            steps: self.batches.len(),
            views: self.views(),
            epochs_done: self.trainer.epochs_done(),
            id: id.len(),
            labels: [id.labels(), ood.labels()].concat(),
            index: [id_index, ood_index].concat(),
        }
    }

    /// Whether its last epoch is done.
    pub fn is_finished(&self) -> bool {
        self.trainer.epochs_done() >= self.config().epochs
    }

    /// Whether it stands at the end of an epoch that is to be measured and is not yet, or at its very beginning.
    pub fn wants_measure(&self) -> bool {
        let done = self.trainer.epochs_done();
        let measured = self.history.epochs.last().is_some_and(|e| e.epoch >= done);
        self.losses.is_empty() && !measured && self.config().evaluates(done)
    }

    /// Epochs done, and steps done of the next.
    pub fn position(&self) -> (usize, usize) {
        (self.trainer.epochs_done(), self.losses.len())
    }

    /// Images embedded in one step: two views of each, and all their rotations.
    pub fn views(&self) -> usize {
        let rotations = if self.config().objective == Objective::SimclrRot { 4 } else { 1 };
        2 * rotations * self.batches.first().map_or(0, Vec::len)
    }

    /// Another peak learning rate, from the next step on.
    pub fn set_rate(&mut self, lr: f64) -> Result<(), RunError> {
        check(&TrainConfig { lr, ..self.config().clone() })?;
        self.trainer.set_learning_rate(lr);
        let (epoch, step) = self.position();
        self.rates.retain(|(e, s, _)| (*e, *s) != (epoch, step));
        self.rates.push((epoch, step, lr));
        Ok(())
    }

    /// One optimiser step; the loss is the one before it.
    ///
    /// # Errors
    /// The device failed, or the loss is not finite any more; then [`LiveRun::rewind`].
    pub async fn step(&mut self) -> Result<f32, RunError> {
        let (epoch, step) = self.position();
        let loss = self.trainer.step(&self.images, &self.batches[step], epoch, step);
        let data = loss.into_data_async().await.map_err(|e| TrainerError::Device(e.to_string()))?;
        let loss = data.convert::<f32>().iter::<f32>().next().unwrap_or(f32::NAN);
        if !loss.is_finite() {
            return Err(RunError::Diverged { epoch: epoch + 1, loss });
        }
        self.losses.push(loss);
        if self.losses.len() == self.batches.len() {
            self.loss = Some(self.losses.iter().map(|&l| f64::from(l)).sum::<f64>() / self.losses.len() as f64);
            self.losses.clear();
            self.trainer.finish_epoch();
            self.batches = self.trainer.batches(self.images.len(), epoch + 1);
        }
        Ok(loss)
    }

    /// Measures it as it stands, and keeps a snapshot. See `embed_all` in the core for `pause`.
    pub async fn measure(&mut self, pause: impl AsyncFnMut(usize)) -> Result<(HistoryEntry, Frame), RunError> {
        let (network, epoch) = (self.trainer.network(), self.trainer.epochs_done());
        let failed = |source| RunError::Watch { epoch, source };
        let features = self.watch.embed(&network, &self.device, pause).await.map_err(failed)?;
        let entry = self.watch.measure(&features, epoch, self.loss, &mut self.frames).map_err(failed)?;
        self.snapshot = self.trainer.snapshot().await?;
        self.history.epochs.push(entry.clone());
        let frame = self.last_frame();
        self.thin_out();
        Ok((entry, frame))
    }

    /// Goes back to the last snapshot.
    pub fn rewind(&mut self) -> Result<(), RunError> {
        let config = self.config().clone();
        self.trainer = match &self.snapshot[..] {
            [] => fresh(config, &self.images, &self.device),
            bytes => Trainer::restore(config, bytes, self.device.clone())?,
        };
        self.losses.clear();
        self.batches = self.trainer.batches(self.images.len(), self.trainer.epochs_done());
        Ok(())
    }

    /// As it stood after its last measured epoch.
    pub fn snapshot(&self) -> &[u8] {
        &self.snapshot
    }

    pub(super) fn frames(&self) -> &Frames {
        &self.frames
    }

    pub(super) fn images(&self) -> (&ImageSet, usize) {
        (&self.images, self.outliers)
    }

    pub(super) fn validation(&self) -> Option<[&ImageSet; 2]> {
        self.watch.validation.as_ref().map(|[id, ood]| [id, ood])
    }

    pub(super) fn device(&self) -> &B::Device {
        &self.device
    }

    pub(super) fn rates(&self) -> &[(usize, usize, f64)] {
        &self.rates
    }

    fn take_frames(&mut self, frames: Vec<Frame>) {
        let Prepared { labels, index, .. } = self.prepared();
        let whole = |f: &Frame| [&f.angle, &f.azimuth, &f.score].iter().all(|values| values.len() == index.len());
        let frames: Vec<Frame> = frames.into_iter().filter(whole).collect();
        if frames.is_empty() {
            return;
        }
        (self.frames.labels, self.frames.index) = (labels, index);
        for frame in frames {
            self.frames.epochs.push(frame.epoch);
            self.frames.angle.extend(frame.angle);
            self.frames.azimuth.extend(frame.azimuth);
            self.frames.score.extend(frame.score);
        }
    }

    fn last_frame(&self) -> Frame {
        let frames = &self.frames;
        let start = frames.angle.len() - frames.index.len();
        Frame {
            epoch: frames.epochs.last().copied().unwrap_or_default(),
            angle: frames.angle[start..].to_vec(),
            azimuth: frames.azimuth[start..].to_vec(),
            score: frames.score[start..].to_vec(),
        }
    }

    /// Keeps memory flat: of too many frames every second one goes, but not the first and the last.
    fn thin_out(&mut self) {
        let (count, samples) = (self.frames.epochs.len(), self.frames.index.len());
        if count < MAX_FRAMES {
            return;
        }
        let keep = |i: &usize| i.is_multiple_of(2) || *i == count - 1;
        let pick = |values: &[f32]| -> Vec<f32> {
            (0..count).filter(keep).flat_map(|i| &values[i * samples..(i + 1) * samples]).copied().collect()
        };
        let frames = &self.frames;
        self.frames = Frames {
            epochs: (0..count).filter(keep).map(|i| frames.epochs[i]).collect(),
            angle: pick(&frames.angle),
            azimuth: pick(&frames.azimuth),
            score: pick(&frames.score),
            ..frames.clone()
        };
    }
}

/// A run that has not begun, as `nsa train` measures it first.
fn fresh<B: AutodiffBackend>(config: TrainConfig, images: &ImageSet, device: &B::Device) -> Trainer<B> {
    let mut trainer = Trainer::new(config, device.clone());
    trainer.calibrate(images);
    trainer
}

/// Digits at the run's size.
pub(super) fn draw(config: &TrainConfig, split: Split, indices: &[usize]) -> Result<ImageSet, DataError> {
    synth_digits::select(synth_digits::SEED, split, indices).shrunk(config.image_size)
}

/// Frames kept of a run; page and trainer thin them out alike.
pub const MAX_FRAMES: usize = 256;

/// A run that a browser can take.
fn check(config: &TrainConfig) -> Result<(), RunError> {
    config.check()?;
    let within = |setting, value: usize, most: usize| match value <= most {
        true => Ok(()),
        false => Err(RunError::Browser { setting, must: format!("at most {most}"), found: value.to_string() }),
    };
    within("width", config.width, MAX_WIDTH)?;
    within("batch", config.batch, MAX_BATCH)?;
    within("limit", if config.limit == 0 { usize::MAX } else { config.limit }, MAX_IMAGES)?;
    within("eval-limit", config.eval_limit, 500)?;
    within("image-size", config.image_size, SIZE)?;
    if config.dataset != "synth-digits" {
        let (must, found) = ("synth-digits".into(), config.dataset.clone());
        return Err(RunError::Browser { setting: "dataset", must, found });
    }
    Ok(())
}

//! The run: the one training loop, which `nsa train` and the browser drive.
//!
//! [`Run::advance`] does one thing at a time, a step or a measurement, and says what it did. In between its caller yields,
//! shows, saves or stops as it likes.

use super::elsa;
use super::guard::{Collapse, check_loss};
use super::stoc::refines;
use super::{Trainer, TrainerError, Watch, WatchError};
use crate::config::{Objective, TrainConfig};
use crate::data::ImageSet;
use crate::measure::{Frames, History, HistoryEntry};
use crate::model::{Layer, Network, embed_all};
use crate::score::refined;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use thiserror::Error;

/// A network in training, what it is trained on, and what was measured of it so far.
pub struct Run<B: AutodiffBackend> {
    trainer: Trainer<B>,
    set: TrainingSet,
    watch: Option<Watch>,
    history: History,
    frames: Frames,
    /// The image indices of the epoch under way, a batch an entry.
    batches: Vec<Vec<usize>>,
    /// Losses of the epoch under way, still on the device.
    losses: Vec<Tensor<B::InnerBackend, 1>>,
    /// Mean loss of the last whole epoch.
    loss: Option<f64>,
}

/// What a run learns from.
#[derive(Debug, Clone)]
pub struct TrainingSet {
    /// Images of the class, with outliers among them where it is polluted.
    pub images: ImageSet,
    /// Anomalies that it is told of; none, unless its objective
    /// [wants some](crate::config::Objective::is_told_anomalies).
    pub known: ImageSet,
}

impl From<ImageSet> for TrainingSet {
    fn from(images: ImageSet) -> Self {
        Self { known: images.select(&[]), images }
    }
}

/// What is left of a run that stopped.
#[derive(Debug, Clone, Default)]
pub struct Kept<'a> {
    /// Where it stood; none before its first checkpoint.
    pub checkpoint: Option<&'a [u8]>,
    /// What was measured. What is ahead of the checkpoint is measured again.
    pub history: History,
    /// The frames that go with it.
    pub frames: Frames,
}

/// What a run has just done.
#[derive(Debug)]
pub enum Advance<B: Backend> {
    /// One optimiser step.
    Stepped {
        /// The loss before it, still on the device: reading it waits for the device.
        loss: Tensor<B, 1>,
        /// Mean loss of the epoch that it was the last step of.
        epoch: Option<f64>,
    },
    /// What [`Run::history`] got.
    Measured(Box<HistoryEntry>),
}

/// Why a run cannot begin or go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// The network cannot be trained, or not from this checkpoint.
    #[error(transparent)]
    Trainer(#[from] TrainerError),
    /// It has nothing left to learn.
    #[error("in epoch {epoch} {found}")]
    Collapse {
        /// The epoch under way.
        epoch: usize,
        /// What was found.
        found: Collapse,
    },
    /// The network cannot be measured.
    #[error("the features of epoch {epoch} cannot be measured: {source}")]
    Watch {
        /// Epochs done.
        epoch: usize,
        /// Why.
        source: WatchError,
    },
}

impl<B: AutodiffBackend> Run<B> {
    /// Takes up a run on `set`: where it was left, or at its first step. Without a `watch` nothing is measured of it.
    pub fn begin(
        config: TrainConfig,
        set: impl Into<TrainingSet>,
        watch: Option<Watch>,
        kept: Kept<'_>,
        device: B::Device,
    ) -> Result<Self, RunError> {
        let set = set.into();
        if set.images.len() < 2 {
            return Err(TrainerError::TooFew(set.images.len()).into());
        }
        if config.objective.is_told_anomalies() && set.known.is_empty() {
            return Err(TrainerError::Untold(config.objective).into());
        }
        let trainer = trainer(config, &set, kept.checkpoint, device)?;
        let done = trainer.epochs_done();
        let Kept { mut history, mut frames, .. } = kept;
        history.epochs.retain(|entry| entry.epoch <= done);
        frames.keep(|_, epoch| history.epochs.iter().any(|entry| entry.epoch == epoch as usize));
        let batches = trainer.batches(set.images.len(), done);
        let loss = history.epochs.last().and_then(|entry| entry.loss);
        Ok(Self { trainer, set, watch, history, frames, batches, losses: Vec::new(), loss })
    }

    /// Its settings.
    pub fn config(&self) -> &TrainConfig {
        self.trainer.config()
    }

    /// Where it is trained.
    pub fn device(&self) -> &B::Device {
        self.trainer.device()
    }

    /// What it is trained on.
    pub fn images(&self) -> &ImageSet {
        &self.set.images
    }

    /// What it is followed by.
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }

    /// What was measured so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Where the watched images stood.
    pub fn frames(&self) -> &Frames {
        &self.frames
    }

    /// Leaves out frames, to keep memory flat: see [`Frames::thin_out`].
    pub fn thin_out(&mut self, most: usize) {
        self.frames.thin_out(most);
    }

    /// The network as it stands, for inference.
    pub fn network(&self) -> Network<B::InnerBackend> {
        self.trainer.network()
    }

    /// Epochs done, and steps done of the next.
    pub fn position(&self) -> (usize, usize) {
        (self.trainer.epochs_done(), self.losses.len())
    }

    /// Steps of an epoch.
    pub fn steps(&self) -> usize {
        self.batches.len()
    }

    /// How many of its images it learns from: all, unless it refines them (STOC).
    pub fn learns_from(&self) -> usize {
        self.trainer.learns_from(self.set.images.len())
    }

    /// Images of a step.
    pub fn batch(&self) -> usize {
        self.batches.first().map_or(0, Vec::len)
    }

    /// Whether its last epoch is done.
    pub fn is_finished(&self) -> bool {
        self.trainer.epochs_done() >= self.config().epochs
    }

    /// Whether it stands at the end of an epoch that is to be measured and is not yet, or at its very beginning.
    pub fn wants_measure(&self) -> bool {
        let done = self.trainer.epochs_done();
        let measured = self.history.epochs.last().is_some_and(|entry| entry.epoch >= done);
        self.watch.is_some() && self.losses.is_empty() && !measured && self.config().evaluates(done)
    }

    /// Another peak learning rate, from the next step on.
    pub fn set_learning_rate(&mut self, lr: f64) {
        self.trainer.set_learning_rate(lr);
    }

    /// Measures or takes a step, whichever is next; none if both are done. See [`embed_all`](crate::model::embed_all) for
    /// `pause`.
    ///
    /// # Errors
    /// The device failed, or the network collapsed: then the run is lost up to its last checkpoint.
    pub async fn advance(
        &mut self,
        pause: impl AsyncFnMut(usize),
    ) -> Result<Option<Advance<B::InnerBackend>>, RunError> {
        if self.wants_measure() {
            return Ok(Some(Advance::Measured(Box::new(self.measure(pause).await?))));
        }
        if self.is_finished() {
            return Ok(None);
        }
        let (epoch, step) = self.position();
        let loss = self.trainer.step(&self.set.images, &self.batches[step], epoch, step);
        self.losses.push(loss.clone());
        let epoch = if self.losses.len() == self.batches.len() { Some(self.finish_epoch(pause).await?) } else { None };
        Ok(Some(Advance::Stepped { loss, epoch }))
    }

    /// Its losses are read together: on a GPU each read waits for the whole queue.
    async fn finish_epoch(&mut self, pause: impl AsyncFnMut(usize)) -> Result<f64, RunError> {
        let losses = Tensor::cat(std::mem::take(&mut self.losses), 0).into_data_async().await;
        let losses = losses.map_err(|e| TrainerError::Device(e.to_string()))?.convert::<f32>();
        let loss = losses.iter::<f32>().map(f64::from).sum::<f64>() / self.batches.len() as f64;
        self.trainer.finish_epoch();
        let epoch = self.trainer.epochs_done();
        check_loss(loss).map_err(|found| RunError::Collapse { epoch, found })?;
        self.loss = Some(loss);
        let between = match self.config().objective {
            Objective::Stoc if refines(epoch) => self.refine(pause).await,
            Objective::Elsa if elsa::places(epoch, self.config().epochs) => self.place_prototypes(pause).await,
            _ => Ok(()),
        };
        between.map_err(|source| RunError::Watch { epoch, source })?;
        self.batches = self.trainer.batches(self.set.images.len(), epoch);
        Ok(loss)
    }

    /// Where the images now lie: before fine-tuning, and again in the course of it.
    async fn place_prototypes(&mut self, pause: impl AsyncFnMut(usize)) -> Result<(), WatchError> {
        let network = self.trainer.network();
        let projection = Layer::Head(network.projector.len() as u8);
        let (device, batch) = (self.trainer.device(), self.config().batch);
        let projections = embed_all(&network, &self.set.images, &[projection], batch, device, pause).await?;
        self.trainer.place_prototypes(&projections[0]);
        Ok(())
    }

    /// Leaves out images that look like anomalies to the network as it stands.
    async fn refine(&mut self, pause: impl AsyncFnMut(usize)) -> Result<(), WatchError> {
        let (network, device, batch) = (self.trainer.network(), self.trainer.device(), self.config().batch);
        let features = embed_all(&network, &self.set.images, &[Layer::EMBEDDING], batch, device, pause).await?;
        self.trainer.keep(refined(&features[0])?);
        Ok(())
    }

    async fn measure(&mut self, pause: impl AsyncFnMut(usize)) -> Result<HistoryEntry, RunError> {
        let epoch = self.trainer.epochs_done();
        let failed = |source| match source {
            WatchError::Collapse(found) => RunError::Collapse { epoch, found },
            source => RunError::Watch { epoch, source },
        };
        let watch = self.watch.as_ref().expect("`wants_measure` asks for it");
        let (network, device) = (self.trainer.network(), self.trainer.device());
        let entry = watch.measure(&network, epoch, self.loss, &mut self.frames, device, pause).await.map_err(failed)?;
        self.history.epochs.push(entry.clone());
        Ok(entry)
    }

    /// Everything needed to go on exactly from the last whole epoch, on any device; to be asked for at the end of one.
    ///
    /// # Errors
    /// The device failed or was lost.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, TrainerError> {
        self.trainer.checkpoint().await
    }

    /// Goes back to a checkpoint of this run, or to its first step.
    pub fn rewind(&mut self, checkpoint: Option<&[u8]>) -> Result<(), TrainerError> {
        self.trainer = trainer(self.config().clone(), &self.set, checkpoint, self.device().clone())?;
        self.losses.clear();
        self.batches = self.trainer.batches(self.set.images.len(), self.trainer.epochs_done());
        Ok(())
    }
}

/// A network where a checkpoint says, or one that has not learned.
fn trainer<B: AutodiffBackend>(
    config: TrainConfig,
    set: &TrainingSet,
    checkpoint: Option<&[u8]>,
    device: B::Device,
) -> Result<Trainer<B>, TrainerError> {
    let mut trainer = match checkpoint {
        Some(bytes) => Trainer::resume(config, bytes, device)?.of(set.images.len())?,
        None => {
            let mut trainer = Trainer::new(config, device);
            trainer.calibrate(&set.images);
            trainer
        }
    };
    trainer.tell(set.known.clone());
    Ok(trainer)
}

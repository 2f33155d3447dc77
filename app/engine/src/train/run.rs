//! One run that trains step by step.

use super::protocol::{Begin, Frame, MAX_BATCH, MAX_FRAMES, MAX_IMAGES, MAX_WIDTH, Prepared};
use super::source::{Given, TestSet};
use burn::tensor::backend::AutodiffBackend;
use nsa_core::config::{ConfigError, TrainConfig};
use nsa_core::data::{DataError, ImageSet, OWN, SIZE, Sets, Sides};
use nsa_core::measure::{Frames, History, HistoryEntry};
use nsa_core::ssl::guard::Collapse;
use nsa_core::ssl::{self, Advance, Kept, Run, TrainerError, Watch};
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
    /// The network cannot be trained or measured.
    #[error(transparent)]
    Run(ssl::RunError),
    /// The loss is not a number any more.
    #[error("the loss became {loss} in epoch {epoch}: lower the learning rate and go on from the last whole epoch")]
    Diverged {
        /// The epoch under way.
        epoch: usize,
        /// What the loss was.
        loss: f64,
    },
}

impl From<ssl::RunError> for RunError {
    fn from(error: ssl::RunError) -> Self {
        match error {
            ssl::RunError::Collapse { epoch, found: Collapse::Loss { loss } } => Self::Diverged { epoch, loss },
            other => Self::Run(other),
        }
    }
}

impl From<TrainerError> for RunError {
    fn from(error: TrainerError) -> Self {
        Self::Run(error.into())
    }
}

/// What a run has just done.
#[derive(Debug)]
pub enum Done {
    /// One optimiser step.
    Stepped {
        /// Epochs done before this step's epoch.
        epoch: usize,
        /// The step's number in the epoch, from 0.
        step: usize,
        /// The loss before it.
        loss: f32,
    },
    /// It was measured, and a checkpoint kept.
    Measured {
        /// What was measured.
        entry: Box<HistoryEntry>,
        /// Where the samples stand.
        frame: Frame,
    },
}

/// A run of `nsa train`, with what a browser needs of it.
pub struct LiveRun<B: AutodiffBackend> {
    run: Run<B>,
    outliers: usize,
    test: TestSet,
    /// As it stood after the last epoch that was measured; empty before.
    checkpoint: Vec<u8>,
    /// The peak learning rates it was trained with: from which epoch and step on.
    rates: Vec<(usize, usize, f64)>,
}

impl<B: AutodiffBackend> LiveRun<B> {
    /// Takes up a run on the digits, or on a person's `own` images (normal ones and odd ones): from its first step, or from
    /// a checkpoint.
    pub fn begin(
        begin: Begin,
        checkpoint: &[u8],
        own: Option<Sides<&[u8]>>,
        device: B::Device,
    ) -> Result<Self, RunError> {
        let Begin { config, history, frames, .. } = begin;
        check(&config, if own.is_some() { OWN } else { "synth-digits" })?;
        let given = match own {
            None => Given::digits(&config)?,
            Some(Sides { id, ood }) => Given::own(&config, id, ood)?,
        };
        let Given { set, outliers, validation, test } = given;
        let judged = |indices: &[usize]| Ok::<_, DataError>((test.select(&config, indices)?, indices.to_vec()));
        let watch = Watch::new(&config, &set.images, validation, &test.labels(), judged, BATCH)?;
        let kept = Kept {
            checkpoint: (!checkpoint.is_empty()).then_some(checkpoint),
            history: History { epochs: history },
            frames: joined(&watch, frames),
        };
        let run = Run::begin(config, set, Some(watch), kept, device)?;
        let rates = vec![(run.position().0, 0, run.config().lr)];
        Ok(Self { run, outliers, test, checkpoint: checkpoint.to_vec(), rates })
    }

    /// The run itself.
    pub fn run(&self) -> &Run<B> {
        &self.run
    }

    /// What it has before its next step.
    pub fn prepared(&self) -> Prepared {
        let (labels, index) = samples(self.watch());
        let sets = self.watch().sets();
        Prepared {
            images: self.run.images().len(),
            outliers: self.outliers,
            steps: self.run.steps(),
            views: self.views(),
            measured: sets.train.len() + sets.judged().map(ImageSet::len).sum::<usize>(),
            epochs_done: self.run.position().0,
            id: sets.test.id.len(),
            labels,
            index,
        }
    }

    /// Images embedded in one step: two views of each, and all their rotations.
    pub fn views(&self) -> usize {
        self.run.config().objective.pictures() * self.run.batch()
    }

    /// Another peak learning rate, from the next step on.
    pub fn set_rate(&mut self, lr: f64) -> Result<(), RunError> {
        TrainConfig { lr, ..self.run.config().clone() }.check()?;
        self.run.set_learning_rate(lr);
        let (epoch, step) = self.run.position();
        self.rates.retain(|(e, s, _)| (*e, *s) != (epoch, step));
        self.rates.push((epoch, step, lr));
        Ok(())
    }

    /// Measures or takes a step, whichever is next; none if both are done. See `embed_all` in the core for `pause`.
    ///
    /// # Errors
    /// The device failed, the network collapsed, or the loss is not finite any more; then [`LiveRun::rewind`].
    pub async fn advance(&mut self, pause: impl AsyncFnMut(usize)) -> Result<Option<Done>, RunError> {
        let (epoch, step) = self.run.position();
        Ok(match self.run.advance(pause).await? {
            None => None,
            Some(Advance::Stepped { loss, .. }) => {
                let data = loss.into_data_async().await.map_err(|e| TrainerError::Device(e.to_string()))?;
                let loss = data.convert::<f32>().iter::<f32>().sum::<f32>();
                if !loss.is_finite() {
                    return Err(RunError::Diverged { epoch: epoch + 1, loss: loss.into() });
                }
                Some(Done::Stepped { epoch, step, loss })
            }
            Some(Advance::Measured(entry)) => {
                self.checkpoint = self.run.checkpoint().await?;
                let frame = last_frame(self.run.frames());
                self.run.thin_out(MAX_FRAMES);
                Some(Done::Measured { entry, frame })
            }
        })
    }

    /// Goes back to the last checkpoint.
    pub fn rewind(&mut self) -> Result<(), RunError> {
        Ok(self.run.rewind(Some(&self.checkpoint[..]).filter(|bytes| !bytes.is_empty()))?)
    }

    /// As it stood after its last measured epoch.
    pub fn checkpoint(&self) -> &[u8] {
        &self.checkpoint
    }

    pub(super) fn outliers(&self) -> usize {
        self.outliers
    }

    pub(super) fn rates(&self) -> &[(usize, usize, f64)] {
        &self.rates
    }

    /// What it is judged by.
    pub(super) fn test(&self) -> &TestSet {
        &self.test
    }

    /// What is validated with, and the whole test set.
    pub(super) fn judged(&self) -> Result<(Option<Sides<&ImageSet>>, Sides<ImageSet>), RunError> {
        let labels = self.test.labels();
        let is_id = |&i: &usize| usize::from(labels[i]) == self.run.config().id_class;
        let (id, ood): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(is_id);
        let test = Sides { id, ood }.try_map(|indices| self.test.select(self.run.config(), &indices))?;
        Ok((self.watch().sets().validation.as_ref().map(Sides::as_ref), test))
    }

    fn watch(&self) -> &Watch {
        self.run.watch().expect("`begin` gives it one")
    }
}

/// Class of every sample on the sphere, and its place in the test set.
fn samples(watch: &Watch) -> (Vec<u8>, Vec<u32>) {
    let (Sets { test, .. }, places) = (watch.sets(), watch.places());
    ([test.id.labels(), test.ood.labels()].concat(), [&places.id[..], &places.ood].concat())
}

/// Frames that the page kept; those of other samples are left out.
fn joined(watch: &Watch, kept: Vec<Frame>) -> Frames {
    let (labels, index) = samples(watch);
    let mut frames = Frames { labels, index, ..Frames::default() };
    let whole = |f: &Frame| [&f.angle, &f.azimuth, &f.score].iter().all(|values| values.len() == frames.index.len());
    for frame in kept.into_iter().filter(whole).collect::<Vec<_>>() {
        frames.epochs.push(frame.epoch);
        frames.angle.extend(frame.angle);
        frames.azimuth.extend(frame.azimuth);
        frames.score.extend(frame.score);
    }
    frames
}

fn last_frame(frames: &Frames) -> Frame {
    let start = frames.angle.len() - frames.index.len();
    Frame {
        epoch: *frames.epochs.last().expect("a measurement adds one"),
        angle: frames.angle[start..].to_vec(),
        azimuth: frames.azimuth[start..].to_vec(),
        score: frames.score[start..].to_vec(),
    }
}

/// A run that a browser can take, on `dataset`.
fn check(config: &TrainConfig, dataset: &str) -> Result<(), RunError> {
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
    if config.dataset != dataset {
        let (must, found) = (dataset.into(), config.dataset.clone());
        return Err(RunError::Browser { setting: "dataset", must, found });
    }
    Ok(())
}

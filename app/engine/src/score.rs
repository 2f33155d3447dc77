//! The Worker that scores: what it is asked to do, in order, with the loaded bundle in between. What nobody asks for at once
//! is in [`crate::rest`].

use crate::batch::BatchSize;
use crate::protocol::{Banks, Event, Request};
use crate::worker::{self, Service, memory, next_turn, now};
use burn::tensor::backend::{Backend, BackendTypes};
use nsa_core::bundle::{BundleError, DetectError, Detector, FitError, Manifest};
use nsa_core::config::{Norm, Objective};
use nsa_core::data::{IMAGE_BYTES, SIZE};
use nsa_core::eval::EvalError;
use nsa_core::measure::History;
use nsa_core::model::{EmbedError, Layer, Network, NetworkConfig, embed_by};
use std::cell::RefCell;
use std::collections::HashSet;
use std::pin::Pin;
use std::rc::Rc;
use thiserror::Error;
use wasm_split_helpers::SplitLoaderError;

/// Why a job failed; the engine goes on.
#[derive(Debug, Error)]
pub enum JobError {
    /// A bundle is refused.
    #[error("the bundle '{id}' is refused: {source}")]
    Bundle {
        /// Its folder's name.
        id: String,
        /// Why.
        source: BundleError,
    },
    /// Images came before a bundle.
    #[error("a model must be loaded before images can be scored: choose one from the menu")]
    NoBundle,
    /// Nothing was fitted before.
    #[error("there must be normal images before others can be compared with them: add some")]
    NoNormal,
    /// Images cannot be made the normal ones.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Bytes are not the images announced.
    #[error("{n} images need {} bytes, found {found}", n * IMAGE_BYTES)]
    Pixels {
        /// Images announced.
        n: usize,
        /// Bytes found.
        found: usize,
    },
    /// The images could not be scored.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// Their scores could not be ranked.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The program of [`Scorer::rest`] is not there.
    #[error(
        "the rest of the engine did not arrive: check the connection, then try again, or reload the page: there may be a new version"
    )]
    Rest,
}

impl From<SplitLoaderError> for JobError {
    fn from(_: SplitLoaderError) -> Self {
        Self::Rest
    }
}

impl JobError {
    /// Whether the device failed, so that no other job can succeed.
    pub fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Detect(DetectError::Embed(EmbedError::Device(_)))
                | Self::Fit(FitError::Detect(DetectError::Embed(EmbedError::Device(_))))
        )
    }
}

/// What does the jobs of [`Scorer::rest`]: on the site it is a file of its own, which comes when the first of them does.
pub type Rest<B> = for<'a> fn(&'a mut Scorer<B>, Request, &'a [u8]) -> Job<'a>;

/// A job under way.
pub type Job<'a> = Pin<Box<dyn Future<Output = Result<(), JobError>> + 'a>>;

/// Scores images as the page asks, for as long as the Worker lives. `backend` is what the page shows and tests see
/// (`cpu` or `webgpu`).
pub async fn serve_scoring<B: Backend>(backend: &str, name: String, device: B::Device, rest: Rest<B>) {
    let cancelled = Cancelled::default();
    let noted = Rc::clone(&cancelled);
    // Cancellations are noted at once, because the job may be under way.
    let arrives = move |request| match request {
        Request::Cancel { job } => {
            noted.borrow_mut().insert(job);
            None
        }
        other => Some(other),
    };
    let start = async {
        warm_up::<B>(&device).await?;
        Ok(Scorer::<B> { device, batch: BatchSize::default(), detector: None, normal: None, cancelled, rest })
    };
    worker::serve(backend, name, arrives, start).await;
}

/// Puts one tiny batch through a tiny network, so that what a device prepares at its first use (pipelines, memory) is
/// prepared before the page is told that the engine is ready.
async fn warm_up<B: Backend>(device: &B::Device) -> Result<(), String> {
    let config = NetworkConfig { width: 1, objective: Objective::Simclr, norm: Norm::None, ..Default::default() };
    let network = config.undrawn::<B>(device);
    match embed_by(Network::maps, &network, &[0; IMAGE_BYTES], SIZE, &[Layer::EMBEDDING], device).await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("The engine cannot compute on this device: {error}.")),
    }
}

/// Jobs that the page no longer wants.
type Cancelled = Rc<RefCell<HashSet<u32>>>;

/// At most one bundle, and the images that it scores.
pub struct Scorer<B: Backend> {
    pub(crate) device: B::Device,
    pub(crate) batch: BatchSize,
    detector: Option<Detector<B>>,
    /// The same network behind banks of a person's own images.
    pub(crate) normal: Option<Detector<B>>,
    cancelled: Cancelled,
    rest: Rest<B>,
}

fn check(n: usize, pixels: &[u8]) -> Result<(), JobError> {
    let announced = n.checked_mul(IMAGE_BYTES) == Some(pixels.len());
    if announced { Ok(()) } else { Err(JobError::Pixels { n, found: pixels.len() }) }
}

pub(crate) fn say(event: Event) {
    worker::say(&event, &[]);
}

/// [`Detector::new`] or [`Detector::plain`].
type Build<B> = fn(Manifest, &[u8], &[u8], <B as BackendTypes>::Device) -> Result<Detector<B>, BundleError>;

/// A bundle's files, of which manifest and history are read.
pub(crate) struct Files<'a> {
    id: &'a str,
    pub manifest: Manifest,
    history: History,
    model: &'a [u8],
    bank: &'a [u8],
}

impl<'a> Files<'a> {
    /// Those of the bundle `id`, of so many bytes, one after the other.
    pub fn read(id: &'a str, sizes: [usize; 4], bytes: &'a [u8]) -> Result<Self, JobError> {
        let mut rest = bytes;
        let [json, model, bank, history] = sizes.map(|size| {
            let (file, others) = rest.split_at(size.min(rest.len()));
            rest = others;
            file
        });
        let refused = |source| JobError::Bundle { id: id.into(), source };
        let manifest = Manifest::parse(json).map_err(refused)?;
        let history = manifest.read_history(history).map_err(refused)?;
        Ok(Self { id, manifest, history, model, bank })
    }
}

impl<B: Backend> Service for Scorer<B> {
    type Request = Request;
    type Event = Event;

    async fn answer(&mut self, request: Request, pixels: Vec<u8>) {
        let job = request.job();
        // Jobs come in the order of their numbers: what was cancelled before this one is over.
        self.cancelled.borrow_mut().retain(|&other| other >= job);
        if self.cancelled.borrow_mut().remove(&job) {
            return;
        }
        match self.run(request, &pixels).await {
            Ok(()) => {}
            // A device that is gone does not come back: the page starts another engine, on a fresh one.
            Err(error) if error.is_loss() => worker::stopped::<Self>(error),
            Err(error) => say(Event::Failed { job, message: error.to_string() }),
        }
    }
}

impl<B: Backend> Scorer<B> {
    async fn run(&mut self, request: Request, pixels: &[u8]) -> Result<(), JobError> {
        match request {
            Request::Open { job, id, sizes } => {
                let files = Files::read(&id, sizes, pixels)?;
                // To fit the others takes the rest of the program.
                if !files.manifest.is_plain() {
                    return (self.rest)(self, Request::Open { job, id, sizes }, pixels).await;
                }
                self.take(job, files, Detector::plain)?;
            }
            Request::Score { job, n } => self.score(job, n, pixels).await?,
            Request::Explain { job, neighbours, banks } => {
                let detector = match banks {
                    Banks::Bundle => self.detector(1, pixels)?,
                    Banks::Normal => self.normal(1, pixels)?,
                };
                let found = detector.explain(pixels, neighbours).await?;
                for explanation in found {
                    say(Event::Explained { job, explanation: Box::new(explanation) });
                }
            }
            // Noted when it arrived.
            Request::Cancel { .. } => {}
            request => (self.rest)(self, request, pixels).await?,
        }
        Ok(())
    }

    /// Works with this bundle from now on.
    pub(crate) fn take(&mut self, job: u32, files: Files<'_>, build: Build<B>) -> Result<(), JobError> {
        let Files { id, manifest, history, model, bank } = files;
        let refused = |source| JobError::Bundle { id: id.into(), source };
        let detector = build(manifest, model, bank, self.device.clone()).map_err(refused)?;
        let manifest = Box::new(detector.manifest().clone());
        self.normal = None;
        self.detector = Some(detector);
        // Another network takes another time.
        self.batch = BatchSize::default();
        say(Event::Loaded { job, manifest, history: Box::new(history) });
        Ok(())
    }

    /// The loaded detector, if the bytes are the images announced.
    pub(crate) fn detector(&self, n: usize, pixels: &[u8]) -> Result<&Detector<B>, JobError> {
        check(n, pixels)?;
        self.detector.as_ref().ok_or(JobError::NoBundle)
    }

    /// The detector of a person's own normal, likewise.
    fn normal(&self, n: usize, pixels: &[u8]) -> Result<&Detector<B>, JobError> {
        check(n, pixels)?;
        self.normal.as_ref().ok_or(JobError::NoNormal)
    }

    async fn score(&mut self, job: u32, n: usize, pixels: &[u8]) -> Result<(), JobError> {
        self.detector(n, pixels)?;
        let started = now();
        let mut first = 0;
        while first < n {
            // Lets messages in: a cancellation may be among them.
            next_turn().await;
            if self.cancelled.borrow_mut().remove(&job) {
                return Ok(());
            }
            let batch = &pixels[first * IMAGE_BYTES..(first + self.batch.images()).min(n) * IMAGE_BYTES];
            let before = now();
            let images = self.detector(batch.len() / IMAGE_BYTES, batch)?.score(batch).await?;
            self.batch.note(images.len(), now() - before);
            let found = images.len();
            let (scores, angles) = images.into_iter().map(|image| (image.scores, image.angle)).unzip();
            say(Event::Scored { job, first, scores, angles });
            first += found;
        }
        say(Event::Done { job, millis: now() - started, memory: memory() });
        Ok(())
    }
}

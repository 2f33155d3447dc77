//! The Worker that scores: what it is asked to do, in order, with the loaded bundle in between.

use crate::batch::BatchSize;
use crate::protocol::{Banks, Event, MAX_VIEWS, Request};
use crate::unpack::{Unpacked, unpack};
use crate::worker::{self, Service, memory, next_turn, now};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{BundleError, DetectError, Detector, FitError, Manifest, ScoreEntry, to_zip};
use nsa_core::config::{Norm, Objective};
use nsa_core::data::{IMAGE_BYTES, SIZE};
use nsa_core::eval::{EvalError, auroc};
use nsa_core::measure::{Frames, History};
use nsa_core::model::{EmbedError, Layer, NetworkConfig, embed};
use nsa_core::sphere::AnglePoint;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use thiserror::Error;

/// Why a job failed; the engine goes on.
#[derive(Debug, Error)]
enum JobError {
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

/// Scores images as the page asks, for as long as the Worker lives. `backend` is what the page shows and tests see
/// (`cpu` or `webgpu`).
pub async fn serve_scoring<B: Backend>(backend: &str, name: String, device: B::Device) {
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
        Ok(Scorer::<B> { device, batch: BatchSize::default(), detector: None, normal: None, cancelled })
    };
    worker::serve(backend, name, arrives, start).await;
}

/// Puts one tiny batch through a tiny network, so that what a device prepares at its first use (pipelines, memory) is
/// prepared before the page is told that the engine is ready.
async fn warm_up<B: Backend>(device: &B::Device) -> Result<(), String> {
    let config = NetworkConfig { width: 1, objective: Objective::Simclr, norm: Norm::None, ..Default::default() };
    let network = config.init::<B>(0, device);
    match embed(&network, &[0; IMAGE_BYTES], SIZE, &[Layer::EMBEDDING], device).await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("The engine cannot compute on this device: {error}.")),
    }
}

/// Jobs that the page no longer wants.
type Cancelled = Rc<RefCell<HashSet<u32>>>;

/// At most one bundle, and the images that it scores.
struct Scorer<B: Backend> {
    device: B::Device,
    batch: BatchSize,
    detector: Option<Detector<B>>,
    /// The same network behind banks of a person's own images.
    normal: Option<Detector<B>>,
    cancelled: Cancelled,
}

fn check(n: usize, pixels: &[u8]) -> Result<(), JobError> {
    let announced = n.checked_mul(IMAGE_BYTES) == Some(pixels.len());
    if announced { Ok(()) } else { Err(JobError::Pixels { n, found: pixels.len() }) }
}

fn say(event: Event) {
    worker::say(&event, &[]);
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
                let opened = self.open(&id, sizes, pixels)?;
                self.take(job, opened);
            }
            Request::Unpack { job } => {
                let refused = |source| JobError::Bundle { id: "out of a file".into(), source };
                let Unpacked { manifest, sizes, parts } = unpack::<B>(pixels, self.device.clone()).map_err(refused)?;
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                worker::say(&Event::Opened { job, manifest: Box::new(manifest), sizes }, &parts);
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
            Request::Views { job, n, seed } => {
                let drawn = self.detector(1, pixels)?.views(pixels, n.clamp(1, MAX_VIEWS), seed).await?;
                say(Event::Drawn { job, views: drawn.chunks(IMAGE_BYTES).map(<[u8]>::to_vec).collect() });
            }
            Request::Project { job, n, fit, known } => self.project(job, n, fit, &known, pixels).await?,
            Request::Fit { job, n } => self.fit(job, n, pixels).await?,
            Request::Rate { job, n, fit, id } => self.rate(job, n, fit, id, pixels).await?,
            Request::Save { job, id, title } => {
                let fitted = self.normal.as_ref().ok_or(JobError::NoNormal)?;
                let refused = |source| JobError::Bundle { id: id.clone(), source };
                let assembled = fitted.assembled(id.clone(), title, pixels).map_err(refused)?;
                // It was not trained: there is nothing to replay.
                let files = assembled.to_files(&History::default(), &Frames::default()).map_err(refused)?;
                worker::say(&Event::Saved { job }, &[&to_zip(&files).map_err(refused)?]);
            }
            // Noted when it arrived.
            Request::Cancel { .. } => {}
        }
        Ok(())
    }

    /// Works with this bundle from now on.
    fn take(&mut self, job: u32, (detector, history): (Detector<B>, History)) {
        let manifest = Box::new(detector.manifest().clone());
        self.normal = None;
        self.detector = Some(detector);
        // Another network takes another time.
        self.batch = BatchSize::default();
        say(Event::Loaded { job, manifest, history: Box::new(history) });
    }

    /// A bundle of which the files come one after the other.
    fn open(&self, id: &str, sizes: [usize; 4], bytes: &[u8]) -> Result<(Detector<B>, History), JobError> {
        let mut rest = bytes;
        let [json, model, bank, history] = sizes.map(|size| {
            let (file, others) = rest.split_at(size.min(rest.len()));
            rest = others;
            file
        });
        let refused = |source| JobError::Bundle { id: id.into(), source };
        let manifest = Manifest::parse(json).map_err(refused)?;
        let history = manifest.read_history(history).map_err(refused)?;
        let detector = Detector::new(manifest, model, bank, self.device.clone()).map_err(refused)?;
        Ok((detector, history))
    }

    /// The loaded detector, if the bytes are the images announced.
    fn detector(&self, n: usize, pixels: &[u8]) -> Result<&Detector<B>, JobError> {
        check(n, pixels)?;
        self.detector.as_ref().ok_or(JobError::NoBundle)
    }

    /// The detector of a person's own normal, likewise.
    fn normal(&self, n: usize, pixels: &[u8]) -> Result<&Detector<B>, JobError> {
        check(n, pixels)?;
        self.normal.as_ref().ok_or(JobError::NoNormal)
    }

    async fn fit(&mut self, job: u32, n: usize, pixels: &[u8]) -> Result<(), JobError> {
        let started = now();
        let mut done = 0;
        let told = async |images: usize| {
            done += images;
            say(Event::Fitting { job, done });
            next_turn().await;
        };
        let fitted = self.detector(n, pixels)?.fit(pixels, self.batch.images(), told).await?;
        let held_out = fitted.held_out().map_err(FitError::from)?;
        let manifest = Box::new(fitted.manifest().clone());
        self.normal = Some(fitted);
        say(Event::Fitted { job, manifest, held_out, millis: now() - started });
        Ok(())
    }

    async fn rate(&self, job: u32, n: usize, fit: usize, id: usize, pixels: &[u8]) -> Result<(), JobError> {
        let detector = self.detector(n, pixels)?;
        let (normal, others) = pixels.split_at(fit.min(n) * IMAGE_BYTES);
        let fitted = detector.fit(normal, self.batch.images(), async |_| next_turn().await).await?;
        let at = fitted.manifest().default_score();
        let mut scores = Vec::new();
        for some in others.chunks(self.batch.images() * IMAGE_BYTES) {
            scores.extend(fitted.score(some).await?.into_iter().map(|image| image.scores[at]));
            next_turn().await;
        }
        let (id, ood) = scores.split_at(id.min(scores.len()));
        let ScoreEntry { layer, scorer, .. } = fitted.manifest().scores[at];
        say(Event::Rated { job, layer, scorer, auroc: auroc(id, ood)? });
        Ok(())
    }

    async fn project(
        &self,
        job: u32,
        n: usize,
        fit: usize,
        known: &[(usize, f32, f32)],
        pixels: &[u8],
    ) -> Result<(), JobError> {
        let point =
            |&(i, angle, azimuth): &(usize, f32, f32)| (i, AnglePoint { angle: angle.into(), azimuth: azimuth.into() });
        let known: Vec<(usize, AnglePoint)> = known.iter().map(point).collect();
        let projection = self.detector(n, pixels)?.project(pixels, self.batch.images(), fit, &known).await?;
        say(Event::Projected {
            job,
            angles: projection.places.iter().map(|p| p.angle as f32).collect(),
            azimuths: projection.places.iter().map(|p| p.azimuth as f32).collect(),
            points: projection.components.iter().map(|p| p.map(|x| x as f32)).collect(),
            explained: projection.explained.map(|share| share as f32),
        });
        Ok(())
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

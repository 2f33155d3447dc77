//! What the engine is asked to do, in order, with the loaded bundle in between.

use crate::fetch::{FetchError, fetch};
use crate::pace::Pace;
use crate::protocol::{Event, MAX_VIEWS, Request};
use crate::worker::{memory, next_turn};
use burn::tensor::backend::Backend;
use futures_util::future::try_join3;
use nsa_core::bundle::{
    BANK_FILE, BundleError, DetectError, Detector, HISTORY_FILE, MANIFEST_FILE, MAX_FILE, MAX_MANIFEST, MODEL_FILE,
    Manifest,
};
use nsa_core::data::IMAGE_BYTES;
use nsa_core::measure::History;
use nsa_core::model::EmbedError;
use nsa_core::sphere::AnglePoint;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use thiserror::Error;

/// Why a job failed; the engine goes on.
#[derive(Debug, Error)]
pub enum JobError {
    /// A file did not arrive.
    #[error(transparent)]
    Fetch(#[from] FetchError),
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
}

impl JobError {
    /// Whether the device failed, so that no other job can succeed.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Detect(DetectError::Embed(EmbedError::Device(_))))
    }
}

/// The engine's state: at most one bundle.
pub struct Engine<B: Backend> {
    device: B::Device,
    pace: Pace,
    detector: Option<Detector<B>>,
}

impl<B: Backend> Engine<B> {
    /// An engine without a bundle.
    pub fn new(device: B::Device) -> Self {
        Self { device, pace: Pace::default(), detector: None }
    }

    /// Does one job. `say` sends events to the page; `cancelled` holds the jobs it no longer wants.
    pub async fn run(
        &mut self,
        request: Request,
        pixels: &[u8],
        cancelled: &RefCell<HashSet<u32>>,
        say: &impl Fn(Event),
    ) -> Result<(), JobError> {
        match request {
            Request::Load { job, url } => {
                let loaded = self.load(job, &url, say).await?;
                self.take(job, loaded, say);
            }
            Request::Open { job, sizes } => {
                let opened = self.open(sizes, pixels)?;
                self.take(job, opened, say);
            }
            Request::Score { job, n } => self.score(job, n, pixels, cancelled, say).await?,
            Request::Explain { job, neighbours } => {
                let found = self.detector(1, pixels)?.explain(pixels, neighbours).await?;
                for explanation in found {
                    say(Event::Explained { job, explanation: Box::new(explanation) });
                }
            }
            Request::Views { job, n, seed } => {
                let drawn = self.detector(1, pixels)?.views(pixels, n.clamp(1, MAX_VIEWS), seed).await?;
                say(Event::Drawn { job, views: drawn.chunks(IMAGE_BYTES).map(<[u8]>::to_vec).collect() });
            }
            Request::Project { job, n, fit, known } => self.project(job, n, fit, &known, pixels, say).await?,
            // Noted when it arrived.
            Request::Cancel { .. } => {}
        }
        Ok(())
    }

    /// Works with this bundle from now on.
    fn take(&mut self, job: u32, (detector, history): (Detector<B>, History), say: &impl Fn(Event)) {
        let manifest = Box::new(detector.manifest().clone());
        self.detector = Some(detector);
        // Another network takes another time.
        self.pace = Pace::default();
        say(Event::Loaded { job, manifest, history: Box::new(history) });
    }

    /// A bundle out of a person's file: its files one after the other.
    fn open(&self, sizes: [usize; 4], bytes: &[u8]) -> Result<(Detector<B>, History), JobError> {
        let mut rest = bytes;
        let [json, model, bank, history] = sizes.map(|size| {
            let (file, others) = rest.split_at(size.min(rest.len()));
            rest = others;
            file
        });
        let refused = |source| JobError::Bundle { id: "out of a file".into(), source };
        let manifest = Manifest::parse(json).map_err(refused)?;
        let history = manifest.read_history(history).map_err(refused)?;
        let detector = Detector::new(manifest, model, bank, self.device.clone()).map_err(refused)?;
        Ok((detector, history))
    }

    async fn load(&self, job: u32, url: &str, say: &impl Fn(Event)) -> Result<(Detector<B>, History), JobError> {
        let id = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_string();
        let refused = |source| JobError::Bundle { id: id.clone(), source };
        let manifest = fetch(&format!("{url}{MANIFEST_FILE}"), MAX_MANIFEST, |_| {}).await?;
        let manifest = Manifest::parse(&manifest).map_err(refused)?;

        let wanted = [MODEL_FILE, BANK_FILE, HISTORY_FILE];
        let total = manifest.files.iter().filter(|f| wanted.contains(&f.name.as_str())).map(|f| f.bytes).sum();
        let loaded = Cell::new(0);
        let tick = |bytes| {
            loaded.set(loaded.get() + bytes);
            say(Event::Progress { job, loaded: loaded.get(), total });
        };
        let [model, bank, history] = wanted.map(|name| format!("{url}{name}"));
        let (model, bank, history) =
            try_join3(fetch(&model, MAX_FILE, tick), fetch(&bank, MAX_FILE, tick), fetch(&history, MAX_FILE, tick))
                .await?;
        let history = manifest.read_history(&history).map_err(refused)?;
        let detector = Detector::new(manifest, &model, &bank, self.device.clone()).map_err(refused)?;
        Ok((detector, history))
    }

    /// The loaded detector, if the bytes are the images announced.
    fn detector(&self, n: usize, pixels: &[u8]) -> Result<&Detector<B>, JobError> {
        let detector = self.detector.as_ref().ok_or(JobError::NoBundle)?;
        match n.checked_mul(IMAGE_BYTES) == Some(pixels.len()) {
            true => Ok(detector),
            false => Err(JobError::Pixels { n, found: pixels.len() }),
        }
    }

    async fn project(
        &self,
        job: u32,
        n: usize,
        fit: usize,
        known: &[(usize, f32, f32)],
        pixels: &[u8],
        say: &impl Fn(Event),
    ) -> Result<(), JobError> {
        let point =
            |&(i, angle, azimuth): &(usize, f32, f32)| (i, AnglePoint { angle: angle.into(), azimuth: azimuth.into() });
        let known: Vec<(usize, AnglePoint)> = known.iter().map(point).collect();
        let projection = self.detector(n, pixels)?.project(pixels, self.pace.batch(), fit, &known).await?;
        say(Event::Projected {
            job,
            angles: projection.places.iter().map(|p| p.angle as f32).collect(),
            azimuths: projection.places.iter().map(|p| p.azimuth as f32).collect(),
            points: projection.components.iter().map(|p| p.map(|x| x as f32)).collect(),
            explained: projection.explained.map(|share| share as f32),
        });
        Ok(())
    }

    async fn score(
        &mut self,
        job: u32,
        n: usize,
        pixels: &[u8],
        cancelled: &RefCell<HashSet<u32>>,
        say: &impl Fn(Event),
    ) -> Result<(), JobError> {
        self.detector(n, pixels)?;
        let started = js_sys::Date::now();
        let mut first = 0;
        while first < n {
            // Lets messages in: a cancellation may be among them.
            next_turn().await;
            if cancelled.borrow_mut().remove(&job) {
                return Ok(());
            }
            let batch = &pixels[first * IMAGE_BYTES..(first + self.pace.batch()).min(n) * IMAGE_BYTES];
            let before = js_sys::Date::now();
            let images = self.detector(batch.len() / IMAGE_BYTES, batch)?.score(batch).await?;
            self.pace.note(images.len(), js_sys::Date::now() - before);
            let found = images.len();
            let (scores, angles) = images.into_iter().map(|image| (image.scores, image.angle)).unzip();
            say(Event::Scored { job, first, scores, angles });
            first += found;
        }
        say(Event::Done { job, millis: js_sys::Date::now() - started, memory: memory() });
        Ok(())
    }
}

//! What the engine is asked to do, in order, with the loaded bundle in between.

use crate::fetch::{FetchError, fetch};
use crate::protocol::{Event, Request};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{
    BANK_FILE, BundleError, DetectError, Detector, HISTORY_FILE, History, MANIFEST_FILE, MAX_FILE, MAX_MANIFEST,
    MODEL_FILE, Manifest,
};
use nsa_core::data::IMAGE_BYTES;
use std::cell::RefCell;
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

/// The engine's state: at most one bundle.
pub struct Engine<B: Backend> {
    device: B::Device,
    /// Images embedded at once.
    batch: usize,
    detector: Option<Detector<B>>,
}

impl<B: Backend> Engine<B> {
    /// An engine without a bundle.
    pub fn new(device: B::Device, batch: usize) -> Self {
        Self { device, batch, detector: None }
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
                let (detector, history) = self.load(job, &url, say).await?;
                let manifest = Box::new(detector.manifest().clone());
                self.detector = Some(detector);
                say(Event::Loaded { job, manifest, history: Box::new(history) });
            }
            Request::Score { job, n } => self.score(job, n, pixels, cancelled, say).await?,
            // Noted when it arrived.
            Request::Cancel { .. } => {}
        }
        Ok(())
    }

    async fn load(&self, job: u32, url: &str, say: &impl Fn(Event)) -> Result<(Detector<B>, History), JobError> {
        let id = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_string();
        let refused = |source| JobError::Bundle { id: id.clone(), source };
        let manifest = fetch(&format!("{url}{MANIFEST_FILE}"), MAX_MANIFEST, |_| {}).await?;
        let manifest = Manifest::parse(&manifest).map_err(refused)?;

        let wanted = [MODEL_FILE, BANK_FILE, HISTORY_FILE];
        let total = manifest.files.iter().filter(|f| wanted.contains(&f.name.as_str())).map(|f| f.bytes).sum();
        let mut loaded = 0;
        let mut files = Vec::with_capacity(wanted.len());
        for name in wanted {
            let tick = |bytes| {
                loaded += bytes;
                say(Event::Progress { job, loaded, total });
            };
            files.push(fetch(&format!("{url}{name}"), MAX_FILE, tick).await?);
        }
        let history = manifest.read_history(&files[2]).map_err(refused)?;
        let detector = Detector::new(manifest, &files[0], &files[1], self.device.clone()).map_err(refused)?;
        Ok((detector, history))
    }

    async fn score(
        &self,
        job: u32,
        n: usize,
        pixels: &[u8],
        cancelled: &RefCell<HashSet<u32>>,
        say: &impl Fn(Event),
    ) -> Result<(), JobError> {
        let detector = self.detector.as_ref().ok_or(JobError::NoBundle)?;
        if n.checked_mul(IMAGE_BYTES) != Some(pixels.len()) {
            return Err(JobError::Pixels { n, found: pixels.len() });
        }
        let started = js_sys::Date::now();
        for (i, batch) in pixels.chunks(self.batch * IMAGE_BYTES).enumerate() {
            // Lets messages in: a cancellation may be among them.
            crate::worker::next_turn().await;
            if cancelled.borrow_mut().remove(&job) {
                return Ok(());
            }
            let images = detector.score(batch).await?;
            let (scores, angles) = images.into_iter().map(|image| (image.scores, image.angle)).unzip();
            say(Event::Scored { job, first: i * self.batch, scores, angles });
        }
        say(Event::Done { job, millis: js_sys::Date::now() - started });
        Ok(())
    }
}

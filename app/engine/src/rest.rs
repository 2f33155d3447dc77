//! What the Worker that scores is not asked for at once: bundles in a zip, scores that are fitted, a person's own normal,
//! views, places on the sphere. On the site it is a file of its own (`src/bin`, scripts/seal-site.sh), which comes with the
//! first of these jobs.

use crate::protocol::{Event, MAX_VIEWS, Request};
use crate::score::{Files, JobError, Scorer, say};
use crate::unpack::{Unpacked, unpack};
use crate::worker::{self, next_turn, now};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{Detector, ScoreEntry, to_zip};
use nsa_core::data::IMAGE_BYTES;
use nsa_core::eval::auroc;
use nsa_core::measure::{Frames, History};
use nsa_core::sphere::AnglePoint;

impl<B: Backend> Scorer<B> {
    /// Does a job that nobody asks for at once: bundles in a zip, scores that are fitted, a person's own normal, views, places on
    /// the sphere.
    ///
    /// # Errors
    /// See [`JobError`]; the engine goes on.
    pub async fn rest(&mut self, request: Request, pixels: &[u8]) -> Result<(), JobError> {
        match request {
            Request::Open { job, id, sizes } => self.take(job, Files::read(&id, sizes, pixels)?, Detector::new)?,
            Request::Unpack { job } => {
                let refused = |source| JobError::Bundle { id: "out of a file".into(), source };
                let Unpacked { manifest, sizes, parts } = unpack::<B>(pixels, self.device.clone()).map_err(refused)?;
                let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                worker::say(&Event::Opened { job, manifest: Box::new(manifest), sizes }, &parts);
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
            // Done by the first part.
            Request::Score { .. } | Request::Explain { .. } | Request::Cancel { .. } => {}
        }
        Ok(())
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
        let (held_out, views) = (fitted.held_out()?, fitted.variety()?.views);
        let manifest = Box::new(fitted.manifest().clone());
        self.normal = Some(fitted);
        say(Event::Fitted { job, manifest, held_out, views, millis: now() - started });
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
}

//! The details' way: the image that a person opened goes to the engine, and its reasons come back.

use super::Job;
use crate::lab::{Detail, Lab};
use leptos::prelude::*;
use nsa_core::bundle::Explanation;
use nsa_engine::protocol::Request;
use std::sync::Arc;

/// Training images that are named.
const NEIGHBOURS: usize = 6;
/// Views that are drawn.
const VIEWS: usize = 8;

impl Lab {
    /// Whenever another image is opened, or another model is there, the engine is asked about it.
    pub(super) fn follow_subject(self) {
        let subject = Memo::new(move |_| self.subject_pixels());
        Effect::new(move |_| {
            // Read, not only tracked: a memo that nobody reads is never computed.
            let _ = (subject.get(), self.bundle.get());
            untrack(|| self.ask_detail());
        });
    }

    /// Asks why the open image has its scores.
    pub(super) fn ask_detail(self) {
        self.cancel(|job| matches!(job, Job::Explain | Job::Views));
        let seed = self.detail.with_untracked(|detail| detail.seed);
        self.detail.set(Detail { seed, ..Detail::default() });
        let Some(pixels) = untrack(|| self.subject_pixels()).filter(|_| self.is_loaded()) else { return };
        self.ask(Job::Explain, |job| Request::Explain { job, neighbours: NEIGHBOURS }, Some(&pixels));
        self.ask(Job::Views, |job| Request::Views { job, n: VIEWS, seed }, Some(&pixels));
    }

    /// Draws other views of the open image.
    pub fn other_views(self) {
        self.cancel(|job| matches!(job, Job::Views));
        let seed = self.detail.try_update(|detail| {
            detail.seed += 1;
            detail.seed
        });
        let (Some(seed), Some(pixels)) = (seed, untrack(|| self.subject_pixels())) else { return };
        if self.is_loaded() {
            self.ask(Job::Views, |job| Request::Views { job, n: VIEWS, seed }, Some(&pixels));
        }
    }

    pub(super) fn explained(self, job: u32, explanation: Explanation) {
        if let Some(Job::Explain) = self.end_job(job) {
            self.detail.update(|detail| detail.explanation = Some(Arc::new(explanation)));
        }
    }

    pub(super) fn drawn(self, job: u32, views: Vec<Vec<u8>>) {
        if let Some(Job::Views) = self.end_job(job) {
            self.detail.update(|detail| detail.views = views.into_iter().map(Arc::from).collect());
        }
    }
}

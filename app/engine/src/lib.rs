//! The engine of NSA Lab: it loads bundles and scores images, in a Web Worker beside the page.
//!
//! Two programs, `engine-cpu` on burn's flex backend and `engine-webgpu` on burn-wgpu, are the same few lines around
//! [`serve_scoring`], which speaks the [`protocol`] with the page. Every number comes from `nsa_core::bundle::Detector`,
//! which `nsa predict` calls too.
//!
//! [`train`] is the other half: `trainer-cpu` and `trainer-webgpu` train, in a Worker of their own that starts only
//! when a person wants to. What both have in common is in [`conversation`] and `worker`.

mod batch;
pub mod conversation;
pub mod protocol;
mod rest;
mod score;
pub mod train;
mod unpack;
mod worker;

pub use score::{Job, JobError, Rest, Scorer, serve_scoring};
pub use worker::lost;

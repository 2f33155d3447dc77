//! The engine of NSA Lab: it loads bundles and scores images, in a Web Worker beside the page.
//!
//! One program built twice: `engine-cpu` computes with burn's flex backend, `engine-webgpu` with burn-wgpu. Both
//! are the same few lines around `serve`, which speaks the [`protocol`] with the page. Every number comes from
//! `nsa_core::bundle::Detector`, which `nsa predict` calls too.
//!
//! [`train`] is the other half: `trainer-cpu` and `trainer-webgpu` train, in a Worker of their own that starts only when
//! a person wants to.

#[cfg(feature = "worker")]
mod fetch;
#[cfg(feature = "worker")]
mod jobs;
#[cfg(any(feature = "worker", test))]
mod pace;
pub mod protocol;
pub mod train;
#[cfg(feature = "webgpu")]
mod webgpu;
#[cfg(feature = "worker")]
mod worker;

#[cfg(feature = "webgpu")]
pub use webgpu::webgpu;

#[cfg(feature = "worker")]
pub use worker::{device_lost, serve};

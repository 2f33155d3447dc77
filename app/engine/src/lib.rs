//! The engine of NSA Lab: it loads bundles and scores images, in a Web Worker beside the page.
//!
//! One program built twice: `engine-cpu` computes with burn's flex backend, `engine-webgpu` with burn-wgpu. Both are
//! the same few lines around `serve_scoring`, which speaks the [`protocol`] with the page. Every number comes from
//! `nsa_core::bundle::Detector`, which `nsa predict` calls too.
//!
//! [`train`] is the other half: `trainer-cpu` and `trainer-webgpu` train, in a Worker of their own that starts only
//! when a person wants to. What both have in common is in [`conversation`] and `worker`.

#[cfg(any(feature = "worker", test))]
mod batch;
pub mod conversation;
pub mod protocol;
#[cfg(feature = "worker")]
mod score;
pub mod train;
#[cfg(feature = "worker")]
mod unpack;
#[cfg(feature = "webgpu")]
mod webgpu;
#[cfg(feature = "worker")]
mod worker;

#[cfg(feature = "worker")]
pub use score::serve_scoring;
#[cfg(feature = "webgpu")]
pub use webgpu::webgpu;

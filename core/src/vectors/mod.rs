//! Arithmetic of many vectors at once: angles and the nearest by angle, exact search, blocked products, eigenvalues.

pub(crate) mod cosine;
pub(crate) mod product;
pub(crate) mod search;
pub(crate) mod spectrum;

pub use spectrum::SpectrumError;

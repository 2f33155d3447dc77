//! The method of "No Shifted Augmentations": compact one-class features on the hypersphere, and how to score them.
//!
//! A one-class detector learns an encoder from images of one class only, without labels, and calls an image
//! anomalous when its features lie far from those of the training images. The paper's finding is that *where*
//! the features lie matters more than how good they are: a class that occupies a compact cap of the hypersphere
//! leaves room for anomalies elsewhere, one that spreads over the whole sphere does not.
//!
//! The modules follow the paper, so that a reader with the PDF finds each section. They stand from the ground up: a
//! module imports only from those above it in this table, which `tests/floors.rs` holds them to.
//!
//! | module | what | section |
//! |---|---|---|
//! | [`rng`] | one random stream for every purpose, the same on all machines | |
//! | [`features`] | a matrix of feature vectors | |
//! | [`config`] | every setting of a run | 2.1, 2.3, 3.1 |
//! | [`measure`] | what is measured of a network: compactness, quality, history | 2.2, A |
//! | [`vectors`] | angles, nearest neighbours and eigenvalues of many vectors | |
//! | [`data`] | image sets, one-vs-rest splits, the built-in `synth-digits` | B |
//! | [`augment`] | the random views that training compares | 3.1 |
//! | [`model`] | encoder f, projector g, predictor h, the two normalisations | 2.1, 2.3, 2.4 |
//! | [`sphere`] | von Mises-Fisher kappa, MMD, effective rank, projections for pictures | 2.2, A |
//! | [`eval`] | ROC and its summaries, probes of feature quality | 3, A |
//! | [`score`] | k-Cos, c-Cos, Mahalanobis space, rival scores, the ensemble | 2.5, C |
//! | [`ssl`] | SimSiam, BYOL, SimCLR, their losses, the collapse guard, the run | 2.1, 2.4 |
//! | [`bundle`] | one trained model as the browser gets it, checked byte for byte | |
//!
//! Nothing here touches files, the network, a clock or a page: the same functions run in the native binary and
//! in the browser, so a score means the same in both.

pub mod augment;
pub mod bundle;
pub mod config;
pub mod data;
pub mod eval;
pub mod features;
pub mod measure;
pub mod model;
pub mod rng;
pub mod score;
pub mod sphere;
pub mod ssl;
pub mod vectors;

pub use features::{FeatureError, Features};

/// The README's example is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

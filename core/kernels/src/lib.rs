//! The CPU kernels of the networks, on plain slices: what burn's CPU backend is slow at.
//!
//! In training sixteen images lie side by side ([`lanes`]), and convolutions ([`conv`], [`conv_weight`]), batch norms
//! ([`norm`]) and the mean over positions ([`pool`]) work on whole registers of them. In inference one image is as usual as
//! many: there images are unfolded and multiplied ([`unfolded`]). [`adam`] is the optimiser's step.
//!
//! Everything is spread over threads where there are any, and repeats to the last bit on any number of them.

pub mod adam;
pub mod conv;
pub mod conv_weight;
pub mod geometry;
pub mod lanes;
pub mod norm;
pub mod pool;
pub mod rectifier;
pub mod threads;
mod unfold;
pub mod unfolded;

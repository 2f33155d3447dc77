//! The CPU kernels of the networks, on plain slices.

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

//! A person's own images as the trainer is given them.

use crate::lab::NormalImage;
use nsa_core::config::TrainConfig;
use nsa_core::data::{IMAGE_BYTES, OwnImages};
use nsa_engine::train::protocol::Own;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Normal images and, after them, odd ones; 3 x 32 x 32 bytes each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnPixels {
    /// How many of each there are.
    pub count: Own,
    pub pixels: Vec<u8>,
}

impl OwnPixels {
    pub fn new(normal: &[NormalImage], odd: &[NormalImage]) -> Self {
        let pixels = normal.iter().chain(odd).flat_map(|image| image.pixels.iter().copied()).collect();
        Self { count: Own { normal: normal.len(), odd: odd.len() }, pixels }
    }

    /// A number that other images do not have: runs of these images are not those of others.
    pub fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.count.normal, &self.pixels).hash(&mut hasher);
        hasher.finish()
    }

    /// What a run with these settings trains on and is judged by; none of too few images.
    pub fn split(&self, config: &TrainConfig) -> Option<OwnImages> {
        let (normal, odd) = self.pixels.split_at_checked(self.count.normal * IMAGE_BYTES)?;
        OwnImages::new(config, normal, odd).ok()
    }
}

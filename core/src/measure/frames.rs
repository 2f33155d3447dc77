//! How test samples moved on the hypersphere during training.

/// At most this many samples, ID and OOD together.
pub const MAX_SAMPLES: usize = 1000;
/// Positions and scores of the same test samples at several epochs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frames {
    /// Epochs trained, a frame each, ascending.
    pub epochs: Vec<u32>,
    /// Position of every sample in the test set.
    pub index: Vec<u32>,
    /// Class of every sample.
    pub labels: Vec<u8>,
    /// Per frame and sample: true angle in radians, in full dimension, to the ID training mean of that epoch.
    pub angle: Vec<f32>,
    /// Per frame and sample: direction around the mean in the plane of the two largest residual components, radians.
    pub azimuth: Vec<f32>,
    /// Per frame and sample: k-Cos (Mah) of the pooled encoder output.
    pub score: Vec<f32>,
}

//! How test samples moved on the hypersphere during training.

use super::Scorer;

/// At most this many samples, ID and OOD together.
pub const MAX_SAMPLES: usize = 1000;
/// Positions and scores of the same test samples at several epochs.
#[derive(Debug, Clone, PartialEq)]
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
    /// Per frame and sample: the score of the pooled encoder output by [`Frames::scorer`].
    pub score: Vec<f32>,
    /// Which score that is. Frames of earlier versions have k-Cos (Mah) of raw features.
    pub scorer: Scorer,
}

impl Default for Frames {
    fn default() -> Self {
        let (epochs, index, labels) = Default::default();
        let (angle, azimuth, score) = Default::default();
        Self { epochs, index, labels, angle, azimuth, score, scorer: Scorer::KCosMah }
    }
}

impl Frames {
    /// Keeps the frames of which `which` says so, by position and epoch.
    pub fn keep(&mut self, which: impl Fn(usize, u32) -> bool) {
        let samples = self.index.len();
        let kept: Vec<usize> = (0..self.epochs.len()).filter(|&i| which(i, self.epochs[i])).collect();
        if kept.is_empty() {
            return *self = Self::default();
        }
        self.epochs = kept.iter().map(|&i| self.epochs[i]).collect();
        for values in [&mut self.angle, &mut self.azimuth, &mut self.score] {
            *values = kept.iter().flat_map(|i| &values[i * samples..(i + 1) * samples]).copied().collect();
        }
    }

    /// Of `most` frames or more every second one goes, but not the first and the last.
    pub fn thin_out(&mut self, most: usize) {
        let count = self.epochs.len();
        if count >= most {
            self.keep(|i, _| i.is_multiple_of(2) || i == count - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_frames_are_thinned_out_and_the_ends_stay() {
        let mut frames = Frames {
            epochs: vec![0, 1, 2, 5, 9, 10],
            index: vec![3, 8],
            labels: vec![1, 2],
            angle: (0..12).map(|i| i as f32).collect(),
            azimuth: vec![0.5; 12],
            score: vec![0.7; 12],
            ..Frames::default()
        };
        frames.thin_out(7);
        assert_eq!(frames.epochs.len(), 6);
        frames.thin_out(6);
        assert_eq!(frames.epochs, [0, 2, 9, 10]);
        assert_eq!(frames.angle, [0.0, 1.0, 4.0, 5.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!((frames.azimuth.len(), frames.score.len(), frames.index.len()), (8, 8, 2));
        frames.keep(|_, epoch| epoch < 2);
        assert_eq!((frames.epochs.as_slice(), frames.angle.as_slice()), (&[0][..], &[0.0, 1.0][..]));
        frames.keep(|_, _| false);
        assert_eq!(frames, Frames::default());
    }
}

//! What was measured while a model was trained, without the model itself: `bundle.json`, `history.json` and
//! `frames.safetensors`. They are a twentieth of a bundle, so there is something real to look at while the engine and
//! the weights are on their way, and a second model beside the first costs little.

use crate::lab::{BundleFile, BundleHead};
use nsa_core::bundle::{FRAMES_FILE, HISTORY_FILE, Manifest};
use nsa_core::measure::{Compactness, Frames, History, HistoryEntry};
use nsa_core::model::Layer;
use std::ops::Range;

/// What was measured while a model was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    pub manifest: Manifest,
    pub history: History,
    /// The test samples at every checkpoint.
    pub frames: Frames,
}

impl Replay {
    /// Fetches and checks what belongs to the bundle `id`. The error is a sentence without its end.
    pub async fn fetch(id: &str) -> Result<Self, String> {
        let head = BundleHead::fetch(id).await?;
        let history = head.file(HISTORY_FILE, |_| {}).await?;
        Self::read(head.manifest.clone(), &history, &head.file(FRAMES_FILE, |_| {}).await?)
    }

    /// The same of a bundle out of a person's file.
    pub fn of_file(file: &BundleFile) -> Result<Self, String> {
        let [json, model, bank, history] = file.sizes;
        let measured = file.bytes.get(json + model + bank..).and_then(|rest| rest.split_at_checked(history));
        let (history, frames) = measured.ok_or("its file is cut")?;
        Self::read(Manifest::clone(&file.manifest), history, frames)
    }

    pub fn read(manifest: Manifest, history: &[u8], frames: &[u8]) -> Result<Self, String> {
        let history = manifest.read_history(history).map_err(|e| e.to_string())?;
        let frames = manifest.read_frames(frames).map_err(|e| e.to_string())?;
        Ok(Self { manifest, history, frames })
    }

    /// The position of the frame nearest to an epoch, the last one without; none if there is no frame.
    pub fn frame_at(&self, epoch: Option<usize>) -> Option<usize> {
        let epochs = &self.frames.epochs;
        let Some(epoch) = epoch else { return epochs.len().checked_sub(1) };
        (0..epochs.len()).min_by_key(|&at| (epochs[at] as usize).abs_diff(epoch))
    }

    /// What was measured at a frame's epoch, or at the epoch nearest to it.
    pub fn measured(&self, frame: usize) -> Option<&HistoryEntry> {
        let epoch = *self.frames.epochs.get(frame)? as usize;
        self.history.epochs.iter().min_by_key(|entry| entry.epoch.abs_diff(epoch))
    }

    /// Whether a sample is of the ID class.
    pub fn is_id(&self, sample: usize) -> bool {
        self.frames.labels.get(sample).is_some_and(|&label| usize::from(label) == self.manifest.config.id_class)
    }

    /// A frame's values in `column`, a matrix of frames by samples.
    pub fn row<'a>(&self, column: &'a [f32], frame: usize) -> &'a [f32] {
        let samples = self.frames.index.len();
        column.get(frame * samples..(frame + 1) * samples).unwrap_or_default()
    }

    /// A frame's scores, ID and OOD.
    pub fn scores(&self, frame: usize) -> (Vec<f32>, Vec<f32>) {
        self.by_side(&self.frames.score, frame)
    }

    /// Which of the bundle's scores the frames hold, if it has that score.
    pub fn recorded_score(&self) -> Option<usize> {
        self.manifest.scores.iter().position(|s| s.scorer == self.frames.scorer && s.layer == Layer::EMBEDDING)
    }

    fn by_side(&self, column: &[f32], frame: usize) -> (Vec<f32>, Vec<f32>) {
        let row = self.row(column, frame).iter().copied().enumerate();
        let (id, ood): (Vec<_>, Vec<_>) = row.partition(|(sample, _)| self.is_id(*sample));
        let values = |side: Vec<(usize, f32)>| side.into_iter().map(|(_, value)| value).collect();
        (values(id), values(ood))
    }

    /// The smallest and largest score of all frames.
    pub fn score_range(&self) -> Option<Range<f32>> {
        let scores = &self.frames.score;
        let low = scores.iter().copied().min_by(f32::total_cmp)?;
        Some(low..scores.iter().copied().max_by(f32::total_cmp)?)
    }

    /// The compactness of the ID features at a frame, and the dimension that it was measured in.
    pub fn compactness(&self, frame: usize) -> Option<(Compactness, usize)> {
        Some((self.measured(frame)?.id, 8 * self.manifest.config.width))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use nsa_core::score::Scorer;

    /// Two ID samples of class 2 and one OOD sample at epochs 0, 5 and 20.
    pub(crate) fn replay() -> Replay {
        let score = serde_json::json!({
            "layer": "conv4-1x1", "scorer": "k-cos-mah", "auroc-validation": 0.9, "auroc-full": 0.9,
            "auroc-exported": 0.9,
            "training-range": [0.0, 1.0],
        });
        let manifest = serde_json::from_value(serde_json::json!({
            "format": 3, "id": "one", "title": "Model one",
            "config": { "id-class": 2, "epochs": 20, "width": 8, "dataset": "synth-digits" },
            "classes": ["0", "1", "2", "3"],
            "provenance": {
                "commit": "abc", "device": "CPU", "wall-seconds": 60.0, "data-source": "drawn", "train-images": 1000,
                "outliers": 0, "test-id": 200, "test-ood": 1800, "command": "nsa train",
            },
            "pixel-mean": [0.5, 0.5, 0.5], "pixel-std": [0.25, 0.25, 0.25], "layers": [], "scores": [score],
            "files": [],
        }))
        .unwrap();
        let entry = |epoch, kappa| HistoryEntry {
            epoch,
            id: Compactness { kappa, mean_resultant_length: 0.9, ..Compactness::default() },
            auroc: vec![(Scorer::KCosMah, 0.5 + epoch as f64 / 100.0)],
            ..HistoryEntry::default()
        };
        Replay {
            manifest,
            history: History { epochs: vec![entry(0, 100.0), entry(5, 200.0), entry(20, 400.0)] },
            frames: Frames {
                epochs: vec![0, 5, 20],
                index: vec![172, 12, 41],
                labels: vec![2, 2, 1],
                angle: vec![1.0, 1.1, 1.2, 0.6, 0.7, 1.3, 0.2, 0.3, 1.4],
                azimuth: vec![0.0, 1.0, 2.0, 0.1, 1.1, 2.1, 0.2, 1.2, 2.2],
                score: vec![0.9, 1.0, 1.1, 0.6, 0.7, 1.2, 0.3, 0.4, 1.3],
                ..Frames::default()
            },
        }
    }

    #[test]
    fn an_epoch_finds_its_nearest_frame() {
        let replay = replay();
        assert_eq!(
            [None, Some(0), Some(4), Some(12), Some(13), Some(999)].map(|e| replay.frame_at(e)),
            [Some(2), Some(0), Some(1), Some(1), Some(2), Some(2)]
        );
        assert_eq!(replay.measured(1).unwrap().id.kappa, 200.0);
        let empty = Replay { frames: Frames::default(), ..replay };
        assert_eq!((empty.frame_at(Some(3)), empty.measured(0), empty.score_range()), (None, None, None));
    }

    #[test]
    fn a_frame_is_split_by_side() {
        let replay = replay();
        assert_eq!(replay.scores(2), (vec![0.3, 0.4], vec![1.3]));
        assert_eq!(replay.by_side(&replay.frames.angle, 0), (vec![1.0, 1.1], vec![1.2]));
        assert_eq!(replay.score_range(), Some(0.3..1.3));
        assert_eq!(replay.compactness(2).unwrap().1, 64);
        assert!(replay.scores(3).0.is_empty(), "there is no such frame");
    }
}

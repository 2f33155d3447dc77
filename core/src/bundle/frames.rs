//! `frames.safetensors`: how test samples moved on the hypersphere during training, to be replayed.

use super::BundleError;
use super::tensors::{Reader, Stored};
use crate::measure::{Frames, MAX_SAMPLES, Scorer};

/// Name of the file.
pub const FRAMES_FILE: &str = "frames.safetensors";
/// At most this many frames.
pub const MAX_FRAMES: usize = 1000;
/// The scores that frames may have, by their tensors.
const SCORES: [(&str, Scorer); 2] = [("score", Scorer::KCosMah), ("score-raw", Scorer::KCosMahRaw)];

impl Frames {
    /// As a safetensors file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let (frames, samples) = (self.epochs.len(), self.index.len());
        let Some((score, _)) = SCORES.into_iter().find(|(_, scorer)| *scorer == self.scorer) else {
            let why = format!("frames have no scores by {}", self.scorer);
            return Err(BundleError::Content { file: FRAMES_FILE, why });
        };
        Stored::file(
            FRAMES_FILE,
            vec![
                ("epochs".into(), Stored::u32(&[frames], &self.epochs)),
                ("index".into(), Stored::u32(&[samples], &self.index)),
                ("labels".into(), Stored::u8(&[self.labels.len()], &self.labels)),
                ("angle".into(), Stored::f32(&[frames, samples], &self.angle)),
                ("azimuth".into(), Stored::f32(&[frames, samples], &self.azimuth)),
                (score.into(), Stored::f32(&[frames, samples], &self.score)),
            ],
        )
    }

    /// Reads and checks what [`Frames::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let reader = Reader::new(FRAMES_FILE, bytes)?;
        let epochs = reader.u32("epochs")?;
        let index = reader.u32("index")?;
        let labels = reader.u8("labels")?;
        let (frames, samples) = (epochs.len(), index.len());
        if frames > MAX_FRAMES || samples > MAX_SAMPLES {
            return Err(reader
                .fault(format!("at most {MAX_FRAMES} frames of {MAX_SAMPLES} samples, found {frames} of {samples}")));
        }
        if labels.len() != samples {
            return Err(reader.fault(format!("{samples} samples need as many labels, found {}", labels.len())));
        }
        if !epochs.is_sorted_by(|a, b| a < b) {
            return Err(reader.fault("epochs must ascend".into()));
        }
        let Some((score, scorer)) = SCORES.into_iter().find(|(name, _)| reader.has(name)) else {
            return Err(reader.fault("tensor 'score' or 'score-raw' is missing".into()));
        };
        let shape = [frames, samples];
        Ok(Self {
            angle: reader.f32("angle", &shape)?,
            azimuth: reader.f32("azimuth", &shape)?,
            score: reader.f32(score, &shape)?,
            scorer,
            epochs,
            index,
            labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_and_lies_do_not() {
        let frames = Frames {
            epochs: vec![0, 5],
            index: vec![7, 3, 9],
            labels: vec![1, 1, 2],
            angle: vec![0.1; 6],
            azimuth: vec![0.2; 6],
            score: vec![0.3; 6],
            scorer: Scorer::KCosMah,
        };
        let bytes = frames.to_bytes().unwrap();
        assert_eq!(Frames::from_bytes(&bytes).unwrap(), frames);
        let short = Frames { score: vec![0.3; 6], labels: vec![1], ..frames.clone() };
        assert!(Frames::from_bytes(&short.to_bytes().unwrap()).unwrap_err().to_string().contains("3 samples"));
        let nan = Frames { score: vec![f32::NAN; 6], ..frames.clone() };
        assert!(Frames::from_bytes(&nan.to_bytes().unwrap()).unwrap_err().to_string().contains("finite"));
        let raw = Frames { scorer: Scorer::KCosMahRaw, ..frames.clone() };
        assert_eq!(Frames::from_bytes(&raw.to_bytes().unwrap()).unwrap(), raw);
        let other = Frames { scorer: Scorer::Gde, ..frames.clone() };
        assert!(other.to_bytes().unwrap_err().to_string().contains("no scores by gde"));
        let back = Frames { epochs: vec![5, 0], ..frames };
        assert!(Frames::from_bytes(&back.to_bytes().unwrap()).unwrap_err().to_string().contains("ascend"));
    }
}

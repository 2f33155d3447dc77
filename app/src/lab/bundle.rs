//! A loaded bundle, and what images can be scored by: its own scores, and after them their ensemble.

use crate::fetch::fetch;
use crate::state::{ScoreName, scorer_word};
use crate::text;
use nsa_core::bundle::{Ensemble, FRAMES_FILE, HISTORY_FILE, MANIFEST_FILE, MAX_FILE, MAX_MANIFEST, Manifest};
use nsa_core::data::IMAGE_BYTES;
use nsa_core::measure::History;
use std::sync::Arc;

/// A loaded bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    pub manifest: Manifest,
    /// What was measured during its training.
    pub history: History,
}

/// A bundle that is here, from the server or out of a person's file.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleFile {
    pub manifest: Arc<Manifest>,
    /// Bytes of `bundle.json`, model, bank and history in [`BundleFile::bytes`].
    pub sizes: [usize; 4],
    /// These four files and, out of a person's file, the frames, one after the other.
    pub bytes: Arc<[u8]>,
    /// Pixels of a person's own normal images, 3 x 32 x 32 each; none of a model that was trained.
    pub normal: Vec<Arc<[u8]>>,
}

/// Largest `history.json` or `frames.safetensors` that the page takes: a thousand samples at some 250 checkpoints.
const MAX_MEASURED: u64 = 4 << 20;

/// A bundle on the server, of which `bundle.json` is here.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleHead {
    pub manifest: Manifest,
    json: Vec<u8>,
}

impl BundleHead {
    /// Fetches and checks `bundle.json` of the bundle `id`. The error is a sentence without its end, like all of these.
    pub async fn fetch(id: &str) -> Result<Self, String> {
        let json = fetch(&address(id, MANIFEST_FILE), MAX_MANIFEST, |_| {}).await.map_err(|e| e.to_string())?;
        let manifest = Manifest::parse(&json).map_err(|e| e.to_string())?;
        if manifest.id != id {
            return Err(format!("its folder is named {id}, but its bundle.json says {}", manifest.id));
        }
        Ok(Self { manifest, json })
    }

    /// Fetches another of its files; `tick` is told of every piece that arrives.
    pub async fn file(&self, name: &str, tick: impl FnMut(u64)) -> Result<Vec<u8>, String> {
        let limit = if [HISTORY_FILE, FRAMES_FILE].contains(&name) { MAX_MEASURED } else { MAX_FILE };
        fetch(&address(&self.manifest.id, name), limit, tick).await.map_err(|e| e.to_string())
    }

    /// With what an engine needs, and without frames.
    pub fn with(&self, model: &[u8], bank: &[u8], history: &[u8]) -> BundleFile {
        let sizes = [self.json.len(), model.len(), bank.len(), history.len()];
        let bytes = [self.json.as_slice(), model, bank, history].concat();
        BundleFile { manifest: Arc::new(self.manifest.clone()), sizes, bytes: Arc::from(bytes), normal: Vec::new() }
    }
}

fn address(id: &str, name: &str) -> String {
    format!("assets/bundles/{id}/{name}")
}

impl BundleFile {
    /// What a Worker took a zip apart into.
    pub fn new(manifest: Manifest, sizes: [usize; 4], bytes: &[u8]) -> Self {
        let pixels = manifest.normal.as_ref().map_or(0, |normal| normal.images * IMAGE_BYTES);
        let (files, pixels) = bytes.split_at(bytes.len().saturating_sub(pixels));
        let normal = pixels.chunks_exact(IMAGE_BYTES).map(Arc::from).collect();
        Self { manifest: Arc::new(manifest), sizes, bytes: Arc::from(files), normal }
    }
}

/// An image's scores: one value for every score of the bundle, the ensemble last.
pub type Row = Vec<f32>;

impl Bundle {
    /// The column of the ensemble in every [`Row`]: the one after the bundle's own scores. None if they make none.
    pub fn ensemble_column(&self) -> Option<usize> {
        let n = self.manifest.scores.len();
        self.manifest.ensemble(&vec![0.0; n]).map(|_| n)
    }

    /// How many scores the page can show.
    pub fn scores(&self) -> usize {
        self.manifest.scores.len() + usize::from(self.ensemble_column().is_some())
    }

    /// What the engine gave for an image, with the ensemble at its end; none if it is not about this bundle's scores.
    pub fn complete(&self, mut row: Row) -> Option<Row> {
        if row.len() != self.manifest.scores.len() {
            return None;
        }
        if let Some(Ensemble { sum, .. }) = self.manifest.ensemble(&row) {
            row.push(sum);
        }
        Some(row)
    }

    /// Smallest and largest score of the training images; the ensemble's members count from 0 to 1 each.
    pub fn training_range(&self, score: usize) -> [f32; 2] {
        match self.manifest.scores.get(score) {
            Some(entry) => entry.training_range,
            None => [0.0, self.manifest.ensemble_members().len() as f32],
        }
    }

    /// The name of a score in the URL.
    pub fn score_name(&self, score: usize) -> Option<ScoreName> {
        match self.manifest.scores.get(score) {
            Some(entry) => Some(ScoreName::of(entry)),
            None => (self.ensemble_column() == Some(score)).then(ScoreName::ensemble),
        }
    }

    /// Where the score of a name stands.
    pub fn find_score(&self, name: &ScoreName) -> Option<usize> {
        match name.is_ensemble() {
            true => self.ensemble_column(),
            false => name.position(&self.manifest),
        }
    }

    /// The name of a score for people.
    pub fn score_title(&self, score: usize) -> String {
        match self.manifest.scores.get(score) {
            Some(entry) => format!("{} on {}", text::scorer(&scorer_word(entry.scorer)), text::layer(entry.layer)),
            None => text::score::ENSEMBLE_LONG.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits() -> Bundle {
        let manifest = Manifest::parse(include_bytes!("../../../assets/bundles/digits/bundle.json")).unwrap();
        Bundle { manifest, history: History::default() }
    }

    #[test]
    fn the_ensemble_comes_after_the_bundle_s_own_scores() {
        let bundle = digits();
        let n = bundle.manifest.scores.len();
        assert_eq!((bundle.ensemble_column(), bundle.scores()), (Some(n), n + 1));
        let row: Row = bundle.manifest.scores.iter().map(|s| s.training_range[1]).collect();
        let complete = bundle.complete(row).unwrap();
        // Every member at its upper end counts 1.
        assert!((complete[n] - bundle.training_range(n)[1]).abs() < 1e-4, "{complete:?}");
        for score in 0..=n {
            assert_eq!(bundle.find_score(&bundle.score_name(score).unwrap()), Some(score));
        }
        assert_eq!(bundle.score_name(n + 1), None);
    }
}

//! Reading a bundle: nothing in it is believed before it is checked.

use super::tensors::Reader;
use super::{BundleError, FORMAT, LayerEntry, MAX_NORMAL, MIN_NORMAL, Manifest, NORMAL_FILE, Normal, ScoreEntry};
use crate::config::PixelNorm;
use crate::data::SIZE;
use crate::features::Features;
use crate::measure::{Frames, History};
use crate::model::Layer;
use crate::score::{Bank, BankParts, Fitted, Reading};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Name of the manifest.
pub const MANIFEST_FILE: &str = "bundle.json";
/// Name of the weights.
pub const MODEL_FILE: &str = "model.safetensors";
/// Name of the banks.
pub const BANK_FILE: &str = "bank.safetensors";
/// Name of the history.
pub const HISTORY_FILE: &str = "history.json";
/// The files that `bundle.json` lists, in the order in which they are fetched.
pub const FILES: [&str; 4] = [MODEL_FILE, BANK_FILE, HISTORY_FILE, super::frames::FRAMES_FILE];

/// Largest `bundle.json`.
pub const MAX_MANIFEST: u64 = 1 << 20;
/// Largest other file: a ResNet-18 of base width 64 fits, nothing absurd does.
pub const MAX_FILE: u64 = 64 << 20;
/// Longest feature: block 1 of a network of base width 64, flat.
const MAX_DIM: usize = 65_536;

/// What every format has.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Manifest {
    /// Parses `bundle.json` and checks everything in it that can be checked without the other files.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() as u64 > MAX_MANIFEST {
            let file = MANIFEST_FILE.to_string();
            return Err(BundleError::TooLarge { file, limit: MAX_MANIFEST, found: bytes.len() as u64 });
        }
        let unreadable = |source| BundleError::Json { file: MANIFEST_FILE, source };
        // First of all, because another format may have other words.
        let Version { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format != FORMAT {
            return Err(BundleError::Format { expected: FORMAT, found: format });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), BundleError> {
        let fault = |why: String| Err(BundleError::Content { file: MANIFEST_FILE, why });
        if !is_id(&self.id) {
            return fault(format!("id must be 1 to 64 of a-z, 0-9 and '-', found {:?}", self.id));
        }
        self.config.check()?;
        if self.config.image_size > SIZE {
            return fault(format!(
                "image-size must be at most {SIZE}, as the page's images have, found {}",
                self.config.image_size
            ));
        }
        if self.title.chars().any(char::is_control) {
            return fault(format!("the title must be plain text, found {:?}", self.title));
        }
        if self.classes.is_empty() || self.classes.len() > 256 || self.config.id_class >= self.classes.len() {
            let (id, n) = (self.config.id_class, self.classes.len());
            return fault(format!("the ID class must be one of 1 to 256 classes, found class {id} of {n}"));
        }
        let PixelNorm { mean, std, .. } = self.config.network().pixels;
        if (self.pixel_mean, self.pixel_std) != (mean, std) {
            return fault(format!("pixel-mean and pixel-std must be those of the settings, {mean:?} and {std:?}"));
        }
        if let Some(Normal { encoder, images, .. }) = &self.normal
            && !((MIN_NORMAL..=MAX_NORMAL).contains(images) && is_id(encoder))
        {
            return fault(format!(
                "normal must be {MIN_NORMAL} to {MAX_NORMAL} images behind a bundle's encoder, found {images} and \
                 {encoder:?}"
            ));
        }
        let network = self.config.network();
        let mut known = network.layers();
        known.extend(network.own_row());
        for layer in &self.layers {
            // A bank of another width could not score what the network gives.
            let Some(&(_, dim)) = known.iter().find(|(name, _)| *name == layer.name) else {
                let names: Vec<String> = known.iter().map(|(name, _)| name.to_string()).collect();
                return fault(format!("layer must be one of {}, found \"{}\"", names.join(", "), layer.name));
            };
            if let Some(normal) = self.normal.as_ref().filter(|normal| layer.bank != normal.images) {
                let (layer, bank, images) = (layer.name, layer.bank, normal.images);
                return fault(format!("the bank of {layer} must have the {images} normal images, found {bank}"));
            }
            let sane = layer.dim == dim && layer.dim <= MAX_DIM && layer.rank <= layer.dim && layer.bank >= 1;
            if !sane {
                return fault(format!(
                    "layer {} must have {dim} dimensions (at most {MAX_DIM}), at most as much rank, and a bank; \
                     found {}, {}, {}",
                    layer.name, layer.dim, layer.rank, layer.bank
                ));
            }
        }
        if self.scores.is_empty() {
            return fault("there must be at least one score".into());
        }
        for score in &self.scores {
            if !self.layers.iter().any(|layer| layer.name == score.layer) {
                return fault(format!("the score {} is of layer \"{}\", which has no bank", score.scorer, score.layer));
            }
            let [low, high] = score.training_range;
            let tested = [score.auroc_full, score.auroc_exported];
            if tested.iter().any(|rate| rate.is_none() != self.normal.is_some()) {
                return fault(format!(
                    "{} on {} must have an AUROC of the full and of the exported bank, but none where the banks are of a \
                     person's own images",
                    score.scorer, score.layer
                ));
            }
            let rates = [score.auroc_validation, score.auroc_full, score.auroc_exported];
            let sane = rates.iter().flatten().all(|rate| (0.0..=1.0).contains(rate));
            if !(low.is_finite() && high.is_finite() && low <= high && sane) {
                return fault(format!(
                    "{} on {} must have an ordered range and AUROCs of 0 to 1",
                    score.scorer, score.layer
                ));
            }
        }
        let names: Vec<&str> = self.files.iter().map(|f| f.name.as_str()).collect();
        let expected = [&FILES[..], self.normal.as_ref().map_or(&[], |_| &[NORMAL_FILE])].concat();
        if names != expected {
            return fault(format!("the files must be {expected:?}, found {names:?}"));
        }
        if let Some(large) = self.files.iter().find(|f| f.bytes > MAX_FILE) {
            return Err(BundleError::TooLarge { file: large.name.clone(), limit: MAX_FILE, found: large.bytes });
        }
        // A network is made before its weights are read: an absurd width must not get that far. The last three
        // convolutions alone have 9 (8w)^2 weights each, of two bytes or more.
        let (least, bytes) = (2 * 3 * 9 * (8 * self.config.width as u64).pow(2), self.files[0].bytes);
        if bytes < least {
            let width = self.config.width;
            return fault(format!("a network of width {width} has at least {least} bytes of weights, found {bytes}"));
        }
        Ok(())
    }

    /// Bytes of all files but `bundle.json`.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }

    /// Checks that `bytes` are exactly the file that was exported under this name.
    pub fn check_file(&self, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
        let Some(entry) = self.files.iter().find(|f| f.name == name) else {
            return Err(BundleError::Content { file: MANIFEST_FILE, why: format!("'{name}' is not listed") });
        };
        let found = bytes.len() as u64;
        if found != entry.bytes {
            return Err(BundleError::Size { file: name.into(), expected: entry.bytes, found });
        }
        if sha256(bytes) != entry.sha256 {
            return Err(BundleError::Checksum { file: name.into() });
        }
        Ok(())
    }

    /// Reads `bank.safetensors`: the bank of every layer, in the manifest's order.
    pub fn read_banks(&self, bytes: &[u8]) -> Result<Vec<(Layer, Bank)>, BundleError> {
        self.check_file(BANK_FILE, bytes)?;
        let reader = Reader::new(BANK_FILE, bytes)?;
        let indices = self.layers.iter().filter(|layer| reader.has(&index_name(layer.name))).count();
        if reader.len() != 3 * self.layers.len() + indices {
            let (layers, found) = (self.layers.len(), reader.len());
            return Err(reader.fault(format!("{layers} layers need {} tensors, found {found}", 3 * layers + indices)));
        }
        let mut banks = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let name = |part: &str| format!("{}.{part}", layer.name);
            let matrix = |rows: usize, part: &str, values: Vec<f32>| {
                let refused = |source| BundleError::Features { tensor: name(part), source };
                Features::new(rows, layer.dim, values).map_err(refused)
            };
            let features = reader.f16_or_f32(&name("features"), &[layer.bank, layer.dim])?;
            let whitening = reader.f32(&name("whitening"), &[layer.rank, layer.dim])?;
            let mean: Vec<f64> = reader.f32(&name("mean"), &[layer.dim])?.into_iter().map(f64::from).collect();
            let whitening = matrix(layer.rank, "whitening", whitening)?;
            let parts = BankParts {
                features: matrix(layer.bank, "features", features)?,
                reading: if self.is_angular(layer.name) { Reading::Unit } else { Reading::Raw },
                centre: BankParts::centre_of(&whitening, &mean),
                mean,
                whitening,
                index: read_index(&reader, layer)?,
            };
            let refused = |source| BundleError::Bank { layer: layer.name, source };
            let bank = Bank::from_parts(parts).map_err(refused)?;
            let mut scores = self.scores.iter().filter(|score| score.layer == layer.name && score.is_angle());
            scores.try_for_each(|score| bank.check(score.scorer)).map_err(refused)?;
            banks.push((layer.name, bank));
        }
        Ok(banks)
    }

    /// What gives each score that is no angle, fitted to the bank of its layer.
    pub(super) fn fit_scores(&self, banks: &[(Layer, Bank)]) -> Result<Vec<Option<Fitted>>, BundleError> {
        let fit = |score: &ScoreEntry| {
            let bank = banks.iter().find(|(layer, _)| *layer == score.layer && !score.is_angle());
            let refused = |source| BundleError::Bank { layer: score.layer, source };
            bank.map(|(_, bank)| score.scorer.fit(&bank.parts().features).map_err(refused)).transpose()
        };
        self.scores.iter().map(fit).collect()
    }

    /// Reads `history.json`.
    pub fn read_history(&self, bytes: &[u8]) -> Result<History, BundleError> {
        self.check_file(HISTORY_FILE, bytes)?;
        let history: History =
            serde_json::from_slice(bytes).map_err(|source| BundleError::Json { file: HISTORY_FILE, source })?;
        if !history.epochs.is_sorted_by(|a, b| a.epoch < b.epoch) {
            return Err(BundleError::Content { file: HISTORY_FILE, why: "epochs must ascend".into() });
        }
        Ok(history)
    }

    /// Reads `frames.safetensors`.
    pub fn read_frames(&self, bytes: &[u8]) -> Result<Frames, BundleError> {
        self.check_file(super::frames::FRAMES_FILE, bytes)?;
        let frames = Frames::from_bytes(bytes)?;
        match frames.labels.iter().find(|label| usize::from(**label) >= self.classes.len()) {
            Some(label) => {
                let why = format!("labels must be of the {} classes, found {label}", self.classes.len());
                Err(BundleError::Content { file: super::frames::FRAMES_FILE, why })
            }
            None => Ok(frames),
        }
    }
}

/// Name of the tensor that says which training images a shrunken bank's features are of.
pub(super) fn index_name(layer: Layer) -> String {
    format!("{layer}.index")
}

/// Which training images the features of a layer's bank are of. A full bank has them all in their order; a coreset
/// has a tensor that names them, or, in bundles of before there was one, does not tell.
fn read_index(reader: &Reader<'_>, layer: &LayerEntry) -> Result<Option<Vec<u32>>, BundleError> {
    let name = index_name(layer.name);
    if !reader.has(&name) {
        return Ok((layer.bank == layer.full_bank).then(|| (0..layer.bank as u32).collect()));
    }
    let index = reader.u32(&name)?;
    match index.iter().find(|&&i| i as usize >= layer.full_bank) {
        Some(i) => Err(reader.fault(format!("'{name}' must name training images 0..{}, found {i}", layer.full_bank))),
        None => Ok(Some(index)),
    }
}

/// Whether `id` may name a bundle's folder: it becomes part of paths and addresses.
pub fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    // A browser's engine makes fast code of a function between two calls of it, not within one: hashed in one piece, 22 MB take
    // six times as long there.
    let mut hasher = Sha256::new();
    bytes.chunks(1 << 16).for_each(|chunk| hasher.update(chunk));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_of_another_format_is_refused_before_its_words_are_read() {
        let now = include_str!("../../../assets/bundles/digits/bundle.json");
        let of = |format: u32| now.replacen(&format!("\"format\": {FORMAT}"), &format!("\"format\": {format}"), 1);
        let error = |json: String| Manifest::parse(json.as_bytes()).unwrap_err().to_string();
        let first = of(1).replace("\"k-cos-mah\"", "\"k-cos-mah-uncentred\"");
        assert_eq!(
            error(first),
            "bundle.json must have format 3, found 1: it was made by an earlier version, whose k-cos-mah was another \
             score; export its run again with this one"
        );
        assert!(error(of(4)).contains("found 4: it was made by a later version"));
    }
}

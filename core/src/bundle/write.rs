//! Writing a bundle, in memory.

use super::read::{BANK_FILE, HISTORY_FILE, MANIFEST_FILE, MODEL_FILE, index_name, sha256};
use super::tensors::Stored;
use super::{Assembled, BundleError, FileEntry};
use crate::features::Features;
use crate::measure::{Frames, History};
use crate::model::Layer;
use crate::score::{Bank, BankParts, ScoreError};
use half::f16;

impl Assembled {
    /// The bundle's files with what was measured in training, `bundle.json` last, so that a folder that has it is whole.
    pub fn to_files(mut self, history: &History, frames: &Frames) -> Result<Vec<(&'static str, Vec<u8>)>, BundleError> {
        let mut files = vec![
            (MODEL_FILE, self.model),
            (BANK_FILE, bank_bytes(&self.banks)?),
            (HISTORY_FILE, json(HISTORY_FILE, history)?),
            (super::frames::FRAMES_FILE, frames.to_bytes()?),
        ];
        files.extend(self.normal.map(|images| (super::NORMAL_FILE, images)));
        self.manifest.files = files
            .iter()
            .map(|(name, bytes)| FileEntry { name: name.to_string(), bytes: bytes.len() as u64, sha256: sha256(bytes) })
            .collect();
        files.push((MANIFEST_FILE, json(MANIFEST_FILE, &self.manifest)?));
        Ok(files)
    }
}

/// A bank as `bank.safetensors` keeps it: features in half precision, mean and whitening in single. Scores that a bundle
/// announces are measured with this one.
pub fn stored_bank(bank: &Bank) -> Result<Bank, ScoreError> {
    let parts = bank.parts();
    let rounded = parts.features.values().iter().map(|v| f16::from_f32(*v).to_f32()).collect();
    let features = Features::new(parts.features.n(), parts.features.dim(), rounded)?;
    let mean = parts.mean.iter().map(|&x| f64::from(x as f32)).collect();
    Bank::from_parts(BankParts { features, mean, ..parts.clone() })
}

fn bank_bytes(banks: &[(Layer, Bank)]) -> Result<Vec<u8>, BundleError> {
    let tensors = banks.iter().flat_map(|&(layer, ref bank)| {
        let parts = bank.parts();
        let matrix = |f: &Features| Stored::f32(&[f.n(), f.dim()], f.values());
        // Only a coreset must say which images it has: a full bank has them all in order.
        let chosen = parts.index.as_ref().filter(|index| !index.iter().copied().eq(0..index.len() as u32));
        let index = chosen.map(|index| (index_name(layer), Stored::u32(&[index.len()], index)));
        let tensors = [
            (
                format!("{layer}.features"),
                Stored::f16(&[parts.features.n(), parts.features.dim()], parts.features.values()),
            ),
            (format!("{layer}.mean"), Stored::f32(&[parts.mean.len()], &single(&parts.mean))),
            (format!("{layer}.whitening"), matrix(&parts.whitening)),
        ];
        tensors.into_iter().chain(index)
    });
    Stored::file(BANK_FILE, tensors.collect())
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

fn json<T: serde::Serialize>(file: &'static str, value: &T) -> Result<Vec<u8>, BundleError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|source| BundleError::Json { file, source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

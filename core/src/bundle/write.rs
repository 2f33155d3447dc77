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

/// A bank as `bank.safetensors` keeps it: features in half precision where that keeps their directions, mean and
/// whitening in single. The scores that a bundle lists are measured with this bank.
pub fn stored_bank(bank: &Bank) -> Result<Bank, ScoreError> {
    let parts = bank.parts();
    let features = if fits_half(&parts.features) {
        let rounded = parts.features.values().iter().map(|v| f16::from_f32(*v).to_f32()).collect();
        Features::new(parts.features.n(), parts.features.dim(), rounded)?
    } else {
        parts.features.clone()
    };
    let mean: Vec<f64> = parts.mean.iter().map(|&x| f64::from(x as f32)).collect();
    let centre = BankParts::centre_of(&parts.whitening, &mean);
    Bank::from_parts(BankParts { features, mean, centre, ..parts.clone() })
}

/// Whether half precision keeps the direction of every feature: the largest value of each must be a normal number of it.
/// Smaller ones lose digits and in the end become zero, larger ones become infinite.
fn fits_half(features: &Features) -> bool {
    let normal = f16::MIN_POSITIVE.to_f32()..=f16::MAX.to_f32();
    let largest = |row: &[f32]| row.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
    features.rows().map(largest).all(|value| value == 0.0 || normal.contains(&value))
}

fn bank_bytes(banks: &[(Layer, Bank)]) -> Result<Vec<u8>, BundleError> {
    let tensors = banks.iter().flat_map(|&(layer, ref bank)| {
        let parts = bank.parts();
        let shape = |f: &Features| [f.n(), f.dim()];
        let stored = if fits_half(&parts.features) { Stored::f16 } else { Stored::f32 };
        // Only a coreset must say which images it has: a full bank has them all in order.
        let chosen = parts.index.as_ref().filter(|index| !index.iter().copied().eq(0..index.len() as u32));
        let index = chosen.map(|index| (index_name(layer), Stored::u32(&[index.len()], index)));
        let tensors = [
            (format!("{layer}.features"), stored(&shape(&parts.features), parts.features.values())),
            (format!("{layer}.mean"), Stored::f32(&[parts.mean.len()], &single(&parts.mean))),
            (format!("{layer}.whitening"), Stored::f32(&shape(&parts.whitening), parts.whitening.values())),
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

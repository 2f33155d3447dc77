//! Bundles on the disk: a folder, or the zip that the page gives for download.

use crate::error::NsaError;
use crate::files;
use burn::tensor::backend::Backend;
use nsa_core::bundle::{
    BANK_FILE, BundleError, Detector, MANIFEST_FILE, MAX_ARCHIVE, MAX_FILE, MODEL_FILE, Manifest, from_zip,
};
use nsa_core::config::TrainConfig;
use std::path::Path;

/// Whether a bundle, and not a run, lies at `path`.
pub fn is_bundle(path: &Path) -> bool {
    path.is_file() || path.join(MANIFEST_FILE).exists()
}

/// Settings and weights of the bundle at `path`.
pub fn model(path: &Path) -> Result<(TrainConfig, Vec<u8>), NsaError> {
    let (manifest, [model, _]) = open(path)?;
    manifest.check_file(MODEL_FILE, &model).map_err(|source| NsaError::Bundle { path: path.into(), source })?;
    Ok((manifest.config, model))
}

/// The detector of the bundle at `path`, all its files checked.
pub fn detector<B: Backend>(path: &Path, device: B::Device) -> Result<Detector<B>, NsaError> {
    let (manifest, [model, bank]) = open(path)?;
    Detector::new(manifest, &model, &bank, device).map_err(|source| NsaError::Bundle { path: path.into(), source })
}

/// The manifest, and weights and bank as they are.
fn open(path: &Path) -> Result<(Manifest, [Vec<u8>; 2]), NsaError> {
    let refused = |source: BundleError| NsaError::Bundle { path: path.into(), source };
    if path.is_file() {
        let unpacked = from_zip(&files::read_capped(path, MAX_ARCHIVE)?).map_err(refused)?;
        let [model, bank, ..] = unpacked.files;
        return Ok((unpacked.manifest, [model, bank]));
    }
    let file = |name: &str| files::read_capped(&path.join(name), MAX_FILE);
    let manifest = Manifest::parse(&file(MANIFEST_FILE)?).map_err(refused)?;
    Ok((manifest, [file(MODEL_FILE)?, file(BANK_FILE)?]))
}

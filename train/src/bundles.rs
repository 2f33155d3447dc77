//! Bundles on the disk: a folder, or the zip that the page gives for download.

use crate::error::NsaError;
use crate::files;
use burn::tensor::backend::Backend;
use nsa_core::bundle::{
    BANK_FILE, BundleError, Detector, MANIFEST_FILE, MAX_ARCHIVE, MAX_FILE, MODEL_FILE, Manifest, from_zip,
};
use std::path::Path;

/// Whether a bundle, and not a run, lies at `path`.
pub fn is_bundle(path: &Path) -> bool {
    path.is_file() || path.join(MANIFEST_FILE).exists()
}

/// The detector of the bundle at `path`, all its files checked.
pub fn detector<B: Backend>(path: &Path, device: B::Device) -> Result<Detector<B>, NsaError> {
    let refused = |source: BundleError| NsaError::Bundle { path: path.to_path_buf(), source };
    if path.is_file() {
        let unpacked = from_zip(&files::read_capped(path, MAX_ARCHIVE)?).map_err(refused)?;
        let [model, bank, ..] = &unpacked.files;
        return Detector::new(unpacked.manifest, model, bank, device).map_err(refused);
    }
    let file = |name: &str| files::read_capped(&path.join(name), MAX_FILE);
    let manifest = Manifest::parse(&file(MANIFEST_FILE)?).map_err(refused)?;
    Detector::new(manifest, &file(MODEL_FILE)?, &file(BANK_FILE)?, device).map_err(refused)
}

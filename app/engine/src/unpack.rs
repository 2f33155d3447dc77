//! A bundle in a zip, taken apart for the page and checked as a detector would.

use burn::tensor::backend::Backend;
use nsa_core::bundle::{BundleError, Detector, MAX_ARCHIVE, Manifest, from_zip};

/// What the page keeps of a zip.
pub(crate) struct Unpacked {
    pub manifest: Manifest,
    /// Bytes of the first four parts.
    pub sizes: [usize; 4],
    /// `bundle.json`, model, bank, history and frames; of a person's own normal also the pixels of its images.
    pub parts: Vec<Vec<u8>>,
}

/// Takes a zip apart. What is wrong with it is said here, and not when the page has it loaded.
pub(crate) fn unpack<B: Backend>(bytes: &[u8], device: B::Device) -> Result<Unpacked, BundleError> {
    if bytes.len() as u64 > MAX_ARCHIVE {
        let (file, found) = ("the zip".into(), bytes.len() as u64);
        return Err(BundleError::TooLarge { file, limit: MAX_ARCHIVE, found });
    }
    let nsa_core::bundle::Unpacked { manifest, files: [model, bank, history, frames], normal } = from_zip(bytes)?;
    manifest.read_history(&history)?;
    manifest.read_frames(&frames)?;
    let pixels = normal.map(|images| manifest.read_normal(&images)).transpose()?;
    let manifest = Detector::<B>::new(manifest, &model, &bank, device)?.manifest().clone();
    let json = serde_json::to_vec(&manifest).map_err(|source| BundleError::Json { file: "bundle.json", source })?;
    let sizes = [json.len(), model.len(), bank.len(), history.len()];
    let parts = [json, model, bank, history, frames].into_iter().chain(pixels).collect();
    Ok(Unpacked { manifest, sizes, parts })
}

//! Bundles on the disk: a folder, or the zip that the page gives for download.

use crate::error::NsaError;
use crate::output::tell;
use crate::{catalog, files};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{
    BANK_FILE, BundleError, Detector, MANIFEST_FILE, MAX_ARCHIVE, MAX_FILE, MODEL_FILE, Manifest, NORMAL_FILE,
    from_zip, is_id, to_zip,
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

/// The pixels of the images that the bundle at `path` was fitted on, where they are a person's own.
pub fn normal(path: &Path) -> Result<Option<Vec<u8>>, NsaError> {
    let refused = |source: BundleError| NsaError::Bundle { path: path.into(), source };
    let (manifest, file) = if path.is_file() {
        let unpacked = from_zip(&files::read_capped(path, MAX_ARCHIVE)?).map_err(refused)?;
        (unpacked.manifest, unpacked.normal)
    } else {
        let manifest = Manifest::parse(&files::read_capped(&path.join(MANIFEST_FILE), MAX_FILE)?).map_err(refused)?;
        let file = manifest.normal.is_some().then(|| files::read_capped(&path.join(NORMAL_FILE), MAX_FILE));
        (manifest, file.transpose()?)
    };
    file.map(|bytes| manifest.read_normal(&bytes).map_err(refused)).transpose()
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

/// The id of a bundle that will be written to `out`: its last part, without `.zip`.
///
/// # Errors
/// A name that is no id; something at `out` that is not a bundle, because it would be replaced.
pub fn id_of(out: &Path) -> Result<String, NsaError> {
    let stem = if is_zip(out) { out.file_stem() } else { out.file_name() };
    let id = stem.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !is_id(&id) {
        return Err(NsaError::Usage(format!(
            "--out must end in the bundle's id, 1 to 64 of a-z, 0-9 and '-', found '{id}'"
        )));
    }
    if !is_zip(out) && out.exists() && !out.join(MANIFEST_FILE).exists() {
        let out = out.display();
        return Err(NsaError::Usage(format!(
            "{out} is there already and holds no {MANIFEST_FILE}: choose another --out"
        )));
    }
    Ok(id)
}

fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "zip")
}

/// Writes a bundle's files to `out`: a zip if its name says so, else a folder, which is listed in the catalogue if it lies
/// in `bundles/` beside one; `first` makes it the first to open.
///
/// Bundle and catalogue are written beside the old ones, under names that no bundle has, then put in place one right
/// after the other: a kill leaves the old bundle or the new one, and a catalogue that lists it (see `catalog::read`).
pub fn write(out: &Path, contents: &[(&'static str, Vec<u8>)], first: bool) -> Result<(), NsaError> {
    let total: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
    if is_zip(out) {
        let zip = to_zip(contents).map_err(|source| NsaError::Bundle { path: out.into(), source })?;
        files::write_atomic(out, &zip)?;
        tell!("{}: {:.2} MB", out.display(), total as f64 / 1e6);
        return Ok(());
    }
    let id = id_of(out)?;
    let beside = files::with_suffix(out, files::PART);
    files::recover_folder(out)?;
    std::fs::create_dir_all(&beside).map_err(files::writing(&beside))?;
    for (name, bytes) in contents {
        files::write_atomic(&beside.join(name), bytes)?;
    }
    let assets = catalog::assets_of(out);
    let listed = assets.as_deref().map(|assets| catalog::stage(assets, &id, &beside, first)).transpose()?;
    files::replace_folder(out)?;
    tell!("{}: {:.2} MB", out.display(), total as f64 / 1e6);
    if let (Some(assets), Some(listed)) = (assets, listed) {
        catalog::commit(&assets)?;
        tell!("{} lists {} bundles, {} first", catalog::CATALOG_FILE, listed.bundles.len(), listed.default);
    }
    Ok(())
}

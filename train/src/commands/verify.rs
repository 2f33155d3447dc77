//! `nsa verify`: every bundle of a catalogue, byte for byte. A bad one is named, the others go on being checked.

use crate::cli::VerifyArgs;
use crate::error::NsaError;
use crate::{catalog, files};
use nsa_core::bundle::{
    BANK_FILE, BundleError, Catalog, Detector, FRAMES_FILE, HISTORY_FILE, MANIFEST_FILE, MAX_FILE, MODEL_FILE, Manifest,
};
use std::path::Path;

/// Checks all; fails if one failed.
pub fn run(args: &VerifyArgs) -> Result<(), NsaError> {
    let path = args.assets.join(catalog::CATALOG_FILE);
    let listed: Catalog = serde_json::from_slice(&files::read(&path)?)
        .map_err(|e| NsaError::ConfigFile { path: path.clone(), why: e.to_string() })?;
    let mut ids: Vec<String> = listed.bundles.iter().map(|bundle| bundle.id.clone()).collect();
    let found = catalog::bundle_ids(&args.assets)?;
    ids.extend(found.into_iter().filter(|id| !listed.bundles.iter().any(|bundle| bundle.id == *id)));
    let mut failed = 0;
    for id in &ids {
        match check(&args.assets, id, &listed) {
            Ok(summary) => println!("ok      {id}  {summary}"),
            Err(error) => {
                failed += 1;
                println!("FAILED  {id}");
                eprintln!("nsa: {error}");
            }
        }
    }
    if failed > 0 { Err(NsaError::Some { failed, total: ids.len(), what: "bundles" }) } else { Ok(()) }
}

fn check(assets: &Path, id: &str, listed: &Catalog) -> Result<String, NsaError> {
    // The id comes from a file that may be hostile, and becomes a path.
    if !nsa_core::bundle::is_id(id) {
        return Err(NsaError::Usage(format!("catalog.json lists '{id}', which is not a bundle's id")));
    }
    let folder = assets.join("bundles").join(id);
    let refused = |source: BundleError| NsaError::Bundle { path: folder.clone(), source };
    let manifest_bytes = read_capped(&folder.join(MANIFEST_FILE))?;
    let manifest = Manifest::parse(&manifest_bytes).map_err(refused)?;
    let entry = catalog::entry(&manifest, manifest_bytes.len() as u64);
    if entry.id != id || !listed.bundles.contains(&entry) {
        return Err(NsaError::Usage(format!(
            "{}: the catalogue does not say the same of it as its bundle.json: export it again",
            folder.display()
        )));
    }
    let read = |name: &str| read_capped(&folder.join(name));
    manifest.read_history(&read(HISTORY_FILE)?).map_err(refused)?;
    manifest.read_frames(&read(FRAMES_FILE)?).map_err(refused)?;
    let detector =
        Detector::<burn_flex::Flex>::new(manifest, &read(MODEL_FILE)?, &read(BANK_FILE)?, Default::default())
            .map_err(refused)?;
    let manifest = detector.manifest();
    let score = &manifest.scores[manifest.default_score()];
    Ok(format!(
        "{:.2} MB, AUROC {:.1} by {} on {}",
        entry.bytes as f64 / 1e6,
        100.0 * score.auroc_exported,
        score.scorer,
        score.layer
    ))
}

/// Reads a file that may be absurdly large only as far as a bundle's file may be.
pub fn read_capped(path: &Path) -> Result<Vec<u8>, NsaError> {
    let found = std::fs::metadata(path).map_err(files::at(path))?.len();
    if found > MAX_FILE {
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let source = BundleError::TooLarge { file, limit: MAX_FILE, found };
        return Err(NsaError::Bundle { path: path.parent().unwrap_or(path).to_path_buf(), source });
    }
    files::read(path)
}

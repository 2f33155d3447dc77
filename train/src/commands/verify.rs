//! `nsa verify`: every bundle of a catalogue, byte for byte. A bad one is named, the others go on being checked.

use super::print;
use crate::cli::VerifyArgs;
use crate::error::NsaError;
use crate::output::tell;
use crate::{catalog, files};
use nsa_core::bundle::{
    BANK_FILE, BundleError, Catalog, CatalogEntry, Detector, FRAMES_FILE, HISTORY_FILE, MANIFEST_FILE, MAX_FILE,
    MAX_MANIFEST, MODEL_FILE, Manifest, is_id,
};
use std::path::Path;

/// Checks all; fails if one failed.
pub fn run(args: &VerifyArgs) -> Result<(), NsaError> {
    let (listed, pending) = catalog::read(&args.assets)?;
    let mut ids: Vec<String> = listed.bundles.iter().map(|bundle| bundle.id.clone()).collect();
    let found = catalog::bundle_ids(&args.assets)?;
    ids.extend(found.into_iter().filter(|id| !listed.bundles.iter().any(|bundle| bundle.id == *id)));
    let (mut failed, mut status) = (0, 2);
    for id in &ids {
        match check(&args.assets, id, &listed, pending.as_ref()) {
            Ok(summary) => print(&format!("ok      {id}  {summary}\n"))?,
            Err(error) => {
                failed += 1;
                status = status.min(error.exit_code());
                print(&format!("FAILED  {}\n", id.escape_debug()))?;
                tell!("nsa: {error}");
            }
        }
    }
    if !listed.bundles.iter().any(|bundle| bundle.id == listed.default) {
        let (must, found) = ("name one of its bundles as default".into(), format!("{:?}", listed.default));
        return Err(NsaError::File { path: args.assets.join(catalog::CATALOG_FILE), must, found });
    }
    if failed > 0 { Err(NsaError::Some { status, failed, total: ids.len(), what: "bundles" }) } else { Ok(()) }
}

fn check(assets: &Path, id: &str, listed: &Catalog, pending: Option<&Catalog>) -> Result<String, NsaError> {
    // The id comes from a file that may be hostile, and becomes a path.
    if !is_id(id) {
        let must = "list ids of 1 to 64 of a-z, 0-9 and '-'".into();
        return Err(NsaError::File { path: assets.join(catalog::CATALOG_FILE), must, found: format!("{id:?}") });
    }
    let folder = assets.join("bundles").join(id);
    let refused = |source: BundleError| NsaError::Bundle { path: folder.clone(), source };
    let manifest_bytes = files::read_capped(&folder.join(MANIFEST_FILE), MAX_MANIFEST)?;
    let manifest = Manifest::parse(&manifest_bytes).map_err(refused)?;
    let entry = catalog::entry(&manifest, manifest_bytes.len() as u64);
    check_listed(assets, id, &entry, listed, pending)?;
    let read = |name: &str| files::read_capped(&folder.join(name), MAX_FILE);
    manifest.read_history(&read(HISTORY_FILE)?).map_err(refused)?;
    manifest.read_frames(&read(FRAMES_FILE)?).map_err(refused)?;
    let detector =
        Detector::<burn_flex::Flex>::new(manifest, &read(MODEL_FILE)?, &read(BANK_FILE)?, Default::default())
            .map_err(refused)?;
    let manifest = detector.manifest();
    let score = &manifest.scores[manifest.default_score()];
    let by = match score.auroc_exported {
        Some(auroc) => format!("AUROC {:.1}", 100.0 * auroc),
        None => "a person's own normal".into(),
    };
    Ok(format!("{:.2} MB, {by} by {} on {}", entry.bytes as f64 / 1e6, score.scorer, score.layer))
}

/// The catalogue must say of a bundle what its manifest says.
fn check_listed(
    assets: &Path,
    id: &str,
    entry: &CatalogEntry,
    listed: &Catalog,
    pending: Option<&Catalog>,
) -> Result<(), NsaError> {
    let says = |catalog: &Catalog| entry.id == id && catalog.bundles.contains(entry);
    if says(listed) {
        return Ok(());
    }
    if pending.is_some_and(says) {
        tell!("warning: the export of {id} was stopped before {} was replaced: run it again", catalog::CATALOG_FILE);
        return Ok(());
    }
    Err(NsaError::File {
        path: assets.join("bundles").join(id).join(MANIFEST_FILE),
        must: format!("be listed in {} as it is", catalog::CATALOG_FILE),
        found: if listed.bundles.iter().any(|bundle| bundle.id == id) { "another entry" } else { "no entry" }.into(),
    })
}

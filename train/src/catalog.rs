//! `catalog.json`: made from the bundles that lie beside it.

use crate::error::NsaError;
use crate::files::{self, PartFile};
use crate::output::tell;
use nsa_core::bundle::{Catalog, CatalogEntry, FORMAT, MANIFEST_FILE, MAX_MANIFEST, Manifest};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Name of the file.
pub const CATALOG_FILE: &str = "catalog.json";

/// The catalogue in `assets`, and the one that an export was about to put in its place when it was stopped.
///
/// A bundle and its line in the catalogue are two files, so there is a moment at which the one is new and the other
/// old. `nsa export` writes the new catalogue out before it touches the bundle, so that the line is there to be read.
pub fn read(assets: &Path) -> Result<(Catalog, Option<Catalog>), NsaError> {
    let path = assets.join(CATALOG_FILE);
    let pending = files::parts(&path).find_map(|part| parse(&part).ok());
    match (parse(&path), pending) {
        (Err(NsaError::Io { .. }), Some(pending)) if !path.exists() => Ok((pending, None)),
        (listed, pending) => Ok((listed?, pending)),
    }
}

fn parse(path: &Path) -> Result<Catalog, NsaError> {
    let catalog: Catalog = serde_json::from_slice(&files::read_capped(path, MAX_MANIFEST)?)
        .map_err(|e| NsaError::ConfigFile { path: path.into(), why: e.to_string() })?;
    if catalog.format != FORMAT {
        let must = format!("have format {FORMAT}");
        return Err(NsaError::File { path: path.into(), must, found: catalog.format.to_string() });
    }
    Ok(catalog)
}

/// Whether a file is a catalogue, of whichever format.
pub fn is_catalog(path: &Path) -> bool {
    let found =
        files::read_plain(path, MAX_MANIFEST).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    found.is_some_and(|found| found["format"].is_u64() && found["default"].is_string() && found["bundles"].is_array())
}

/// Writes the catalogue as it will be once the bundle `id`, now in `folder`, is in its place: beside the old one,
/// which putting it in place replaces. `first` makes it the first to open; else the one that was stays, or the first by
/// name. The caller holds the lock of `assets`, so that no other process writes a catalogue meanwhile.
///
/// Another bundle that cannot be read is named on stderr and left out: it must not keep this one from being exported.
pub fn stage(assets: &Path, id: &str, folder: &Path, first: bool) -> Result<(Catalog, PartFile), NsaError> {
    let mut ids = if assets.join("bundles").exists() { bundle_ids(assets)? } else { vec![] };
    ids.push(id.into());
    ids.sort();
    ids.dedup();
    let mut bundles = Vec::new();
    for other in &ids {
        let folder = if other == id { folder.to_path_buf() } else { assets.join("bundles").join(other) };
        match read_entry(&folder, other) {
            Ok(entry) => bundles.push(entry),
            Err(error) if other == id => return Err(error),
            Err(error) => tell!("warning: {CATALOG_FILE} leaves out {other}: {error}"),
        }
    }
    let known = |id: &String| bundles.iter().any(|bundle| bundle.id == *id);
    let before = || parse(&assets.join(CATALOG_FILE)).ok().map(|catalog| catalog.default).filter(known);
    let default = if first { None } else { before().or_else(|| ids.iter().find(|id| known(id)).cloned()) };
    let catalog = Catalog { format: FORMAT, default: default.unwrap_or_else(|| id.into()), bundles };
    let mut json = serde_json::to_vec_pretty(&catalog)?;
    json.push(b'\n');
    let staged = files::stage(&assets.join(CATALOG_FILE), &json)?;
    Ok((catalog, staged))
}

fn read_entry(folder: &Path, id: &str) -> Result<CatalogEntry, NsaError> {
    let bytes = files::read_capped(&folder.join(MANIFEST_FILE), MAX_MANIFEST)?;
    let manifest = Manifest::parse(&bytes).map_err(|source| NsaError::Bundle { path: folder.into(), source })?;
    if manifest.id != id {
        let must = format!("have id '{id}', its folder's name");
        return Err(NsaError::File { path: folder.join(MANIFEST_FILE), must, found: manifest.id });
    }
    Ok(entry(&manifest, bytes.len() as u64))
}

/// The folder with `catalog.json`, if `bundle` lies in `bundles/` under one.
pub fn assets_of(bundle: &Path) -> Option<PathBuf> {
    let bundles = bundle.parent().filter(|folder| folder.ends_with("bundles"))?;
    bundles.parent().map(Path::to_path_buf)
}

/// Names of the folders under `assets/bundles` that may be bundles, sorted.
pub fn bundle_ids(assets: &Path) -> Result<Vec<String>, NsaError> {
    let folder = assets.join("bundles");
    let mut ids = Vec::new();
    for item in std::fs::read_dir(&folder).map_err(files::reading(&folder))? {
        let item = item.map_err(files::reading(&folder))?;
        let id = item.file_name().to_string_lossy().into_owned();
        // Folders being written have names that no bundle may have.
        if nsa_core::bundle::is_id(&id) && item.path().is_dir() {
            ids.push(id);
        }
    }
    ids.sort();
    Ok(ids)
}

/// What the catalogue says of a bundle.
pub fn entry(manifest: &Manifest, manifest_bytes: u64) -> CatalogEntry {
    CatalogEntry::of(manifest, manifest.total_bytes() + manifest_bytes)
}

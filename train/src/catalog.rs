//! `catalog.json`: made from the bundles that lie beside it.

use crate::error::NsaError;
use crate::files;
use nsa_core::bundle::{Catalog, CatalogEntry, FORMAT, MANIFEST_FILE, Manifest};
use std::path::Path;

/// Name of the file.
pub const CATALOG_FILE: &str = "catalog.json";

/// Rewrites `assets/catalog.json` from `assets/bundles/*`. `default` becomes the first to open; without it the one
/// that was stays, or else the first by name.
pub fn rebuild(assets: &Path, default: Option<&str>) -> Result<Catalog, NsaError> {
    let mut bundles = Vec::new();
    for id in bundle_ids(assets)? {
        let folder = assets.join("bundles").join(&id);
        let bytes = files::read(&folder.join(MANIFEST_FILE))?;
        let manifest = Manifest::parse(&bytes).map_err(|source| NsaError::Bundle { path: folder, source })?;
        bundles.push(entry(&manifest, bytes.len() as u64));
    }
    let Some(first) = bundles.first() else {
        return Err(NsaError::Usage(format!("{} holds no bundle to list", assets.join("bundles").display())));
    };
    let path = assets.join(CATALOG_FILE);
    let before = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Catalog>(&bytes).ok());
    let wanted = default.map(String::from).or(before.map(|catalog| catalog.default));
    let known = |id: &String| bundles.iter().any(|bundle| bundle.id == *id);
    let default = wanted.filter(known).unwrap_or_else(|| first.id.clone());
    let catalog = Catalog { format: FORMAT, default, bundles };
    let mut json = serde_json::to_vec_pretty(&catalog)?;
    json.push(b'\n');
    files::write_atomic(&path, &json)?;
    Ok(catalog)
}

/// Names of the folders under `assets/bundles` that hold a manifest, sorted.
pub fn bundle_ids(assets: &Path) -> Result<Vec<String>, NsaError> {
    let folder = assets.join("bundles");
    let mut ids = Vec::new();
    for item in std::fs::read_dir(&folder).map_err(files::at(&folder))? {
        let item = item.map_err(files::at(&folder))?;
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
    let config = &manifest.config;
    CatalogEntry {
        id: manifest.id.clone(),
        title: manifest.title.clone(),
        dataset: config.dataset.clone(),
        id_class: config.id_class,
        objective: config.objective.to_string(),
        norm: config.norm.to_string(),
        pollution: config.pollution,
        width: config.width,
        epochs: config.epochs,
        bytes: manifest.total_bytes() + manifest_bytes,
    }
}

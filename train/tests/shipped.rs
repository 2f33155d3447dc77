//! The models in the repository are what their committed settings give, and results/MODELS.md says of them what was
//! measured.
#![allow(clippy::unwrap_used)]

use nsa_core::bundle::{Catalog, MANIFEST_FILE, Manifest};
use nsa_core::config::TrainConfig;
use nsa_core::model::Layer;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifests() -> Vec<Manifest> {
    let catalog: Catalog = serde_json::from_slice(&fs::read(root().join("assets/catalog.json")).unwrap()).unwrap();
    let read = |id: &str| fs::read(root().join("assets/bundles").join(id).join(MANIFEST_FILE)).unwrap();
    catalog.bundles.iter().map(|entry| Manifest::parse(&read(&entry.id)).unwrap()).collect()
}

#[test]
fn every_model_was_trained_by_its_committed_settings() {
    for manifest in manifests() {
        let path = root().join("train/configs").join(format!("{}.toml", manifest.id));
        let config: TrainConfig = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(config, manifest.config, "{}", manifest.id);
    }
}

#[test]
fn the_table_of_models_says_what_was_measured() {
    let table = fs::read_to_string(root().join("results/MODELS.md")).unwrap();
    for manifest in manifests() {
        let first = &manifest.scores[manifest.default_score()];
        let rate = |scorer: &str| {
            let entry =
                manifest.scores.iter().find(|s| s.layer == Layer::EMBEDDING && s.scorer.to_string() == scorer).unwrap();
            format!("{:.1}", 100.0 * entry.auroc_exported.unwrap())
        };
        let p = &manifest.provenance;
        let row = format!(
            "| `{}` | {} | {} of {}: {:.1} | {} | {} | {} | {} | {:.0} min |",
            manifest.id,
            manifest.title,
            first.scorer,
            first.layer,
            100.0 * first.auroc_exported.unwrap(),
            rate("k-cos-mah"),
            rate("k-cos"),
            rate("c-cos"),
            rate("c-cos-mah"),
            p.wall_seconds / 60.0
        );
        assert!(table.contains(&row), "results/MODELS.md lacks this row:\n{row}");
    }
}

#[test]
fn the_default_model_detects() {
    let default = manifests().into_iter().find(|m| m.id == "digits").unwrap();
    let score = &default.scores[default.default_score()];
    let auroc = score.auroc_exported.unwrap();
    assert!(auroc >= 0.85, "AUROC {auroc} by {}", score.scorer);
}

//! One trained model as the browser gets it.

mod manifest;
pub use manifest::{
    Catalog, CatalogEntry, Compactness, FORMAT, FileEntry, History, HistoryEntry, LayerEntry, Manifest, Provenance,
    ScoreEntry,
};

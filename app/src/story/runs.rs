//! Runs by their settings: a scene finds its models in the catalogue, whatever they are called.

use nsa_core::bundle::{Catalog, CatalogEntry};

/// What a run was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `simsiam`, `simclr`.
    pub objective: &'static str,
    /// `none`, `f`, `g`, `both`.
    pub norm: &'static str,
    /// Whether outliers were mixed in.
    pub polluted: bool,
}

impl Settings {
    fn fit(self, entry: &CatalogEntry) -> bool {
        entry.objective == self.objective && entry.norm == self.norm && (entry.pollution > 0.0) == self.polluted
    }
}

/// One run for each of the `settings`. All are of the same data set, class, width and length, or the comparison
/// would not be fair; of several sets the longest trained one is taken, then the widest. None if there is no whole set,
/// or nothing is wanted.
pub fn find(catalog: &Catalog, settings: &[Settings]) -> Option<Vec<CatalogEntry>> {
    let (first, others) = settings.split_first()?;
    let alike = |a: &CatalogEntry, b: &CatalogEntry| {
        (&a.dataset, a.id_class, a.width, a.epochs) == (&b.dataset, b.id_class, b.width, b.epochs)
    };
    let set = |entry: &CatalogEntry| -> Option<Vec<CatalogEntry>> {
        let partner = |wanted: &Settings| catalog.bundles.iter().find(|e| wanted.fit(e) && alike(e, entry)).cloned();
        let partners: Option<Vec<CatalogEntry>> = others.iter().map(partner).collect();
        Some(std::iter::once(entry.clone()).chain(partners?).collect())
    };
    let sets = catalog.bundles.iter().filter(|e| first.fit(e)).filter_map(set);
    sets.min_by_key(|set| std::cmp::Reverse((set[0].epochs, set[0].width)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::story) fn entry(id: &str, norm: &str, epochs: usize) -> CatalogEntry {
        CatalogEntry {
            id: id.into(),
            title: id.into(),
            dataset: "fashion-mnist".into(),
            id_class: 7,
            objective: "simclr".into(),
            norm: norm.into(),
            pollution: 0.0,
            width: 8,
            epochs,
            bytes: 1,
        }
    }

    pub(in crate::story) fn catalog() -> Catalog {
        let bundles = vec![
            entry("short-none", "none", 20),
            entry("short-f", "f", 20),
            entry("long-none", "none", 100),
            entry("long-f", "f", 100),
            entry("lonely-none", "none", 400),
        ];
        Catalog { format: 3, default: "short-f".into(), bundles }
    }

    const NONE: Settings = Settings { objective: "simclr", norm: "none", polluted: false };

    fn ids(settings: &[Settings]) -> Option<Vec<String>> {
        find(&catalog(), settings).map(|set| set.into_iter().map(|e| e.id).collect())
    }

    #[test]
    fn a_pair_was_trained_alike() {
        assert_eq!(ids(&[NONE]), Some(vec!["lonely-none".into()]));
        assert_eq!(ids(&[NONE, Settings { norm: "f", ..NONE }]), Some(vec!["long-none".into(), "long-f".into()]));
    }

    #[test]
    fn what_is_not_there_is_not_made_up() {
        assert_eq!(ids(&[Settings { polluted: true, ..NONE }]), None);
        assert_eq!(ids(&[NONE, Settings { norm: "both", ..NONE }]), None);
        assert_eq!(ids(&[]), None);
    }
}

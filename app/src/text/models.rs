//! What a model knows, in words for people who have never heard of its data set, and how it learned that.

use nsa_core::bundle::{Catalog, CatalogEntry, ELSEWHERE};
use nsa_core::data::OWN;

/// What the classes of a data set are called in a sentence. Digits need no list.
const CLASSES: [(&str, [&str; 10]); 2] = [
    (
        "fashion-mnist",
        [
            "T-shirts",
            "trousers",
            "pullovers",
            "dresses",
            "coats",
            "sandals",
            "shirts",
            "sneakers",
            "bags",
            "ankle boots",
        ],
    ),
    ("cifar10", ["planes", "cars", "birds", "cats", "deer", "dogs", "frogs", "horses", "ships", "trucks"]),
];

/// Data sets as people write them.
const DATASETS: [(&str, &str); 7] = [
    (ELSEWHERE, "images that only its makers know"),
    (OWN, "a person's own images"),
    ("synth-digits", "synth-digits"),
    ("fashion-mnist", "Fashion-MNIST"),
    ("cifar10", "CIFAR-10"),
    ("cifar100", "CIFAR-100"),
    ("svhn", "SVHN"),
];

/// The name of a data set.
pub fn dataset(name: &str) -> &str {
    DATASETS.iter().find(|(key, _)| *key == name).map_or(name, |(_, title)| title)
}

/// What belongs to a class: "the digit 2", "bags".
pub fn things(dataset: &str, class: usize) -> String {
    let named = CLASSES.iter().find(|(name, _)| *name == dataset).and_then(|(_, names)| names.get(class));
    match (named, dataset) {
        (Some(name), _) => (*name).into(),
        (None, OWN) => "your images".into(),
        (None, "synth-digits" | "svhn") => format!("the digit {class}"),
        _ => format!("class {class} of {}", self::dataset(dataset)),
    }
}

/// From this share of "outliers" on a model has learned from a whole data set, not from a class.
const WHOLE: f32 = 0.5;

/// The title of a model: what it knows.
pub fn knows(entry: &CatalogEntry) -> String {
    match entry.pollution {
        _ if entry.dataset == ELSEWHERE => "Knows what its weights came with".into(),
        _ if entry.epochs == 0 => "Knows nothing: untrained".into(),
        share if share >= WHOLE => format!("Knows all of {}", dataset(&entry.dataset)),
        _ => format!("Knows {}", things(&entry.dataset, entry.id_class)),
    }
}

/// How a model learned: its method, and what was mixed into its training set.
pub fn method(entry: &CatalogEntry) -> String {
    let name = super::objective(&entry.objective, &entry.norm);
    match entry.pollution {
        share if share == 0.0 || share >= WHOLE => name,
        share => format!("{name}, {:.0} % outliers", share * 100.0),
    }
}

/// What a model knows and how it learned, for menus and for columns.
pub fn label(entry: &CatalogEntry) -> String {
    format!("{} · {}", knows(entry), method(entry))
}

/// The labels of all models. Where two would be alike, their ids tell them apart.
pub fn labels(catalog: &Catalog) -> Vec<(String, String)> {
    let labels: Vec<String> = catalog.bundles.iter().map(label).collect();
    let named = |(entry, label): (&CatalogEntry, &String)| {
        let twins = labels.iter().filter(|other| *other == label).count();
        let label = if twins > 1 { format!("{label} · {}", entry.id) } else { label.clone() };
        (entry.id.clone(), label)
    };
    catalog.bundles.iter().zip(&labels).map(named).collect()
}

/// Below a model's title: how it came to know what it knows.
pub fn sentence(entry: &CatalogEntry) -> String {
    format!(
        "Learned by {} from {}: {} epochs of training without a single label.",
        method(entry),
        dataset(&entry.dataset),
        entry.epochs,
    )
}

/// Whose pictures the gallery shows, where the licence asks for it.
pub fn credit(dataset: &str) -> Option<&'static str> {
    (dataset == "fashion-mnist").then_some("Pictures: Fashion-MNIST, © 2017 Zalando SE, MIT licence.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, dataset: &str, id_class: usize, pollution: f32) -> CatalogEntry {
        CatalogEntry {
            id: id.into(),
            title: "SimCLR on something".into(),
            dataset: dataset.into(),
            id_class,
            objective: "simclr".into(),
            norm: "f".into(),
            pollution,
            width: 8,
            epochs: 40,
            bytes: 1,
        }
    }

    #[test]
    fn titles_say_what_a_model_knows() {
        assert_eq!(knows(&entry("a", "synth-digits", 2, 0.0)), "Knows the digit 2");
        assert_eq!(knows(&entry("a", "fashion-mnist", 8, 0.0)), "Knows bags");
        assert_eq!(knows(&entry("a", "cifar10", 1, 0.0)), "Knows cars");
        assert_eq!(knows(&entry("a", OWN, 0, 0.0)), "Knows your images");
        assert_eq!(knows(&entry("a", "cifar100", 31, 0.0)), "Knows class 31 of CIFAR-100");
        assert_eq!(label(&entry("a", "cifar10", 0, 0.9)), "Knows all of CIFAR-10 · SimCLR(n)");
        assert_eq!(knows(&CatalogEntry { epochs: 0, ..entry("a", "cifar10", 0, 0.0) }), "Knows nothing: untrained");
        assert_eq!(label(&entry("a", "fashion-mnist", 8, 0.1)), "Knows bags · SimCLR(n), 10 % outliers");
    }

    #[test]
    fn no_two_models_of_a_menu_are_called_alike() {
        let bundles = vec![entry("a", "cifar10", 1, 0.0), entry("b", "cifar10", 1, 0.0), entry("c", "cifar10", 2, 0.0)];
        let labels = labels(&Catalog { format: 1, default: "a".into(), bundles });
        let titles: Vec<&str> = labels.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(titles, ["Knows cars · SimCLR(n) · a", "Knows cars · SimCLR(n) · b", "Knows birds · SimCLR(n)"]);
    }
}

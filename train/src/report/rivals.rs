//! The methods of other papers beside the paper's own, on the same images, encoder and budget.

use super::cost::Cost;
use super::course;
use super::duration;
use super::record::RunRecord;
use super::settings::{self, Settings};
use super::table::Table;
use nsa_core::config::{Norm, Objective, TrainConfig};
use nsa_core::model::Layer;
use nsa_core::score::Scorer;
use nsa_core::ssl::classifiers;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What the pixels alone reach by, with the column's words.
const PIXELS: [(Scorer, &str); 3] =
    [(Scorer::KCos, "cosine"), (Scorer::KnnL2, "k-NN, k = 2"), (Scorer::MahalanobisShrunk, "Mahalanobis, shrunk")];

/// A table for each budget with which a method of another paper was trained on a data set: raw pixels and untrained encoders
/// first, then every method, mean and standard deviation over those of its runs whose class and seed all methods of the
/// table have.
pub fn tables(dataset: &str, records: &[RunRecord], all: &[Settings]) -> String {
    let mut groups: BTreeMap<&str, Vec<&RunRecord>> = BTreeMap::new();
    let is_clean = |r: &&RunRecord| r.config.dataset == dataset && r.config.epochs > 0 && r.config.pollution == 0.0;
    for run in records.iter().filter(is_clean).filter(|run| run.result().is_some()) {
        let Some(settings) = settings::of(all, &run.config) else { continue };
        groups.entry(&settings.label).or_default().push(run);
    }
    let mut text = String::new();
    for (label, runs) in groups {
        if runs.iter().any(|run| run.config.objective.is_rival()) {
            let _ = write!(text, "### Settings [{label}]\n\n{}", table(&runs, records));
        }
    }
    if text.is_empty() {
        return text;
    }
    String::from(
        "## The methods of other papers\n\nOn the same images, by the same encoder, as many epochs of the same batches: what is \
         learned and what scores differ. Own score: as the method's authors score (`docs/method.md`); chosen: the feature map and \
         scorer that are best on validation images, run by run. AUROC in percent on the whole test set, mean ± standard \
         deviation over classes and seeds. Pictures: how many of an image a step embeds; passes: how many of a test image \
         its own score needs; models: networks, and classifiers that refine the data. ELSA has seen labels: a twentieth of what it \
         learns from are anomalies, of one class, that it is told are some. DN2 is what PANDA begins with, an encoder trained on \
         other images.\n\n",
    ) + &text
}

fn table(runs: &[&RunRecord], records: &[RunRecord]) -> String {
    let mut methods: BTreeMap<usize, Vec<&RunRecord>> = BTreeMap::new();
    let place = |run: &RunRecord| {
        let at = Objective::ALL.iter().position(|objective| *objective == run.config.objective);
        2 * at.unwrap_or_default() + usize::from(run.config.norm != Norm::None)
    };
    runs.iter().for_each(|run| methods.entry(place(run)).or_default().push(run));
    let which = |run: &RunRecord| (run.config.id_class, run.config.seed);
    let of_method = |runs: &Vec<&RunRecord>| runs.iter().map(|run| which(run)).collect::<BTreeSet<_>>();
    let rivals = methods.values().filter(|runs| runs[0].config.objective.is_rival());
    let shared = rivals.map(of_method).reduce(|a, b| &a & &b).unwrap_or_default();
    methods.values_mut().for_each(|runs| runs.retain(|run| shared.contains(&which(run))));
    methods.retain(|_, runs| runs.len() == shared.len() && !runs.is_empty());
    let Some(first) = methods.values().next() else { return "No class and seed is there of all methods.\n\n".into() };

    let mut table = Table::new(
        2,
        ["method", "own score", "k-Cos", "k-Cos (Mah)", "chosen", "pictures", "passes", "models", "training"],
    );
    for (scorer, words) in PIXELS {
        let reached = cell(first, |run| run.result()?.of(Layer::Pixels, scorer));
        table.row(["raw pixels", &format!("{words}: {reached}"), "", "", "", "", "", "", ""]);
    }
    let is_beside = |run: &&RunRecord| {
        let of_table = shared.contains(&which(run)) && run.setting() == first[0].setting();
        of_table && run.is_untrained() && run.config.norm == Norm::None
    };
    let scores = |runs: &[&RunRecord]| {
        let score = |name: &str| cell(runs, |run| run.result()?.reached(name));
        [score("k-cos"), score("k-cos-mah"), cell(runs, |run| run.result()?.chosen())]
    };
    let untrained: Vec<&RunRecord> = records.iter().filter(is_beside).collect();
    if untrained.len() == shared.len() {
        let start = ["untrained encoder", ""].map(String::from);
        table.row(start.into_iter().chain(scores(&untrained)).chain(["", "1", "1", ""].map(String::from)));
    }
    for runs in methods.values() {
        let config = &runs[0].config;
        if config.objective.adapts_weights() {
            let before = cell(runs, |run| run.start()?.rate(Scorer::KnnL2));
            let own = format!("{} on {}: {before}", Scorer::KnnL2, Layer::EMBEDDING);
            table.row(["DN2", &own, "", "", "", "", "1", "1", ""]);
        }
        let of = |&(layer, scorer): &(Layer, Scorer)| {
            let reached = cell(runs, |run| run.result()?.of(layer, scorer));
            format!("{scorer} on {layer}: {reached}")
        };
        let layer = config.objective.own_scores().first().map_or(Layer::EMBEDDING, |(layer, _)| *layer);
        let cost = Cost::of(config.objective, layer);
        let own: Vec<String> = config.objective.own_scores().iter().map(of).collect();
        let own = if own.is_empty() { "as the next two".into() } else { own.join("; ") };
        let seconds = runs.iter().map(|run| run.summary.wall_seconds).sum::<f64>() / runs.len() as f64;
        let end = [cost.pictures.to_string(), cost.passes.to_string(), models(config), duration(seconds)];
        let start = [config.objective.with_norm(config.norm), own];
        table.row(start.into_iter().chain(scores(runs)).chain(end));
    }
    let classes: BTreeSet<usize> = shared.iter().map(|(class, _)| *class).collect();
    let (classes, runs) = (classes.len(), shared.len());
    let plural = if classes == 1 { "class" } else { "classes" };
    format!("{classes} {plural}, {runs} runs of each method.\n\n{}\n", table.markdown())
}

/// Models that are trained for one class.
fn models(config: &TrainConfig) -> String {
    match config.objective {
        Objective::Stoc => format!("1 + {}", classifiers(config.epochs)),
        _ => "1".into(),
    }
}

/// Mean and spread of an AUROC in percent; a dash where a run lacks it.
fn cell(runs: &[&RunRecord], of: impl Fn(&RunRecord) -> Option<f64>) -> String {
    course::cell(runs, |run| Some(100.0 * of(run)?))
}

//! A paper's row with the runs of ours that belong to it.

use super::paper::{PaperRow, PaperTable};
use super::record::RunRecord;
use super::settings::{self, Settings};
use crate::data;
use crate::evaluation::Evaluation;
use std::collections::BTreeMap;

/// A row of the paper, and ours: one for each way in which we trained it.
pub struct Compared<'a> {
    /// The paper's.
    pub paper: &'a PaperRow,
    /// Ours; none means that it was not run.
    pub ours: Vec<Ours<'a>>,
    /// Runs that belong here and have no result yet.
    pub unfinished: Vec<&'a RunRecord>,
    /// Classes of the data set.
    pub classes: usize,
}

/// Our runs of one row that were trained alike.
pub struct Ours<'a> {
    /// How.
    pub settings: &'a Settings,
    /// The runs.
    pub runs: Vec<&'a RunRecord>,
    /// Their classes, by label.
    pub classes: Vec<usize>,
    /// Mean AUROC in percent by score: over the seeds of each class, then over the classes.
    pub scores: BTreeMap<&'static str, f64>,
}

/// AUROC (0..1) of one of [`super::paper::SCORES`].
pub fn reached(evaluation: &Evaluation, score: &str) -> Option<f64> {
    match score {
        "ens" => evaluation.ensemble(score).map(|summary| summary.auroc),
        name => evaluation.reached(nsa_core::model::Layer::EMBEDDING, name.parse().ok()?).map(|summary| summary.auroc),
    }
}

/// Every row of a table with ours.
pub fn compare<'a>(table: &'a PaperTable, records: &'a [RunRecord], settings: &'a [Settings]) -> Vec<Compared<'a>> {
    let row = |paper: &'a PaperRow| {
        let those: Vec<&RunRecord> = records.iter().filter(|record| paper.is_of(&record.config)).collect();
        let (finished, unfinished): (Vec<_>, Vec<_>) = those.into_iter().partition(|record| record.result().is_some());
        let mut groups: BTreeMap<&str, Vec<&RunRecord>> = BTreeMap::new();
        for record in finished {
            if let Some(settings) = settings::of(settings, &record.config) {
                groups.entry(&settings.label).or_default().push(record);
            }
        }
        let ours = settings.iter().filter_map(|s| groups.remove(s.label.as_str()).map(|runs| ours(table, s, runs)));
        Compared { paper, ours: ours.collect(), unfinished, classes: data::classes(&paper.dataset) }
    };
    table.rows.iter().map(row).collect()
}

fn ours<'a>(table: &PaperTable, settings: &'a Settings, runs: Vec<&'a RunRecord>) -> Ours<'a> {
    let of = |&score: &&'static str| Some((score, mean_over_classes(&runs, |evaluation| reached(evaluation, score))?));
    let scores = table.scores.iter().filter_map(of).collect();
    Ours { settings, classes: classes_of(&runs), scores, runs }
}

/// The classes of runs, by label.
pub fn classes_of(runs: &[&RunRecord]) -> Vec<usize> {
    let mut classes: Vec<usize> = runs.iter().map(|run| run.config.id_class).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// Mean AUROC in percent: over the seeds of each class, then over the classes. None where a run lacks it: a mean of some of
/// the classes is no mean of these classes.
pub fn mean_over_classes(runs: &[&RunRecord], of: impl Fn(&Evaluation) -> Option<f64>) -> Option<f64> {
    let of_class = |class: usize| {
        let seeds = runs.iter().filter(|run| run.config.id_class == class);
        mean(seeds.map(|run| of(run.result()?)))
    };
    Some(100.0 * mean(classes_of(runs).into_iter().map(of_class))?)
}

/// The mean, if every value is there.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

impl Ours<'_> {
    /// Seeds, of which a class may have several.
    pub fn seeds(&self) -> String {
        let mut seeds: Vec<u64> = self.runs.iter().map(|run| run.config.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
        seeds.join(" ")
    }

    /// Seconds of training, all runs together.
    pub fn wall_seconds(&self) -> f64 {
        self.runs.iter().map(|run| run.summary.wall_seconds).sum()
    }

    /// Which classes: `all 10 classes`, `class 3 (dress) of 10`, `3 of 10 classes`.
    pub fn classes_of(&self, all: usize) -> String {
        match (self.classes.as_slice(), self.runs.first()) {
            (classes, _) if classes.len() == all => format!("all {all} classes"),
            ([class], Some(run)) => format!("class {class} ({}) of {all}", run.class()),
            (classes, _) => {
                let list: Vec<String> = classes.iter().map(ToString::to_string).collect();
                format!("classes {} of {all}", list.join(" "))
            }
        }
    }
}

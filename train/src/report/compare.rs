//! A paper's row with the runs of ours that belong to it.

use super::paper::{PaperRow, PaperTable, title};
use super::record::RunRecord;
use super::settings::{self, Settings};
use super::table::Table;
use super::{duration, record::Outcome};
use crate::data;
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
    let of = |&score: &&'static str| Some((score, mean_over_classes(&runs, |outcome| outcome.reached(score))?));
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
pub fn mean_over_classes(runs: &[&RunRecord], of: impl Fn(&Outcome) -> Option<f64>) -> Option<f64> {
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
        joined(seeds.iter())
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
            (classes, _) => format!("classes {} of {all}", joined(classes.iter())),
        }
    }
}

/// A table of the paper with ours under each row, for people.
pub fn shown(table: &PaperTable, rows: &[Compared<'_>]) -> Table {
    let batch = table.rows.iter().any(|row| row.batch.is_some());
    let words: &[&str] =
        if batch { &["data set", "method", "p", "batch", "whose"] } else { &["data set", "method", "p", "whose"] };
    let titles = words.iter().copied().chain(table.scores.iter().map(|score| title(score)));
    let mut shown = Table::new(words.len(), titles);
    for row in rows {
        let p = row.paper;
        let mut line = |whose: String, cell: &dyn Fn(&str) -> String| {
            let mut cells = vec![p.dataset.clone(), method(&p.objective, &p.norm), p.pollution.to_string()];
            if batch {
                cells.push(p.batch.map_or("-".into(), |batch| batch.to_string()));
            }
            cells.push(whose);
            shown.row(cells.into_iter().chain(table.scores.iter().map(|score| cell(score))));
        };
        let note = p.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        line(format!("paper{note}"), &|score| p.score(score).map_or("-".into(), |v| format!("{v:.1}")));
        for ours in &row.ours {
            let jpeg = ours.runs.iter().find(|run| run.dataset() != run.config.dataset);
            let jpeg = jpeg.map_or(String::new(), |run| format!(", {}", run.summary.data_source));
            let whose = format!(
                "**ours** [{}], {}, seed {}{jpeg}, {} of training",
                ours.settings.label,
                ours.classes_of(row.classes),
                ours.seeds(),
                duration(ours.wall_seconds())
            );
            line(whose, &|score| match (ours.scores.get(score), p.score(score)) {
                (Some(v), Some(paper)) => format!("**{v:.1}** ({:+.1})", v - paper),
                (Some(v), None) => format!("**{v:.1}**"),
                (None, _) => "not computed".into(),
            });
        }
        for run in &row.unfinished {
            line(format!("ours, {}", unfinished(run)), &|_| "-".into());
        }
        if row.ours.is_empty() && row.unfinished.is_empty() {
            line("ours".into(), &|_| "not run".into());
        }
    }
    shown
}

/// The same, a row a number: nothing is rounded away and nothing left out. AUROC and differences are in percent and percentage
/// points.
pub fn numbers(table: &PaperTable, rows: &[Compared<'_>]) -> Table {
    let mut numbers = Table::new(
        17,
        [
            "table",
            "dataset",
            "objective",
            "norm",
            "pollution",
            "paper-batch",
            "score",
            "paper",
            "status",
            "ours",
            "difference",
            "classes",
            "of-classes",
            "seeds",
            "settings",
            "train-wall-seconds",
            "runs",
        ],
    );
    for row in rows {
        let p = row.paper;
        for score in &table.scores {
            let paper = p.score(score);
            let mut line = |end: [String; 9]| {
                let start = [
                    table.number.to_string(),
                    p.dataset.clone(),
                    p.objective.clone(),
                    p.norm.clone(),
                    p.pollution.to_string(),
                    p.batch.map_or(String::new(), |batch| batch.to_string()),
                    score.to_string(),
                    paper.map_or(String::new(), |paper| paper.to_string()),
                ];
                numbers.row(start.into_iter().chain(end));
            };
            let all = row.classes.to_string();
            for ours in &row.ours {
                let value = ours.scores.get(score);
                line([
                    if value.is_some() { "done".into() } else { "not computed".into() },
                    value.map_or(String::new(), |v| format!("{v:.4}")),
                    value.zip(paper).map_or(String::new(), |(v, paper)| format!("{:.4}", v - paper)),
                    joined(ours.classes.iter()),
                    all.clone(),
                    ours.seeds(),
                    ours.settings.text.clone(),
                    format!("{:.1}", ours.wall_seconds()),
                    joined(ours.runs.iter().map(|run| &run.name)),
                ]);
            }
            let mut without = |status: String, class: String, name: String| {
                let mut end: [String; 9] = Default::default();
                (end[0], end[3], end[4], end[8]) = (status, class, all.clone(), name);
                line(end);
            };
            for run in &row.unfinished {
                without(unfinished(run), run.config.id_class.to_string(), run.name.clone());
            }
            if row.ours.is_empty() && row.unfinished.is_empty() {
                without("not run".into(), String::new(), String::new());
            }
        }
    }
    numbers
}

/// With spaces between.
pub fn joined<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

/// `SimSiam(n)` from our words; what the code does not know keeps its own.
pub fn method(objective: &str, norm: &str) -> String {
    match (objective.parse::<nsa_core::config::Objective>(), norm.parse()) {
        (Ok(objective), Ok(norm)) => objective.with_norm(norm),
        _ => format!("{objective}, norm {norm}"),
    }
}

/// How far a run without a result has come, and why no further.
pub fn unfinished(run: &RunRecord) -> String {
    let (done, all) = (run.summary.epochs_done, run.config.epochs);
    if let Some(why) = &run.summary.failure {
        return format!("failed after epoch {done} of {all}: {why}");
    }
    if done < all { format!("cut at epoch {done} of {all}") } else { "trained, not evaluated".into() }
}

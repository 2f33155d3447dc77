//! The paper's tables whose rows are methods (5, 9 and 10), ours beside them, with what each method costs.

use super::compare::{classes_of, joined, mean_over_classes, unfinished};
use super::cost::Cost;
use super::record::{Outcome, RunRecord};
use super::settings::Settings;
use super::table::Table;
use crate::data;
use nsa_core::config::{Norm, Objective, TrainConfig};
use nsa_core::model::Layer;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A table of methods.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodTable {
    /// Its number.
    pub number: u8,
    /// What it shows.
    pub about: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

/// What is measured: a data set, or one class of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    /// What rows call it.
    key: String,
    title: String,
    dataset: String,
    /// The ID class; none: the mean over all.
    class: Option<usize>,
    /// Share of outliers in training.
    #[serde(default)]
    pollution: f32,
}

/// A method.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Its name in the paper.
    method: String,
    /// Ours that is this method; none where we have none.
    objective: Option<Objective>,
    norm: Option<Norm>,
    /// What ours is judged by, on the last encoder features; none: the score of its own authors.
    score: Option<String>,
    /// AUROC in percent by column, as far as the paper prints it.
    paper: BTreeMap<String, f64>,
    /// What makes a number doubtful or unlike ours.
    note: Option<String>,
}

/// Our runs of one method that were trained alike, a cell a column; none where there is no run.
struct Ours<'a> {
    settings: &'a Settings,
    cells: Vec<Option<Cell<'a>>>,
}

struct Cell<'a> {
    runs: Vec<&'a RunRecord>,
    /// Mean AUROC in percent over seeds, then classes; none where a run lacks the score.
    auroc: Option<f64>,
}

/// All such tables, or why the file that is built in is not one of them.
pub fn tables() -> Result<Vec<MethodTable>, toml::de::Error> {
    #[derive(Deserialize)]
    struct File {
        tables: Vec<MethodTable>,
    }
    Ok(toml::from_str::<File>(include_str!("methods.toml"))?.tables)
}

impl Row {
    fn is_of(&self, column: &Column, config: &TrainConfig) -> bool {
        config.epochs > 0
            && self.objective == Some(config.objective)
            && self.norm.unwrap_or(Norm::None) == config.norm
            && column.dataset == config.dataset
            && column.class.is_none_or(|class| class == config.id_class)
            && (column.pollution - config.pollution).abs() < 1e-6
    }

    fn reached(&self, objective: Objective, outcome: &Outcome) -> Option<f64> {
        match &self.score {
            Some(score) => outcome.reached(score),
            None => objective.own_scores().first().and_then(|&(layer, scorer)| outcome.of(layer, scorer)),
        }
    }

    /// By what ours is judged, and at what cost; none where we have no such method.
    fn judged(&self) -> Option<(String, Cost)> {
        let objective = self.objective?;
        let own = objective.own_scores().first().filter(|_| self.score.is_none());
        let layer = own.map_or(Layer::EMBEDDING, |(layer, _)| *layer);
        let score = match (&self.score, own) {
            (Some(score), _) => score.clone(),
            (None, Some((_, scorer))) => format!("{scorer} on {layer}"),
            (None, None) => return None,
        };
        Some((score, Cost::of(objective, layer)))
    }
}

impl MethodTable {
    fn ours<'a>(&self, row: &Row, records: &'a [RunRecord], all: &'a [Settings]) -> Vec<Ours<'a>> {
        let Some(objective) = row.objective else { return Vec::new() };
        let cell = |settings: &Settings, column: &Column| {
            let those =
                |r: &&RunRecord| row.is_of(column, &r.config) && settings.is_of(&r.config) && r.result().is_some();
            let runs: Vec<&RunRecord> = records.iter().filter(those).collect();
            let auroc = mean_over_classes(&runs, |outcome| row.reached(objective, outcome));
            (!runs.is_empty()).then_some(Cell { runs, auroc })
        };
        let of = |settings| Ours { settings, cells: self.columns.iter().map(|c| cell(settings, c)).collect() };
        all.iter().map(of).filter(|ours| ours.cells.iter().any(Option::is_some)).collect()
    }

    fn unfinished<'a>(&self, row: &Row, records: &'a [RunRecord]) -> Vec<&'a RunRecord> {
        let of = |r: &&RunRecord| r.result().is_none() && self.columns.iter().any(|c| row.is_of(c, &r.config));
        records.iter().filter(of).collect()
    }

    /// For people.
    pub fn shown(&self, records: &[RunRecord], all: &[Settings]) -> Table {
        let titles = self.columns.iter().map(|column| column.title.as_str());
        let mut table = Table::new(3, ["method", "whose", "score"].into_iter().chain(titles).chain(Cost::TITLES));
        for row in &self.rows {
            let mut line = |whose: &str, score: &str, cells: Vec<String>, cost: [String; 3]| {
                let start = [row.method.clone(), whose.into(), score.into()];
                table.row(start.into_iter().chain(cells).chain(cost));
            };
            let no_cost = || ["-"; Cost::TITLES.len()].map(String::from);
            let everywhere = |text: &str| vec![text.to_string(); self.columns.len()];
            let printed = |c: &Column| row.paper.get(&c.key).map_or("-".into(), |v| format!("{v:.1}"));
            let note = row.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
            line(&format!("paper{note}"), "-", self.columns.iter().map(printed).collect(), no_cost());
            let Some((score, cost)) = row.judged() else {
                line("ours: no such objective", "-", everywhere("-"), no_cost());
                continue;
            };
            let (ours, unfinished_runs) = (self.ours(row, records, all), self.unfinished(row, records));
            for ours in &ours {
                let cells = self.columns.iter().zip(&ours.cells).map(|(c, cell)| shown(cell.as_ref(), c, row));
                line(&format!("**ours** [{}]", ours.settings.label), &score, cells.collect(), cost.words());
            }
            for run in &unfinished_runs {
                line(&format!("ours, {}: {}", run.name, unfinished(run)), &score, everywhere("-"), cost.words());
            }
            if ours.is_empty() && unfinished_runs.is_empty() {
                line("ours", &score, everywhere("not run"), cost.words());
            }
        }
        table
    }

    /// The same, a row a number.
    pub fn numbers(&self, records: &[RunRecord], all: &[Settings]) -> Table {
        let mut table = Table::new(
            19,
            [
                "table",
                "method",
                "objective",
                "norm",
                "score",
                "dataset",
                "class",
                "pollution",
                "paper",
                "status",
                "ours",
                "difference",
                "classes",
                "of-classes",
                "pictures",
                "passes",
                "turns",
                "settings",
                "runs",
            ],
        );
        for row in &self.rows {
            let judged = row.judged();
            let (ours, unfinished_runs) = (self.ours(row, records, all), self.unfinished(row, records));
            for (at, column) in self.columns.iter().enumerate() {
                let paper = row.paper.get(&column.key);
                let mut line = |status: &str, found: [String; 4], settings: &str, runs: &str| {
                    let start = [
                        self.number.to_string(),
                        row.method.clone(),
                        row.objective.map_or(String::new(), |objective| objective.to_string()),
                        row.objective.map_or(String::new(), |_| row.norm.unwrap_or(Norm::None).to_string()),
                        judged.as_ref().map_or(String::new(), |(score, _)| score.clone()),
                        column.dataset.clone(),
                        column.class.map_or(String::new(), |class| class.to_string()),
                        column.pollution.to_string(),
                        paper.map_or(String::new(), ToString::to_string),
                        status.to_string(),
                    ];
                    let cost = judged.as_ref().map_or(Default::default(), |(_, cost)| cost.words());
                    let end = [settings.to_string(), runs.to_string()];
                    table.row(start.into_iter().chain(found).chain(cost).chain(end));
                };
                let mut is_there = false;
                for (settings, cell) in ours.iter().filter_map(|o| Some((o.settings, o.cells[at].as_ref()?))) {
                    is_there = true;
                    let found = [
                        cell.auroc.map_or(String::new(), |v| format!("{v:.4}")),
                        cell.auroc.zip(paper).map_or(String::new(), |(v, paper)| format!("{:.4}", v - paper)),
                        joined(classes_of(&cell.runs).iter()),
                        data::classes(&column.dataset).to_string(),
                    ];
                    let status = if cell.auroc.is_some() { "done" } else { "not computed" };
                    line(status, found, &settings.text, &joined(cell.runs.iter().map(|run| &run.name)));
                }
                for run in unfinished_runs.iter().filter(|run| row.is_of(column, &run.config)) {
                    is_there = true;
                    line(&unfinished(run), Default::default(), "", &run.name);
                }
                if !is_there {
                    let status = if row.objective.is_some() { "not run" } else { "no such objective" };
                    line(status, Default::default(), "", "");
                }
            }
        }
        table
    }
}

/// What a cell says of ours: the mean, the difference to the paper's, and of how many classes it is where not of all.
fn shown(cell: Option<&Cell<'_>>, column: &Column, row: &Row) -> String {
    let Some(cell) = cell else { return "not run".into() };
    let Some(auroc) = cell.auroc else { return "not computed".into() };
    let paper = row.paper.get(&column.key).map(|paper| format!("{:+.1}", auroc - paper));
    let (classes, all) = (classes_of(&cell.runs).len(), data::classes(&column.dataset));
    let some = (column.class.is_none() && classes < all).then(|| format!("{classes} of {all} classes"));
    let beside: Vec<String> = paper.into_iter().chain(some).collect();
    if beside.is_empty() { format!("**{auroc:.1}**") } else { format!("**{auroc:.1}** ({})", beside.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole_and_ours_can_be_judged() {
        let tables = tables().unwrap();
        let sizes: Vec<_> = tables.iter().map(|t| (t.number, t.columns.len(), t.rows.len())).collect();
        assert_eq!(sizes, [(5, 5, 23), (9, 11, 9), (10, 3, 14)]);
        for table in &tables {
            for column in &table.columns {
                assert!(column.class.is_none_or(|class| class < data::classes(&column.dataset)), "{column:?}");
            }
            for row in &table.rows {
                assert!(row.paper.keys().all(|key| table.columns.iter().any(|c| c.key == *key)), "{row:?}");
                assert!(row.paper.values().all(|auroc| (60.0..100.0).contains(auroc)), "{row:?}");
                assert_eq!(row.judged().is_some(), row.objective.is_some(), "{row:?}");
                let named =
                    row.score.as_ref().is_none_or(|s| s == "ens" || s.parse::<nsa_core::score::Scorer>().is_ok());
                assert!(named, "{row:?}");
            }
        }
        // The mean of table 9 is that of its classes, but for rows whose notes say otherwise.
        for row in &tables[1].rows {
            let classes = row.paper.iter().filter(|(key, _)| *key != "mean").map(|(_, v)| v).sum::<f64>() / 10.0;
            assert!((classes - row.paper["mean"]).abs() < 0.1 || row.note.is_some(), "{row:?}");
        }
    }
}

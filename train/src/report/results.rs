//! RESULTS.md: one screen.

use super::claims::{self, Claim};
use super::compare::method;
use super::duration;
use super::effect::{Pair, measured};
use super::gains::{self, Gain};
use super::pages::{file_name, left_of};
use super::paper::PaperTable;
use super::record::{Outcome, RunRecord};
use super::stats::mean_and_spread;
use super::table::Table;
use crate::plan::Plan;
use nsa_core::config::Norm;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What the page is made of.
pub struct Parts<'a> {
    /// All runs.
    pub records: &'a [RunRecord],
    /// Plans whose runs are counted.
    pub plans: &'a [(String, Plan)],
    /// Pairs with the norm where the paper puts it.
    pub pairs: &'a [Pair<'a>],
    /// What the norm gains.
    pub gains: &'a [Gain],
    /// The paper's claims.
    pub claims: &'a [Claim],
    /// The paper's tables.
    pub paper: &'a [PaperTable],
}

/// The page.
pub fn page(parts: &Parts<'_>) -> String {
    let datasets: BTreeSet<&str> = parts.records.iter().map(|run| run.config.dataset.as_str()).collect();
    let links = datasets.iter().map(|name| format!("[{name}](runs/{}.md)", file_name(name)));
    let mut text = format!(
        "# Results\n\nMade by `nsa report` from `records/`; not edited by hand.\n\n\
         Does dividing features by their length in training (norm) help one-class detectors? Pairs of runs differ in the norm \
         alone: {}. AUROC in percent, on test images. Intervals: 95 %, by t. Units are class means from three classes on, \
         before that pairs, which say nothing about other classes.\n\n\
         ![What the norm gains by each score](effect.svg)\n\n",
        gains::about(parts.gains, parts.pairs)
    );
    let _ = write!(
        text,
        "## Table 1 in small\n\nk-Cos (Mah), without and with norm; the paper's are of all classes at width 64. Pixels: best by \
         validation.\n\n{}\n",
        table_1(parts).markdown()
    );
    let _ = write!(
        text,
        "## Claims\n\n{}\nMeasures: [claims.md](../docs/claims.md). Supported: p < 0.05, not corrected for 26 claims.\n\n",
        claims::lines(parts.claims)
    );
    let _ = write!(text, "## What failed\n\n{}\n\n## Limits\n\n{}\n\n", failed(parts), limits(parts.records));
    let _ = writeln!(
        text,
        "Every run: {}. [Missing runs](runs/missing.md). Numbers: [gains](gains.csv), [runs](runs.csv), `table*.csv`.",
        links.collect::<Vec<_>>().join(", ")
    );
    text
}

/// Our pairs beside the paper's table 1 and raw pixels.
fn table_1(parts: &Parts<'_>) -> Table {
    let mut groups: BTreeMap<_, Vec<&Pair<'_>>> = BTreeMap::new();
    for pair in parts.pairs {
        let c = &pair[1].config;
        groups.entry((&c.dataset, c.objective.to_string(), (1000.0 * c.pollution) as u32)).or_default().push(pair);
    }
    let one = parts.paper.iter().find(|table| table.number == 1);
    let mut table = Table::new(2, ["data set", "method", "p", "ours", "paper", "pixels"]);
    for ((dataset, objective, _), pairs) in groups {
        let [without, with] = [0, 1].map(|side| mean(&pairs, |pair| measured(pair[side], "k-cos-mah")));
        let pollution = pairs[0][1].config.pollution;
        let of_paper = |is_plain: bool| {
            let rows = one?.rows.iter().filter(|row| (row.pollution - pollution).abs() < 1e-6);
            let mut rows = rows.filter(|row| row.dataset == *dataset && row.objective == objective);
            rows.find(|row| (row.norm == "none") == is_plain)?.score("k-cos-mah")
        };
        let pixels = mean(&pairs, |pair| Some(100.0 * pair[0].result().and_then(Outcome::chosen_of_pixels)?));
        table.row([
            dataset.clone(),
            method(&objective, &Norm::None.to_string()),
            pollution.to_string(),
            arrow(without, with),
            arrow(of_paper(true), of_paper(false)),
            pixels.map_or("-".into(), |v| format!("{v:.1}")),
        ]);
    }
    table
}

fn mean(pairs: &[&Pair<'_>], of: impl Fn(&Pair<'_>) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = pairs.iter().map(|pair| of(pair)).collect::<Option<_>>()?;
    Some(mean_and_spread(&values)[0])
}

fn arrow(without: Option<f64>, with: Option<f64>) -> String {
    without.zip(with).map_or("-".into(), |(without, with)| format!("{without:.1}→{with:.1}"))
}

fn failed(parts: &Parts<'_>) -> String {
    let cut = parts.records.iter().filter(|run| run.result().is_none()).count();
    let planned: usize = parts.plans.iter().map(|(_, plan)| plan.runs.len()).sum();
    let left: usize = parts.plans.iter().map(|(_, plan)| left_of(plan, parts.records).len()).sum();
    let cells = parts.gains.iter().filter(|gain| gain.ours.estimate.mean <= 0.0 || gain.holm.is_none_or(|p| p >= 0.05));
    let none: Vec<&str> = cells.map(|gain| super::effect::title(gain.score)).collect();
    let none = if none.is_empty() { String::new() } else { format!(" No gain shown by {}.", none.join("; ")) };
    format!("{left} of {planned} planned runs are missing; {cut} were cut or failed.{none}")
}

/// Where the runs come from, and what they cannot say.
fn limits(records: &[RunRecord]) -> String {
    let commits: BTreeSet<&str> = records.iter().map(|run| run.summary.commit.as_str()).collect();
    let dirty = records.iter().filter(|run| run.summary.commit.ends_with("-dirty")).count();
    let seconds: f64 = records.iter().map(|run| run.summary.wall_seconds).sum();
    format!(
        "{} runs, {} of training, small networks; {} versions of the code, {dirty} runs by a changed tree. What is chosen on \
         validation images has seen labelled anomalies of the test's classes. \"Raw\" whitens features as they are; which reading \
         is the paper's was decided by its table 11, after most runs. \"Exploratory\" runs were added after results had been \
         seen.",
        records.len(),
        duration(seconds),
        commits.len()
    )
}

/// What raw pixels and networks reach on the clean pairs of each data set, each by its best score on validation images.
pub fn baselines(pairs: &[Pair<'_>]) -> String {
    let mut groups: BTreeMap<&str, Vec<&Pair<'_>>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair[0].config.pollution == 0.0) {
        groups.entry(&pair[0].config.dataset).or_default().push(pair);
    }
    let mut table = Table::new(1, ["data set", "raw pixels", "without norm", "with norm"]);
    for (dataset, pairs) in groups {
        let cell = |of: &dyn Fn(&Pair<'_>) -> Option<f64>| {
            mean(&pairs, of).map_or("-".into(), |v| format!("{:.1}", 100.0 * v))
        };
        let chosen = |side: usize| cell(&|pair| pair[side].result()?.chosen());
        let pixels = cell(&|pair| pair[0].result()?.chosen_of_pixels());
        table.row([dataset.to_string(), pixels, chosen(0), chosen(1)]);
    }
    table.markdown()
}

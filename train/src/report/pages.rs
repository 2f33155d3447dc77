//! The pages behind RESULTS.md: one a data set, one a method of it, and what was not run.

use super::compare::unfinished;
use super::course::{self, cell};
use super::effect::{self, Effect, Row};
use super::paper::{SCORES, title};
use super::record::{Outcome, RunRecord};
use super::settings::{self, Settings};
use super::table::Table;
use super::{duration, rivals};
use crate::plan::Plan;
use nsa_core::config::Norm;
use nsa_core::model::Layer;
use nsa_core::score::Scorer;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A page: its file's name without ending, and its text.
pub type Page = (String, String);

/// All pages, by file name.
pub fn pages(records: &[RunRecord], effects: &[Effect<'_>], rows: &[Vec<Row>], all: &[Settings]) -> Vec<Page> {
    let mut methods: BTreeMap<(&str, String), Vec<&RunRecord>> = BTreeMap::new();
    for run in records.iter().filter(|run| run.config.epochs > 0) {
        methods.entry((&run.config.dataset, run.config.objective.to_string())).or_default().push(run);
    }
    let of_method = |((dataset, objective), runs): (&(&str, String), &Vec<&RunRecord>)| {
        let is_of = |effect: &Effect<'_>| {
            let c = &effect.pairs[0][0].config;
            c.dataset == *dataset && c.objective.to_string() == *objective
        };
        let text = method_page(runs, effects.iter().zip(rows).filter(|(effect, _)| is_of(effect)), all);
        (file_name(&format!("{dataset}-{objective}")), text)
    };
    let datasets: BTreeSet<&str> = records.iter().map(|run| run.config.dataset.as_str()).collect();
    let of_dataset = |dataset: &str| {
        let links = methods
            .keys()
            .filter(|(of, _)| *of == dataset)
            .map(|(_, objective)| format!("[{objective}]({}.md)", file_name(&format!("{dataset}-{objective}"))));
        let links = links.collect::<Vec<_>>().join(", ");
        let text = format!(
            "# {dataset}\n\nMethods: {links}.\n\n{}{}",
            baselines(dataset, records),
            rivals::tables(dataset, records, all)
        );
        (file_name(dataset), text)
    };
    datasets.into_iter().map(of_dataset).chain(methods.iter().map(of_method)).collect()
}

/// A data set may have any name.
pub fn file_name(text: &str) -> String {
    text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-")
}

fn method_page<'a, 'b: 'a>(
    runs: &[&RunRecord],
    effects: impl Iterator<Item = (&'a Effect<'b>, &'a Vec<Row>)>,
    all: &[Settings],
) -> String {
    let c = &runs[0].config;
    let mut text = format!("# {} on {}\n\n", c.objective.with_norm(Norm::None), super::table::escaped(&c.dataset));
    text += "AUROC in percent. Differences are with norm minus without, pair by pair, with 95 % intervals by t; Holm's p is over \
             all cells that were named before the runs. \"Untrained\" is the encoder before training, \"end\" the mean of the last \
             five evaluations, which see at most as many test images as the settings say.\n\n";
    for (effect, rows) in effects {
        let _ = write!(
            text,
            "## {}\n\nSettings [{}].\n\n{}\n{}\n",
            super::table::escaped(&effect.title()),
            effect.settings.label,
            effect::table(rows).markdown(),
            course::table(effect).markdown()
        );
    }
    text += &format!("## Every run\n\n{}\n", every_run(runs, all).markdown());
    let labels: BTreeSet<&str> =
        runs.iter().filter_map(|run| settings::of(all, &run.config)).map(|s| s.label.as_str()).collect();
    for settings in all.iter().filter(|settings| labels.contains(settings.label.as_str())) {
        let _ = writeln!(text, "- [{}] {}", settings.label, settings.text);
    }
    text
}

/// A row a run.
pub fn every_run(runs: &[&RunRecord], all: &[Settings]) -> Table {
    let start = ["data set", "ID class", "method", "p", "settings", "seed", "images", "state"];
    let end = ["chosen on validation", "kappa, end", "time", "device"];
    let mut table = Table::new(start.len(), start.into_iter().chain(SCORES.map(|(_, title, _)| title)).chain(end));
    for run in runs {
        let (c, s) = (&run.config, &run.summary);
        let outliers = if s.outliers > 0 { format!(" ({} outliers)", s.outliers) } else { String::new() };
        let start = [
            run.dataset(),
            format!("{} ({})", c.id_class, run.class()),
            run.method(),
            c.pollution.to_string(),
            settings::of(all, c).map_or(String::new(), |settings| settings.label.clone()),
            c.seed.to_string(),
            format!("{}{outliers}", s.train_images),
            if run.result().is_some() { "done".into() } else { unfinished(run) },
        ];
        let percent = |auroc: Option<f64>| auroc.map_or("-".into(), |auroc| format!("{:.1}", 100.0 * auroc));
        let reached = |score: &str| percent(run.result().and_then(|outcome| outcome.reached(score)));
        let end = [
            percent(run.result().and_then(Outcome::chosen)),
            course::at_end(run, "kappa").map_or("-".into(), |kappa| format!("{kappa:.1}")),
            duration(s.wall_seconds),
            s.device.clone(),
        ];
        table.row(start.into_iter().chain(SCORES.map(|(score, ..)| reached(score))).chain(end));
    }
    table
}

/// What raw pixels and encoders of random weights reach by each score.
fn baselines(dataset: &str, records: &[RunRecord]) -> String {
    let mut groups: BTreeMap<_, Vec<&RunRecord>> = BTreeMap::new();
    for run in records.iter().filter(|run| run.is_untrained() && run.config.dataset == dataset) {
        groups.entry(run.setting()).or_default().push(run);
    }
    if groups.is_empty() {
        return String::new();
    }
    let scorers: [Scorer; 9] = [
        Scorer::KCos,
        Scorer::CCos,
        Scorer::KCosMah,
        Scorer::CCosMah,
        Scorer::KCosMahRaw,
        Scorer::CCosMahRaw,
        Scorer::Gde,
        Scorer::KnnL2,
        Scorer::MahalanobisShrunk,
    ];
    let titles = scorers.map(|scorer| title(scorer.name()));
    let start = ["images", "what", "classes", "runs"];
    let mut table = Table::new(2, start.into_iter().chain(titles).chain(["chosen on validation"]));
    for ((_, side, width, limit, pollution), runs) in &groups {
        let classes: BTreeSet<usize> = runs.iter().map(|run| run.config.id_class).collect();
        let images = format!("{side} x {side}, at most {limit}, p = {}", f64::from(*pollution) / 1000.0);
        let mut line = |what: String, layer: Layer, chosen: fn(&Outcome) -> Option<f64>| {
            let auroc = |of: &dyn Fn(&Outcome) -> Option<f64>| cell(runs, |run| Some(100.0 * of(run.result()?)?));
            let start = [images.clone(), what, classes.len().to_string(), runs.len().to_string()];
            let scores = scorers.map(|scorer| auroc(&|outcome| outcome.of(layer, scorer)));
            table.row(start.into_iter().chain(scores).chain([auroc(&chosen)]));
        };
        line("raw pixels".into(), Layer::Pixels, Outcome::chosen_of_pixels);
        line(format!("untrained encoder, width {width}"), Layer::EMBEDDING, Outcome::chosen);
    }
    format!(
        "## What costs no training\n\nRaw pixels at the runs' own size, and encoders of random weights whose batch norms were \
         calibrated by twenty batches. Mean AUROC in percent and standard deviation over classes and seeds. \"Chosen\" takes, run \
         by run, what is best on validation images. These hold labelled anomalies of the test's classes, so a choice on them \
         knows more than a detector that sees normal images only.\n\n{}\n",
        table.markdown()
    )
}

/// Runs without a result and runs of plans that are not there, by name.
pub fn missing(records: &[RunRecord], plans: &[(String, Plan)]) -> String {
    let mut text = String::from("# What was not run\n\n");
    for run in records.iter().filter(|run| run.result().is_none()) {
        let _ = writeln!(text, "- {}: {}", run.name, unfinished(run));
    }
    for (name, plan) in plans {
        let left = left_of(plan, records);
        let _ =
            writeln!(text, "- plan `{name}`: {} of {} runs are done", plan.runs.len() - left.len(), plan.runs.len());
        // The paper's plans have hundreds.
        for name in left.iter().take(40) {
            let _ = writeln!(text, "  - not run: {name}");
        }
        if left.len() > 40 {
            let _ = writeln!(text, "  - not run: and {} more (`nsa sweep {name} --list`)", left.len() - 40);
        }
    }
    text
}

/// The runs of a plan that have no result.
pub fn left_of<'a>(plan: &'a Plan, records: &[RunRecord]) -> Vec<&'a str> {
    let there = |run: &&crate::plan::Planned| {
        records.iter().any(|record| record.config == run.config && record.result().is_some())
    };
    plan.runs.iter().filter(|run| !there(run)).map(|run| run.name.as_str()).collect()
}

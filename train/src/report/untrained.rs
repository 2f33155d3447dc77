//! What was learned: each run beside encoders of random weights on the same images.
//!
//! Random convolutions are no bad features, and how good they are differs from seed to seed, so one of them is not
//! enough to compare with.

use super::compare::reached;
use super::paper::SCORES;
use super::percent;
use super::record::RunRecord;
use super::settings::{self, Settings};
use nsa_core::ssl::TrainConfig;
use std::fmt::Write;

/// Whether an untrained run has the same images and the same network as `config`, up to its projector, which no score
/// here sees but Ens.
fn is_beside(untrained: &TrainConfig, config: &TrainConfig) -> bool {
    let of = |c: &TrainConfig| (c.dataset.clone(), c.id_class, c.pollution.to_bits(), c.image_size, c.width, c.limit);
    untrained.epochs == 0 && config.epochs > 0 && of(untrained) == of(config)
}

/// A table for every group of runs that has untrained encoders beside it; nothing if there is none.
pub fn beside(records: &[RunRecord], all: &[Settings]) -> String {
    let mut text = String::new();
    let mut told: Vec<&str> = Vec::new();
    for first in records.iter().filter(|run| run.config.epochs > 0 && run.result().is_some()) {
        if told.contains(&first.name.as_str()) {
            continue;
        }
        let untrained: Vec<&RunRecord> =
            records.iter().filter(|run| is_beside(&run.config, &first.config) && run.result().is_some()).collect();
        if untrained.is_empty() {
            continue;
        }
        let trained: Vec<&RunRecord> = records
            .iter()
            .filter(|run| run.result().is_some() && is_beside(&untrained[0].config, &run.config))
            .collect();
        told.extend(trained.iter().map(|run| run.name.as_str()));
        text += &group(&untrained, &trained, all);
    }
    if text.is_empty() {
        return text;
    }
    format!(
        "## Beside untrained encoders\n\nAUROC in percent of encoders of random weights (mean, and least to greatest of \
         their seeds) and of the trained ones, on the same images; in parentheses the difference to that mean.\n\n{text}"
    )
}

fn group(untrained: &[&RunRecord], trained: &[&RunRecord], all: &[Settings]) -> String {
    let (run, c) = (untrained[0], &untrained[0].config);
    let mut text = format!(
        "{}, class {} ({}), p = {}, width {}, {} training images:\n\n| method | settings | seed | {} |\n|---|---|---|{}\n",
        run.dataset(),
        c.id_class,
        run.class(),
        c.pollution,
        c.width,
        run.summary.train_images,
        SCORES.map(|(_, title, _)| title).join(" | "),
        "---:|".repeat(SCORES.len())
    );
    let of = |run: &RunRecord, score: &str| run.result().and_then(|result| reached(result, score));
    let means = SCORES.map(|(score, ..)| {
        let values: Option<Vec<f64>> = untrained.iter().map(|run| of(run, score)).collect();
        values.map(|values| {
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
            (values.iter().sum::<f64>() / values.len() as f64, low, high)
        })
    });
    let seeds: Vec<String> = untrained.iter().map(|run| run.config.seed.to_string()).collect();
    let _ = write!(text, "| untrained | - | {} |", seeds.join(" "));
    for mean in means {
        text += &mean.map_or(" - |".into(), |(mean, low, high)| {
            format!(" {} ({}-{}) |", percent(mean), percent(low), percent(high))
        });
    }
    text += "\n";
    for run in trained {
        let c = &run.config;
        let label = settings::of(all, c).map_or("", |settings| settings.label.as_str());
        let _ = write!(text, "| {} | {label} | {} |", c.objective.with_norm(c.norm), c.seed);
        for ((score, ..), mean) in SCORES.iter().zip(means) {
            text += &match (of(run, score), mean) {
                (Some(a), Some((mean, ..))) => format!(" {} ({:+.1}) |", percent(a), 100.0 * (a - mean)),
                (Some(a), None) => format!(" {} |", percent(a)),
                (None, _) => " - |".into(),
            };
        }
        text += "\n";
    }
    text + "\n"
}

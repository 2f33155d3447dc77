//! What the norm changes: runs that differ in nothing else, seed by seed and class by class.

use super::compare::reached;
use super::record::RunRecord;
use super::settings::Settings;
use nsa_core::config::{Norm, Objective};
use nsa_core::measure::HistoryEntry;
use nsa_core::score::Scorer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Runs of one method on one data set, without norm and with one, paired by class and seed.
pub struct Effect<'a> {
    /// How they were trained.
    pub settings: &'a Settings,
    pairs: Vec<[&'a RunRecord; 2]>,
}

/// What is compared, and its title.
const MEASURES: [(&str, &str); 10] = [
    ("k-cos", "k-Cos"),
    ("c-cos", "c-Cos"),
    ("k-cos-mah", "k-Cos (Mah)"),
    ("c-cos-mah", "c-Cos (Mah)"),
    ("gde", "GDE"),
    ("ens", "Ens."),
    ("chosen", "chosen on validation"),
    ("c-cos-lost", "c-Cos, lost since its peak"),
    ("kappa", "kappa ID"),
    ("probe", "linear probe"),
];

/// The measures that decide, as it was written down before the runs.
pub const DECIDE: [&str; 5] = ["c-cos", "k-cos", "k-cos-mah", "kappa", "probe"];

/// One measure of an [`Effect`]. AUROC and accuracy are in percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// One of [`MEASURES`].
    pub measure: &'static str,
    /// Mean and standard deviation without norm.
    pub without: [f64; 2],
    /// The same with norm.
    pub with: [f64; 2],
    /// Mean of the pairs' differences.
    pub difference: f64,
    /// Its standard error; none of one pair.
    pub standard_error: Option<f64>,
    /// Pairs.
    pub n: usize,
    /// What follows.
    pub verdict: &'static str,
}

/// Where the paper puts the norm.
fn proposed(objective: Objective) -> Norm {
    match objective {
        Objective::Simsiam | Objective::Byol => Norm::Both,
        Objective::Simclr | Objective::SimclrRot => Norm::F,
        _ => Norm::None,
    }
}

/// All of them, the paper's norm first; classes that were trained alike stand together.
pub fn effects<'a>(records: &'a [RunRecord], all: &'a [Settings]) -> Vec<Effect<'a>> {
    let finished = || records.iter().filter(|run| run.config.epochs > 0 && run.result().is_some());
    let mut groups: BTreeMap<_, Vec<[&RunRecord; 2]>> = BTreeMap::new();
    for with in finished().filter(|run| run.config.norm != Norm::None) {
        let plain = nsa_core::config::TrainConfig { norm: Norm::None, ..with.config.clone() };
        let (Some(without), Some(settings)) =
            (finished().find(|run| run.config == plain), all.iter().position(|s| s.is_of(&with.config)))
        else {
            continue;
        };
        let c = &with.config;
        let norm = (c.norm != proposed(c.objective), c.norm.to_string());
        let key = (c.dataset.clone(), c.objective.to_string(), (1000.0 * c.pollution) as u32, norm, settings);
        groups.entry(key).or_default().push([without, with]);
    }
    groups.into_iter().map(|((.., settings), pairs)| Effect { settings: &all[settings], pairs }).collect()
}

impl Effect<'_> {
    /// For example `SimCLR on fashion-mnist, bag, p = 0.1`; a norm that is not the paper's is named.
    pub fn title(&self) -> String {
        let c = &self.pairs[0][1].config;
        let norm = if self.is_proposed() { String::new() } else { format!(", norm {}", c.norm) };
        format!("{}{norm} on {}, {}, p = {}", c.objective.with_norm(Norm::None), c.dataset, self.classes(), c.pollution)
    }

    /// Whether the norm is where the paper puts it.
    pub fn is_proposed(&self) -> bool {
        let c = &self.pairs[0][1].config;
        c.norm == proposed(c.objective)
    }

    fn classes(&self) -> String {
        let mut classes: Vec<(usize, String)> =
            self.pairs.iter().map(|[run, _]| (run.config.id_class, run.class())).collect();
        classes.sort();
        classes.dedup();
        if classes.len() > 3 {
            return format!("{} classes", classes.len());
        }
        classes.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" and ")
    }

    /// The runs without norm, and those with.
    pub fn sides(&self) -> [Vec<&RunRecord>; 2] {
        [0, 1].map(|side| self.pairs.iter().map(|pair| pair[side]).collect())
    }

    /// How many seeds.
    pub fn seeds(&self) -> usize {
        self.distinct(|run| run.config.seed)
    }

    /// Images that a run is shown, one after the other.
    pub fn steps(&self) -> usize {
        let run = self.pairs[0][0];
        run.config.epochs * run.summary.train_images
    }

    fn distinct(&self, of: fn(&RunRecord) -> u64) -> usize {
        let mut found: Vec<u64> = self.pairs.iter().map(|[run, _]| of(run)).collect();
        found.sort_unstable();
        found.dedup();
        found.len()
    }

    /// `3 seeds`, `10 classes x 1 seed`: what the pairs are.
    pub fn pairs(&self) -> String {
        let (classes, seeds) = (self.distinct(|run| run.config.id_class as u64), self.seeds());
        let plural = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let seeds = plural(seeds, "seed", "seeds");
        if classes == 1 { seeds } else { format!("{} x {seeds}", plural(classes, "class", "classes")) }
    }

    /// Every measure that all of its runs have.
    pub fn rows(&self) -> Vec<Row> {
        MEASURES.iter().filter_map(|(measure, _)| self.row(measure)).collect()
    }

    fn row(&self, measure: &'static str) -> Option<Row> {
        let values: Vec<[f64; 2]> = self
            .pairs
            .iter()
            .map(|[without, with]| Some([measured(without, measure)?, measured(with, measure)?]))
            .collect::<Option<_>>()?;
        let (without, with): (Vec<f64>, Vec<f64>) = values.iter().map(|[a, b]| (*a, *b)).unzip();
        let differences: Vec<f64> = values.iter().map(|[a, b]| b - a).collect();
        let [difference, spread] = mean_and_spread(&differences);
        let n = values.len();
        let standard_error = (n > 1).then(|| spread / (n as f64).sqrt());
        let verdict = match standard_error {
            _ if n < 3 => "too few to tell",
            Some(error) if difference > 2.0 * error => "higher with norm",
            Some(error) if difference < -2.0 * error => "lower with norm",
            _ => "within the spread",
        };
        let (without, with) = (mean_and_spread(&without), mean_and_spread(&with));
        Some(Row { measure, without, with, difference, standard_error, n, verdict })
    }
}

/// Mean and sample standard deviation (0 of one value).
pub fn mean_and_spread(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    [mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 }]
}

/// One measure of a finished run.
fn measured(run: &RunRecord, measure: &str) -> Option<f64> {
    let last = run.summary.history.epochs.last()?;
    match measure {
        "kappa" => Some(last.id.kappa),
        "probe" => Some(100.0 * last.quality?.linear_probe),
        "chosen" => Some(100.0 * run.result()?.chosen()?.1),
        "c-cos-lost" => Some(100.0 * (rate(&peak(run)?.auroc, Scorer::CCos)? - rate(&last.auroc, Scorer::CCos)?)),
        score => Some(100.0 * reached(run.result()?, score)?),
    }
}

/// What a scorer reached, 0 to 1.
pub fn rate(rates: &[(Scorer, f64)], scorer: Scorer) -> Option<f64> {
    rates.iter().find(|(found, _)| *found == scorer).map(|(_, rate)| *rate)
}

/// When c-Cos was highest after training began, chosen on validation images.
pub fn peak(run: &RunRecord) -> Option<&HistoryEntry> {
    let validated = |entry: &HistoryEntry| rate(&entry.validation, Scorer::CCos).unwrap_or(f64::NEG_INFINITY);
    let epochs = run.summary.history.epochs.iter().filter(|entry| entry.epoch > 0);
    epochs.max_by(|a, b| validated(a).total_cmp(&validated(b)))
}

/// What each data set's raw pixels and encoders of random weights reach, by the score that validation chooses.
pub fn baselines(records: &[RunRecord]) -> String {
    let mut groups: BTreeMap<_, Vec<&RunRecord>> = BTreeMap::new();
    for run in records.iter().filter(|run| run.is_untrained()) {
        groups.entry(run.setting()).or_default().push(run);
    }
    if groups.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "## What costs no training\n\nRaw pixels at the runs' own size, and encoders of random weights whose batch norms \
         were calibrated by twenty batches. Mean AUROC in percent and standard deviation over classes and seeds; \"chosen\" \
         takes, run by run, the feature map and scorer that are best on validation images.\n\n\
         | data set | runs | pixels: k-Cos | pixels: L2, k = 2 | pixels: GDE | random: k-Cos | random: c-Cos | random: \
         k-Cos (Mah) | random: GDE | random: chosen |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for ((dataset, side, width, limit, pollution), runs) in &groups {
        let mut classes: Vec<usize> = runs.iter().map(|run| run.config.id_class).collect();
        classes.sort_unstable();
        classes.dedup();
        let _ = write!(
            text,
            "| {dataset}, {side} x {side}, width {width}, {limit} images, p = {} | {} classes, {} runs |",
            f64::from(*pollution) / 1000.0,
            classes.len(),
            runs.len()
        );
        type Of = fn(&RunRecord) -> Option<f64>;
        let columns: [Of; 8] = [
            |run| of_pixels(run, Scorer::KCos),
            |run| of_pixels(run, Scorer::KnnL2),
            |run| of_pixels(run, Scorer::Gde),
            |run| measured(run, "k-cos"),
            |run| measured(run, "c-cos"),
            |run| measured(run, "k-cos-mah"),
            |run| measured(run, "gde"),
            |run| measured(run, "chosen"),
        ];
        for of in columns {
            let values: Option<Vec<f64>> = runs.iter().map(|run| of(run)).collect();
            text += &values.map_or(" - |".into(), |values| {
                let [mean, spread] = mean_and_spread(&values);
                format!(" {mean:.1} ± {spread:.1} |")
            });
        }
        text += "\n";
    }
    text + "\n"
}

fn of_pixels(run: &RunRecord, scorer: Scorer) -> Option<f64> {
    Some(100.0 * run.result()?.reached(nsa_core::model::Layer::Pixels, scorer)?.auroc)
}

/// One screen: a sentence a comparison, of the measures that decide.
pub fn findings(effects: &[Effect<'_>]) -> String {
    let mut text = String::from(
        "## Findings\n\nThe same images, first weights and order of batches, without norm and with the paper's; mean ± standard \
         deviation over pairs of runs, then the mean of their differences ± its standard error. \"Higher\" and \"lower\" are \
         differences of more than two standard errors over three pairs or more. These measures were named before the runs \
         were made. AUROC is of the last epoch, of y, on the whole test set.\n\n\
         | runs | pairs | measure | without | with | difference | |\n|---|---|---|---:|---:|---:|---|\n",
    );
    for effect in effects.iter().filter(|effect| effect.is_proposed()) {
        for (i, row) in effect.rows().iter().filter(|row| DECIDE.contains(&row.measure)).enumerate() {
            let (title, pairs) = if i == 0 { (effect.title(), effect.pairs()) } else { Default::default() };
            let _ = writeln!(text, "| {title} | {pairs} | {} |", cells(row));
        }
    }
    text + "\n"
}

/// Every measure of every comparison.
pub fn tables(effects: &[Effect<'_>]) -> String {
    let mut text = String::from("## Without and with norm\n\n");
    for effect in effects {
        let _ = write!(
            text,
            "### {}\n\nSettings [{}], {}.\n\n| measure | without | with | difference | |\n|---|---:|---:|---:|---|\n",
            effect.title(),
            effect.settings.label,
            effect.pairs()
        );
        for row in effect.rows() {
            let _ = writeln!(text, "| {} |", cells(&row));
        }
        text += "\n";
    }
    text
}

fn cells(row: &Row) -> String {
    let title = MEASURES.iter().find(|(name, _)| *name == row.measure).map_or(row.measure, |(_, title)| title);
    let both = |[mean, spread]: [f64; 2]| format!("{mean:.1} ± {spread:.1}");
    let error = row.standard_error.map_or(String::new(), |error| format!(" ± {error:.1}"));
    format!("{title} | {} | {} | {:+.1}{error} | {}", both(row.without), both(row.with), row.difference, row.verdict)
}

/// The comparisons as the page reads them.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    dataset: String,
    classes: Vec<usize>,
    objective: Objective,
    pollution: f32,
    width: usize,
    epochs: usize,
    rows: Vec<Row>,
}

/// `findings.json`.
pub fn json(effects: &[Effect<'_>]) -> Result<String, serde_json::Error> {
    let found: Vec<Found> = effects
        .iter()
        .filter(|effect| effect.is_proposed())
        .map(|effect| {
            let c = &effect.pairs[0][0].config;
            let mut classes: Vec<usize> = effect.pairs.iter().map(|[run, _]| run.config.id_class).collect();
            classes.sort_unstable();
            classes.dedup();
            let (dataset, objective, pollution) = (c.dataset.clone(), c.objective, c.pollution);
            Found { dataset, classes, objective, pollution, width: c.width, epochs: c.epochs, rows: effect.rows() }
        })
        .collect();
    Ok(serde_json::to_string_pretty(&found)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_of_a_sample() {
        assert_eq!(mean_and_spread(&[1.0, 3.0]), [2.0, 2.0_f64.sqrt()]);
        assert_eq!(mean_and_spread(&[5.0]), [5.0, 0.0]);
    }
}

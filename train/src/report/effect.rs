//! What the norm changes: runs that differ in nothing else, paired by class and seed.

use super::compare::classes_of;
use super::record::RunRecord;
use super::settings::Settings;
use super::stats::{ALPHA, Class, Pooled, holm, mean_and_spread};
use super::table::Table;
use nsa_core::config::{Norm, Objective};
use nsa_core::measure::HistoryEntry;
use nsa_core::score::Scorer;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A run without norm and one with.
pub type Pair<'a> = [&'a RunRecord; 2];

/// Pairs of one method on one data set, trained alike.
pub struct Effect<'a> {
    /// How they were trained.
    pub settings: &'a Settings,
    /// The pairs.
    pub pairs: Vec<Pair<'a>>,
}

/// What is compared, and its title.
pub const MEASURES: [(&str, &str); 13] = [
    ("k-cos", "k-Cos"),
    ("c-cos", "c-Cos"),
    ("gde", "GDE"),
    ("k-cos-mah", "k-Cos (Mah)"),
    ("c-cos-mah", "c-Cos (Mah)"),
    ("k-cos-mah-raw", "k-Cos (Mah), raw"),
    ("c-cos-mah-raw", "c-Cos (Mah), raw"),
    ("ens", "Ens."),
    ("ens-raw", "Ens., raw"),
    ("chosen", "chosen on validation"),
    ("kappa", "kappa ID"),
    ("mmd", "MMD to uniform, ID (x 100)"),
    ("probe", "linear probe"),
];

/// The title of one of [`MEASURES`].
pub fn title(measure: &str) -> &str {
    MEASURES.iter().find(|(name, _)| *name == measure).map_or(measure, |(_, title)| title)
}

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
    /// Its standard error; none of one unit.
    pub standard_error: Option<f64>,
    /// Its 95 % interval by t.
    pub interval: Option<[f64; 2]>,
    /// Two-sided p by t.
    pub p: Option<f64>,
    /// p after Holm's correction over all deciding cells; none where the measure does not decide.
    pub holm: Option<f64>,
    /// Pairs.
    pub n: usize,
    /// What follows.
    pub verdict: &'static str,
    #[serde(skip)]
    what: String,
}

/// Where the paper puts the norm.
fn proposed(objective: Objective) -> Norm {
    match objective {
        Objective::Simsiam | Objective::Byol => Norm::Both,
        Objective::Simclr | Objective::SimclrRot => Norm::F,
        _ => Norm::None,
    }
}

/// Whether a run is a finished one of the paper's methods, wherever it normalises.
pub fn is_of_paper(run: &RunRecord) -> bool {
    !run.config.objective.is_rival() && run.config.epochs > 0 && run.result().is_some()
}

/// All comparisons, the paper's norm first. Classes and seeds that were trained alike stand together; exploratory pairs stand
/// alone.
pub fn effects<'a>(records: &'a [RunRecord], all: &'a [Settings]) -> Vec<Effect<'a>> {
    let finished = || records.iter().filter(|run| run.config.epochs > 0 && run.result().is_some());
    let mut groups: BTreeMap<_, Vec<Pair<'_>>> = BTreeMap::new();
    for with in finished().filter(|run| run.config.norm != Norm::None) {
        let (Some(without), Some(settings)) =
            (finished().find(|run| with.is_pair_of(run)), all.iter().position(|s| s.is_of(&with.config)))
        else {
            continue;
        };
        let c = &with.config;
        let norm = (c.norm != proposed(c.objective), c.norm.to_string());
        let exploratory = with.planned.exploratory || without.planned.exploratory;
        let key =
            (c.dataset.clone(), c.objective.to_string(), (1000.0 * c.pollution) as u32, norm, settings, exploratory);
        groups.entry(key).or_default().push([without, with]);
    }
    groups.into_iter().map(|((.., settings, _), pairs)| Effect { settings: &all[settings], pairs }).collect()
}

/// All pairs with the norm where the paper puts it.
pub fn proposed_pairs<'a>(effects: &[Effect<'a>]) -> Vec<Pair<'a>> {
    effects.iter().filter(|effect| effect.is_proposed()).flat_map(|effect| effect.pairs.iter().copied()).collect()
}

/// The difference that the norm makes to a measure, over all pairs that have it.
pub fn pooled(pairs: &[Pair<'_>], measure: &str) -> Option<Pooled> {
    Pooled::of(&differences(pairs, |run| measured(run, measure)))
}

/// With norm minus without, pair by pair, where both have the measure.
pub fn differences(pairs: &[Pair<'_>], of: impl Fn(&RunRecord) -> Option<f64>) -> Vec<(Class, f64)> {
    pairs.iter().filter_map(|[without, with]| Some((with.unit(), of(with)? - of(without)?))).collect()
}

impl Effect<'_> {
    /// For example `SimCLR on fashion-mnist, bag, p = 0.1`; a norm that is not the paper's is named.
    pub fn title(&self) -> String {
        let c = &self.pairs[0][1].config;
        let norm = if self.is_proposed() { String::new() } else { format!(", norm {}", c.norm) };
        let exploratory = if self.is_exploratory() { ", exploratory" } else { "" };
        format!(
            "{}{norm} on {}, {}, p = {}{exploratory}",
            c.objective.with_norm(Norm::None),
            c.dataset,
            self.classes(),
            c.pollution
        )
    }

    /// Whether the norm is where the paper puts it.
    pub fn is_proposed(&self) -> bool {
        let c = &self.pairs[0][1].config;
        c.norm == proposed(c.objective)
    }

    /// Whether its pairs were added after results had been seen.
    pub fn is_exploratory(&self) -> bool {
        self.pairs[0].iter().any(|run| run.planned.exploratory)
    }

    fn classes(&self) -> String {
        let classes: BTreeSet<(usize, String)> =
            self.pairs.iter().map(|[run, _]| (run.config.id_class, run.class())).collect();
        if classes.len() > 3 {
            return format!("{} classes", classes.len());
        }
        classes.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" and ")
    }

    /// The runs without norm, and those with.
    pub fn sides(&self) -> [Vec<&RunRecord>; 2] {
        [0, 1].map(|side| self.pairs.iter().map(|pair| pair[side]).collect())
    }

    fn row(&self, measure: &'static str) -> Option<Row> {
        let of = |run: &RunRecord| measured(run, measure);
        let sides = self.sides().map(|runs| runs.into_iter().map(of).collect::<Option<Vec<f64>>>());
        let [Some(without), Some(with)] = sides else { return None };
        let pooled = pooled(&self.pairs, measure)?;
        let test = pooled.estimate.test;
        Some(Row {
            measure,
            without: mean_and_spread(&without),
            with: mean_and_spread(&with),
            difference: pooled.estimate.mean,
            standard_error: test.map(|test| test.standard_error),
            interval: test.map(|test| test.interval),
            p: test.map(|test| test.p),
            holm: None,
            n: pooled.pairs,
            verdict: if test.is_some() { "exploratory" } else { "too few to tell" },
            what: pooled.n("pair"),
        })
    }

    fn decides(&self, measure: &str) -> bool {
        let planned = &self.pairs[0][1].planned;
        self.is_proposed() && !self.is_exploratory() && planned.decides.iter().any(|name| name == measure)
    }
}

/// Every measure that all runs of a comparison have, for each comparison. Only a measure that was named before the runs has a
/// verdict, and only by Holm's p over all such cells of all comparisons.
pub fn rows(effects: &[Effect<'_>]) -> Vec<Vec<Row>> {
    let of = |effect: &Effect<'_>| MEASURES.iter().filter_map(|(measure, _)| effect.row(measure)).collect();
    let mut all: Vec<Vec<Row>> = effects.iter().map(of).collect();
    let cells = effects.iter().zip(&mut all).flat_map(|(effect, rows)| rows.iter_mut().map(move |row| (effect, row)));
    let mut family: Vec<&mut Row> =
        cells.filter(|(effect, row)| row.p.is_some() && effect.decides(row.measure)).map(|(_, row)| row).collect();
    let p: Vec<f64> = family.iter().filter_map(|row| row.p).collect();
    for (row, holm) in family.iter_mut().zip(holm(&p)) {
        row.holm = Some(holm);
        row.verdict = match holm {
            p if p >= ALPHA => "no difference shown",
            _ if row.difference > 0.0 => "higher with norm",
            _ => "lower with norm",
        };
    }
    all
}

/// One measure of a finished run, as its plan says: the mean of its last evaluations, or the evaluation after training.
pub fn measured(run: &RunRecord, measure: &str) -> Option<f64> {
    let count = run.planned.evaluations;
    let last = run.summary.history.epochs.last().and_then(|entry| followed(entry, measure));
    match measure {
        _ if count > 0 && last.is_some() => run.last(count, |entry| followed(entry, measure)),
        "chosen" => Some(100.0 * run.result()?.chosen()?),
        "kappa" | "mmd" | "probe" => last,
        score => Some(100.0 * run.result()?.reached(score)?),
    }
}

/// One measure of an evaluation during training.
pub fn followed(entry: &HistoryEntry, measure: &str) -> Option<f64> {
    match measure {
        "kappa" => Some(entry.id.kappa),
        "mmd" => Some(100.0 * entry.id.mmd2),
        "probe" => Some(100.0 * entry.quality?.linear_probe),
        score => Some(100.0 * entry.rate(score.parse::<Scorer>().ok()?)?),
    }
}

/// A comparison's cells, for people.
pub fn table(rows: &[Row]) -> Table {
    let mut table =
        Table::new(1, ["measure", "without", "with", "difference", "95 % interval", "n", "p", "p (Holm)", "verdict"]);
    let both = |[mean, spread]: [f64; 2]| format!("{mean:.1} ± {spread:.1}");
    for row in rows {
        table.row([
            title(row.measure).to_string(),
            both(row.without),
            both(row.with),
            format!("{:+.1}", row.difference),
            row.interval.map_or("-".into(), interval),
            row.what.clone(),
            row.p.map_or("-".into(), p_value),
            row.holm.map_or("-".into(), p_value),
            row.verdict.to_string(),
        ]);
    }
    table
}

/// `[+1.2, +3.4]`
pub fn interval([low, high]: [f64; 2]) -> String {
    format!("[{low:+.1}, {high:+.1}]")
}

/// p with two digits that count.
pub fn p_value(p: f64) -> String {
    if p < 0.001 {
        "<0.001".into()
    } else if p < 0.1 {
        format!("{p:.3}")
    } else {
        format!("{p:.2}")
    }
}

/// The comparisons as the page reads them.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found<'a> {
    dataset: String,
    classes: Vec<usize>,
    objective: Objective,
    pollution: f32,
    width: usize,
    epochs: usize,
    exploratory: bool,
    rows: &'a [Row],
}

/// `findings.json`.
pub fn json(effects: &[Effect<'_>], rows: &[Vec<Row>]) -> Result<String, serde_json::Error> {
    let found: Vec<Found<'_>> = effects
        .iter()
        .zip(rows)
        .filter(|(effect, _)| effect.is_proposed())
        .map(|(effect, rows)| {
            let c = &effect.pairs[0][0].config;
            let classes = classes_of(&effect.sides()[0]);
            let (dataset, objective, pollution) = (c.dataset.clone(), c.objective, c.pollution);
            let exploratory = effect.is_exploratory();
            Found { dataset, classes, objective, pollution, width: c.width, epochs: c.epochs, exploratory, rows }
        })
        .collect();
    Ok(serde_json::to_string(&found)? + "\n")
}

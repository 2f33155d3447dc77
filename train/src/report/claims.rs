//! The paper's claims, numbered as in our summary of the paper, each decided by one number of the records.
//!
//! A claim is tested over all runs that can speak to it, pooled as `stats` says. "End" is the mean of a run's last five
//! evaluations, "untrained" its evaluation before training.

use super::course::{at_end, untrained};
use super::effect::{Pair, differences, followed, is_of_paper, measured, p_value};
use super::record::RunRecord;
use super::stats::{ALPHA, CLASSES, Class, Pooled, mean_and_spread, spearman};
use super::table::Table;
use nsa_core::config::{Norm, Objective, TrainConfig};
use nsa_core::model::Layer;

/// Points within which two accuracies count as the same.
const SAME: f64 = 3.0;

/// A claim with what our runs say of it.
pub struct Claim {
    /// Its number.
    pub number: u8,
    /// In a few words.
    pub text: &'static str,
    /// What was measured.
    pub measure: &'static str,
    /// What our runs say.
    pub found: Found,
}

/// What our runs say.
pub enum Found {
    /// No run can speak to it.
    NotRun(&'static str),
    /// A mean, and where the claim expects it.
    Mean(Pooled, Expected),
    /// In how many of how many cases it holds, and in how many the likeliest alternative does.
    Count(usize, usize, usize),
}

/// Where a claim expects a mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Above zero.
    Above,
    /// Below zero.
    Below,
    /// Nearer to zero than [`SAME`].
    Same,
    /// Not below zero.
    NotBelow,
}

impl Found {
    /// In a word or two.
    pub fn verdict(&self) -> &'static str {
        match self {
            Self::NotRun(_) => "not run",
            Self::Count(holds, _, other) if holds > other => "supported",
            Self::Count(..) => "not supported",
            Self::Mean(pooled, expected) => verdict(pooled, *expected),
        }
    }

    /// The number that decides.
    pub fn number(&self) -> String {
        match self {
            Self::NotRun(why) => (*why).into(),
            Self::Count(holds, of, _) => format!("{holds} of {of}"),
            Self::Mean(pooled, _) => {
                let estimate = &pooled.estimate;
                let digits = if estimate.mean.abs() < 1.0 { 2 } else { 1 };
                let [low, high] = estimate.test.map_or([f64::NAN; 2], |test| test.interval);
                let interval =
                    if low.is_nan() { String::new() } else { format!(" [{low:+.digits$}, {high:+.digits$}]") };
                format!("{:+.digits$}{interval}", estimate.mean)
            }
        }
    }

    /// What it rests on.
    pub fn n(&self) -> String {
        match self {
            Self::NotRun(_) => "0".into(),
            Self::Count(_, of, _) => of.to_string(),
            Self::Mean(pooled, _) => pooled.n("case"),
        }
    }

    /// The same in a word: the units of the test, or the cases.
    fn short_n(&self) -> String {
        match self {
            Self::Mean(pooled, _) if pooled.classes >= CLASSES => format!("{} classes", pooled.classes),
            Self::Mean(pooled, _) => pooled.pairs.to_string(),
            other => other.n(),
        }
    }

    /// Two-sided p of zero, where there is a test.
    pub fn p(&self) -> Option<f64> {
        match self {
            Self::Mean(pooled, _) => pooled.estimate.p(),
            _ => None,
        }
    }
}

fn verdict(pooled: &Pooled, expected: Expected) -> &'static str {
    let Some(test) = pooled.estimate.test else { return "too few runs" };
    let ([low, high], differs) = (test.interval, test.p < ALPHA);
    let above = pooled.estimate.mean > 0.0;
    match expected {
        Expected::Same if -SAME < low && high < SAME => "supported",
        Expected::Same => "not decided",
        Expected::NotBelow if differs && !above => "contradicted",
        Expected::NotBelow if low > -SAME => "supported",
        Expected::NotBelow => "not decided",
        _ if !differs => "not supported",
        _ if above == (expected == Expected::Above) => "supported",
        _ => "contradicted",
    }
}

/// All claims. `pairs` have the norm where the paper puts it.
pub fn claims(records: &[RunRecord], pairs: &[Pair<'_>]) -> Vec<Claim> {
    let [training, detection] = [of_training(records, pairs), of_detection(records, pairs)];
    training
        .into_iter()
        .chain(detection)
        .map(|(number, text, measure, found)| Claim { number, text, measure, found })
        .collect()
}

type Row = (u8, &'static str, &'static str, Found);

const NOT_RUN: Found = Found::NotRun("no such runs");

/// 1 to 12: what training does (sections 2.2 and 2.3).
fn of_training(records: &[RunRecord], pairs: &[Pair<'_>]) -> Vec<Row> {
    use Expected::{Above, Below, NotBelow, Same};
    let (simclr, simsiam) = ((Objective::Simclr, Norm::None), (Objective::Simsiam, Norm::None));
    let clean: Vec<Pair<'_>> = pairs.iter().copied().filter(|pair| is_clean(pair[0])).collect();
    let of_simclr: Vec<Pair<'_>> = clean.iter().copied().filter(|pair| is(pair[0], simclr)).collect();
    let over = |method: Method, of: &dyn Fn(&RunRecord) -> Option<f64>| -> Vec<(Class, f64)> {
        let runs = records.iter().filter(|run| is_of_paper(run) && is(run, method) && is_clean(run));
        runs.filter_map(|run| Some((run.unit(), of(run)?))).collect()
    };
    let against =
        |of: &dyn Fn(&RunRecord) -> Option<f64>| differences(&matched(records, simclr, simsiam, is_clean), of);
    vec![
        (
            1,
            "SimCLR's AUROC falls with long training",
            "c-Cos, end − untrained",
            mean(over(simclr, &|run| change(run, "c-cos")), Below),
        ),
        (
            2,
            "its features do not get worse",
            "linear probe, end − untrained",
            mean(over(simclr, &|run| change(run, "probe")), NotBelow),
        ),
        (3, "its κ falls", "κ, end − untrained", mean(over(simclr, &|run| change(run, "kappa")), Below)),
        (
            4,
            "its MMD to uniform falls",
            "100 MMD², end − untrained",
            mean(over(simclr, &|run| change(run, "mmd")), Below),
        ),
        (
            5,
            "AUROC follows compactness",
            "rank correlation of κ and k-Cos over epochs",
            mean(over(simclr, &follows), Above),
        ),
        (
            6,
            "SimSiam's AUROC stays",
            "c-Cos, end − untrained",
            mean(over(simsiam, &|run| change(run, "c-cos")), NotBelow),
        ),
        (
            7,
            "SimSiam's κ falls less",
            "change of κ, SimSiam − SimCLR",
            mean(against(&|run| change(run, "kappa")), Above),
        ),
        (
            8,
            "SimSiam needs early stopping less",
            "change of c-Cos, SimSiam − SimCLR",
            mean(against(&|run| change(run, "c-cos")), Above),
        ),
        (
            9,
            "the norm makes SimCLR's fall smaller",
            "change of c-Cos, with − without",
            mean(differences(&of_simclr, |run| change(run, "c-cos")), Above),
        ),
        (
            10,
            "κ is higher with norm",
            "κ at the end, with − without",
            mean(differences(&clean, |run| at_end(run, "kappa")), Above),
        ),
        (
            11,
            "the probe is the same with norm",
            "linear probe at the end, with − without",
            mean(differences(&clean, |run| at_end(run, "probe")), Same),
        ),
        (
            12,
            "compactness matters more under pollution",
            "gain of k-Cos, polluted − clean",
            mean(interactions(pairs, "k-cos"), Above),
        ),
    ]
}

/// 13 to 26: what detection gains (section 3.2 and the appendices).
fn of_detection(records: &[RunRecord], pairs: &[Pair<'_>]) -> Vec<Row> {
    use Expected::Above;
    let ours: Vec<&RunRecord> = records.iter().filter(|run| is_of_paper(run)).collect();
    let cells = cells(&ours);
    let rotated = (Objective::SimclrRot, Norm::None);
    let siamese = (Objective::Simsiam, Norm::Both);
    let k_mah = |run: &RunRecord| measured(run, "k-cos-mah");
    let both_norms = matched(records, (Objective::Simsiam, Norm::F), siamese, is_clean);
    let by_score = |run: &RunRecord, score| Some(100.0 * run.result()?.reached(&of_reading(run, score)?)?);
    let ensemble =
        ours.iter().filter_map(|run| Some((run.unit(), by_score(run, "ens")? - by_score(run, "k-cos-mah")?)));
    let more = pairs.iter().filter_map(|pair| {
        let gain = |measure| Some(measured(pair[1], measure)? - measured(pair[0], measure)?);
        Some((pair[0].unit(), gain("c-cos")? - gain("k-cos")?))
    });
    let polluted: Vec<&Vec<&RunRecord>> = cells.iter().filter(|runs| !is_clean(runs[0])).collect();
    let everywhere: Vec<&Vec<&RunRecord>> = cells.iter().collect();
    vec![
        (
            13,
            "the norm helps without ensembling",
            "k-Cos (Mah), with − without",
            mean(differences(pairs, k_mah), Above),
        ),
        (
            14,
            "SimSiam(n) rivals rotated negatives",
            "k-Cos (Mah), SimSiam(n) − SimCLR(-)",
            mean(differences(&matched(records, rotated, siamese, is_clean), k_mah), Expected::NotBelow),
        ),
        (
            15,
            "the norm reduces pollution's damage",
            "gain of k-Cos (Mah), polluted − clean",
            mean(interactions(pairs, "k-cos-mah"), Above),
        ),
        (
            16,
            "SimSiam suffers less from pollution",
            "k-Cos (Mah), polluted: SimSiam − SimCLR",
            mean(
                differences(
                    &matched(records, (Objective::Simclr, Norm::None), (Objective::Simsiam, Norm::None), |run| {
                        !is_clean(run)
                    }),
                    k_mah,
                ),
                Above,
            ),
        ),
        (
            17,
            "SimCLR(n-) does even better",
            "k-Cos (Mah), polluted: SimCLR(n-) − SimSiam(n)",
            mean(
                differences(&matched(records, siamese, (Objective::SimclrRot, Norm::F), |run| !is_clean(run)), k_mah),
                Above,
            ),
        ),
        (18, "table 10's order of methods", "polluted SimSiam(n), ELSA", NOT_RUN),
        (
            19,
            "both norms help SimSiam most",
            "k-Cos (Mah), both − f alone",
            mean(differences(&both_norms, k_mah), Above),
        ),
        (20, "the ensemble gains", "Ens. − k-Cos (Mah)", mean(ensemble.collect(), Above)),
        (21, "Ens. is most often best", "cells", ranked(&everywhere, &SCORES, 0, "ens")),
        (22, "k-Cos (Mah) is most often second", "cells", ranked(&everywhere, &SCORES, 1, "k-cos-mah")),
        (23, "c-Cos gains most", "gain of c-Cos − of k-Cos", mean(more.collect(), Above)),
        (
            24,
            "c-Cos withstands pollution",
            "best single score in polluted cells",
            ranked(&polluted, &SCORES[..5], 0, "c-cos"),
        ),
        (25, "Mahalanobis space helps the cosine", "maps where k-Cos (Mah) is above k-Cos", whitened_is_better(&cells)),
        (26, "pretrained backbones fail on SVHN", "", NOT_RUN),
    ]
}

fn mean(values: Vec<(Class, f64)>, expected: Expected) -> Found {
    Pooled::of(&values).map_or(Found::NotRun("no such runs at equal steps"), |pooled| Found::Mean(pooled, expected))
}

/// An objective, and where it normalises.
type Method = (Objective, Norm);

fn is(run: &RunRecord, (objective, norm): Method) -> bool {
    (run.config.objective, run.config.norm) == (objective, norm)
}

fn is_clean(run: &RunRecord) -> bool {
    run.config.pollution == 0.0
}

/// End minus untrained.
fn change(run: &RunRecord, measure: &str) -> Option<f64> {
    Some(at_end(run, measure)? - untrained(run, measure)?)
}

/// Rank correlation of κ and k-Cos over a run's evaluations.
fn follows(run: &RunRecord) -> Option<f64> {
    let both = |entry| Some((followed(entry, "kappa")?, followed(entry, "k-cos")?));
    let (kappa, auroc): (Vec<f64>, Vec<f64>) = run.trained().iter().filter_map(both).unzip();
    spearman(&kappa, &auroc)
}

/// What two runs of different methods have in common: images, class, seed, width and steps.
fn context(run: &RunRecord) -> (String, [usize; 5], u64, u32) {
    let c = &run.config;
    (c.dataset.clone(), [c.id_class, c.image_size, c.width, c.limit, run.steps()], c.seed, c.pollution.to_bits())
}

/// Runs of method `a` with those of `b` on the same images at equal steps.
fn matched(records: &[RunRecord], a: Method, b: Method, of: fn(&RunRecord) -> bool) -> Vec<Pair<'_>> {
    let finished = |method| records.iter().filter(move |run| is(run, method) && run.result().is_some() && of(run));
    let pair = |first| Some([first, finished(b).find(|run| context(run) == context(first))?]);
    finished(a).filter_map(pair).collect()
}

/// How much more the norm gains under pollution, for every polluted pair with a clean one that differs in nothing else.
fn interactions(pairs: &[Pair<'_>], measure: &str) -> Vec<(Class, f64)> {
    let gain = |pair: &Pair<'_>| Some(measured(pair[1], measure)? - measured(pair[0], measure)?);
    let clean_of = |polluted: &Pair<'_>| {
        let config = TrainConfig { pollution: 0.0, ..polluted[1].config.clone() };
        pairs.iter().find(|pair| pair[1].config == config)
    };
    let polluted = pairs.iter().filter(|pair| !is_clean(pair[0]));
    polluted.filter_map(|pair| Some((pair[0].unit(), gain(pair)? - gain(clean_of(pair)?)?))).collect()
}

/// The single scores and the sum that are ranked, in table 11's columns.
const SCORES: [&str; 6] = ["k-cos", "c-cos", "gde", "k-cos-mah", "c-cos-mah", "ens"];

/// The same score in the reading that the run's sums have, so that readings are never mixed.
fn of_reading(run: &RunRecord, score: &str) -> Option<String> {
    let reading = if score.ends_with("-mah") || score == "ens" { run.result()?.reading() } else { "" };
    Some(format!("{score}{reading}"))
}

/// Runs that differ in nothing but the seed.
fn cells<'a>(runs: &[&'a RunRecord]) -> Vec<Vec<&'a RunRecord>> {
    let mut cells: Vec<Vec<&RunRecord>> = Vec::new();
    for &run in runs {
        let alike =
            |cell: &&mut Vec<&RunRecord>| TrainConfig { seed: run.config.seed, ..cell[0].config.clone() } == run.config;
        match cells.iter_mut().find(alike) {
            Some(cell) => cell.push(run),
            None => cells.push(vec![run]),
        }
    }
    cells
}

/// In how many cells a score has this place, by the mean over seeds.
fn ranked(cells: &[&Vec<&RunRecord>], scores: &[&str], place: usize, score: &str) -> Found {
    let ranking = |cell: &&&Vec<&RunRecord>| {
        let of = |score: &&str| {
            let reached = cell.iter().map(|run| run.result()?.reached(&of_reading(run, score)?));
            Some((score.to_string(), mean_and_spread(&reached.collect::<Option<Vec<f64>>>()?)[0]))
        };
        let mut means = scores.iter().map(of).collect::<Option<Vec<_>>>()?;
        means.sort_by(|a, b| b.1.total_cmp(&a.1));
        Some(means)
    };
    let rankings: Vec<_> = cells.iter().filter_map(|cell| ranking(&cell)).collect();
    let count = |score: &str| rankings.iter().filter(|means| means[place].0 == score).count();
    let others = scores.iter().filter(|other| **other != score).map(|other| count(other)).max();
    Found::Count(count(score), rankings.len(), others.unwrap_or(0))
}

/// On how many feature maps of how many k-Cos gains by whitening, by the mean over seeds.
fn whitened_is_better(cells: &[Vec<&RunRecord>]) -> Found {
    let mean_of = |cell: &[&RunRecord], layer, score: &str| {
        let of = |run: &&RunRecord| run.result()?.of(layer, of_reading(run, score)?.parse().ok()?);
        Some(mean_and_spread(&cell.iter().map(of).collect::<Option<Vec<f64>>>()?)[0])
    };
    let of_cell = |cell: &Vec<&RunRecord>| -> Vec<bool> {
        let layers = cell[0].result().map_or(&[][..], |outcome| &outcome.layers);
        let layers = layers.iter().map(|(layer, _)| *layer).filter(|layer| *layer != Layer::Pixels);
        layers.filter_map(|layer| Some(mean_of(cell, layer, "k-cos-mah")? > mean_of(cell, layer, "k-cos")?)).collect()
    };
    let all: Vec<bool> = cells.iter().flat_map(of_cell).collect();
    let better = all.iter().filter(|better| **better).count();
    Found::Count(better, all.len(), all.len() - better)
}

/// A row a claim.
pub fn table(claims: &[Claim]) -> Table {
    let mut table = Table::new(5, ["", "the paper claims", "verdict", "measure", "number", "n", "p"]);
    for claim in claims {
        table.row([
            claim.number.to_string(),
            claim.text.to_string(),
            format!("**{}**", claim.found.verdict()),
            claim.measure.to_string(),
            claim.found.number(),
            claim.found.n(),
            claim.found.p().map_or("-".into(), p_value),
        ]);
    }
    table
}

/// A line a claim.
pub fn lines(claims: &[Claim]) -> String {
    let line = |claim: &Claim| {
        let found = &claim.found;
        let p = found.p().map_or(String::new(), |p| format!(", p {}", p_value(p)));
        let number = match found {
            Found::NotRun(_) => String::new(),
            _ => format!(" ({}; n {}{p})", found.number(), found.short_n()),
        };
        format!("{}. {}: **{}**{number}\n", claim.number, claim.text, found.verdict())
    };
    claims.iter().map(line).collect()
}

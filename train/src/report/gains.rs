//! What the norm gains by each score, over all pairs of runs, beside the paper's table 11.

use super::effect::{Pair, interval, measured, p_value, pooled, title};
use super::paper::PaperTable;
use super::stats::{Estimate, Pooled, holm};
use super::table::Table;

/// A score's gain.
pub struct Gain {
    /// The score.
    pub score: &'static str,
    /// Ours.
    pub ours: Pooled,
    /// p after Holm's correction over all scores.
    pub holm: Option<f64>,
    /// The paper's: its rows are the units.
    pub paper: Option<Estimate>,
}

/// The scores, and the paper's column beside them.
const SCORES: [(&str, Option<&str>); 8] = [
    ("k-cos", Some("k-cos")),
    ("c-cos", Some("c-cos")),
    ("gde", Some("gde")),
    ("k-cos-mah", Some("k-cos-mah")),
    ("c-cos-mah", Some("c-cos-mah")),
    ("ens", Some("ens")),
    ("k-cos-mah-raw", None),
    ("ens-raw", None),
];

/// The four that decide: `train/plans/cpu/cifar10.toml` named them before its first run.
const DECIDE: usize = 4;

/// The gain of every score that some pair has.
pub fn gains(pairs: &[Pair<'_>], paper: &[PaperTable]) -> Vec<Gain> {
    let eleven = paper.iter().find(|table| table.number == 11);
    let of_paper = |score: Option<&str>| Estimate::of(&eleven?.gains(score?));
    let of = |(score, column): (&'static str, Option<&'static str>)| {
        Some(Gain { score, ours: pooled(pairs, score)?, holm: None, paper: of_paper(column) })
    };
    let mut gains: Vec<Gain> = SCORES.into_iter().filter_map(of).collect();
    let p: Vec<f64> = gains.iter().filter_map(|gain| gain.ours.estimate.p()).collect();
    let tested = gains.iter_mut().filter(|gain| gain.ours.estimate.test.is_some());
    tested.zip(holm(&p)).for_each(|(gain, p)| gain.holm = Some(p));
    gains
}

impl Gain {
    /// Mean and interval of ours, then of the paper's.
    pub fn both(&self) -> Vec<(f64, [f64; 2])> {
        let of = |estimate: &Estimate| (estimate.mean, estimate.test.map_or([estimate.mean; 2], |test| test.interval));
        std::iter::once(&self.ours.estimate).chain(&self.paper).map(of).collect()
    }
}

fn with_interval(estimate: &Estimate) -> String {
    format!(
        "{:+.1}{}",
        estimate.mean,
        estimate.test.map_or(String::new(), |test| format!(" {}", interval(test.interval)))
    )
}

/// A row a score that decides.
pub fn table(gains: &[Gain]) -> Table {
    let mut table = Table::new(1, ["gain by the norm", "ours", "above zero", "p (Holm)", "paper"]);
    let decides = |gain: &&Gain| SCORES[..DECIDE].iter().any(|(score, _)| *score == gain.score);
    for gain in gains.iter().filter(decides) {
        table.row([
            title(gain.score).to_string(),
            with_interval(&gain.ours.estimate),
            format!("{} of {}", gain.ours.above, gain.ours.pairs),
            gain.holm.map_or("-".into(), p_value),
            gain.paper.as_ref().map_or("-".into(), with_interval),
        ]);
    }
    table
}

/// What the table's pairs are.
pub fn about(gains: &[Gain], pairs: &[Pair<'_>]) -> String {
    let exploratory = pairs.iter().filter(|pair| pair.iter().any(|run| run.planned.exploratory)).count();
    let n = gains.first().map_or(String::new(), |gain| gain.ours.n("pair"));
    format!("{n}, {exploratory} of the pairs exploratory")
}

/// Every pair's difference by every score: what the picture is drawn from.
pub fn numbers(pairs: &[Pair<'_>]) -> Table {
    let mut table = Table::new(
        9,
        ["score", "dataset", "class", "objective", "pollution", "seed", "without", "with", "exploratory"],
    );
    for (score, pair) in SCORES.iter().flat_map(|(score, _)| pairs.iter().map(move |pair| (*score, pair))) {
        let [without, with] = pair.map(|run| measured(run, score));
        let (Some(without), Some(with)) = (without, with) else { continue };
        let c = &pair[1].config;
        table.row([
            score.to_string(),
            c.dataset.clone(),
            c.id_class.to_string(),
            c.objective.to_string(),
            c.pollution.to_string(),
            c.seed.to_string(),
            format!("{without:.4}"),
            format!("{with:.4}"),
            pair.iter().any(|run| run.planned.exploratory).to_string(),
        ]);
    }
    table
}

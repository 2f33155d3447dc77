//! What changes while training goes on: AUROC, compactness and quality at the start, at the peak, at the end.

use super::effect::{Effect, mean_and_spread, peak, rate};
use super::record::RunRecord;
use nsa_core::measure::HistoryEntry;
use nsa_core::score::Scorer;
use std::fmt::Write;

/// A measure at one point of a run.
type Measure = fn(&HistoryEntry) -> Option<f64>;

/// What is followed, its title and with how many decimals.
const FOLLOWED: [(&str, usize, Measure); 8] = [
    ("c-Cos", 1, |entry| percent(entry, Scorer::CCos)),
    ("k-Cos", 1, |entry| percent(entry, Scorer::KCos)),
    ("k-Cos (Mah)", 1, |entry| percent(entry, Scorer::KCosMah)),
    ("GDE", 1, |entry| percent(entry, Scorer::Gde)),
    ("kappa ID", 1, |entry| Some(entry.id.kappa)),
    ("kappa OOD", 1, |entry| Some(entry.ood.kappa)),
    ("MMD to uniform, ID", 3, |entry| Some(entry.id.mmd2)),
    ("linear probe", 1, |entry| Some(100.0 * entry.quality?.linear_probe)),
];

fn percent(entry: &HistoryEntry, scorer: Scorer) -> Option<f64> {
    Some(100.0 * rate(&entry.auroc, scorer)?)
}

/// Where a run is looked at.
type Point = fn(&RunRecord) -> Option<&HistoryEntry>;

/// The start is the untrained encoder.
const POINTS: [Point; 3] = [|run| run.summary.history.epochs.first(), peak, |run| run.summary.history.epochs.last()];

/// A table for each comparison: both sides at each point.
pub fn tables(effects: &[Effect<'_>]) -> String {
    let mut text = String::from(
        "## While training goes on\n\nMean ± standard deviation over the runs: untrained (calibrated by twenty batches), at the \
         peak of c-Cos (run by run, chosen on validation images), after the last epoch. AUROC is of at most as many test images \
         as the settings say, so the last column may differ a little from the tables above.\n\n",
    );
    for effect in effects {
        let sides = effect.sides();
        let peaks = sides.each_ref().map(|runs| epochs_of(runs));
        let _ = write!(
            text,
            "### {}\n\nPeaks at epochs {} without, {} with.\n\n\
             | measure | without: untrained | peak | end | with: untrained | peak | end |\n|---|---:|---:|---:|---:|---:|---:|\n",
            effect.title(),
            peaks[0],
            peaks[1]
        );
        for (title, decimals, measure) in FOLLOWED {
            let _ = write!(text, "| {title} |");
            for (runs, point) in sides.iter().flat_map(|runs| POINTS.map(|point| (runs, point))) {
                let values: Option<Vec<f64>> = runs.iter().map(|run| measure(point(run)?)).collect();
                let _ = match values.map(|values| mean_and_spread(&values)) {
                    Some([mean, spread]) => write!(text, " {mean:.decimals$} ± {spread:.decimals$} |"),
                    None => write!(text, " - |"),
                };
            }
            text += "\n";
        }
        text += "\n";
    }
    text
}

fn epochs_of(runs: &[&RunRecord]) -> String {
    let epochs = runs.iter().filter_map(|run| peak(run)).map(|entry| entry.epoch.to_string());
    epochs.collect::<Vec<_>>().join(", ")
}

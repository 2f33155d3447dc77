//! What changes while training goes on: AUROC, compactness and quality before it and at its end.

use super::effect::{Effect, followed, title};
use super::record::RunRecord;
use super::stats::mean_and_spread;
use super::table::Table;

/// Evaluations whose mean is the end of training.
pub const LAST: usize = 5;

/// What is followed.
const FOLLOWED: [&str; 8] = ["c-cos", "k-cos", "gde", "k-cos-mah", "k-cos-mah-raw", "kappa", "mmd", "probe"];

/// A measure at the end of training; none where it was not followed, or not for long enough.
pub fn at_end(run: &RunRecord, measure: &str) -> Option<f64> {
    run.last(LAST, |entry| followed(entry, measure))
}

/// A measure before training.
pub fn untrained(run: &RunRecord, measure: &str) -> Option<f64> {
    followed(run.start()?, measure)
}

/// Both sides of a comparison, before training and at its end.
pub fn table(effect: &Effect<'_>) -> Table {
    let mut table = Table::new(1, ["measure", "without: untrained", "end", "with: untrained", "end"]);
    for measure in FOLLOWED {
        let points: [fn(&RunRecord, &str) -> Option<f64>; 2] = [untrained, at_end];
        let cells = effect.sides().into_iter().flat_map(|runs| points.map(|of| cell(&runs, |run| of(run, measure))));
        table.row(std::iter::once(title(measure).to_string()).chain(cells));
    }
    table
}

/// Mean ± standard deviation over runs; a dash where one of them lacks it.
pub fn cell(runs: &[&RunRecord], of: impl Fn(&RunRecord) -> Option<f64>) -> String {
    let values: Option<Vec<f64>> = runs.iter().map(|run| of(run)).collect();
    values.filter(|values| !values.is_empty()).map_or("-".into(), |values| {
        let [mean, spread] = mean_and_spread(&values);
        format!("{mean:.1} ± {spread:.1}")
    })
}

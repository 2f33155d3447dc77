//! What pairs of runs over several seeds say of the norm: `results/findings.json`, written by `nsa report`.
//!
//! The picture of a scene is one run; its verdict rests on these.

use super::Verdict;
use nsa_core::config::{Objective, TrainConfig};
use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
struct Finding {
    dataset: String,
    classes: Vec<usize>,
    objective: Objective,
    pollution: f32,
    width: usize,
    epochs: usize,
    rows: Vec<Row>,
}

/// One measure without and with norm, in percent if it is an AUROC.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    measure: String,
    /// Mean and standard deviation without norm.
    pub without: [f64; 2],
    /// The same with norm.
    pub with: [f64; 2],
    difference: f64,
    /// 95 % interval of the difference, by Student's t.
    interval: Option<[f64; 2]>,
    /// Pairs of runs.
    pub n: usize,
}

static FINDINGS: LazyLock<Vec<Finding>> = LazyLock::new(|| {
    serde_json::from_slice(include_bytes!("../../../results/findings.json"))
        .expect("`nsa report` wrote it, and a test reads it")
});

/// Pairs that a mean must rest on.
const PAIRS: usize = 3;

/// What runs like this one say of a measure (a scorer's name, `kappa`), if there are enough of them.
pub fn find(config: &TrainConfig, measure: &str) -> Option<&'static Row> {
    let alike = |f: &&Finding| {
        f.dataset == config.dataset
            && f.classes == [config.id_class]
            && f.objective == config.objective
            && (f.pollution - config.pollution).abs() < 1e-6
            && (f.width, f.epochs) == (config.width, config.epochs)
    };
    let rows = &FINDINGS.iter().find(alike)?.rows;
    rows.iter().find(|row| row.measure == measure && row.n >= PAIRS)
}

impl Row {
    /// Whether the norm changes the measure the way the paper says: an interval that holds zero says nothing.
    pub fn verdict(&self, paper_gains: bool) -> Verdict {
        match self.interval {
            Some([low, high]) if low > 0.0 || high < 0.0 => {
                if (self.difference > 0.0) == paper_gains {
                    Verdict::Agrees
                } else {
                    Verdict::Differs
                }
            }
            _ => Verdict::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_findings_are_read() {
        assert!(FINDINGS.iter().all(|finding| !finding.rows.is_empty()));
    }

    #[test]
    fn a_difference_counts_where_its_interval_excludes_zero() {
        let row = |difference, interval| Row {
            measure: "k-cos".into(),
            without: [70.0, 1.0],
            with: [70.0 + difference, 1.0],
            difference,
            interval,
            n: 3,
        };
        assert_eq!(row(3.0, Some([1.0, 5.0])).verdict(true), Verdict::Agrees);
        assert_eq!(row(-3.0, Some([-5.0, -1.0])).verdict(true), Verdict::Differs);
        assert_eq!(row(1.9, Some([-0.1, 3.9])).verdict(true), Verdict::Unclear);
        assert_eq!(row(9.0, None).verdict(true), Verdict::Unclear);
    }
}

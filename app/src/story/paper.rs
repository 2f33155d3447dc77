//! What the paper reached: Table 11 (appendix G), one-vs-rest AUROC in percent, mean over the ten classes of a data set.

use nsa_core::score::Scorer;

/// A row of Table 11.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaperRow {
    /// Data set, as `nsa data list` names it.
    pub dataset: &'static str,
    /// Objective, as `nsa train` names it.
    pub objective: &'static str,
    /// Whether a tenth of the training set was outliers.
    pub polluted: bool,
    /// Whether the paper's normalisation was used.
    pub norm: bool,
    /// By [`PaperRow::SCORERS`], on the encoder's output.
    scores: [f64; 4],
    /// The ensemble of all layers.
    pub ensemble: f64,
}

impl PaperRow {
    /// The single scores of the table that the lab has.
    pub const SCORERS: [Scorer; 4] = [Scorer::KCos, Scorer::KCosMah, Scorer::CCos, Scorer::CCosMah];

    /// What a scorer reached; none of those that the table leaves out.
    pub fn auroc(&self, scorer: Scorer) -> Option<f64> {
        Self::SCORERS.iter().position(|known| *known == scorer).map(|at| self.scores[at])
    }

    /// The row for a run. Data sets that the paper has no row for are set beside CIFAR-10.
    pub fn find(dataset: &str, objective: &str, polluted: bool, norm: bool) -> Option<Self> {
        let row = |dataset: &str| {
            let same = |r: &&Self| (r.objective, r.polluted, r.norm) == (objective, polluted, norm);
            TABLE_11.iter().filter(same).find(|r| r.dataset == dataset).copied()
        };
        row(dataset).or_else(|| row("cifar10"))
    }
}

const fn row(
    dataset: &'static str,
    objective: &'static str,
    polluted: bool,
    norm: bool,
    scores: [f64; 4],
    ensemble: f64,
) -> PaperRow {
    PaperRow { dataset, objective, polluted, norm, scores, ensemble }
}

#[rustfmt::skip]
const TABLE_11: [PaperRow; 32] = [
    row("cifar10", "byol", false, false, [84.9, 88.5, 51.3, 83.8], 88.9),
    row("cifar10", "byol", false, true, [89.9, 90.5, 79.5, 89.0], 91.9),
    row("cifar10", "byol", true, false, [62.7, 82.9, 63.4, 82.0], 85.3),
    row("cifar10", "byol", true, true, [77.5, 85.3, 78.5, 83.6], 88.3),
    row("cifar10", "simsiam", false, false, [86.5, 89.5, 59.3, 85.8], 90.1),
    row("cifar10", "simsiam", false, true, [91.6, 91.7, 84.9, 90.5], 92.5),
    row("cifar10", "simsiam", true, false, [65.8, 83.2, 67.9, 81.5], 84.3),
    row("cifar10", "simsiam", true, true, [80.6, 86.3, 82.5, 84.9], 88.4),
    row("cifar10", "simclr", false, false, [79.3, 86.3, 45.6, 84.9], 87.8),
    row("cifar10", "simclr", false, true, [86.0, 88.9, 75.2, 87.9], 90.3),
    row("cifar10", "simclr", true, false, [53.1, 65.6, 62.6, 65.9], 80.3),
    row("cifar10", "simclr", true, true, [68.8, 79.8, 80.0, 78.7], 86.7),
    row("cifar10", "simclr-rot", false, false, [88.6, 90.7, 79.1, 90.0], 91.1),
    row("cifar10", "simclr-rot", false, true, [91.2, 92.9, 87.3, 92.5], 93.0),
    row("cifar10", "simclr-rot", true, false, [71.4, 79.6, 83.4, 80.8], 86.3),
    row("cifar10", "simclr-rot", true, true, [77.9, 83.9, 87.2, 83.6], 87.8),
    row("fashion-mnist", "byol", false, false, [90.5, 95.3, 84.7, 95.0], 95.9),
    row("fashion-mnist", "byol", false, true, [93.2, 95.1, 91.2, 94.8], 96.2),
    row("fashion-mnist", "byol", true, false, [38.1, 61.3, 84.9, 75.5], 86.7),
    row("fashion-mnist", "byol", true, true, [48.0, 73.2, 86.9, 80.9], 87.9),
    row("fashion-mnist", "simsiam", false, false, [92.7, 95.9, 84.7, 95.7], 95.8),
    row("fashion-mnist", "simsiam", false, true, [93.9, 95.0, 90.7, 94.8], 96.1),
    row("fashion-mnist", "simsiam", true, false, [40.3, 63.0, 88.4, 73.3], 86.1),
    row("fashion-mnist", "simsiam", true, true, [52.7, 75.3, 90.3, 80.0], 87.8),
    row("fashion-mnist", "simclr", false, false, [87.6, 94.6, 70.4, 95.0], 96.1),
    row("fashion-mnist", "simclr", false, true, [91.3, 94.9, 86.8, 94.9], 96.3),
    row("fashion-mnist", "simclr", true, false, [30.9, 46.5, 88.4, 55.5], 86.3),
    row("fashion-mnist", "simclr", true, true, [34.9, 53.1, 90.6, 61.1], 87.5),
    row("fashion-mnist", "simclr-rot", false, false, [92.7, 94.7, 86.3, 94.5], 95.6),
    row("fashion-mnist", "simclr-rot", false, true, [94.2, 95.7, 90.4, 95.6], 95.9),
    row("fashion-mnist", "simclr-rot", true, false, [60.9, 78.7, 90.5, 83.7], 90.4),
    row("fashion-mnist", "simclr-rot", true, true, [65.3, 80.9, 92.1, 84.4], 90.9),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_settings() {
        let auroc = |dataset, objective, polluted, norm, scorer| {
            PaperRow::find(dataset, objective, polluted, norm).and_then(|row| row.auroc(scorer))
        };
        assert_eq!(auroc("fashion-mnist", "simclr", false, false, Scorer::CCos), Some(70.4));
        assert_eq!(auroc("fashion-mnist", "simclr", false, true, Scorer::CCos), Some(86.8));
        assert_eq!(auroc("cifar10", "simsiam", true, true, Scorer::KCosMah), Some(86.3));
        assert_eq!(PaperRow::find("synth-digits", "simclr-rot", false, true).unwrap().dataset, "cifar10");
        assert_eq!(PaperRow::find("cifar10", "dreams", false, false), None);
    }

    #[test]
    fn every_setting_has_one_row() {
        let mut keys: Vec<_> = TABLE_11.iter().map(|r| (r.dataset, r.objective, r.polluted, r.norm)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 32);
    }
}

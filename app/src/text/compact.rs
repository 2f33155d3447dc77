//! What the view of training says.

use crate::charts::training::Measure;

pub const TITLE: &str = "Compact";
pub const LEAD: &str = "How tightly do features huddle on the hypersphere, and what does it do to the scores? What helps \
     is a gap: the normal class (solid) tighter than everything else (dashed).";
/// Menu of models to compare with.
pub const COMPARE: &str = "Compare with";
pub const COMPARE_NONE: &str = "No other model";
pub const CHECKPOINT: &str = "Checkpoint";
pub const PLAY: &str = "Play";
pub const PAUSE: &str = "Pause";
pub const REPLAY_TITLE: &str = "Scores at this checkpoint";
pub const SPHERE_TITLE: &str = "The hypersphere at this checkpoint";

pub const ID_LINE: &str = "ID";
pub const OOD_LINE: &str = "OOD";
/// A linear classifier on frozen features.
pub const PROBE_LINE: &str = "Linear probe";
pub const KNN_LINE: &str = "kNN, k = 20";
pub const EPOCH: &str = "Epoch";
/// Title of a training curve's horizontal axis.
pub const EPOCHS_AXIS: &str = "epochs of training";
/// Title of the axis of concentration.
pub const KAPPA_AXIS: &str = "Concentration κ";
/// Title of the axis of AUROC.
pub const AUROC_AXIS: &str = "AUROC, %";
/// Title of the axis of MMD.
pub const MMD_AXIS: &str = "MMD² to uniform";
/// Title of the axis of effective rank.
pub const RANK_AXIS: &str = "effective rank";
/// Title of the axis of accuracies.
pub const QUALITY_AXIS: &str = "accuracy, %";
/// Training curves without a model.
pub const EMPTY: &str = "Nothing has been measured yet.";

/// Heading of a measure, with the scorer whose AUROC is drawn strongly.
pub fn measure(measure: Measure, scorer: Option<String>) -> String {
    match (measure, scorer) {
        (Measure::Kappa, _) => "Concentration κ".into(),
        (Measure::Auroc, Some(name)) => format!("AUROC, {name}"),
        (Measure::Auroc, None) => "AUROC".into(),
        (Measure::Mmd, _) => "MMD to a uniform sphere".into(),
        (Measure::Rank, _) => "Effective rank".into(),
        (Measure::Quality, _) => "Feature quality".into(),
    }
}

pub fn explained(measure: Measure) -> &'static str {
    match measure {
        Measure::Kappa => "Of the von Mises-Fisher distribution fitted to the directions; logarithmic.",
        Measure::Auroc => "The chosen score strong, the others faint.",
        Measure::Mmd => "0 is uniform: what contrastive training pushes towards.",
        Measure::Rank => "A collapsed network also has a high κ: its rank gives it away.",
        Measure::Quality => "Labels are used to measure only, never to train.",
    }
}

pub fn epoch(epoch: u32, of: usize) -> String {
    format!("epoch {epoch} of {of}")
}

pub fn went(name: &str, first: &str, last: &str) -> String {
    format!("{name} goes from {first} to {last}")
}

pub fn summary(axis: &str, epochs: f64, told: &[String]) -> String {
    format!("{axis} over {epochs} epochs: {}.", told.join(", "))
}

/// The histogram of a checkpoint.
pub fn replayed(score: &str, auroc: Option<String>, n: usize) -> String {
    let reached = auroc.map_or(String::new(), |a| format!(", AUROC {a} %"));
    format!("{score} of {n} test images{reached}")
}

/// What was measured in training is not there.
pub fn failed(title: &str, why: &str) -> String {
    format!(
        "What was measured while \u{201c}{title}\u{201d} was trained cannot be shown ({why}); its scores still can."
    )
}

//! What the view of training says.

/// Heading of the training curves.
pub const TITLE: &str = "Compact";
/// Below it.
pub const LEAD: &str = "κ says how tightly features huddle on the hypersphere. What helps is a gap: \
     the normal class (solid) tighter than everything else (dashed).";
/// Heading of the curves of concentration.
pub const KAPPA_TITLE: &str = "Concentration κ during training";
/// Title of a training curve's horizontal axis.
pub const EPOCHS_AXIS: &str = "epochs of training";
/// Title of the axis of concentration.
pub const KAPPA_AXIS: &str = "concentration κ";
/// Title of the axis of AUROC.
pub const AUROC_AXIS: &str = "AUROC, %";
/// Columns of the concentration's data.
pub const KAPPA_HEAD: [&str; 3] = ["Epoch", "κ of ID features", "κ of OOD features"];
/// Columns of the AUROC's data.
pub const AUROC_HEAD: [&str; 2] = ["Epoch", "AUROC, %"];
/// Training curves without a model.
pub const EMPTY: &str = "No model is loaded yet.";

/// Heading of the AUROC curve.
pub fn auroc_title(scorer: Option<String>) -> String {
    scorer.map_or("AUROC during training".into(), |name| format!("AUROC during training, {name}"))
}

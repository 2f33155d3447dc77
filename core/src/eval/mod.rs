//! Detection metrics (section 3) and probes of feature quality (appendix A).
//!
//! ```
//! let (id, ood) = ([0.1, 0.4], [0.4, 0.8]);
//! assert_eq!(nsa_core::eval::auroc(&id, &ood)?, 0.875); // 3 of 4 pairs in order, 1 tied
//! # Ok::<(), nsa_core::eval::EvalError>(())
//! ```

mod alarm;
mod error;
mod interval;
mod knn;
mod labels;
mod probe;
mod quality;
mod roc;

pub use alarm::{Alarm, alarm};
pub use error::EvalError;
pub use interval::auroc_interval;
pub use knn::{knn_probe, weighted_knn};
pub use probe::{LinearProbe, linear_probe};
pub use quality::quality;
pub use roc::{Roc, RocSummary, auroc, roc, summarize};

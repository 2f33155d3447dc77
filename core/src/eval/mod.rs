//! Detection metrics (section 3) and probes of feature quality (appendix A).

mod error;
mod roc;

pub use error::EvalError;
pub use roc::{Roc, RocSummary, auroc, roc, summarize};

//! Self-supervised objectives (sections 2.1 and 2.4): what is compared, how it is learned.

mod adam;
mod arnet;
mod drocc;
mod elsa;
mod goad;
#[cfg(test)]
mod gradients;
pub mod guard;
mod loss;
mod panda;
mod probes;
mod run;
mod shifts;
mod stoc;
mod svdd;
mod target;
mod trainer;
mod watch;

pub use arnet::restoration_loss;
pub use drocc::{hardest, inlier_loss, outlier_loss};
pub use elsa::energy_loss;
pub use goad::goad_loss;
pub use loss::{byol_loss, n_pair_loss, nt_xent_loss, simsiam_loss};
pub use panda::panda_centre;
pub use run::{Advance, Kept, Run, RunError, TrainingSet};
pub use shifts::shift_loss;
pub use stoc::classifiers;
pub use svdd::{svdd_centre, svdd_loss};
pub use trainer::{Trainer, TrainerError};
pub use watch::{Watch, WatchError};

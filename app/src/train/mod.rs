//! Training in the page. The runs live in a Worker of their own ([`crate::worker`]). After every epoch it hands over a
//! snapshot of each run, so that its death costs an epoch at most; the browser keeps the last ones ([`autosave`]), so
//! that a reload does not cost more.

pub mod autosave;
mod own;
pub mod recipe;
mod run;
mod store;

pub use own::OwnPixels;
pub use run::Run;
pub use store::{Status, TrainingStore};

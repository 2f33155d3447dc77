//! Telling by which transformation a picture was made (Golan & El-Yaniv 2018): the loss of the methods that learn so.

use crate::model::Shifts;
use burn::tensor::{Tensor, backend::Backend};

/// The mean cross-entropy of the right answers, summed over the questions: logits `M x C` of `M` pictures, each made by
/// transformation `which` of [`Shifts::all`].
pub fn shift_loss<B: Backend>(shifts: Shifts, logits: Tensor<B, 2>, which: &[usize]) -> Tensor<B, 1> {
    -shifts.log_probabilities(logits, which).mean()
}

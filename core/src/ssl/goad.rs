//! GOAD (Bergman & Hoshen 2020), as its authors' code has it for images: a classifier tells transformations apart, and the
//! embeddings of one transformation lie close to their centre and far from the others'.

use super::shift_loss;
use crate::model::Shifts;
use burn::tensor::{Tensor, TensorData, activation::relu, backend::Backend};

/// Weight of the centre triplet loss beside the classifier's cross-entropy (theirs).
const CENTRES: f64 = 0.1;
/// Weight of the mean square of the values of embeddings (theirs).
const LENGTH: f64 = 10.0;

/// By how much a picture is to be nearer to its own centre, in squared distance (theirs for images).
const MARGIN: f64 = 1.0;
/// A squared distance that is never the smallest.
const FAR: f32 = 1e6;

/// What is learned of pictures, each made by transformation `which` of [`Shifts::all`]: the cross-entropy of their logits,
/// `M x C`; a tenth of the centre triplet loss of their embeddings z, `M x d`; and ten times the mean square of z's values.
pub fn goad_loss<B: Backend>(shifts: Shifts, z: Tensor<B, 2>, logits: Tensor<B, 2>, which: &[usize]) -> Tensor<B, 1> {
    let centres = centre_loss(z.clone(), which, shifts.all().len());
    shift_loss(shifts, logits, which) + centres * CENTRES + z.square().mean() * LENGTH
}

/// The centre triplet loss (equation 5): the mean over pictures of max(own + 1 - nearest other, 0), squared distances to the
/// centres of transformations. Projections `M x d` of pictures, each made by transformation `which` of `count`; a centre is the
/// mean of the batch's pictures of one, with gradient, and transformations that the batch has none of have none.
fn centre_loss<B: Backend>(z: Tensor<B, 2>, which: &[usize], count: usize) -> Tensor<B, 1> {
    let (m, device) = (which.len(), z.device());
    let mut members = vec![0_usize; count];
    which.iter().for_each(|&shift| members[shift] += 1);
    let matrix = |rows: usize, columns: usize, value: &dyn Fn(usize, usize) -> f32| {
        let values: Vec<f32> = (0..rows * columns).map(|at| value(at / columns, at % columns)).collect();
        Tensor::<B, 2>::from_data(TensorData::new(values, [rows, columns]), &device)
    };
    let averages = matrix(count, m, &|shift, i| if which[i] == shift { 1.0 / members[shift] as f32 } else { 0.0 });
    let own = matrix(m, count, &|i, shift| f32::from(which[i] == shift));
    let others = matrix(m, count, &|i, shift| if which[i] == shift || members[shift] == 0 { FAR } else { 0.0 });
    let centres = averages.matmul(z.clone());
    let squared = |x: &Tensor<B, 2>| x.clone().square().sum_dim(1);
    let distances = squared(&z) + squared(&centres).transpose() - z.matmul(centres.transpose()) * 2.0;
    let nearest_other = (distances.clone() + others).min_dim(1);
    relu((distances * own).sum_dim(1) + MARGIN - nearest_other).mean()
}

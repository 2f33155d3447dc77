//! GOAD (Bergman & Hoshen 2020): pictures of one transformation lie close to their centre and far from the others'.

use burn::tensor::{Tensor, TensorData, activation::relu, backend::Backend};

/// By how much a picture is to be nearer to its own centre, in squared distance (theirs for images).
const MARGIN: f64 = 1.0;
/// A squared distance that is never the smallest.
const FAR: f32 = 1e6;

/// The centre triplet loss (equation 5): the mean over pictures of max(own + 1 - nearest other, 0), squared distances to the
/// centres of transformations. Projections `M x d` of pictures, each made by transformation `which` of `count`; a centre is the
/// mean of the batch's pictures of one, with gradient, and transformations that the batch has none of have none.
pub fn goad_loss<B: Backend>(z: Tensor<B, 2>, which: &[usize], count: usize) -> Tensor<B, 1> {
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

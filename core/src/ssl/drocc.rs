//! DROCC (Goyal et al. 2020): a classifier of the class against the hardest points at some distance from its images.
//!
//! The class is taken to lie on a manifold that is smooth at the scale of that distance: what is so far from an image is an
//! anomaly. Which such point the classifier takes for the class is found by gradient ascent. Distances are those of the
//! authors' command for CIFAR-10, where the inner and the outer radius of their shell are the same (gamma 1): a sphere.

use burn::tensor::activation::softplus;
use burn::tensor::{Tensor, backend::AutodiffBackend, backend::Backend};

/// The authors' radius, for images of so many values with a spread of about 1.
const RADIUS: f64 = 8.0;
const VALUES: f64 = 3072.0;
/// Steps of the ascent.
const ASCENTS: usize = 5;
/// Length of a step, as a share of the radius: five of these go as far as the authors' fifty of 0.001.
const STEP: f64 = 0.01 / RADIUS;

/// Cross-entropy of images of the class: logits, `N x 1`, of being of it.
pub fn inlier_loss<B: Backend>(logits: Tensor<B, 2>) -> Tensor<B, 1> {
    softplus(-logits, 1.0).mean()
}

/// Cross-entropy of anomalies.
pub fn outlier_loss<B: Backend>(logits: Tensor<B, 2>) -> Tensor<B, 1> {
    softplus(logits, 1.0).mean()
}

/// How far anomalies are from images of so many values. It grows with the square root of their number, as distances between
/// images do, and is the authors' 8 where they are 3,072.
fn radius(values: usize) -> f64 {
    RADIUS * (values as f64 / VALUES).sqrt()
}

/// From `start` (what is added to images, `N x C x H x W`) by five steps up the loss of anomalies, each along the
/// gradient's direction and then back onto the sphere: what to add to get the hardest anomalies (equation 3, algorithm 1).
pub fn hardest<B: AutodiffBackend>(
    images: &Tensor<B, 4>,
    start: Tensor<B::InnerBackend, 4>,
    logits: impl Fn(Tensor<B, 4>) -> Tensor<B, 2>,
) -> Tensor<B::InnerBackend, 4> {
    let [n, c, h, w] = start.dims();
    let radius = radius(c * h * w);
    let mut found = onto_sphere(start.reshape([n, c * h * w]), radius);
    for _ in 0..ASCENTS {
        let added = Tensor::<B, 2>::from_inner(found.clone()).require_grad();
        let loss = outlier_loss(logits(images.clone() + added.clone().reshape([n, c, h, w])));
        // Where the logits do not depend on the images there is no way up.
        let Some(gradient) = added.grad(&loss.backward()) else { break };
        let length = (gradient.clone().square().sum_dim(1) + 1e-24).sqrt();
        found = onto_sphere(found + gradient / length * (STEP * radius), radius);
    }
    found.reshape([n, c, h, w])
}

/// Rows scaled to the length `radius`.
fn onto_sphere<B: Backend>(x: Tensor<B, 2>, radius: f64) -> Tensor<B, 2> {
    let length = (x.clone().square().sum_dim(1) + 1e-24).sqrt();
    x / length * radius
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::backend::Autodiff;
    use burn::tensor::TensorData;
    use burn_flex::Flex;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        ascent: Ascent,
    }

    #[derive(Deserialize)]
    struct Ascent {
        images: Vec<f32>,
        start: Vec<f32>,
        hidden: Vec<f32>,
        last: Vec<f32>,
        found: Vec<f32>,
    }

    /// Five gradients, one after the other (`tests/golden/make_rivals.py`).
    #[test]
    fn the_search_ends_where_pytorch_s_ends() {
        let Golden { ascent } = serde_json::from_str(include_str!("../../../tests/golden/rivals.json")).unwrap();
        let device = Default::default();
        let pictures = |values: &[f32]| TensorData::new(values.to_vec(), [3, 2, 2, 3]);
        let matrix = |values: &[f32], rows: usize| TensorData::new(values.to_vec(), [rows, values.len() / rows]);
        let hidden = Tensor::<Autodiff<Flex>, 2>::from_data(matrix(&ascent.hidden, 12), &device);
        let last = Tensor::<Autodiff<Flex>, 2>::from_data(matrix(&ascent.last, 5), &device);
        let images = Tensor::from_data(pictures(&ascent.images), &device);
        let start = Tensor::from_data(pictures(&ascent.start), &device);
        let logits = |x: Tensor<_, 4>| x.flatten::<2>(1, 3).matmul(hidden.clone()).tanh().matmul(last.clone());
        let found = hardest(&images, start, logits).into_data().into_vec::<f32>().unwrap();
        assert_eq!(found.len(), ascent.found.len());
        for (found, expected) in found.into_iter().zip(ascent.found) {
            assert!((found - expected).abs() < 1e-5, "{found}, reference {expected}");
        }
    }

    #[test]
    fn points_are_put_onto_the_sphere() {
        let x = Tensor::<Flex, 2>::from_floats([[0.3, 0.4], [3.0, 4.0], [0.9, 1.2]], &Default::default());
        let points = onto_sphere(x, 2.0).into_data().into_vec::<f32>().unwrap();
        assert!(points.chunks(2).all(|p| (p[0] - 1.2).abs() < 1e-5 && (p[1] - 1.6).abs() < 1e-5), "{points:?}");
    }

    /// Radius 8 and fifty steps of 0.001 for CIFAR-10's 32 x 32 images; half as much at 16 x 16.
    #[test]
    fn distances_are_those_of_the_authors_command() {
        assert_eq!([3 * 32 * 32, 3 * 16 * 16].map(radius), [8.0, 4.0]);
        assert!((ASCENTS as f64 * STEP * radius(3072) - 50.0 * 0.001).abs() < 1e-12);
    }
}

//! The l2-normalisation of sections 2.3 and 2.4.

use burn::tensor::{Tensor, backend::Backend};

/// Added to the square of a norm: it keeps the square root's gradient finite at the zero vector, far below the square of
/// any real norm.
pub const NORM_EPSILON: f64 = 1e-12;

/// Rows divided by their l2 norm: `N x d` to `N x d`, differentiable.
///
/// Its gradient is orthogonal to the row: no loss behind it can be lowered by growing or shrinking the
/// features, only by turning them, which is the whole of the paper's proposal.
pub fn l2_normalize<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    let norm = (x.clone().powi_scalar(2).sum_dim(1) + NORM_EPSILON).sqrt();
    x / norm
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::backend::Autodiff;
    use burn_flex::Flex;

    #[test]
    fn the_gradient_is_orthogonal_to_the_features() {
        type B = Autodiff<Flex>;
        let device = Default::default();
        let x = Tensor::<B, 2>::from_floats([[3.0, -1.0, 2.0], [0.1, 0.5, -0.2]], &device).require_grad();
        let weights = Tensor::<B, 2>::from_floats([[1.0, 2.0, -1.0], [0.3, -0.7, 2.0]], &device);
        let grads = (l2_normalize(x.clone()) * weights).sum().backward();
        let along = (x.grad(&grads).unwrap() * x.inner()).sum_dim(1).into_data().into_vec::<f32>().unwrap();
        assert!(along.iter().all(|a| a.abs() < 1e-6), "gradient along the features: {along:?}");
    }

    #[test]
    fn a_zero_vector_neither_divides_by_zero_nor_breaks_the_gradient() {
        type B = Autodiff<Flex>;
        let x = Tensor::<B, 2>::zeros([1, 4], &Default::default()).require_grad();
        let y = l2_normalize(x.clone());
        let grads = y.clone().sum().backward();
        assert!(y.into_data().into_vec::<f32>().unwrap().iter().all(|v| *v == 0.0));
        assert!(x.grad(&grads).unwrap().into_data().into_vec::<f32>().unwrap().iter().all(|v| v.is_finite()));
    }
}

//! The losses (section 2.1; SimSiam: Chen & He 2020, BYOL: Grill et al. 2020, NT-Xent: Chen et al. 2020).

use crate::model::l2_normalize;
use burn::tensor::{Tensor, activation::log_softmax, backend::Backend};

/// SimSiam: the mean over both directions of -cos(p, stop-grad(z)). `N x d` each, result in -1..1.
///
/// The stop-grad is applied here; whether z was normalised *with* gradient before (section 2.4) shows in p only,
/// which was computed from z.
pub fn simsiam_loss<B: Backend>(
    p1: Tensor<B, 2>,
    z1: Tensor<B, 2>,
    p2: Tensor<B, 2>,
    z2: Tensor<B, 2>,
) -> Tensor<B, 1> {
    let toward = |p, z: Tensor<B, 2>| (l2_normalize(p) * l2_normalize(z.detach())).sum_dim(1).mean();
    (toward(p1, z2) + toward(p2, z1)) * -0.5
}

/// BYOL: 2 - 2 cos(p, stop-grad(t)) of both directions, each a mean over the batch, summed. `N x d` each, result in 0..8.
///
/// `p1` and `p2` are the online network's predictions, `t1` and `t2` the target network's projections of the same views.
pub fn byol_loss<B: Backend>(p1: Tensor<B, 2>, t1: Tensor<B, 2>, p2: Tensor<B, 2>, t2: Tensor<B, 2>) -> Tensor<B, 1> {
    // The same cosines as SimSiam's; only what they are compared with is another network's.
    simsiam_loss(p1, t1, p2, t2) * 4.0 + 4.0
}

/// NT-Xent: each of the 2N projections must find its other view among all others. `N x d` each.
pub fn nt_xent_loss<B: Backend>(z1: Tensor<B, 2>, z2: Tensor<B, 2>, temperature: f32) -> Tensor<B, 1> {
    let [n, _] = z1.dims();
    let device = z1.device();
    let (z1, z2) = (l2_normalize(z1), l2_normalize(z2));
    let positives = (z1.clone() * z2.clone()).sum_dim(1) / temperature;
    let z = Tensor::cat(vec![z1, z2], 0);
    // Cosines are at most 1, so subtracting 1/temperature is enough to keep exp from overflowing.
    let logits = z.clone().matmul(z.transpose()) / temperature - 1.0 / temperature;
    let others = Tensor::<B, 2>::ones([2 * n, 2 * n], &device) - Tensor::eye(2 * n, &device);
    let log_sum = (logits.exp() * others).sum_dim(1).log() + 1.0 / temperature;
    log_sum.mean() - positives.mean()
}

/// DROC's contrastive loss, in one direction (Sohn et al. 2021, their code): each projection of the first view must find its
/// other view among all projections of the second. `N x d` each.
pub fn n_pair_loss<B: Backend>(z1: Tensor<B, 2>, z2: Tensor<B, 2>, temperature: f32) -> Tensor<B, 1> {
    let right = Tensor::<B, 2>::eye(z1.dims()[0], &z1.device());
    let logits = l2_normalize(z1).matmul(l2_normalize(z2).transpose()) / temperature;
    -(log_softmax(logits, 1) * right).sum_dim(1).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::backend::Autodiff;
    use burn::tensor::TensorData;
    use burn_flex::Flex;
    use serde::Deserialize;

    type B = Autodiff<Flex>;

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Golden {
        n_pair: NPair,
    }

    #[derive(Deserialize)]
    struct NPair {
        temperature: f32,
        views: [Vec<f32>; 2],
        value: f32,
        gradients: [Vec<f32>; 2],
    }

    /// Value and gradients of PyTorch (`tests/golden/make_rivals.py`); with the views exchanged it is another loss.
    #[test]
    fn the_n_pair_loss_is_pytorch_s_and_has_a_direction() {
        let Golden { n_pair } = serde_json::from_str(include_str!("../../../tests/golden/rivals.json")).unwrap();
        let view = |values: &Vec<f32>| {
            let data = TensorData::new(values.clone(), [values.len() / 4, 4]);
            Tensor::<B, 2>::from_data(data, &Default::default()).require_grad()
        };
        let [first, second] = n_pair.views.each_ref().map(view);
        let loss = n_pair_loss(first.clone(), second.clone(), n_pair.temperature);
        let gradients = loss.backward();
        let value = loss.into_scalar();
        assert!((value - n_pair.value).abs() < 1e-5, "{value}, reference {}", n_pair.value);
        for (view, expected) in [&first, &second].into_iter().zip(&n_pair.gradients) {
            let found = view.grad(&gradients).unwrap().into_data().into_vec::<f32>().unwrap();
            assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-5), "{found:?}, reference {expected:?}");
        }
        let exchanged = n_pair_loss(second, first, n_pair.temperature).into_scalar();
        assert!((exchanged - value).abs() > 1e-3, "{exchanged} and {value}");
    }
}

//! Against burn's own convolution and its gradients.

use super::*;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2dConfig;
use burn::tensor::{Distribution, Tolerance};

type A = Autodiff<Flex>;

/// Kernel, stride, padding, input and output channels, height and width.
const CASES: [[usize; 7]; 11] = [
    [3, 1, 1, 3, 4, 8, 8],
    [3, 2, 1, 4, 6, 8, 8],
    [1, 2, 0, 4, 6, 8, 8],
    [1, 1, 0, 2, 3, 5, 7],
    [7, 2, 3, 3, 2, 15, 14],
    [3, 1, 0, 2, 2, 6, 5],
    [3, 2, 1, 2, 3, 7, 9],
    [3, 1, 1, 2, 2, 1, 2],
    [3, 3, 2, 1, 1, 4, 4],
    [5, 1, 2, 2, 2, 3, 1],
    [7, 1, 3, 2, 1, 2, 2],
];

fn conv([kernel, stride, padding, input, output, ..]: [usize; 7]) -> Conv2d<A> {
    Conv2dConfig::new([input, output], [kernel; 2])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
        .with_bias(false)
        .init(&Default::default())
}

/// The result, and the gradients of images and weight when the result is weighed by `pull`.
fn all(y: Tensor<A, 4>, x: &Tensor<A, 4>, conv: &Conv2d<A>, pull: &Tensor<A, 4>) -> [Tensor<Flex, 4>; 3] {
    let gradients = (y.clone() * pull.clone()).sum().backward();
    [y.inner(), x.grad(&gradients).unwrap(), conv.weight.val().grad(&gradients).unwrap()]
}

#[test]
fn results_and_gradients_are_those_of_burn() {
    for case in CASES {
        let (conv, device) = (conv(case), Default::default());
        // Seventeen images: more than two groups of the weight's gradient, the last one not full.
        let random = |shape: [usize; 4]| Tensor::<A, 4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
        let x = random([17, case[3], case[5], case[6]]).require_grad();
        let expected = conv.forward(x.clone());
        let pull = random(expected.dims());
        let expected = all(expected, &x, &conv, &pull);
        let found = convolve(&conv, x.clone());
        for (found, expected) in all(found, &x, &conv, &pull).into_iter().zip(expected) {
            found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-4, 1e-4));
        }
    }
}

#[test]
fn strides_over_single_pixels_are_those_of_burn() {
    for case in [[1, 2, 0, 4, 6, 8, 8], [1, 2, 0, 2, 3, 7, 8], [1, 3, 0, 2, 1, 6, 9], [1, 1, 0, 2, 3, 5, 7]] {
        let (conv, device) = (conv(case), Default::default());
        let random = |shape: [usize; 4]| Tensor::<A, 4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
        let x = random([3, case[3], case[5], case[6]]).require_grad();
        let expected = conv.forward(x.clone());
        let pull = random(expected.dims());
        let expected = all(expected, &x, &conv, &pull);
        for (found, expected) in all(pointwise(&conv, x.clone()), &x, &conv, &pull).into_iter().zip(expected) {
            found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-5, 1e-5));
        }
    }
}

#[test]
fn images_may_lie_in_memory_in_any_order() {
    let case = CASES[0];
    let conv = conv(case);
    let x =
        Tensor::<A, 4>::random([8, 2, case[3], 8], Distribution::Default, &Default::default()).permute([1, 2, 3, 0]);
    let found = convolve(&conv, x.clone()).into_data();
    found.assert_approx_eq::<f32>(&conv.forward(x).into_data(), Tolerance::rel_abs(1e-5, 1e-5));
}

#[test]
fn what_the_kernels_do_not_know_is_refused() {
    let x = Tensor::<Flex, 4>::ones([1, 2, 4, 4], &Default::default());
    let config = Conv2dConfig::new([2, 2], [3, 3]).with_bias(false);
    for config in [
        config.clone().with_dilation([2, 2]),
        config.clone().with_padding(PaddingConfig2d::Same),
        config.clone().with_padding(PaddingConfig2d::Explicit(1, 0, 1, 0)),
        config.with_groups(2),
    ] {
        let conv = config.init::<Flex>(&Default::default());
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| convolve(&conv, x.clone())));
        assert!(refused.is_err(), "{config:?}");
    }
}

#[test]
fn a_rectifier_lets_pass_what_is_not_a_number() {
    let device = Default::default();
    let conv = Conv2dConfig::new([1, 1], [1; 2]).init::<Flex>(&device);
    let x = Tensor::<Flex, 4>::from_floats([[[[f32::NAN, -1.0]]], [[[1.0, 2.0]]]], &device);
    let y: Vec<f32> = convolve_onto(&conv, x, None, true).into_data().into_vec().unwrap();
    assert!(y[0].is_nan() && y[1..].iter().all(|y| *y >= 0.0), "{y:?}");
}

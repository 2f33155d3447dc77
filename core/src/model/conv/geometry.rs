//! The sizes of burn's convolutions.

use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::backend::Backend;
use nsa_kernels::geometry::Geometry;

/// Those of a convolution of images (`N x C x H x W`). A bias does not matter.
pub fn geometry<B: Backend>(conv: &Conv2d<B>, [n, channels, height, width]: [usize; 4]) -> Geometry {
    let [output, _, kernel, _] = conv.weight.dims();
    let (stride, padding) = (conv.stride[0], padding(&conv.padding));
    let side = |length: usize| (length + 2 * padding - kernel) / stride + 1;
    Geometry {
        n,
        input: [channels, height, width],
        output: [output, side(height), side(width)],
        kernel,
        stride,
        padding,
    }
}

fn padding(config: &PaddingConfig2d) -> usize {
    match *config {
        PaddingConfig2d::Explicit(padding, ..) => padding,
        PaddingConfig2d::Valid | PaddingConfig2d::Same => 0,
    }
}

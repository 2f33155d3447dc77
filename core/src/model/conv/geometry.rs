//! The sizes of burn's convolutions.

use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::backend::Backend;
use nsa_kernels::geometry::Geometry;

/// Those of a convolution of images (`N x C x H x W`), if it is of the kind that the kernels know. A bias does not matter.
pub fn geometry<B: Backend>(conv: &Conv2d<B>, [n, channels, height, width]: [usize; 4]) -> Option<Geometry> {
    let [output, input, kernel, kernel_width] = conv.weight.dims();
    let (stride, padding) = (conv.stride[0], padding(&conv.padding)?);
    let plain = kernel == kernel_width && conv.stride == [stride; 2] && conv.dilation == [1; 2] && conv.groups == 1;
    if !plain || input != channels || stride == 0 {
        return None;
    }
    let side = |length: usize| Some((length + 2 * padding).checked_sub(kernel)? / stride + 1);
    let output = [output, side(height)?, side(width)?];
    Some(Geometry { n, input: [channels, height, width], output, kernel, stride, padding })
}

fn padding(config: &PaddingConfig2d) -> Option<usize> {
    match *config {
        PaddingConfig2d::Valid => Some(0),
        PaddingConfig2d::Explicit(top, left, bottom, right) => {
            (top == left && left == bottom && bottom == right).then_some(top)
        }
        PaddingConfig2d::Same => None,
    }
}

//! The sizes of burn's convolutions.

use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::backend::Backend;
use nsa_kernels::geometry::Geometry;

/// Those of a convolution of images (`N x C x H x W`). A bias does not matter.
///
/// # Panics
/// Where it is not square, padded alike on all sides and without dilation and groups, as all of a network's are
/// ([`crate::model::blocks::conv`]): the kernels would compute something else.
pub fn geometry<B: Backend>(conv: &Conv2d<B>, [n, channels, height, width]: [usize; 4]) -> Geometry {
    let [output, input, kernel, kernel_width] = conv.weight.dims();
    let (stride, padding) = (conv.stride[0], padding(&conv.padding));
    let square = kernel == kernel_width && conv.stride == [stride; 2];
    let plain = square && input == channels && conv.dilation == [1; 2] && conv.groups == 1;
    let padding =
        padding.filter(|_| plain).expect("a network's convolutions are square, padded alike and not in groups");
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

fn padding(config: &PaddingConfig2d) -> Option<usize> {
    match *config {
        PaddingConfig2d::Valid => Some(0),
        PaddingConfig2d::Explicit(top, left, bottom, right) => {
            (top == left && left == bottom && bottom == right).then_some(top)
        }
        PaddingConfig2d::Same => None,
    }
}

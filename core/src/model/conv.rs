//! Convolutions, on every backend by the fastest way that is known for it.
//!
//! Most of a training step is convolutions. burn's CPU backend takes the gradient of a weight by a convolution whose
//! kernel is as large as the image, and walks transposed tensors element by element for it: with the narrow networks
//! that a CPU can train, that costs several times the arithmetic. On [`Flex`] they are therefore computed by our kernels:
//! where autodiff goes back through them or there are many, directly on sixteen images that lie side by side
//! ([`nsa_kernels::conv`]), else as matrix products of unfolded images ([`nsa_kernels::unfolded`]), which are as fast for one
//! image as for many; on every other backend by burn, but for the shortcuts of a ResNet ([`pointwise`]).

mod flex;
mod geometry;
mod lanes;

use super::blocks::finish;
use super::flex::{is, known, taken};
use super::lanes::{gather, scatter};
use burn::backend::Autodiff;
use burn::nn::conv::Conv2d;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Int, Tensor, backend::Backend};
use burn_flex::Flex;
use geometry::geometry;
use nsa_kernels::geometry::Geometry;
use nsa_kernels::norm::Moments;

/// Images (`N x C x H x W`) through a convolution without a bias, to `N x O x H' x W'`.
pub fn convolve<B: Backend>(conv: &Conv2d<B>, images: Tensor<B, 4>) -> Tensor<B, 4> {
    let weight = || conv.weight.val();
    if is::<B, Flex>() {
        return known(&flex::convolve(&geometry(conv, images.dims()), known(&images), known(&weight())));
    }
    if is::<B, Autodiff<Flex>>() {
        let (n, g) = (images.dims()[0], geometry(conv, images.dims()));
        let (results, _) = lanes::convolve(&g, gather(known(&images)), known(&weight()));
        return known(&scatter(results, n));
    }
    pointwise(conv, images)
}

/// The same with a bias and, on top of it, what is added and a rectifier. Not to be differentiated.
pub fn convolve_onto<B: Backend>(
    conv: &Conv2d<B>,
    images: Tensor<B, 4>,
    add: Option<Tensor<B, 4>>,
    rectify: bool,
) -> Tensor<B, 4> {
    if is::<B, Flex>() {
        let (g, bias) = (geometry(conv, images.dims()), conv.bias.as_ref().expect("what is folded has a bias"));
        // Results are written over what is added, if nobody else holds it.
        let (x, add) = (known(&images), add.map(|add| known(&add)));
        return known(&flex::convolve_onto(&g, x, known(&conv.weight.val()), known(&bias.val()), add, rectify));
    }
    finish(pointwise(conv, images), add, rectify)
}

/// By burn; a kernel of one pixel that strides sees every few pixels alone, so the others are left out before.
///
/// Not for speed: the kernel that burn 0.21 has for the gradient of the images (`conv_transpose2d_direct`, which
/// autotune may choose, too) leaves all of it out where the stride is larger than the kernel, on every GPU. What a
/// ResNet's shortcuts should pass on to the layers before them would be missing.
fn pointwise<B: Backend>(conv: &Conv2d<B>, images: Tensor<B, 4>) -> Tensor<B, 4> {
    let g = geometry(conv, images.dims());
    if g.kernel > 1 || g.padding > 0 || g.stride == 1 {
        return conv.forward(images);
    }
    let bias = conv.bias.as_ref().map(|bias| bias.val());
    conv2d(every(images, g.stride), conv.weight.val(), bias, ConvOptions::new([1; 2], [0; 2], [1; 2], 1))
}

/// Every `step`-th row and column of the images, from the first on.
fn every<B: Backend>(images: Tensor<B, 4>, step: usize) -> Tensor<B, 4> {
    let [n, channels, height, width] = images.dims();
    if height.is_multiple_of(step) && width.is_multiple_of(step) {
        let (height, width) = (height / step, width / step);
        let tiles = images.reshape([n, channels, height, step, width, step]);
        return tiles.narrow(3, 0, 1).narrow(5, 0, 1).reshape([n, channels, height, width]);
    }
    let device = images.device();
    let places = |length: usize| Tensor::<B, 1, Int>::arange_step(0..length as i64, step, &device);
    images.select(2, places(height)).select(3, places(width))
}

/// The sizes of a convolution of maps of `n` images that lie side by side.
pub fn lanes_geometry<B: Backend>(conv: &Conv2d<B>, maps: &Tensor<B, 5>, n: usize) -> Geometry {
    let [_, c, h, w, _] = maps.dims();
    geometry(conv, [n, c, h, w])
}

/// [`convolve`] of maps that lie side by side, with what a batch norm after it wants to know. In training.
pub fn convolve_lanes<B: Backend>(g: &Geometry, conv: &Conv2d<B>, maps: &Tensor<B, 5>) -> (Tensor<B, 5>, Vec<Moments>) {
    let (results, moments) = lanes::convolve(g, known(maps), known(&conv.weight.val()));
    (known(&results), moments)
}

/// [`convolve_onto`] of maps that lie side by side. In inference.
pub fn convolve_lanes_onto<B: Backend>(
    g: &Geometry,
    conv: &Conv2d<B>,
    bias: Tensor<B, 1>,
    maps: &Tensor<B, 5>,
    add: Option<Tensor<B, 5>>,
    rectify: bool,
) -> Tensor<B, 5> {
    // Results are written over what is added, if nobody else holds it.
    let add = add.map(|add| match taken(add) {
        Ok(own) => own,
        Err(add) => known(&add),
    });
    known(&lanes::convolve_onto(g, known(maps), known(&conv.weight.val()), known(&bias), add, rectify))
}

#[cfg(test)]
mod tests;

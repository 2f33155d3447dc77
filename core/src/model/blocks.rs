//! What a ResNet is made of.

use super::BatchNorm;
use super::conv::{convolve, convolve_lanes, convolve_lanes_onto, convolve_onto, lanes_geometry};
use super::init::blank;
use super::lanes::{Maps, side_by_side};
use burn::module::{Module, Param};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::{Tensor, backend::Backend};

/// Convolutions with a shortcut around them: two of 3x3, or in a bottleneck 1x1, 3x3, 1x1 (the last four times wider).
///
/// The stride is the 3x3 convolution's, also in a bottleneck, where the first paper had it at the 1x1 before:
/// torchvision's weights are of networks built so.
#[derive(Module, Debug)]
pub struct Block<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm<B>,
    /// In a bottleneck.
    conv3: Option<Conv2d<B>>,
    /// In a bottleneck.
    bn3: Option<BatchNorm<B>>,
    /// Where stride or channels change, the shortcut is a 1x1 convolution and a batch norm.
    downsample: Option<(Conv2d<B>, BatchNorm<B>)>,
}

impl<B: Backend> Block<B> {
    /// Two 3x3 convolutions from `input` to `output` channels, the first with the stride.
    pub(super) fn basic(input: usize, output: usize, stride: usize, device: &B::Device) -> Self {
        Self {
            conv1: conv([input, output], 3, stride, device),
            bn1: BatchNorm::new(output, device),
            conv2: conv([output, output], 3, 1, device),
            bn2: BatchNorm::new(output, device),
            conv3: None,
            bn3: None,
            downsample: downsample(input, output, stride, device),
        }
    }

    /// 1x1 to `inner` channels, 3x3 with the stride, 1x1 to `output` channels.
    pub(super) fn bottleneck(input: usize, inner: usize, output: usize, stride: usize, device: &B::Device) -> Self {
        Self {
            conv1: conv([input, inner], 1, 1, device),
            bn1: BatchNorm::new(inner, device),
            conv2: conv([inner, inner], 3, stride, device),
            bn2: BatchNorm::new(inner, device),
            conv3: Some(conv([inner, output], 1, 1, device)),
            bn3: Some(BatchNorm::new(output, device)),
            downsample: downsample(input, output, stride, device),
        }
    }

    pub(super) fn forward(&self, x: Maps<B>) -> Maps<B> {
        let shortcut = match &self.downsample {
            Some((conv, bn)) => layer(conv, bn, x.clone(), None, false),
            None => x.clone(),
        };
        let x = layer(&self.conv1, &self.bn1, x, None, true);
        match (&self.conv3, &self.bn3) {
            (Some(conv3), Some(bn3)) => {
                layer(conv3, bn3, layer(&self.conv2, &self.bn2, x, None, true), Some(shortcut), true)
            }
            _ => layer(&self.conv2, &self.bn2, x, Some(shortcut), true),
        }
    }

    /// With batch norms that training leaves as they are: see [`BatchNorm::fixed`].
    pub(super) fn with_fixed_statistics(self) -> Self {
        Self {
            bn1: self.bn1.fixed(),
            bn2: self.bn2.fixed(),
            bn3: self.bn3.map(BatchNorm::fixed),
            downsample: self.downsample.map(|(conv, bn)| (conv, bn.fixed())),
            ..self
        }
    }

    /// For inference: see [`fold`].
    pub(super) fn folded(self) -> Self {
        Self {
            conv1: fold(self.conv1, &self.bn1),
            conv2: fold(self.conv2, &self.bn2),
            conv3: self.conv3.zip(self.bn3.as_ref()).map(|(conv, bn)| fold(conv, bn)),
            downsample: self.downsample.map(|(conv, bn)| (fold(conv, &bn), bn)),
            ..self
        }
    }
}

/// A convolution, its batch norm, what is added, and a rectifier.
pub(super) fn layer<B: Backend>(
    conv: &Conv2d<B>,
    bn: &BatchNorm<B>,
    x: Maps<B>,
    add: Option<Maps<B>>,
    rectify: bool,
) -> Maps<B> {
    // The kernels that train normalise by the batch.
    let by_kernels = conv.bias.is_some() || !bn.is_fixed();
    if side_by_side::<B>()
        && by_kernels
        && let Maps::Lanes(maps, n) = &x
    {
        let geometry = lanes_geometry(conv, maps, *n);
        let add = add.map(Maps::lanes);
        // Without the batch norm a convolution has a bias.
        let y = match &conv.bias {
            Some(bias) => convolve_lanes_onto(&geometry, conv, bias.val(), maps, add, rectify),
            None => {
                let (y, moments) = convolve_lanes(&geometry, conv, maps);
                bn.forward_lanes(*n, &y, &moments, add.as_ref(), rectify)
            }
        };
        return Maps::Lanes(y, *n);
    }
    let (x, add) = (x.tensor(), add.map(Maps::tensor));
    match conv.bias {
        Some(_) => Maps::of(convolve_onto(conv, x, add, rectify), true),
        None => Maps::of(bn.forward_maps(convolve(conv, x), add, rectify), false),
    }
}

/// What ends a layer: what is added, and a rectifier.
pub(super) fn finish<B: Backend>(mut y: Tensor<B, 4>, add: Option<Tensor<B, 4>>, rectify: bool) -> Tensor<B, 4> {
    if let Some(add) = add {
        y = y + add;
    }
    if rectify { rectified(y) } else { y }
}

/// A rectifier that keeps what is not a number. burn's own on `Flex` makes zeros of it, behind which a network that
/// overflows looks sound.
pub(super) fn rectified<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    let cut = x.clone().lower_equal_elem(0.0);
    x.mask_fill(cut, 0.0)
}

/// A convolution that does its batch norm's work in inference. By running statistics that is a factor and a summand a
/// channel: the factor goes into the weight, the summand becomes a bias.
pub(super) fn fold<B: Backend>(mut conv: Conv2d<B>, bn: &BatchNorm<B>) -> Conv2d<B> {
    let (scale, shift) = bn.inference();
    let [output, ..] = conv.weight.dims();
    conv.weight = conv.weight.map(|weight| (weight * scale.reshape([output, 1, 1, 1])).detach());
    conv.bias = Some(Param::from_tensor(shift.detach()));
    conv
}

/// A square convolution without bias (a batch norm follows) whose padding keeps the size at stride 1. There are no others:
/// [`super::conv`] takes their sizes from here.
pub(super) fn conv<B: Backend>(channels: [usize; 2], kernel: usize, stride: usize, device: &B::Device) -> Conv2d<B> {
    let [input, output] = channels;
    let padding = kernel / 2;
    Conv2d {
        weight: blank([output, input, kernel, kernel], device),
        bias: None,
        stride: [stride; 2],
        kernel_size: [kernel; 2],
        dilation: [1; 2],
        groups: 1,
        padding: PaddingConfig2d::Explicit(padding, padding, padding, padding),
    }
}

fn downsample<B: Backend>(
    input: usize,
    output: usize,
    stride: usize,
    device: &B::Device,
) -> Option<(Conv2d<B>, BatchNorm<B>)> {
    let changes = stride != 1 || input != output;
    changes.then(|| (conv([input, output], 1, stride, device), BatchNorm::new(output, device)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::backend::Autodiff;
    use burn_flex::Flex;

    #[test]
    fn a_rectifier_keeps_what_is_not_a_number() {
        fn check<B: Backend>() {
            let x = Tensor::<B, 1>::from_floats([f32::NAN, -1.0, 0.0, 2.0, f32::INFINITY], &Default::default());
            let y = rectified(x).into_data().to_vec::<f32>().unwrap();
            assert!(y[0].is_nan());
            assert_eq!(y[1..], [0.0, 0.0, 2.0, f32::INFINITY]);
        }
        check::<Flex>();
        check::<Autodiff<Flex>>();
    }
}

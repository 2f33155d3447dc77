//! What a ResNet is made of.

use super::BatchNorm;
use super::conv::convolve;
use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::activation::relu;
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

    pub(super) fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let shortcut = match &self.downsample {
            Some((conv, bn)) => bn.forward_maps(convolve(conv, x.clone())),
            None => x.clone(),
        };
        let x = self.bn1.forward_maps_relu(convolve(&self.conv1, x));
        let x = convolve(&self.conv2, x);
        let x = match (&self.conv3, &self.bn3) {
            (Some(conv), Some(bn)) => bn.forward_maps(convolve(conv, self.bn2.forward_maps_relu(x))),
            _ => self.bn2.forward_maps(x),
        };
        relu(x + shortcut)
    }
}

/// A square convolution without bias (a batch norm follows) whose padding keeps the size at stride 1.
pub(super) fn conv<B: Backend>(channels: [usize; 2], kernel: usize, stride: usize, device: &B::Device) -> Conv2d<B> {
    let padding = kernel / 2;
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
        .with_bias(false)
        .init(device)
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

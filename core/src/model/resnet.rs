//! The encoder f: ResNet-18 (He et al. 2016) with the stem for 32 x 32 images, at any base width.
//!
//! Fields carry torchvision's names, so that a state dict of one loads into the other.

use super::BatchNorm;
use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Tensor, backend::Backend};

/// ResNet-18 whose stem is one 3x3 convolution of stride 1 without max-pool: 32 x 32 images keep their size
/// through the first block.
#[derive(Module, Debug)]
pub struct ResNet18<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm<B>,
    layer1: Vec<BasicBlock<B>>,
    layer2: Vec<BasicBlock<B>>,
    layer3: Vec<BasicBlock<B>>,
    layer4: Vec<BasicBlock<B>>,
}

/// Two 3x3 convolutions with a shortcut around them.
#[derive(Module, Debug)]
pub struct BasicBlock<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm<B>,
    /// Where stride or channels change, the shortcut is a 1x1 convolution and a batch norm.
    downsample: Option<(Conv2d<B>, BatchNorm<B>)>,
}

/// Outputs of the four conv blocks: `N x w x 32 x 32`, `N x 2w x 16 x 16`, `N x 4w x 8 x 8`, `N x 8w x 4 x 4`
/// for 32 x 32 images.
#[derive(Debug, Clone)]
pub struct FeatureMaps<B: Backend> {
    blocks: [Tensor<B, 4>; 4],
}

impl<B: Backend> FeatureMaps<B> {
    /// The last block averaged over positions: y of section 2.1, `N x 8w`.
    pub fn embedding(&self) -> Tensor<B, 2> {
        pool(self.blocks[3].clone())
    }

    /// A map by name: `conv1`..`conv4` flat, `conv1-1x1`..`conv4-1x1` pooled.
    pub fn get(&self, name: &str) -> Option<Tensor<B, 2>> {
        let (block, pooled) = match name.strip_suffix("-1x1") {
            Some(block) => (block, true),
            None => (name, false),
        };
        let index: usize = block.strip_prefix("conv")?.parse().ok()?;
        let map = self.blocks.get(index.checked_sub(1)?)?.clone();
        Some(if pooled { pool(map) } else { map.flatten(1, 3) })
    }
}

/// `N x C x H x W` to `N x C`: the mean over positions.
fn pool<B: Backend>(map: Tensor<B, 4>) -> Tensor<B, 2> {
    let [n, c, h, w] = map.dims();
    map.reshape([n * c, h * w]).mean_dim(1).reshape([n, c])
}

fn conv<B: Backend>(channels: [usize; 2], kernel: usize, stride: usize, device: &B::Device) -> Conv2d<B> {
    let padding = kernel / 2;
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
        .with_bias(false)
        .init(device)
}

impl<B: Backend> ResNet18<B> {
    /// Base width `width`: 64 gives the paper's 11 million weights, 16 about 0.7 million.
    pub fn new(width: usize, device: &B::Device) -> Self {
        let layer = |input: usize, output: usize, stride: usize| {
            vec![BasicBlock::new(input, output, stride, device), BasicBlock::new(output, output, 1, device)]
        };
        Self {
            conv1: conv([3, width], 3, 1, device),
            bn1: BatchNorm::new(width, device),
            layer1: layer(width, width, 1),
            layer2: layer(width, 2 * width, 2),
            layer3: layer(2 * width, 4 * width, 2),
            layer4: layer(4 * width, 8 * width, 2),
        }
    }

    /// Images (`N x 3 x H x W`, normalised) to the outputs of the four blocks.
    pub fn forward(&self, images: Tensor<B, 4>) -> FeatureMaps<B> {
        let stem = relu(self.bn1.forward_maps(self.conv1.forward(images)));
        let run = |layer: &[BasicBlock<B>], x| layer.iter().fold(x, |x, block| block.forward(x));
        let block1 = run(&self.layer1, stem);
        let block2 = run(&self.layer2, block1.clone());
        let block3 = run(&self.layer3, block2.clone());
        let block4 = run(&self.layer4, block3.clone());
        FeatureMaps { blocks: [block1, block2, block3, block4] }
    }
}

impl<B: Backend> BasicBlock<B> {
    fn new(input: usize, output: usize, stride: usize, device: &B::Device) -> Self {
        let downsample = (stride != 1 || input != output)
            .then(|| (conv([input, output], 1, stride, device), BatchNorm::new(output, device)));
        Self {
            conv1: conv([input, output], 3, stride, device),
            bn1: BatchNorm::new(output, device),
            conv2: conv([output, output], 3, 1, device),
            bn2: BatchNorm::new(output, device),
            downsample,
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let shortcut = match &self.downsample {
            Some((conv, bn)) => bn.forward_maps(conv.forward(x.clone())),
            None => x.clone(),
        };
        let x = relu(self.bn1.forward_maps(self.conv1.forward(x)));
        relu(self.bn2.forward_maps(self.conv2.forward(x)) + shortcut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    #[test]
    fn blocks_have_the_shapes_of_the_cifar_stem() {
        let device = Default::default();
        let maps = ResNet18::<Flex>::new(4, &device).forward(Tensor::zeros([2, 3, 32, 32], &device));
        let shapes: Vec<_> = maps.blocks.iter().map(|b| b.dims()).collect();
        assert_eq!(shapes, [[2, 4, 32, 32], [2, 8, 16, 16], [2, 16, 8, 8], [2, 32, 4, 4]]);
        assert_eq!(maps.get("conv2").unwrap().dims(), [2, 2048]);
        assert_eq!(maps.get("conv2-1x1").unwrap().dims(), [2, 8]);
        for unknown in ["conv0", "conv5", "conv", "head1", "conv4-2x2", "conv4-1x1-1x1"] {
            assert!(maps.get(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn the_paper_s_width_has_the_known_number_of_weights() {
        // torchvision's resnet18 has 11,689,512; without its 1000-way classifier (513,000) and with a 3x3 stem
        // (64*3*9) in place of the 7x7 one (64*3*49). burn also counts the running statistics of 4,800 channels.
        let net = ResNet18::<Flex>::new(64, &Default::default());
        assert_eq!(net.num_params(), 11_689_512 - 513_000 - 64 * 3 * 49 + 64 * 3 * 9 + 2 * 4800);
    }
}

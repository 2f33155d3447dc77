//! The encoder f: a ResNet (He et al. 2016), at any base width. The paper's is ResNet-18 with the stem for 32 x 32 images.
//!
//! Fields carry torchvision's names, so that a state dict of one loads into the other.

use super::arch::{EncoderConfig, Stem};
use super::blocks::{Block, conv, fold, layer};
use super::lanes::Maps;
use super::{BatchNorm, Layer};
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::module::max_pool2d;
use burn::tensor::{Tensor, backend::Backend};

/// A stem and four layers of blocks, each after the first with half the side and twice the channels.
#[derive(Module, Debug)]
pub struct ResNet<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm<B>,
    layer1: Vec<Block<B>>,
    layer2: Vec<Block<B>>,
    layer3: Vec<Block<B>>,
    layer4: Vec<Block<B>>,
    #[module(skip)]
    stem: Stem,
}

/// Outputs of the four layers of blocks: `N x w x 32 x 32`, `N x 2w x 16 x 16`, `N x 4w x 8 x 8`, `N x 8w x 4 x 4`
/// for 32 x 32 images and ResNet-18 with the CIFAR stem (the paper calls them conv blocks 1 to 4).
#[derive(Debug, Clone)]
pub struct FeatureMaps<B: Backend> {
    pub(crate) blocks: [Maps<B>; 4],
}

impl<B: Backend> FeatureMaps<B> {
    /// The last block averaged over positions: y of section 2.1, `N x 8w`.
    pub fn embedding(&self) -> Tensor<B, 2> {
        self.blocks[3].clone().pool()
    }

    /// A map of the encoder's own.
    pub fn get(&self, layer: Layer) -> Option<Tensor<B, 2>> {
        let map = |block: u8| self.blocks.get(usize::from(block).checked_sub(1)?).cloned();
        match layer {
            Layer::Flat(block) => Some(map(block)?.tensor().flatten(1, 3)),
            Layer::Pooled(block) => Some(map(block)?.pool()),
            Layer::Head(_) | Layer::Shifts | Layer::Prototypes | Layer::Pixels => None,
        }
    }
}

impl<B: Backend> ResNet<B> {
    /// An encoder whose weights are to be drawn or loaded. Base width 64 gives ResNet-18 the paper's 11
    /// million weights, 16 about 0.7 million.
    pub fn new(config: EncoderConfig, device: &B::Device) -> Self {
        let EncoderConfig { arch, stem, width } = config;
        let mut channels = width;
        let mut layer = |i: usize| {
            let (inner, output) = (width << i, (width << i) * arch.expansion());
            let block = |n: usize| {
                let stride = if n == 0 && i > 0 { 2 } else { 1 };
                let input = std::mem::replace(&mut channels, output);
                if arch.bottleneck() {
                    Block::bottleneck(input, inner, output, stride, device)
                } else {
                    Block::basic(input, output, stride, device)
                }
            };
            (0..arch.blocks()[i]).map(block).collect()
        };
        let stride = if stem == Stem::Imagenet { 2 } else { 1 };
        Self {
            conv1: conv([3, width], stem.kernel(), stride, device),
            bn1: BatchNorm::new(width, device),
            layer1: layer(0),
            layer2: layer(1),
            layer3: layer(2),
            layer4: layer(3),
            stem,
        }
    }

    /// For inference: batch norms folded into the convolutions before them. It computes the same with fewer passes, and
    /// cannot be trained or saved.
    pub fn folded(self) -> Self {
        let fold_all = |layer: Vec<Block<B>>| layer.into_iter().map(Block::folded).collect();
        Self {
            conv1: fold(self.conv1, &self.bn1),
            layer1: fold_all(self.layer1),
            layer2: fold_all(self.layer2),
            layer3: fold_all(self.layer3),
            layer4: fold_all(self.layer4),
            ..self
        }
    }

    /// To be adapted, not trained from the beginning (PANDA): the stem and the first two layers are not learned, and no batch
    /// norm's statistics move.
    pub fn adapted(self) -> Self {
        let fix = |layer: Vec<Block<B>>| layer.into_iter().map(Block::with_fixed_statistics).collect::<Vec<_>>();
        Self {
            conv1: self.conv1.no_grad(),
            bn1: self.bn1.no_grad().fixed(),
            layer1: fix(self.layer1).no_grad(),
            layer2: fix(self.layer2).no_grad(),
            layer3: fix(self.layer3),
            layer4: fix(self.layer4),
            ..self
        }
    }

    /// What stands before the blocks.
    pub fn stem(&self) -> Stem {
        self.stem
    }

    /// Images (`N x 3 x H x W`, normalised) to the outputs of the four layers.
    pub fn forward(&self, images: Tensor<B, 4>) -> FeatureMaps<B> {
        let folded = self.conv1.bias.is_some();
        let mut x = layer(&self.conv1, &self.bn1, Maps::of(images, folded), None, true);
        if self.stem == Stem::Imagenet {
            x = Maps::of(max_pool2d(x.tensor(), [3, 3], [2, 2], [1, 1], [1, 1], false), folded);
        }
        let run = |layer: &[Block<B>], x| layer.iter().fold(x, |x, block| block.forward(x));
        let block1 = run(&self.layer1, x);
        let block2 = run(&self.layer2, block1.clone());
        let block3 = run(&self.layer3, block2.clone());
        let block4 = run(&self.layer4, block3.clone());
        FeatureMaps { blocks: [block1, block2, block3, block4] }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Arch, draw_weights};
    use super::*;
    use burn::backend::Autodiff;
    use burn::module::{AutodiffModule, ModuleMapper, Param};
    use burn::tensor::{Distribution, Tolerance};
    use burn_flex::Flex;

    fn encoder(arch: Arch, stem: Stem, width: usize) -> ResNet<Flex> {
        draw_weights(ResNet::new(EncoderConfig { arch, stem, width }, &Default::default()), 0)
    }

    #[test]
    fn blocks_have_the_shapes_of_the_cifar_stem() {
        let images = Tensor::zeros([2, 3, 32, 32], &Default::default());
        let maps = encoder(Arch::Resnet18, Stem::Cifar, 4).forward(images);
        let shapes: Vec<_> = maps.blocks.iter().map(|b| b.clone().tensor().dims()).collect();
        assert_eq!(shapes, [[2, 4, 32, 32], [2, 8, 16, 16], [2, 16, 8, 8], [2, 32, 4, 4]]);
        assert_eq!(maps.get(Layer::Flat(2)).unwrap().dims(), [2, 2048]);
        assert_eq!(maps.get(Layer::Pooled(2)).unwrap().dims(), [2, 8]);
        for unknown in [Layer::Flat(0), Layer::Flat(5), Layer::Pooled(0), Layer::Head(1), Layer::Shifts, Layer::Pixels]
        {
            assert!(maps.get(unknown).is_none(), "{unknown}");
        }
    }

    /// Moves what belongs to a channel away from ones and zeros.
    struct Shaker(f32);

    impl<B: Backend> ModuleMapper<B> for Shaker {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            self.0 += 1.0;
            param.map(|tensor| if D == 1 { tensor + 0.3 * self.0.sin() } else { tensor })
        }
    }

    fn assert_folded_is_the_same<B: Backend>(net: &ResNet<B>, images: Tensor<B, 4>, expected: &FeatureMaps<Flex>) {
        let found = net.clone().folded().forward(images);
        for (found, expected) in found.blocks.into_iter().zip(&expected.blocks) {
            let expected = expected.clone().tensor().into_data();
            found.tensor().into_data().assert_approx_eq::<f32>(&expected, Tolerance::rel_abs(1e-4, 1e-4));
        }
    }

    #[test]
    fn folded_batch_norms_compute_the_same_by_our_kernels_and_by_burn() {
        type A = Autodiff<Flex>;
        // One by one, and side by side with a group that is not full; channels that fill tiles, and that do not.
        for (arch, stem, width, n) in [
            (Arch::Resnet18, Stem::Cifar, 4, 3),
            (Arch::Resnet50, Stem::Imagenet, 4, 3),
            (Arch::Resnet18, Stem::Cifar, 4, 19),
            (Arch::Resnet18, Stem::Cifar, 8, 32),
            (Arch::Resnet50, Stem::Imagenet, 2, 13),
        ] {
            let config = EncoderConfig { arch, stem, width };
            let net = draw_weights(ResNet::<A>::new(config, &Default::default()), 0).map(&mut Shaker(0.0));
            let images = Tensor::<A, 4>::random([n, 3, 32, 32], Distribution::Default, &Default::default());
            // Running statistics that are not those of the beginning.
            net.forward(images.clone());
            let expected = net.valid().forward(images.clone().inner());
            assert_folded_is_the_same(&net.valid(), images.clone().inner(), &expected);
            assert_folded_is_the_same(&net, images, &expected);
        }
    }

    #[test]
    fn maps_have_the_sizes_that_are_announced() {
        // Sides that are no multiple of 32 are rounded up at every step.
        for (arch, stem, [h, w]) in [
            (Arch::Resnet18, Stem::Cifar, [32, 32]),
            (Arch::Resnet18, Stem::Cifar, [9, 30]),
            (Arch::Resnet18, Stem::Imagenet, [70, 33]),
            (Arch::Resnet50, Stem::Imagenet, [64, 64]),
            (Arch::Resnet50, Stem::Cifar, [8, 8]),
        ] {
            let config = EncoderConfig { arch, stem, width: 2 };
            let maps = encoder(arch, stem, 2).forward(Tensor::zeros([1, 3, h, w], &Default::default()));
            for (layer, dim) in config.layers(h, w) {
                assert_eq!(maps.get(layer).unwrap().dims(), [1, dim], "{arch}, {stem}, {h} x {w}: {layer}");
            }
        }
    }

    #[test]
    fn torchvision_s_widths_have_torchvision_s_number_of_weights() {
        // Of torchvision's counts a 1000-way classifier is not ours; burn also counts running mean and variance.
        for (arch, all, classifier, channels) in [
            (Arch::Resnet18, 11_689_512, 513_000, 4_800),
            (Arch::Resnet50, 25_557_032, 2_049_000, 26_560),
            (Arch::Resnet152, 60_192_808, 2_049_000, 75_712),
        ] {
            let net = encoder(arch, Stem::Imagenet, 64);
            assert_eq!(net.num_params(), all - classifier + 2 * channels, "{arch}");
        }
        // The CIFAR stem has 3x3 in place of 7x7.
        let [small, large] = [Stem::Cifar, Stem::Imagenet].map(|stem| encoder(Arch::Resnet18, stem, 64).num_params());
        assert_eq!(large - small, 64 * 3 * (49 - 9));
    }
}

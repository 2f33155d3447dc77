//! Which ResNet: how many blocks of which kind, and what stands before them.

use super::Layer;
use crate::config::{IMAGENET_SIZE, PixelNorm, words};

words! {
    "arch",
    /// A ResNet of He et al. (2016), as torchvision builds it. The paper trains the first and compares with pretrained
    /// ones of all three (table 5).
    pub enum Arch {
        /// 2, 2, 2, 2 blocks of two 3x3 convolutions.
        "resnet18" => Resnet18,
        /// 3, 4, 6, 3 bottlenecks.
        "resnet50" => Resnet50,
        /// 3, 8, 36, 3 bottlenecks.
        "resnet152" => Resnet152,
    }
}

words! {
    "stem",
    /// What turns an image into the first block's input.
    #[derive(Default)]
    pub enum Stem {
        /// One 3x3 convolution of stride 1: 32 x 32 images keep their size through the first block.
        #[default]
        "cifar" => Cifar,
        /// torchvision's: a 7x7 convolution of stride 2, then a 3x3 max-pool of stride 2.
        "imagenet" => Imagenet,
    }
}

/// Everything that decides an encoder's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Which ResNet.
    pub arch: Arch,
    /// Its stem.
    pub stem: Stem,
    /// Base width: 64 in the paper and in torchvision.
    pub width: usize,
}

impl Arch {
    /// Blocks in each of the four layers.
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::Resnet18 => [2, 2, 2, 2],
            Self::Resnet50 => [3, 4, 6, 3],
            Self::Resnet152 => [3, 8, 36, 3],
        }
    }

    /// Whether the blocks are bottlenecks.
    pub fn bottleneck(self) -> bool {
        self != Self::Resnet18
    }

    /// Channels that leave a block, as a multiple of the channels inside.
    pub(super) fn expansion(self) -> usize {
        if self.bottleneck() { 4 } else { 1 }
    }
}

impl Stem {
    /// The stem for images of this height and width. (Either takes any size.)
    pub fn of_side(side: usize) -> Self {
        if side == IMAGENET_SIZE { Self::Imagenet } else { Self::Cifar }
    }

    /// How weights of others with this stem want pixels scaled.
    pub fn pixels(self) -> PixelNorm {
        match self {
            Self::Cifar => PixelNorm::CIFAR,
            Self::Imagenet => PixelNorm::IMAGENET,
        }
    }

    /// Height and width of the first convolution's kernel.
    pub(super) fn kernel(self) -> usize {
        match self {
            Self::Cifar => 3,
            Self::Imagenet => 7,
        }
    }
}

impl EncoderConfig {
    /// Channels that leave the four layers.
    pub fn channels(&self) -> [usize; 4] {
        [1, 2, 4, 8].map(|times| times * self.width * self.arch.expansion())
    }

    /// Names and sizes of the tensors by which this encoder's weights are told from others: the first convolution of the
    /// network and of each block.
    pub fn landmarks(&self) -> Vec<(String, Vec<usize>)> {
        let kernel = self.stem.kernel();
        let mut landmarks = vec![("conv1.weight".to_string(), vec![self.width, 3, kernel, kernel])];
        let kernel = if self.arch.bottleneck() { 1 } else { 3 };
        let mut before = self.width;
        for (layer, blocks) in self.arch.blocks().into_iter().enumerate() {
            let inside = self.width << layer;
            for block in 0..blocks {
                let name = format!("layer{}.{block}.conv1.weight", layer + 1);
                landmarks.push((name, vec![inside, before, kernel, kernel]));
                before = inside * self.arch.expansion();
            }
        }
        landmarks
    }

    /// Every feature map of images of `height x width` pixels, each block flat and then each pooled to 1x1, and how
    /// many values it has.
    pub fn layers(&self, height: usize, width: usize) -> Vec<(Layer, usize)> {
        // Every step of stride 2 (with its padding) halves a side and rounds up.
        let halvings = if self.stem == Stem::Imagenet { 2 } else { 0 };
        let positions = |block: usize| [height, width].map(|side| side.div_ceil(1 << (halvings + block)));
        let channels = self.channels();
        let flat = |i: usize| channels[i] * positions(i).iter().product::<usize>();
        Layer::all(0).zip((0..4).map(flat).chain(channels)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for arch in [Arch::Resnet18, Arch::Resnet50, Arch::Resnet152] {
            assert_eq!(arch.to_string().parse(), Ok(arch));
        }
        for stem in [Stem::Cifar, Stem::Imagenet] {
            assert_eq!(stem.to_string().parse(), Ok(stem));
        }
        let error = "resnet34".parse::<Arch>().unwrap_err().to_string();
        assert_eq!(error, "arch must be one of resnet18, resnet50, resnet152, found 'resnet34'");
    }

    #[test]
    fn layers_of_the_published_networks_have_their_known_sizes() {
        let config = EncoderConfig { arch: Arch::Resnet50, stem: Stem::Imagenet, width: 64 };
        let layers = config.layers(224, 224);
        assert_eq!(layers[0], (Layer::Flat(1), 256 * 56 * 56));
        assert_eq!(layers[3], (Layer::Flat(4), 2048 * 7 * 7));
        assert_eq!(layers[7], (Layer::Pooled(4), 2048));
    }
}

//! Encoder, heads and normalisation (sections 2.1, 2.3, 2.4).
//!
//! A [`Network`] is the encoder f with its projector g and, for SimSiam and BYOL, its predictor h. Training needs all
//! three; scoring needs the feature maps of f and g, which [`Network::features`] gives by name.

mod arch;
mod batch_norm;
mod blocks;
mod conv;
mod embed;
mod flex;
mod head;
mod init;
mod norm;
mod pixels;
mod pretrained;
mod rectifier;
mod resnet;
mod state_dict;
mod weights;

pub use arch::{Arch, EncoderConfig, Stem, UnknownArch};
pub use batch_norm::BatchNorm;
pub use blocks::Block;
pub use embed::{EmbedError, embed, embed_all};
pub use head::{Head, HeadLayer, HeadShape};
pub use norm::{NORM_EPSILON, l2_normalize};
pub use pixels::PixelNorm;
pub use pretrained::Pretrained;
pub use resnet::{FeatureMaps, ResNet};
pub use state_dict::{MAX_WEIGHTS, StateDict, Weight, WeightsError};
pub use weights::{load_weights, read_weights, save_weights, state_of};

use crate::data::SIZE;
use crate::ssl::{Norm, Objective};
use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

/// y divided by its length: the second reading of `conv4-1x1`, which is the same by every score of directions.
pub const UNIT: &str = "conv4-1x1-unit";

/// What a network is built from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkConfig {
    /// Base width of the ResNet-18; 64 in the paper.
    pub width: usize,
    /// Decides the heads.
    pub objective: Objective,
    /// Where features are l2-normalised.
    pub norm: Norm,
    /// Whether SimCLR's projector has a batch norm.
    pub head_batch_norm: bool,
    /// Height and width of the images; what stands before the blocks goes with it.
    pub side: usize,
    /// How pixels are scaled before the encoder sees them.
    pub pixels: PixelNorm,
}

/// SimSiam without norm on 32 x 32 images, of base width 16.
impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            width: 16,
            objective: Objective::Simsiam,
            norm: Norm::None,
            head_batch_norm: true,
            side: SIZE,
            pixels: PixelNorm::CIFAR,
        }
    }
}

/// Encoder f, projector g, predictor h (SimSiam and BYOL), and where their outputs are normalised.
#[derive(Module, Debug)]
pub struct Network<B: Backend> {
    /// f: images to embeddings y.
    pub encoder: ResNet<B>,
    /// g: embeddings to projections z.
    pub projector: Head<B>,
    /// h: projections to predictions p.
    pub predictor: Option<Head<B>>,
    #[module(skip)]
    norm: NormChoice,
    #[module(skip)]
    pixels: PixelNorm,
}

/// [`Norm`] as a module field (burn asks for a default there).
#[derive(Debug, Clone, Copy)]
struct NormChoice(Norm);

impl Default for NormChoice {
    fn default() -> Self {
        Self(Norm::None)
    }
}

/// The names of all feature maps of a network with `heads` projector layers, in the order of the paper's
/// tables 6-8: each conv block flat, each pooled to 1x1, each layer of the projector.
fn layer_names(heads: usize) -> Vec<String> {
    let flat = (1..=4).map(|i| format!("conv{i}"));
    let pooled = (1..=4).map(|i| format!("conv{i}-1x1"));
    flat.chain(pooled).chain((1..=heads).map(|i| format!("head{i}"))).collect()
}

impl NetworkConfig {
    /// Shapes of the projector and, for SimSiam and BYOL, the predictor.
    fn heads(&self) -> (HeadShape, Option<HeadShape>) {
        let y = 8 * self.width;
        match self.objective {
            Objective::Simsiam => {
                let z = 32 * self.width;
                (HeadShape::simsiam_projector(y, z), Some(HeadShape::simsiam_predictor(z)))
            }
            Objective::Byol => {
                let (hidden, z) = (64 * self.width, 4 * self.width);
                (HeadShape::byol(y, hidden, z), Some(HeadShape::byol(z, hidden, z)))
            }
            Objective::Simclr | Objective::SimclrRot => {
                (HeadShape::simclr_projector(y, 2 * self.width, self.head_batch_norm), None)
            }
        }
    }

    /// The encoder: always ResNet-18, as in the paper.
    pub fn encoder(&self) -> EncoderConfig {
        EncoderConfig { arch: Arch::Resnet18, stem: Stem::of_side(self.side), width: self.width }
    }

    /// Every feature map of images of this size, in the order of the paper's tables 6-8, and how many values it
    /// has.
    pub fn layers(&self) -> Vec<(String, usize)> {
        let mut layers = self.encoder().layers(self.side, self.side);
        let (projector, _) = self.heads();
        layers.extend(projector.outputs().iter().enumerate().map(|(i, &dim)| (format!("head{}", i + 1), dim)));
        layers
    }

    /// A new network with weights drawn from `seed`, the same on every backend.
    pub fn init<B: Backend>(&self, seed: u64, device: &B::Device) -> Network<B> {
        init::draw_weights(self.undrawn(device), seed)
    }

    /// A network for [`load_weights`]: what its weights are before does not matter, and drawing eleven million takes a
    /// browser a second.
    pub fn undrawn<B: Backend>(&self, device: &B::Device) -> Network<B> {
        let (projector, predictor) = self.heads();
        Network {
            encoder: ResNet::new(self.encoder(), device),
            projector: projector.init(device),
            predictor: predictor.map(|shape| shape.init(device)),
            norm: NormChoice(self.norm),
            pixels: self.pixels,
        }
    }
}

impl<B: Backend> Network<B> {
    /// For inference: see [`ResNet::folded`].
    pub fn folded(self) -> Self {
        Self { encoder: self.encoder.folded(), ..self }
    }

    /// Where this network normalises.
    pub fn norm(&self) -> Norm {
        self.norm.0
    }

    /// How this network wants pixels scaled.
    pub fn pixels(&self) -> PixelNorm {
        self.pixels
    }

    /// The embedding y that the projector sees: `N x 8w` from pooled conv4, l2-normalised where norm is on f
    /// (section 2.3).
    pub fn embedding(&self, maps: &FeatureMaps<B>) -> Tensor<B, 2> {
        let y = maps.embedding();
        if self.norm.0.on_encoder() { l2_normalize(y) } else { y }
    }

    /// Projection z of embeddings, l2-normalised *with gradient* where norm is on g (section 2.4).
    pub fn project(&self, y: Tensor<B, 2>) -> Tensor<B, 2> {
        let z = self.projector.forward(y);
        if self.norm.0.on_projection() { l2_normalize(z) } else { z }
    }

    /// Images (`N x 3 x H x W`, already scaled by [`Network::pixels`]) to projections z, as training sees them.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let maps = self.encoder.forward(images);
        self.project(self.embedding(&maps))
    }

    /// The named feature maps of images (`N x 3 x H x W`, already scaled), each `N x dim`.
    ///
    /// `conv4-1x1` is y = f(x) as it leaves the encoder, with norm on f as without: section 2.5 projects f(x), and only
    /// then do runs compare. The projector's layers are those of the embedding that it saw in training.
    ///
    /// `names` are of [`Network::layer_names`]; an unknown name is skipped, so ask [`Network::knows`] first.
    pub fn features(&self, images: Tensor<B, 4>, names: &[&str]) -> Vec<Tensor<B, 2>> {
        let maps = self.encoder.forward(images);
        let heads = if names.iter().any(|n| n.starts_with("head")) {
            self.projector.layers(self.embedding(&maps))
        } else {
            vec![]
        };
        names
            .iter()
            .filter_map(|name| {
                if *name == UNIT {
                    return Some(l2_normalize(maps.embedding()));
                }
                maps.get(name).or_else(|| {
                    let index: usize = name.strip_prefix("head")?.parse().ok()?;
                    heads.get(index.checked_sub(1)?).cloned()
                })
            })
            .collect()
    }

    /// All feature maps this network has.
    pub fn layer_names(&self) -> Vec<String> {
        layer_names(self.projector.len())
    }

    /// Whether there is a feature map of this name: one of [`Network::layer_names`], or [`UNIT`].
    pub fn knows(&self, name: &str) -> bool {
        name == UNIT || self.layer_names().iter().any(|known| known == name)
    }
}

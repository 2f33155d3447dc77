//! Encoder, heads and normalisation (sections 2.1, 2.3, 2.4).
//!
//! A [`Network`] is the encoder f with its projector g and, for SimSiam and BYOL, its predictor h, or for CSI a classifier of
//! transformations. Training needs all of them; scoring needs the feature maps of f and g, which [`Network::features`] gives by name.

mod arch;
mod batch_norm;
mod blocks;
mod conv;
mod embed;
pub(crate) mod flex;
mod head;
mod init;
pub(crate) mod lanes;
mod layer;
mod norm;
mod pixels;
mod pretrained;
mod prototypes;
mod resnet;
mod shifts;
mod state_dict;
mod weights;

pub use arch::{Arch, EncoderConfig, Stem};
pub use batch_norm::BatchNorm;
use batch_norm::FixedNorms;
pub use blocks::Block;
pub use embed::{EmbedError, FeaturesOf, embed, embed_all, embed_by};
pub use head::{Head, HeadLayer, HeadShape};
pub(crate) use init::draw_weights;
pub use layer::{Layer, UnknownLayer};
pub use norm::{NORM_EPSILON, l2_normalize};
pub use pixels::CONTRAST_EPSILON;
pub use pretrained::Pretrained;
pub use prototypes::{PROTOTYPES, Prototypes};
pub use resnet::{FeatureMaps, ResNet};
pub use shifts::{Said, Shift, Shifts, greyed};
pub use state_dict::{MAX_WEIGHTS, StateDict, Weight, WeightsError};
pub use weights::{load_weights, read_weights, save_weights, state_of};

use crate::config::{Norm, Objective, PixelNorm, TrainConfig};
use crate::data::{CHANNELS, SIZE};
use crate::measure::Scorer;
use burn::module::Module;
use burn::tensor::{Tensor, activation::log_softmax, backend::Backend};

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
    /// Whether Deep SVDD has biases and learned shifts after all.
    pub svdd_biases: bool,
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
            svdd_biases: false,
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
    /// CSI's and GOAD's classifier: embeddings to the logits of transformations. (Where nothing else is learned, g is the
    /// classifier.)
    pub classifier: Option<Head<B>>,
    /// ELSA's, of projections.
    pub prototypes: Option<Prototypes<B>>,
    #[module(skip)]
    norm: NormChoice,
    #[module(skip)]
    pixels: PixelNorm,
    #[module(skip)]
    shifts: Shifts,
    #[module(skip)]
    said: Said,
}

/// [`Norm`] as a module field (burn asks for a default there).
#[derive(Debug, Clone, Copy)]
struct NormChoice(Norm);

impl Default for NormChoice {
    fn default() -> Self {
        Self(Norm::None)
    }
}

impl TrainConfig {
    /// The network that a run with these settings trains.
    pub fn network(&self) -> NetworkConfig {
        NetworkConfig {
            width: self.width,
            objective: self.objective,
            norm: self.norm,
            head_batch_norm: self.head_batch_norm,
            svdd_biases: self.svdd_biases,
            side: self.image_size,
            pixels: self.pixel_norm(),
        }
    }
}

impl Objective {
    /// The scores that a method's own authors give it, each of a feature map of its network; none where they are the
    /// paper's, which every network has.
    pub fn own_scores(self) -> &'static [(Layer, Scorer)] {
        match self {
            Self::Simsiam | Self::Byol | Self::Simclr | Self::SimclrRot => &[],
            Self::Ssd => &[(Layer::EMBEDDING, Scorer::Mahalanobis)],
            Self::Droc => &[(Layer::EMBEDDING, Scorer::OcSvm), (Layer::EMBEDDING, Scorer::Kde)],
            Self::DeepSvdd => &[(Layer::Head(1), Scorer::Length)],
            Self::Rotnet | Self::RotTrans => &[(Layer::Shifts, Scorer::ShiftLogProb)],
            Self::Geom => &[(Layer::Shifts, Scorer::Dirichlet), (Layer::Shifts, Scorer::ShiftLogProb)],
            Self::Csi => &[(Layer::Shifts, Scorer::Csi)],
            Self::Goad => &[(Layer::Shifts, Scorer::Goad)],
            Self::Drocc => &[(Layer::Head(1), Scorer::Logit)],
            Self::Arnet => &[(Layer::Shifts, Scorer::Restoration)],
            Self::Stoc => &[(Layer::EMBEDDING, Scorer::Stoc)],
            Self::Panda => &[(Layer::EMBEDDING, Scorer::KnnL2)],
            Self::Elsa => &[(Layer::Prototypes, Scorer::Energy)],
        }
    }
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
            Objective::Simclr
            | Objective::SimclrRot
            | Objective::Ssd
            | Objective::Droc
            | Objective::Stoc
            | Objective::Csi
            | Objective::Elsa => (HeadShape::simclr_projector(y, 2 * self.width, self.head_batch_norm), None),
            Objective::DeepSvdd => (HeadShape::linear(y, 2 * self.width, self.svdd_biases), None),
            Objective::Panda | Objective::Goad => (HeadShape::linear(y, y, false), None),
            Objective::Drocc => (HeadShape::linear(y, 1, true), None),
            Objective::Arnet => (HeadShape::decoder(y, CHANNELS * self.side * self.side), None),
            Objective::Rotnet | Objective::RotTrans | Objective::Geom => {
                (HeadShape::linear(y, self.objective.shifts().choices().iter().sum(), true), None)
            }
        }
    }

    /// The encoder: always ResNet-18, as in the paper.
    pub fn encoder(&self) -> EncoderConfig {
        EncoderConfig { arch: Arch::Resnet18, stem: Stem::of_side(self.side), width: self.width }
    }

    /// Every feature map of images of this size, in the order of the paper's tables 6-8, and how many values it
    /// has.
    pub fn layers(&self) -> Vec<(Layer, usize)> {
        let mut layers = self.encoder().layers(self.side, self.side);
        let (projector, _) = self.heads();
        layers.extend((1..).map(Layer::Head).zip(projector.outputs().iter().copied()));
        layers
    }

    /// What the network itself says of an image, where its objective has it say something, and in how many values: of each
    /// transformation what is [`Said`] of it, or how near to each prototype it is.
    pub fn own_row(&self) -> Option<(Layer, usize)> {
        if self.objective == Objective::Elsa {
            return Some((Layer::Prototypes, PROTOTYPES));
        }
        let count = self.objective.shifts().all().len();
        (count > 0).then(|| (Layer::Shifts, count * self.objective.said().width(self.projection())))
    }

    /// Values of a projection.
    fn projection(&self) -> usize {
        self.heads().0.outputs().last().copied().unwrap_or_default()
    }

    /// A new network with weights drawn from `seed`, the same on every backend.
    pub fn init<B: Backend>(&self, seed: u64, device: &B::Device) -> Network<B> {
        let network = draw_weights(self.undrawn(device), seed);
        Network { projector: self.identity(device).unwrap_or(network.projector), ..network }
    }

    /// The projector where it is the identity, which nothing draws.
    fn identity<B: Backend>(&self, device: &B::Device) -> Option<Head<B>> {
        matches!(self.objective, Objective::Panda | Objective::Goad).then(|| Head::identity(8 * self.width, device))
    }

    /// A network for [`load_weights`]: drawing eleven million weights takes a browser a second.
    pub fn undrawn<B: Backend>(&self, device: &B::Device) -> Network<B> {
        let (projector, predictor) = self.heads();
        let encoder = ResNet::new(self.encoder(), device);
        let encoder = match self.objective {
            Objective::DeepSvdd if !self.svdd_biases => encoder.map(&mut FixedNorms),
            Objective::Panda => encoder.adapted(),
            _ => encoder,
        };
        Network {
            encoder,
            projector: self.identity(device).unwrap_or_else(|| projector.init(device)),
            predictor: predictor.map(|shape| shape.init(device)),
            classifier: matches!(self.objective, Objective::Csi | Objective::Goad).then(|| {
                let choices = self.objective.shifts().choices().iter().sum();
                HeadShape::linear(8 * self.width, choices, true).init(device)
            }),
            prototypes: (self.objective == Objective::Elsa).then(|| Prototypes::new(self.projection(), device)),
            norm: NormChoice(self.norm),
            pixels: self.pixels,
            shifts: self.objective.shifts(),
            said: self.objective.said(),
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

    /// Embeddings to the cosines of their projections with the prototypes: `N x` [`PROTOTYPES`]; none where there are none.
    pub fn prototyped(&self, y: Tensor<B, 2>) -> Option<Tensor<B, 2>> {
        Some(self.prototypes.as_ref()?.forward(self.project(y)))
    }

    /// The named feature maps of images (`N x 3 x H x W`, already scaled), each `N x dim`.
    ///
    /// `conv4-1x1` is y = f(x) as it leaves the encoder, with norm on f as without: section 2.5 projects f(x), and only
    /// then do runs compare. The projector's layers are those of the embedding that it saw in training.
    ///
    /// `layers` are of [`Network::layers`]; an unknown one is skipped, so ask [`Network::knows`] first.
    pub fn features(&self, images: Tensor<B, 4>, layers: &[Layer]) -> Vec<Tensor<B, 2>> {
        let shifts = layers.contains(&Layer::Shifts).then(|| self.shifts(&images));
        self.get(images, layers, |layer, maps| match layer {
            Layer::Shifts => shifts.clone(),
            _ => self.prototyped(self.embedding(maps)),
        })
    }

    /// [`Network::features`] but for what the network itself says of images ([`NetworkConfig::own_row`]).
    pub fn maps(&self, images: Tensor<B, 4>, layers: &[Layer]) -> Vec<Tensor<B, 2>> {
        self.get(images, layers, |_, _| None)
    }

    fn get(
        &self,
        images: Tensor<B, 4>,
        layers: &[Layer],
        own: impl Fn(Layer, &FeatureMaps<B>) -> Option<Tensor<B, 2>>,
    ) -> Vec<Tensor<B, 2>> {
        let maps = self.encoder.forward(images);
        let heads = if layers.iter().any(|layer| matches!(layer, Layer::Head(_))) {
            self.projector.layers(self.embedding(&maps))
        } else {
            vec![]
        };
        let get = |&layer: &Layer| match layer {
            Layer::Head(head) => heads.get(usize::from(head).checked_sub(1)?).cloned(),
            Layer::Shifts | Layer::Prototypes => own(layer, &maps),
            other => maps.get(other),
        };
        layers.iter().filter_map(get).collect()
    }

    /// What it says of images in every transformation that it knows: see [`NetworkConfig::own_row`].
    fn shifts(&self, images: &Tensor<B, 4>) -> Tensor<B, 2> {
        let n = images.dims()[0];
        let (mut said, mut logits) = (Vec::new(), Vec::new());
        for (which, shift) in self.shifts.all().into_iter().enumerate() {
            let picture = shift.apply(images.clone());
            let picture = if self.said == Said::Restored { greyed(picture) } else { picture };
            let y = self.embedding(&self.encoder.forward(picture));
            let z = self.project(y.clone());
            said.push(match self.said {
                Said::Right => self.shifts.log_probabilities(z, &vec![which; n]),
                Said::Restored => -(z - images.clone().flatten(1, 3)).abs().mean_dim(1),
                Said::Projection | Said::ProjectionAndLogit => z,
                Said::Answers => log_softmax(z, 1),
            });
            if self.said == Said::ProjectionAndLogit {
                logits.extend(self.classifier.as_ref().map(|classifier| classifier.forward(y).narrow(1, which, 1)));
            }
        }
        said.extend(logits);
        Tensor::cat(said, 1)
    }

    /// All feature maps this network has, in the order of the paper's tables 6-8.
    pub fn layers(&self) -> Vec<Layer> {
        Layer::all(self.projector.len()).collect()
    }

    /// Whether there is such a feature map: one of [`Network::layers`], or [`NetworkConfig::own_row`].
    pub fn knows(&self, layer: Layer) -> bool {
        match layer {
            Layer::Shifts => self.shifts != Shifts::None,
            Layer::Prototypes => self.prototypes.is_some(),
            other => self.layers().contains(&other),
        }
    }
}

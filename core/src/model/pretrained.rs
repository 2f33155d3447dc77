//! Encoders with weights from elsewhere: torchvision's, or a run's of our own (section 3.2.5, table 5 rows 5 to 10).

use super::embed::read_back;
use super::weights::{field_path, fill, state_of};
use super::{EmbedError, EncoderConfig, Head, HeadShape, Layer, ResNet, StateDict, WeightsError, l2_normalize};
use crate::config::{Norm, PixelNorm};
use burn::module::Module;
use burn::tensor::{Tensor, TensorData, backend::Backend};

/// A ResNet for inference, with the projector behind it where the weights have one.
#[derive(Debug)]
pub struct Pretrained<B: Backend> {
    config: EncoderConfig,
    norm: Norm,
    network: Parts<B>,
    /// How many values each layer of the projector gives.
    heads: Vec<usize>,
}

/// What has weights.
#[derive(Module, Debug)]
struct Parts<B: Backend> {
    encoder: ResNet<B>,
    projector: Option<Head<B>>,
}

impl<B: Backend> Pretrained<B> {
    /// An encoder of this shape with these weights, named as torchvision names them; `projector.` as our runs have it.
    ///
    /// Left out is what features do not need: classifiers (`fc.`, `classifier.`), a predictor (`predictor.`), prototypes
    /// (`prototypes.`), and the `module.` before every name of a network that was trained on several GPUs. Everything else
    /// must fit.
    ///
    /// `norm` is the run's: on the encoder it normalises what the projector sees. torchvision's have none.
    pub fn load(config: EncoderConfig, norm: Norm, state: StateDict, device: &B::Device) -> Result<Self, WeightsError> {
        let state = state.without_prefix("module.");
        // A large network takes seconds and memory to make: look first whether these can be its weights at all.
        let first = state.shape("conv1.weight").map(<[usize]>::to_vec);
        let kernel = config.stem.kernel();
        let expected = [config.width, 3, kernel, kernel];
        if first.as_deref() != Some(&expected) {
            return Err(WeightsError::Mismatch(match first {
                Some(found) => format!(
                    "'conv1.weight' must be {expected:?} for width {} and the {} stem, found {found:?}",
                    config.width, config.stem
                ),
                None => "'conv1.weight' is missing: no state dict of a ResNet begins without it".into(),
            }));
        }
        let y = config.channels()[3];
        let projector = HeadShape::of_weights("projector", y, &state)?;
        let heads = projector.iter().flat_map(HeadShape::outputs).copied().collect();
        let mut network =
            Parts { encoder: ResNet::new(config, device), projector: projector.map(|shape| shape.init(device)) };
        let unused =
            |name: &str| ["fc.", "classifier.", "predictor.", "prototypes."].iter().any(|head| name.starts_with(head));
        fill(&mut network, state.renamed(|name| (!unused(name)).then(|| field_path(name))))?;
        Ok(Self { config, norm, network, heads })
    }

    /// The encoder alone.
    pub fn into_encoder(self) -> ResNet<B> {
        self.network.encoder
    }

    /// The weights for inference, with every batch norm folded into the convolution or linear layer before it, which has
    /// a bias then.
    pub fn into_folded_weights(self) -> Result<StateDict, WeightsError> {
        let Parts { encoder, projector } = self.network;
        state_of(&Parts { encoder: encoder.folded(), projector: projector.map(Head::folded) })
    }

    /// The names of all feature maps of images of this height and width, and how many values each has.
    pub fn layers(&self, height: usize, width: usize) -> Vec<(Layer, usize)> {
        let mut layers = self.config.layers(height, width);
        layers.extend((1..).map(Layer::Head).zip(self.heads.iter().copied()));
        layers
    }

    /// A feature map of images (`N x 3 x H x W`, normalised), `N x dim`.
    pub fn layer(&self, images: Tensor<B, 4>, layer: Layer) -> Result<Tensor<B, 2>, EmbedError> {
        let [_, _, height, width] = images.dims();
        let maps = self.network.encoder.forward(images);
        let found = match (layer, &self.network.projector) {
            (Layer::Head(head), Some(projector)) => {
                let y = maps.embedding();
                let y = if self.norm.on_encoder() { l2_normalize(y) } else { y };
                usize::from(head).checked_sub(1).and_then(|i| projector.layers(y).get(i).cloned())
            }
            (other, _) => maps.get(other),
        };
        let known = || self.layers(height, width).into_iter().map(|(layer, _)| layer);
        found.ok_or_else(|| EmbedError::unknown(layer, known()))
    }

    /// A feature map of one batch of images, row after row. `images` has `n x 3 x height x width` values in
    /// 0..1.
    pub async fn embed(
        &self,
        images: Vec<f32>,
        [height, width]: [usize; 2],
        pixels: PixelNorm,
        layer: Layer,
        device: &B::Device,
    ) -> Result<Vec<f32>, EmbedError> {
        let image = 3 * height * width;
        if image == 0 || images.is_empty() || !images.len().is_multiple_of(image) {
            return Err(EmbedError::Pixels { image, found: images.len() });
        }
        let shape = [images.len() / image, 3, height, width];
        let images = Tensor::from_data(TensorData::new(images, shape), device);
        read_back(self.layer(pixels.apply(images), layer)?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Objective;
    use crate::model::{Arch, Network, NetworkConfig, Stem, save_weights};
    use burn_flex::Flex;
    use burn_store::ModuleSnapshot;

    const CONFIG: EncoderConfig = EncoderConfig { arch: Arch::Resnet18, stem: Stem::Cifar, width: 4 };

    fn run(norm: Norm) -> Network<Flex> {
        let config = NetworkConfig { width: 4, objective: Objective::Simsiam, norm, ..Default::default() };
        config.init(5, &Default::default())
    }

    fn state(norm: Norm) -> StateDict {
        StateDict::from_safetensors(&save_weights(&run(norm)).unwrap()).unwrap()
    }

    fn load(config: EncoderConfig, state: StateDict) -> Result<Pretrained<Flex>, String> {
        Pretrained::load(config, Norm::None, state, &Default::default()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_run_s_own_weights_give_all_of_its_maps() {
        let device = Default::default();
        let images = Tensor::<Flex, 4>::random([2, 3, 32, 32], burn::tensor::Distribution::Default, &device);
        for norm in [Norm::None, Norm::Both] {
            let network = run(norm);
            let bytes = save_weights(&network).unwrap();
            let network = crate::model::load_weights(network, &bytes).unwrap();
            let loaded = Pretrained::<Flex>::load(CONFIG, norm, state(norm), &device).unwrap();
            let layers = loaded.layers(32, 32);
            assert!(layers.iter().map(|(layer, _)| *layer).eq(network.layers()));
            for (layer, dim) in layers {
                let expected = network.features(images.clone(), &[layer]).remove(0).into_data();
                let found = loaded.layer(images.clone(), layer).unwrap();
                assert_eq!(found.dims(), [2, dim], "{layer}");
                found.into_data().assert_eq(&expected, true);
            }
            let error = loaded.layer(images.clone(), Layer::Head(4)).unwrap_err().to_string();
            assert!(error.ends_with("head1, head2, head3, found 'head4'"), "{error}");
        }
    }

    #[test]
    fn landmarks_are_the_network_s_own_tensors() {
        for (arch, stem) in [(Arch::Resnet18, Stem::Cifar), (Arch::Resnet50, Stem::Imagenet)] {
            let config = EncoderConfig { arch, stem, width: 2 };
            let tensors = ResNet::<Flex>::new(config, &Default::default()).collect(None, None, false);
            for (name, sizes) in config.landmarks() {
                let tensor = tensors.iter().find(|tensor| tensor.full_path() == name);
                assert_eq!(tensor.map(|tensor| tensor.shape.to_vec()), Some(sizes), "{arch}: {name}");
            }
        }
    }

    #[test]
    fn classifiers_and_prefixes_are_no_obstacle() {
        let torchvision = |name: &str| (!name.starts_with("pro")).then(|| format!("module.{name}"));
        let mut weights = state(Norm::None).renamed(torchvision);
        weights.insert("module.fc.weight".into(), vec![3, 32], vec![0.0; 96]).unwrap();
        weights.insert("module.fc.bias".into(), vec![3], vec![0.0; 3]).unwrap();
        assert_eq!(load(CONFIG, weights).unwrap().layers(32, 32).len(), 8);
    }

    #[test]
    fn weights_of_another_network_say_what_is_wrong() {
        let says = |config, state| load(config, state).unwrap_err();
        let wide = EncoderConfig { width: 64, ..CONFIG };
        let error = says(wide, state(Norm::None));
        assert!(error.contains("must be [64, 3, 3, 3] for width 64 and the cifar stem, found [4, 3, 3, 3]"), "{error}");
        let error = says(EncoderConfig { stem: Stem::Imagenet, ..CONFIG }, state(Norm::None));
        assert!(error.contains("must be [4, 3, 7, 7]"), "{error}");
        let error = says(EncoderConfig { arch: Arch::Resnet50, ..CONFIG }, state(Norm::None));
        assert!(error.starts_with("weights do not fit the network:"), "{error}");
        assert!(says(CONFIG, StateDict::default()).contains("'conv1.weight' is missing"));
        let cut = state(Norm::None).renamed(|name| (name != "layer3.1.bn2.running_var").then(|| name.into()));
        assert!(says(CONFIG, cut).contains("'layer3.1.bn2.running_var' is missing"));
        let mut more = state(Norm::None);
        more.insert("layer5.0.conv1.weight".into(), vec![1], vec![0.0]).unwrap();
        assert!(says(CONFIG, more).contains("'layer5.0.conv1.weight' is not part of it"));
    }

    #[test]
    fn a_projector_that_does_not_hang_together_is_refused_before_it_is_made() {
        let mut weights = state(Norm::None).renamed(|name| (!name.starts_with("pro")).then(|| name.into()));
        weights.insert("projector.layers.0.linear.weight".into(), vec![1 << 20, 32], vec![0.0; 32 << 20]).unwrap();
        weights.insert("projector.layers.1.linear.weight".into(), vec![1 << 20, 1], vec![0.0; 1 << 20]).unwrap();
        let error = load(CONFIG, weights).unwrap_err();
        assert!(error.contains("'projector.layers.1.linear.weight' must take 1048576 values, found 1"), "{error}");
    }
}

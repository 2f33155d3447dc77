//! An encoder with weights from elsewhere, for a person's own normal.

use super::assemble::manifest;
use super::{Detector, Origin};
use crate::config::TrainConfig;
use crate::data::{Sets, Sides};
use crate::model::{Pretrained, StateDict, WeightsError, load_weights, read_weights};
use burn::tensor::backend::Backend;

/// Name of the data set, in settings and bundles, that nobody here knows.
pub const ELSEWHERE: &str = "elsewhere";

impl<B: Backend> Detector<B> {
    /// The encoder of `state` (see [`Pretrained::load`]) without banks yet: [`Detector::fit`] gives it some. It is of the
    /// shape of `config`, whose heads stay as they are drawn, for nothing of theirs is scored.
    pub async fn of_weights(
        config: TrainConfig,
        state: StateDict,
        origin: Origin,
        device: B::Device,
    ) -> Result<Self, WeightsError> {
        let shape = config.network();
        let encoder = Pretrained::load(shape.encoder(), config.norm, state, &device)?.into_encoder();
        let mut network = shape.init::<B>(config.seed, &device);
        network.encoder = encoder;
        let model = read_weights(&network).await?;
        // As those who load the bundle will compute.
        let network = load_weights(network, &model)?.folded();
        let none = Sets { train: 0, validation: None, test: Sides { id: 0, ood: 0 } };
        Ok(Self::without_banks(manifest(&config, none, origin), model, network, device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{FILES, Manifest};
    use crate::data::{Split, synth_digits};
    use burn_flex::Flex;
    use pollster::block_on;
    use std::fs;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/bundles/digits/");

    #[test]
    fn weights_of_a_bundle_taken_from_a_file_fit_as_the_bundle_does() {
        let file = |name: &str| fs::read(format!("{FOLDER}{name}")).unwrap();
        let bundle = Manifest::parse(&file("bundle.json")).unwrap();
        let (config, model) = (bundle.config.clone(), file(FILES[0]));
        let known = Detector::<Flex>::new(bundle, &model, &file(FILES[1]), Default::default()).unwrap();
        let pixels: Vec<u8> = (0..12).flat_map(|i| synth_digits::image(0, Split::Test, 7, i)).collect();
        let fit = |detector: &Detector<Flex>| block_on(detector.fit(&pixels, 8, async |_| ())).unwrap();

        let state = || StateDict::from_safetensors(&model).unwrap();
        let origin = || Origin {
            id: "elsewhere".into(),
            title: "Weights".into(),
            classes: vec!["normal".into(), "others".into()],
            commit: String::new(),
            device: String::new(),
            wall_seconds: 0.0,
            data_source: String::new(),
            outliers: 0,
            command: String::new(),
        };
        let of = TrainConfig { dataset: ELSEWHERE.into(), ..config };
        let other = block_on(Detector::<Flex>::of_weights(of.clone(), state(), origin(), Default::default()));
        assert_eq!(fit(&other.unwrap()).held_out().unwrap(), fit(&known).held_out().unwrap());
        let narrow = TrainConfig { width: 4, ..of };
        let refused =
            block_on(Detector::<Flex>::of_weights(narrow, state(), origin(), Default::default())).unwrap_err();
        assert!(refused.to_string().contains("for width 4"), "{refused}");
    }
}

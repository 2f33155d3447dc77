//! `nsa export --onnx`: an encoder for those who go on elsewhere.

use super::choose;
use crate::bundles;
use crate::cli::ExportArgs;
use crate::error::NsaError;
use crate::files::{Kind, Output};
use crate::onnx::{Encoder, is_ours};
use crate::output::tell;
use crate::run::RunFolder;
use crate::weights::read_weights;
use burn::backend::Autodiff;
use burn_flex::Flex;
use nsa_core::config::{Norm, PixelNorm, TrainConfig};
use nsa_core::model::{EncoderConfig, Layer, Pretrained, StateDict, save_weights};
use std::path::Path;

/// What is written.
const MODEL: Kind = Kind { name: "ONNX model of nsa", is: is_ours };
/// Any side: only flat maps have sizes that go with it.
const SIDE: usize = 32;

/// Weights, and what the network around them is.
struct Source {
    config: EncoderConfig,
    pixels: PixelNorm,
    norm: Norm,
    state: StateDict,
    /// Side of the images that it learned from, where that is known.
    side: Option<usize>,
}

/// Writes the model, its features named as those of `nsa embed`.
pub fn run(args: &ExportArgs) -> Result<(), NsaError> {
    let output = Output::new(&args.out, &MODEL, args.overwrite.force, &[&args.run])?;
    let refused = |source| NsaError::WeightsFile { path: args.run.clone(), source };
    let Source { config, pixels, norm, state, side } = source(args)?;
    let network = Pretrained::<Flex>::load(config, norm, state, &Default::default()).map_err(refused)?;
    let known = network.layers(SIDE, SIDE);
    let names: Vec<Layer> = known.iter().map(|(layer, _)| *layer).collect();
    let chosen = choose("layers", &args.layers, &names)?;
    let dim = |layer: Layer| match layer {
        Layer::Flat(_) => None,
        _ => known.iter().find(|(known, _)| *known == layer).map(|(_, dim)| *dim),
    };
    let outputs: Vec<_> = chosen.iter().map(|&layer| (layer, dim(layer))).collect();
    let mut metadata = vec![
        ("encoder", format!("{}, {} stem, width {}, norm {norm}", config.arch, config.stem, config.width)),
        ("input", "RGB pixels in 0..1, N x 3 x H x W, as `nsa embed` takes them".into()),
        ("pixel-mean", format!("{:?} (applied in the model)", pixels.mean)),
        ("pixel-std", format!("{:?} (applied in the model)", pixels.std)),
    ];
    metadata.extend(side.map(|side| ("trained-on", format!("images of {side} x {side}"))));
    let weights = network.into_folded_weights().map_err(refused)?;
    let model = Encoder { config, pixels, norm_f: norm.on_encoder(), weights }.into_onnx(&outputs, &metadata);
    let model = model.map_err(refused)?;
    output.write(&model)?;
    let names: Vec<String> = chosen.iter().map(Layer::to_string).collect();
    tell!("{}: {:.2} MB, {} of pixels in 0..1", args.out.display(), model.len() as f64 / 1e6, names.join(", "));
    Ok(())
}

/// A file of weights if its shape is given, else a bundle or a run.
fn source(args: &ExportArgs) -> Result<Source, NsaError> {
    if let (Some(arch), Some(stem)) = (args.arch, args.stem) {
        let (config, pixels) = args.weights.encoder(arch, stem)?;
        let state = read_weights(&args.run, &config)?;
        return Ok(Source { config, pixels, norm: args.weights.norm(), state, side: None });
    }
    args.weights.must_be_absent("a run or a bundle")?;
    if args.run.is_file() && args.run.extension().is_none_or(|extension| extension != "zip") {
        let path = args.run.display();
        return Err(NsaError::Usage(format!(
            "{path} must be a run or a bundle; of a file of weights say --arch and --stem"
        )));
    }
    let (config, weights) = if bundles::is_bundle(&args.run) { bundles::model(&args.run)? } else { of_run(&args.run)? };
    let network = config.network();
    let state = StateDict::from_safetensors(&weights)
        .map_err(|source| NsaError::WeightsFile { path: args.run.clone(), source })?;
    let side = Some(network.side);
    Ok(Source { config: network.encoder(), pixels: network.pixels, norm: config.norm, state, side })
}

/// Settings and weights of a run: rounded as in its bundle, so that both give the same features.
fn of_run(path: &Path) -> Result<(TrainConfig, Vec<u8>), NsaError> {
    let config = RunFolder::open(path)?.config;
    let checkpoint = RunFolder::checkpoint_of(path)?;
    let trainer = RunFolder::trainer::<Autodiff<Flex>>(path, &config, &checkpoint, &Default::default())?;
    Ok((config, save_weights(&trainer.network())?))
}

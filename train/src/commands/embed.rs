//! `nsa embed`: images in a file to features in a file, by weights from anywhere.

use crate::cli::{EmbedArgs, WeightsArgs};
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::evaluate::batch_of;
use crate::npy::{ImageReader, RowWriter};
use crate::output::tell;
use crate::progress::Progress;
use crate::weights::read_weights;
use burn::tensor::backend::Backend;
use nsa_core::config::PixelNorm;
use nsa_core::model::{Arch, EncoderConfig, Pretrained, StateDict, Stem};

/// Embeds batch by batch: neither images nor features are in memory as a whole.
pub fn run(args: &EmbedArgs) -> Result<(), NsaError> {
    let (config, pixels) = args.weights_are.encoder(args.arch, args.stem)?;
    let images = ImageReader::open(&args.images)?;
    let state = read_weights(&args.weights, &config)?;
    let rows = on_device(args.device, Job { args, config, pixels, images, state })?;
    tell!("{rows} features by {} written to {}", args.layer, args.out.display());
    Ok(())
}

impl WeightsArgs {
    /// The encoder of these weights, and how it wants pixels scaled: as the stem does, but for what is given.
    pub(super) fn encoder(&self, arch: Arch, stem: Stem) -> Result<(EncoderConfig, PixelNorm), NsaError> {
        if !(1..=256).contains(&self.width) {
            return Err(NsaError::Usage(format!("--width must be 1 to 256, found {}", self.width)));
        }
        let given = |flag: &str, values: &Option<Vec<f32>>, default: [f32; 3], low: f32| match values.as_deref() {
            None => Ok(default),
            Some(&[r, g, b]) if [r, g, b].iter().all(|v| v.is_finite() && *v >= low) => Ok([r, g, b]),
            Some(found) => {
                Err(NsaError::Usage(format!("--{flag} must be three numbers of {low} or more, found {found:?}")))
            }
        };
        let own = stem.pixels();
        let (mean, std) = (given("mean", &self.mean, own.mean, 0.0)?, given("std", &self.std, own.std, 1e-6)?);
        Ok((EncoderConfig { arch, stem, width: self.width }, PixelNorm { mean, std, contrast: false }))
    }
}

struct Job<'a> {
    args: &'a EmbedArgs,
    config: EncoderConfig,
    pixels: PixelNorm,
    images: ImageReader,
    state: StateDict,
}

impl DeviceJob for Job<'_> {
    type Output = usize;

    fn run<B: Backend>(mut self, device: B::Device, _: &str) -> Result<usize, NsaError> {
        let args = self.args;
        let network = Pretrained::<B>::load(self.config, args.weights_are.norm, self.state, &device)
            .map_err(|source| NsaError::WeightsFile { path: args.weights.clone(), source })?;
        let (n, size) = (self.images.n(), self.images.size());
        let layers = network.layers(size[0], size[1]);
        let Some(&(layer, dim)) = layers.iter().find(|(layer, _)| layer.to_string() == args.layer) else {
            let known: Vec<String> = layers.iter().map(|(layer, _)| layer.to_string()).collect();
            let (known, found) = (known.join(", "), &args.layer);
            return Err(NsaError::Usage(format!("--layer must be one of {known} for these weights, found '{found}'")));
        };
        let mut out = RowWriter::create(&args.out, n, &[dim])?;
        let mut progress = Progress::new("embedding", n);
        loop {
            let batch = self.images.next(batch_of(size))?;
            if batch.is_empty() {
                break;
            }
            let done = batch.len() / (3 * size[0] * size[1]);
            let features = wait(network.embed(batch, size, self.pixels, layer, &device))?;
            if features.iter().any(|value| !value.is_finite()) {
                let why =
                    format!("features of {} are not finite: are --mean and --std those of the weights?", args.layer);
                return Err(NsaError::Arrays { files: args.images.display().to_string(), why });
            }
            out.write(features)?;
            progress.advance(done);
        }
        progress.finish();
        Ok(out.finish()?)
    }
}

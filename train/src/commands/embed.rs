//! `nsa embed`: images in a file to features in a file, by weights from anywhere.

use crate::cli::{EmbedArgs, WeightsArgs};
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::evaluate::batch_of;
use crate::files::Output;
use crate::npy::{self, ImageReader, RowWriter};
use crate::output::tell;
use crate::progress::Progress;
use crate::weights::read_weights;
use burn::tensor::backend::Backend;
use nsa_core::config::{Norm, PixelNorm};
use nsa_core::model::{Arch, EncoderConfig, Pretrained, StateDict, Stem};

/// Embeds batch by batch: neither images nor features are in memory as a whole.
pub fn run(args: &EmbedArgs) -> Result<(), NsaError> {
    let (config, pixels) = args.weights_are.encoder(args.arch, args.stem)?;
    let output = Output::new(&args.out, &npy::FEATURES, args.overwrite.force, &[&args.weights, &args.images])?;
    let images = ImageReader::open(&args.images)?;
    let state = read_weights(&args.weights, &config)?;
    let rows = on_device(args.device, Job { args, output: &output, config, pixels, images, state })?;
    tell!("{rows} features by {} written to {}", args.layer, args.out.display());
    Ok(())
}

impl WeightsArgs {
    /// The encoder of these weights, and how it wants pixels scaled: as the stem does, but for what is given.
    pub(super) fn encoder(&self, arch: Arch, stem: Stem) -> Result<(EncoderConfig, PixelNorm), NsaError> {
        let width = self.width();
        if !(1..=256).contains(&width) {
            return Err(NsaError::Usage(format!("--width must be 1 to 256, found {width}")));
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
        Ok((EncoderConfig { arch, stem, width }, PixelNorm { mean, std, contrast: false }))
    }

    /// Base width of the weights: torchvision's, if it is not given.
    pub(super) fn width(&self) -> usize {
        self.width.unwrap_or(64)
    }

    /// Where the weights' own run normalises.
    pub(super) fn norm(&self) -> Norm {
        self.norm.unwrap_or(Norm::None)
    }

    /// That nothing is said of a file of weights where `source`, which says all of it itself, is none.
    pub(super) fn must_be_absent(&self, source: &str) -> Result<(), NsaError> {
        let Self { width, mean, std, norm } = self;
        let given = [
            ("--width", width.is_some()),
            ("--mean", mean.is_some()),
            ("--std", std.is_some()),
            ("--norm", norm.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => Err(NsaError::Usage(format!(
                "{flag} is of a file of weights and has no effect with {source}: leave it out"
            ))),
        }
    }
}

struct Job<'a> {
    args: &'a EmbedArgs,
    output: &'a Output,
    config: EncoderConfig,
    pixels: PixelNorm,
    images: ImageReader,
    state: StateDict,
}

impl DeviceJob for Job<'_> {
    type Output = usize;

    fn run<B: Backend>(mut self, device: B::Device, _: &str) -> Result<usize, NsaError> {
        let args = self.args;
        let network = Pretrained::<B>::load(self.config, args.weights_are.norm(), self.state, &device)
            .map_err(|source| NsaError::WeightsFile { path: args.weights.clone(), source })?;
        let (n, size) = (self.images.n(), self.images.size());
        let layers = network.layers(size[0], size[1]);
        let Some(&(layer, dim)) = layers.iter().find(|(layer, _)| layer.to_string() == args.layer) else {
            let known: Vec<String> = layers.iter().map(|(layer, _)| layer.to_string()).collect();
            let (known, found) = (known.join(", "), &args.layer);
            return Err(NsaError::Usage(format!("--layer must be one of {known} for these weights, found '{found}'")));
        };
        npy::check_size(&args.out, n, dim)?;
        let mut out = RowWriter::create(self.output, n, &[dim])?;
        let mut progress = Progress::new("embedding", n);
        loop {
            let batch = self.images.next(batch_of(size))?;
            if batch.is_empty() {
                break;
            }
            let done = batch.len() / (3 * size[0] * size[1]);
            let features = wait(network.embed(batch, size, self.pixels, layer, &device))?;
            if features.iter().any(|value| !value.is_finite()) {
                let why = format!(
                    "features of {} are not finite: the weights overflow, or --mean and --std are not theirs",
                    args.layer
                );
                return Err(NsaError::Arrays { files: args.images.display().to_string(), why });
            }
            out.write(features)?;
            progress.advance(done);
        }
        progress.finish();
        out.finish()
    }
}

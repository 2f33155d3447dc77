//! Features of whole image sets, and what is measured on them, as the commands wait for them.

use crate::data::Opened;
use crate::device::wait;
use crate::error::NsaError;
use crate::trained::validation;
use burn::tensor::backend::Backend;
use nsa_core::Features;
use nsa_core::config::TrainConfig;
use nsa_core::data::{ImageSet, OneClassSplit};
use nsa_core::model::{Layer, Network, embed_all};
use nsa_core::ssl::Watch;

/// Images embedded at once, if they are small.
const BATCH: usize = 256;
/// Pixels embedded at once: 20 images of 224 x 224.
const PIXELS: usize = 1 << 20;

/// Features of all `images` at `layers`, one matrix a layer. `tick` is told how many more are done.
pub fn features<B: Backend>(
    network: &Network<B>,
    images: &ImageSet,
    layers: &[Layer],
    device: &B::Device,
    mut tick: impl FnMut(usize),
) -> Result<Vec<Features>, NsaError> {
    Ok(wait(embed_all(network, images, layers, batch_of([images.side(); 2]), device, async |n| tick(n)))?)
}

/// Images of other classes that the probes of quality are fitted to, at least.
const PROBE_IMAGES: usize = 1200;

/// How many images of this height and width are embedded at once: enough to keep a device busy, few enough for its memory.
pub fn batch_of([height, width]: [usize; 2]) -> usize {
    (PIXELS / (height * width).max(1)).clamp(1, BATCH)
}

/// What training is followed by: at most `eval-limit` images of each kind, of `images`, which the run is trained on, and
/// of the two splits, of which only these are read; and more for probes of feature quality.
pub fn watch(
    config: &TrainConfig,
    split: &OneClassSplit,
    images: &ImageSet,
    train: &mut Opened,
    test: &mut Opened,
) -> Result<Watch, NsaError> {
    let labels = test.labels().to_vec();
    let read = |indices: &[usize]| test.read(indices).map(|loaded| (loaded.images, loaded.indices));
    let validation = validation(config, split, train)?;
    let watch = Watch::new(config, images, validation, &labels, read, batch_of([images.side(); 2]))?;
    let many = TrainConfig { eval_limit: config.eval_limit.max(PROBE_IMAGES), ..config.clone() };
    let others = Watch::subset(&many, train.of_class(config.id_class, true), "watch-others");
    // None where all training images are of one class.
    Ok(if others.is_empty() { watch } else { watch.with_probes(config, train.read(&others)?.images) })
}

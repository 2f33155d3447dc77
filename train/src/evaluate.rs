//! Features of whole image sets, and what is measured on them, as the commands wait for them.

use crate::data::Opened;
use crate::device::wait;
use crate::error::NsaError;
use crate::probes::Probes;
use crate::trained::validation;
use burn::tensor::backend::Backend;
use nsa_core::Features;
use nsa_core::config::TrainConfig;
use nsa_core::data::{ImageSet, OneClassSplit};
use nsa_core::measure::{Frames, HistoryEntry};
use nsa_core::model::{Network, embed_all};
use nsa_core::ssl::{self, WatchError};

/// Images embedded at once, if they are small.
const BATCH: usize = 256;
/// Pixels embedded at once: 20 images of 224 x 224.
const PIXELS: usize = 1 << 20;

/// Features of all `images` at `layers`, one matrix a layer. `tick` is told how many more are done.
pub fn features<B: Backend>(
    network: &Network<B>,
    images: &ImageSet,
    layers: &[&str],
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

/// What training is followed by, in the browser too, and probes of feature quality beside it.
pub struct Watch {
    watched: ssl::Watch,
    /// Labelled images for the probes; none where all training images are of one class.
    probes: Option<Probes>,
}

impl Watch {
    /// At most `eval-limit` images of each kind: of `images`, which the run is trained on, and of the two splits, of which
    /// only these are read. The probes get more.
    pub fn new(
        config: &TrainConfig,
        split: &OneClassSplit,
        images: &ImageSet,
        train: &mut Opened,
        test: &mut Opened,
    ) -> Result<Self, NsaError> {
        let labels = test.labels().to_vec();
        let read = |indices: &[usize]| test.read(indices).map(|loaded| (loaded.images, loaded.indices));
        let validation = validation(config, split, train)?;
        let watched = ssl::Watch::new(config, images, validation, &labels, read, batch_of([images.side(); 2]))?;
        let many = TrainConfig { eval_limit: config.eval_limit.max(PROBE_IMAGES), ..config.clone() };
        let others = ssl::Watch::subset(&many, train.of_class(config.id_class, true), "watch-others");
        let probes = if others.is_empty() {
            None
        } else {
            let others = train.read(&others)?.images;
            Probes::new(&watched.train, others, config.id_class, [watched.id.len(), watched.ood.len()])
        };
        Ok(Self { watched, probes })
    }

    /// Measures a network after `epoch` epochs, and adds a frame of the hypersphere.
    ///
    /// # Errors
    /// [`NsaError::Stopped`] where the network has collapsed.
    pub fn measure<B: Backend>(
        &self,
        network: &Network<B>,
        epoch: usize,
        loss: Option<f64>,
        frames: &mut Frames,
        device: &B::Device,
    ) -> Result<HistoryEntry, NsaError> {
        let stopped = |error| match error {
            WatchError::Collapse(found) => NsaError::Stopped { epoch, found },
            other => other.into(),
        };
        let watched = &self.watched;
        let features = wait(watched.embed(network, device, async |_| ())).map_err(stopped)?;
        let mut entry = watched.measure(&features, epoch, loss, frames).map_err(stopped)?;
        if let Some(probes) = &self.probes {
            let what = "training images of other classes";
            let others = wait(watched.embedding(network, probes.others(), what, device, &mut async |_| ()));
            let train = [&features.train, &others.map_err(stopped)?];
            entry.quality = Some(probes.measure(train, [&features.id, &features.ood], watched.ood.labels())?);
        }
        Ok(entry)
    }
}

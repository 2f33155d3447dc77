//! Features of whole image sets, and what is measured on them.

use crate::data::Opened;
use crate::device::wait;
use crate::error::NsaError;
use crate::probes::Probes;
use burn::tensor::backend::Backend;
use nsa_core::bundle::{Frames, HistoryEntry, MAX_SAMPLES};
use nsa_core::data::ImageSet;
use nsa_core::eval::auroc;
use nsa_core::model::{Network, embed};
use nsa_core::rng::Rng;
use nsa_core::score::{Bank, Scorer};
use nsa_core::sphere::{AngleMap, AnglePoint, compactness};
use nsa_core::ssl::TrainConfig;
use nsa_core::ssl::guard::{Collapse, check_auroc, check_features, check_rank};
use nsa_core::{FeatureError, Features};

/// Images embedded at once, if they are small.
const BATCH: usize = 256;
/// Pixels embedded at once: 20 images of 224 x 224.
const PIXELS: usize = 1 << 20;
/// The layer that training is followed by: the pooled encoder output.
pub const EMBEDDING: &str = "conv4-1x1";

/// Features of all `images` at `layers`, one matrix a layer. `tick` is told how many more are done.
pub fn features<B: Backend>(
    network: &Network<B>,
    images: &ImageSet,
    layers: &[&str],
    device: &B::Device,
    mut tick: impl FnMut(usize),
) -> Result<Vec<Features>, NsaError> {
    let mut columns: Vec<Vec<f32>> = vec![Vec::new(); layers.len()];
    let image = images.image_bytes();
    for batch in images.pixels().chunks(batch_of([images.side(); 2]) * image) {
        let embedded = wait(embed(network, batch, layers, device))?;
        for (column, values) in columns.iter_mut().zip(embedded) {
            column.extend(values);
        }
        tick(batch.len() / image);
    }
    let n = images.len();
    columns.into_iter().map(|values| Ok(Features::new(n, values.len() / n.max(1), values)?)).collect()
}

/// How many images of this height and width are embedded at once: enough to keep a device busy, few enough for its memory.
pub fn batch_of([height, width]: [usize; 2]) -> usize {
    (PIXELS / (height * width).max(1)).clamp(1, BATCH)
}

/// The images that training is followed by: fixed subsets, drawn once from the run's seed.
pub struct Watch {
    /// Training images, for the bank.
    pub train: ImageSet,
    /// Test images of the ID class.
    pub id: ImageSet,
    /// Test images of the other classes.
    pub ood: ImageSet,
    /// Labelled images for the probes; none where all training images are of one class.
    probes: Option<Probes>,
    /// Where `id` stand in the test set.
    id_index: Vec<u32>,
    /// Where `ood` stand in the test set.
    ood_index: Vec<u32>,
}

impl Watch {
    /// At most `eval-limit` images of each kind: of `images`, which the run is trained on, and of the two splits, of which
    /// only these are read.
    pub fn new(
        config: &TrainConfig,
        images: &ImageSet,
        train: &mut Opened,
        test: &mut Opened,
    ) -> Result<Self, NsaError> {
        let TrainConfig { id_class, eval_limit: limit, seed, .. } = *config;
        let subset = |mut indices: Vec<usize>, purpose: &str| {
            let order = Rng::new(seed, purpose, &[]).permutation(indices.len());
            indices = order.iter().take(limit).map(|&i| indices[i]).collect();
            indices.sort_unstable();
            indices
        };
        let trained = images.select(&subset((0..images.len()).collect(), "watch-train"));
        let id = subset(test.of_class(id_class, false), "watch-id");
        let ood = subset(test.of_class(id_class, true), "watch-ood");
        let (id, ood) = (test.read(&id)?, test.read(&ood)?);
        let probes = match subset(train.of_class(id_class, true), "watch-others") {
            others if others.is_empty() => None,
            others => {
                let others = train.read(&others)?.images;
                Probes::new(&trained, others, id_class, [id.images.len(), ood.images.len()])
            }
        };
        let small = |indices: &[usize]| indices.iter().map(|&i| i as u32).collect();
        Ok(Self {
            train: trained,
            id_index: small(&id.indices),
            ood_index: small(&ood.indices),
            id: id.images,
            ood: ood.images,
            probes,
        })
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
        let stopped = |found| NsaError::Stopped { epoch, found };
        let embedding = |images: &ImageSet, what| embedding(network, images, what, device, stopped);
        let train = embedding(&self.train, "training images")?;
        let (id, ood) = (embedding(&self.id, ID)?, embedding(&self.ood, OOD)?);
        let (id_compactness, ood_compactness) = (compactness(&id, MMD_SEED)?, compactness(&ood, MMD_SEED)?);
        check_rank(&id_compactness, ID).and_then(|()| check_rank(&ood_compactness, OOD)).map_err(stopped)?;
        let bank = Bank::fit(&train)?;
        let mut rates = Vec::new();
        for scorer in Scorer::ANGULAR {
            rates.push((scorer, auroc(&bank.score(scorer, 1, &id)?, &bank.score(scorer, 1, &ood)?)?));
        }
        check_auroc(&rates, id.n() * ood.n()).map_err(stopped)?;
        let quality = match &self.probes {
            Some(probes) => {
                let others = embedding(probes.others(), "training images of other classes")?;
                Some(probes.measure([&train, &others], [&id, &ood], self.ood.labels())?)
            }
            None => None,
        };
        self.add_frame(epoch, &bank, &train, [&id, &ood], frames)?;
        Ok(HistoryEntry { epoch, loss, id: id_compactness, ood: ood_compactness, auroc: rates, quality })
    }

    fn add_frame(
        &self,
        epoch: usize,
        bank: &Bank,
        train: &Features,
        [id, ood]: [&Features; 2],
        frames: &mut Frames,
    ) -> Result<(), NsaError> {
        let keep = |features: &Features| {
            let first: Vec<usize> = (0..features.n().min(MAX_SAMPLES / 2)).collect();
            features.select(&first)
        };
        let (id, ood) = (keep(id)?, keep(ood)?);
        let mut map = AngleMap::fit(train)?;
        if frames.epochs.is_empty() {
            frames.index = [&self.id_index[..id.n()], &self.ood_index[..ood.n()]].concat();
            frames.labels = [&self.id.labels()[..id.n()], &self.ood.labels()[..ood.n()]].concat();
        } else {
            map.align(&id, &last_points(frames, id.n()))?;
        }
        frames.epochs.push(epoch as u32);
        for features in [&id, &ood] {
            for point in map.place(features)? {
                frames.angle.push(point.angle as f32);
                frames.azimuth.push(point.azimuth as f32);
            }
            frames.score.extend(bank.score(Scorer::KCosMah, 1, features)?);
        }
        Ok(())
    }
}

const ID: &str = "ID test images";
const OOD: &str = "OOD test images";

/// The pooled encoder output of images called `what`. It and the projection behind it, which is what collapses first,
/// are checked.
fn embedding<B: Backend>(
    network: &Network<B>,
    images: &ImageSet,
    what: &'static str,
    device: &B::Device,
    stopped: impl Fn(Collapse) -> NsaError,
) -> Result<Features, NsaError> {
    let projection = format!("head{}", network.projector.len());
    let layers = [EMBEDDING, &projection];
    let mut found = features(network, images, &layers, device, |_| {}).map_err(|error| match error {
        NsaError::Features(FeatureError::NotFinite { .. }) => stopped(Collapse::NotFinite { images: what }),
        other => other,
    })?;
    for (features, layer) in found.iter().zip(layers) {
        check_features(features, what, layer).map_err(&stopped)?;
    }
    Ok(found.swap_remove(0))
}

/// Where the first `n` samples stood in the last frame.
fn last_points(frames: &Frames, n: usize) -> Vec<AnglePoint> {
    let start = (frames.epochs.len() - 1) * frames.index.len();
    let point = |i: usize| AnglePoint { angle: frames.angle[i].into(), azimuth: frames.azimuth[i].into() };
    (start..start + n).map(point).collect()
}

/// Seed of the uniform samples that MMD compares with: the same for all epochs and runs, so that curves compare.
const MMD_SEED: u64 = 0;

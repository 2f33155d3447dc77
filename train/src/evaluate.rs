//! Features of whole image sets, and what is measured on them.

use crate::data::Opened;
use crate::device::wait;
use crate::error::NsaError;
use burn::tensor::backend::Backend;
use nsa_core::Features;
use nsa_core::bundle::{Frames, HistoryEntry, MAX_SAMPLES};
use nsa_core::data::ImageSet;
use nsa_core::eval::auroc;
use nsa_core::model::{Network, embed};
use nsa_core::rng::Rng;
use nsa_core::score::{Bank, Scorer};
use nsa_core::sphere::{AngleMap, AnglePoint, compactness};
use nsa_core::ssl::TrainConfig;

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
    /// Where `id` stand in the test set.
    id_index: Vec<u32>,
    /// Where `ood` stand in the test set.
    ood_index: Vec<u32>,
}

impl Watch {
    /// At most `eval-limit` images of each kind: of `train`, the images trained on, and of the test set, of which only
    /// these are read.
    pub fn new(config: &TrainConfig, train: &ImageSet, test: &mut Opened) -> Result<Self, NsaError> {
        let (limit, seed) = (config.eval_limit, config.seed);
        let subset = |mut indices: Vec<usize>, purpose: &str| {
            let order = Rng::new(seed, purpose, &[]).permutation(indices.len());
            indices = order.iter().take(limit).map(|&i| indices[i]).collect();
            indices.sort_unstable();
            indices
        };
        let train_index = subset((0..train.len()).collect(), "watch-train");
        let id = subset(test.of_class(config.id_class, false), "watch-id");
        let ood = subset(test.of_class(config.id_class, true), "watch-ood");
        let (id, ood) = (test.read(&id)?, test.read(&ood)?);
        let small = |indices: &[usize]| indices.iter().map(|&i| i as u32).collect();
        Ok(Self {
            train: train.select(&train_index),
            id_index: small(&id.indices),
            ood_index: small(&ood.indices),
            id: id.images,
            ood: ood.images,
        })
    }

    /// Measures a network after `epoch` epochs, and adds a frame of the hypersphere.
    pub fn measure<B: Backend>(
        &self,
        network: &Network<B>,
        epoch: usize,
        loss: Option<f64>,
        frames: &mut Frames,
        device: &B::Device,
    ) -> Result<HistoryEntry, NsaError> {
        let embedding = |images| features(network, images, &[EMBEDDING], device, |_| {}).map(|mut f| f.remove(0));
        let (train, id, ood) = (embedding(&self.train)?, embedding(&self.id)?, embedding(&self.ood)?);
        let bank = Bank::fit(&train)?;
        let mut rates = Vec::new();
        for scorer in Scorer::ANGULAR {
            rates.push((scorer, auroc(&bank.score(scorer, 1, &id)?, &bank.score(scorer, 1, &ood)?)?));
        }
        self.add_frame(epoch, &bank, &train, [&id, &ood], frames)?;
        Ok(HistoryEntry {
            epoch,
            loss,
            id: compactness(&id, MMD_SEED)?,
            ood: compactness(&ood, MMD_SEED)?,
            auroc: rates,
            quality: None,
        })
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

/// Where the first `n` samples stood in the last frame.
fn last_points(frames: &Frames, n: usize) -> Vec<AnglePoint> {
    let start = (frames.epochs.len() - 1) * frames.index.len();
    let point = |i: usize| AnglePoint { angle: frames.angle[i].into(), azimuth: frames.azimuth[i].into() };
    (start..start + n).map(point).collect()
}

/// Seed of the uniform samples that MMD compares with: the same for all epochs and runs, so that curves compare.
const MMD_SEED: u64 = 0;

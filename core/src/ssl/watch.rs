//! What training is followed by: the same few images, embedded and measured again and again (section 2.2, appendix A).

use super::guard::{Collapse, check_auroc, check_directions, check_features, check_logits, check_rank};
use super::probes::Probes;
use crate::config::{Apart, TrainConfig};
use crate::data::{ImageSet, OneClassSplit, Sets, Sides};
use crate::eval::EvalError;
use crate::measure::{Frames, HistoryEntry, MAX_SAMPLES};
use crate::model::{EmbedError, Layer, Network, embed_all};
use crate::rng::Rng;
use crate::score::{Bank, Reading, ScoreError, Scorer, auroc_of};
use crate::sphere::{AngleMap, AnglePoint, SphereError, compactness};
use crate::{FeatureError, Features};
use burn::tensor::backend::Backend;
use thiserror::Error;

/// Seed of the uniform samples that MMD compares with: the same for all epochs and runs, so that curves compare.
const MMD_SEED: u64 = 0;

/// Why a network could not be measured.
#[derive(Debug, Error)]
pub enum WatchError {
    /// It collapsed, or is not finite any more.
    #[error(transparent)]
    Collapse(#[from] Collapse),
    /// It did not embed the images.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Its features cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// Its features have no place on the sphere.
    #[error(transparent)]
    Sphere(#[from] SphereError),
    /// Its features are no matrix of numbers.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// Nothing can be fitted to its features by labels, or ranked.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// The scorers that training is followed by: the angles, and those that one would take instead.
const FOLLOWED: [Scorer; 10] = [
    Scorer::KCos,
    Scorer::KCosMah,
    Scorer::KCosMahRaw,
    Scorer::KCosMahCentred,
    Scorer::CCos,
    Scorer::CCosMah,
    Scorer::CCosMahRaw,
    Scorer::Gde,
    Scorer::GdeRaw,
    Scorer::KnnL2,
];

/// Scores queries.
type ScoreFn<'a> = Box<dyn Fn(&Features) -> Result<Vec<f32>, ScoreError> + 'a>;

const TRAINED: &str = "training images";
const VALIDATION: [&str; 2] = ["ID validation images", "OOD validation images"];
const TEST: [&str; 2] = ["ID test images", "OOD test images"];
const OTHERS: &str = "training images of other classes";

/// The images that training is followed by: fixed subsets, drawn once from the run's seed.
pub struct Watch {
    sets: Sets<ImageSet>,
    /// Where the test images stand in the test set.
    places: Sides<Vec<u32>>,
    /// Labelled images for probes of quality, if they are wanted.
    probes: Option<Probes>,
    /// What the objective's authors score by, see [`Objective::own_scores`](crate::config::Objective::own_scores), where it
    /// is not followed of every run.
    own: Vec<(Layer, Scorer)>,
    /// What has collapsed where it is the same for all images.
    apart: Apart,
    /// Images embedded at once.
    batch: usize,
}

impl Watch {
    /// At most `eval-limit` images of each kind: of `train`, the images trained on; of `validation` (see
    /// [`Watch::validation_places`]); and of the test set with `labels`, of which `test` gives those of the images at the
    /// places asked for (ascending) that can be read, and their places. They are embedded in batches of `batch`.
    ///
    /// # Errors
    /// Whatever `test` fails with.
    pub fn new<E>(
        config: &TrainConfig,
        train: &ImageSet,
        validation: Sides<ImageSet>,
        labels: &[u8],
        mut test: impl FnMut(&[usize]) -> Result<(ImageSet, Vec<usize>), E>,
        batch: usize,
    ) -> Result<Self, E> {
        let is_id = |i: &usize| usize::from(labels[*i]) == config.id_class;
        let (id, ood) = (0..labels.len()).partition(is_id);
        let (id, id_places) = test(&Self::subset(config, id, "watch-id"))?;
        let (ood, ood_places) = test(&Self::subset(config, ood, "watch-ood"))?;
        let followed = |(layer, scorer): &(Layer, Scorer)| *layer == Layer::EMBEDDING && FOLLOWED.contains(scorer);
        let small = |places: Vec<usize>| places.into_iter().map(|i| i as u32).collect();
        Ok(Self {
            sets: Sets {
                train: train.select(&Self::subset(config, (0..train.len()).collect(), "watch-train")),
                validation: ImageSet::filled(validation),
                test: Sides { id, ood },
            },
            places: Sides { id: id_places, ood: ood_places }.map(small),
            probes: None,
            own: config.objective.own_scores().iter().copied().filter(|own| !followed(own)).collect(),
            apart: config.objective.keeps_apart(),
            batch,
        })
    }

    /// Followed by probes of quality, too, fitted to `others`: training images of the other classes, and of them only.
    #[must_use]
    pub fn with_probes(self, config: &TrainConfig, others: ImageSet) -> Self {
        let test = self.sets.test.as_ref().map(ImageSet::len);
        Self { probes: Probes::new(&self.sets.train, others, config.id_class, test), ..self }
    }

    /// Where the validation images of the ID class and of the others stand in the training set with `labels`.
    pub fn validation_places(config: &TrainConfig, split: &OneClassSplit, labels: &[u8]) -> Sides<Vec<usize>> {
        let others = split.others(labels, config.id_class);
        Sides {
            id: Self::subset(config, split.validation.clone(), "watch-validation-id"),
            ood: Self::subset(config, others, "watch-validation-ood"),
        }
    }

    /// At most `eval-limit` of `indices`, ascending, drawn from the run's seed and the `purpose`.
    pub fn subset(config: &TrainConfig, mut indices: Vec<usize>, purpose: &str) -> Vec<usize> {
        let order = Rng::new(config.seed, purpose, &[]).permutation(indices.len());
        indices = order.iter().take(config.eval_limit).map(|&i| indices[i]).collect();
        indices.sort_unstable();
        indices
    }

    /// The images.
    pub fn sets(&self) -> &Sets<ImageSet> {
        &self.sets
    }

    /// Where the test images stand in the test set.
    pub fn places(&self) -> &Sides<Vec<u32>> {
        &self.places
    }

    /// Measures a network after `epoch` epochs, and adds a frame of the hypersphere. See [`embed_all`] for `pause`.
    ///
    /// # Errors
    /// [`WatchError::Collapse`] where features, the projections behind them or what was measured say that the network has
    /// collapsed.
    pub(super) async fn measure<B: Backend>(
        &self,
        network: &Network<B>,
        epoch: usize,
        loss: Option<f64>,
        frames: &mut Frames,
        device: &B::Device,
        mut pause: impl AsyncFnMut(usize),
    ) -> Result<HistoryEntry, WatchError> {
        let mut embed = async |images, what| self.embed(network, images, what, device, &mut pause).await;
        let validation = match &self.sets.validation {
            Some(Sides { id, ood }) => {
                Some(Sides { id: embed(id, VALIDATION[0]).await?, ood: embed(ood, VALIDATION[1]).await? })
            }
            None => None,
        };
        let train = embed(&self.sets.train, TRAINED).await?;
        let Sides { id, ood } = &self.sets.test;
        let test = Sides { id: embed(id, TEST[0]).await?, ood: embed(ood, TEST[1]).await? };
        let maps = Sets { train, validation, test };
        let features = maps.as_ref().map(|maps: &Vec<Features>| &maps[0]);
        let mut entry = self.numbers(features, epoch, frames)?;
        for (i, &(_, scorer)) in self.own.iter().enumerate() {
            let Sets { train, validation, test } = maps.as_ref().map(|maps| &maps[1 + i]);
            let fitted = scorer.fit(train)?;
            let rate = |sides| auroc_of(sides, |q| fitted.score(scorer.default_k(), q));
            entry.auroc.push((scorer, rate(test)?));
            if let Some(validation) = validation {
                entry.validation.push((scorer, rate(validation)?));
            }
        }
        check_auroc(&entry.auroc, id.len() * ood.len())?;
        entry.loss = loss;
        if let Some(probes) = &self.probes {
            let others = embed(probes.others(), OTHERS).await?;
            entry.quality = Some(probes.measure([features.train, &others[0]], features.test, ood.labels())?);
        }
        Ok(entry)
    }

    /// Features of `images`, which errors call `what`, at [`Layer::EMBEDDING`] and at the layers of the objective's own
    /// scores. What must differ between images is checked.
    async fn embed<B: Backend>(
        &self,
        network: &Network<B>,
        images: &ImageSet,
        what: &'static str,
        device: &B::Device,
        pause: &mut impl AsyncFnMut(usize),
    ) -> Result<Vec<Features>, WatchError> {
        let mut layers = vec![Layer::EMBEDDING];
        layers.extend(self.own.iter().map(|(layer, _)| *layer));
        let projection = Layer::Head(network.projector.len() as u8);
        if self.apart != Apart::Embeddings {
            layers.push(projection);
        }
        let found = embed_all(network, images, &layers, self.batch, device, pause).await;
        let mut found = found.map_err(|error| match error {
            EmbedError::Features(FeatureError::NotFinite { .. }) => Collapse::NotFinite { images: what }.into(),
            other => WatchError::Embed(other),
        })?;
        let (embedding, last) = (&found[0], &found[found.len() - 1]);
        match self.apart {
            Apart::Embeddings => check_features(embedding, what, Layer::EMBEDDING)?,
            Apart::Projections => {
                check_features(embedding, what, Layer::EMBEDDING)?;
                check_features(last, what, projection)?;
            }
            Apart::Logits => {
                check_directions(embedding, what, Layer::EMBEDDING)?;
                check_logits(last, what, projection)?;
            }
        }
        found.truncate(1 + self.own.len());
        Ok(found)
    }

    /// What is measured on features, probes aside.
    fn numbers(
        &self,
        features: Sets<&Features>,
        epoch: usize,
        frames: &mut Frames,
    ) -> Result<HistoryEntry, WatchError> {
        let Sets { train, validation, test: Sides { id, ood } } = features;
        let (id_compactness, ood_compactness) = (compactness(id, MMD_SEED)?, compactness(ood, MMD_SEED)?);
        if self.apart != Apart::Logits {
            check_rank(&id_compactness, TEST[0])?;
            check_rank(&ood_compactness, TEST[1])?;
        }
        let (bank, raw) = (Bank::fit(train)?, Bank::fit_raw(train, None)?);
        let (mut test, mut validated) = (Vec::new(), Vec::new());
        for scorer in FOLLOWED {
            let in_bank = scorer.reading().map(|(reading, asked)| match reading {
                Reading::Unit => (&bank, asked),
                Reading::Raw => (&raw, asked),
            });
            let k = scorer.default_k();
            let score: ScoreFn<'_> = match in_bank {
                Some((bank, asked)) => Box::new(move |queries| bank.score(asked, k, queries)),
                None => {
                    let fitted = scorer.fit(train)?;
                    Box::new(move |queries| fitted.score(k, queries))
                }
            };
            test.push((scorer, auroc_of(Sides { id, ood }, &score)?));
            if let Some(sides) = validation {
                validated.push((scorer, auroc_of(sides, &score)?));
            }
        }
        self.add_frame(epoch, &bank, train, [id, ood], frames)?;
        Ok(HistoryEntry {
            epoch,
            id: id_compactness,
            ood: ood_compactness,
            auroc: test,
            validation: validated,
            ..HistoryEntry::default()
        })
    }

    fn add_frame(
        &self,
        epoch: usize,
        bank: &Bank,
        train: &Features,
        [id, ood]: [&Features; 2],
        frames: &mut Frames,
    ) -> Result<(), WatchError> {
        let keep = |features: &Features| {
            let first: Vec<usize> = (0..features.n().min(MAX_SAMPLES / 2)).collect();
            features.select(&first).map_err(EmbedError::from)
        };
        let (id, ood) = (keep(id)?, keep(ood)?);
        let mut map = AngleMap::fit(train)?;
        if frames.epochs.is_empty() {
            frames.index = [&self.places.id[..id.n()], &self.places.ood[..ood.n()]].concat();
            let Sides { id: of_id, ood: of_ood } = &self.sets.test;
            frames.labels = [&of_id.labels()[..id.n()], &of_ood.labels()[..ood.n()]].concat();
        } else {
            map.align(&id, &last_points(frames, id.n()))?;
        }
        frames.epochs.push(epoch as u32);
        for features in [&id, &ood] {
            for point in map.place(features)? {
                frames.angle.push(point.angle as f32);
                frames.azimuth.push(point.azimuth as f32);
            }
            frames.score.extend(bank.score(frames.scorer, 1, features)?);
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

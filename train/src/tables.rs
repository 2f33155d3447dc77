//! The paper's tables 6-8 for one run: every feature map by every scorer, and the ensembles of appendix C.
//!
//! All feature maps come from one pass over the images where their banks fit into memory together; the test set is
//! scored in pieces, because a flat map of it would be gigabytes.

mod sums;

use crate::error::NsaError;
use crate::evaluate::features;
use crate::evaluation::{EnsembleRow, Evaluation, Failed, Histogram, LayerRow, ScoreRow};
use crate::progress::Progress;
use burn::tensor::backend::Backend;
use nsa_core::Features;
use nsa_core::data::{CHANNELS, ImageSet, Sets};
use nsa_core::eval::{auroc, summarize};
use nsa_core::model::{EmbedError, Layer, Network, NetworkConfig};
use nsa_core::score::{Bank, Reading, ScoreError, Scorer};
use sums::{Members, Scored, ensembles, reach};

/// Test images scored at once.
const PIECE: usize = 1024;
/// Bytes that the banks of one pass may take, by [`bank_bytes`].
const PASS_BYTES: usize = 9 << 29;

/// What to compute: scorers by feature map.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Feature maps with the scorers to try on each.
    pub scorers: Vec<Wanted>,
    /// Whether the ensembles are wanted. They need the angular scorers on every map, which are then added.
    pub ensembles: bool,
}

impl Request {
    /// What the paper has: the angular scorers on every map, the densities on the pooled conv blocks, and the
    /// ensembles. Beside it the raw readings of y, what raw pixels reach, and the scores of the objective's own authors.
    pub fn of_the_paper(config: &NetworkConfig) -> Self {
        use Scorer::{
            CCos, CCosMahRaw, Gde, GdeRaw, KCos, KCosMah, KCosMahRaw, Kde, KnnL2, Mahalanobis, MahalanobisShrunk,
        };
        let scorers = |(layer, _): (Layer, usize)| {
            let others: &[Scorer] = match layer {
                Layer::EMBEDDING => &[KCosMahRaw, CCosMahRaw, Kde, Gde, GdeRaw, KnnL2, Mahalanobis],
                Layer::Pooled(_) => &[Kde, Gde, GdeRaw, KnnL2, Mahalanobis],
                _ => &[],
            };
            let mut scorers = [&Scorer::ANGULAR[..], others].concat();
            scorers.sort();
            (layer, scorers)
        };
        let mut all: Vec<_> = config.layers().into_iter().map(scorers).collect();
        all.push((Layer::Pixels, vec![KCos, KCosMah, CCos, Gde, KnnL2, MahalanobisShrunk]));
        for &(layer, scorer) in config.objective.own_scores() {
            match all.iter_mut().find(|(known, _)| *known == layer) {
                Some((_, scorers)) if scorers.contains(&scorer) => {}
                Some((_, scorers)) => scorers.push(scorer),
                None => all.push((layer, vec![scorer])),
            }
        }
        Self { scorers: all, ensembles: true }
    }

    /// Chosen scorers on chosen maps, without ensembles; those that are of one row only on that row.
    pub fn chosen(layers: &[Layer], scorers: &[Scorer]) -> Self {
        let fits = |layer: Layer, scorer: &Scorer| {
            matches!(layer, Layer::Shifts | Layer::Prototypes) || !Scorer::OF_ROWS.contains(scorer)
        };
        let of = |&layer: &Layer| (layer, scorers.iter().copied().filter(|scorer| fits(layer, scorer)).collect());
        Self { scorers: layers.iter().map(of).collect(), ensembles: false }
    }

    /// What of this is not in `known`.
    pub fn without(&self, known: &Evaluation) -> Self {
        let ensembles = self.ensembles && known.ensembles.is_empty();
        let missing = |&(layer, ref scorers): &Wanted| {
            let needed =
                |scorer: &Scorer| !known.has(layer, *scorer) || (ensembles && Scorer::ANGULAR.contains(scorer));
            let left: Vec<Scorer> = scorers.iter().copied().filter(needed).collect();
            (!left.is_empty()).then_some((layer, left))
        };
        Self { scorers: self.scorers.iter().filter_map(missing).collect(), ensembles }
    }

    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.scorers.is_empty() && !self.ensembles
    }
}

/// Rows and ensembles of an [`Evaluation`].
pub struct Tables {
    /// See [`Evaluation::layers`].
    pub layers: Vec<LayerRow>,
    /// See [`Evaluation::ensembles`].
    pub ensembles: Vec<EnsembleRow>,
    /// See [`Evaluation::histogram`].
    pub histogram: Option<Histogram>,
}

/// Computes what is asked for.
pub fn compute<B: Backend>(
    network: &Network<B>,
    images: Sets<&ImageSet>,
    request: &Request,
    device: &B::Device,
) -> Result<Tables, NsaError> {
    let own = network.layers();
    let mut tables = Tables { layers: Vec::new(), ensembles: Vec::new(), histogram: None };
    let mut members = Members::new();
    let dims = dims(network, images.train, device)?;
    let dim =
        |layer: Layer| own.iter().position(|known| *known == layer).map_or(images.train.image_bytes(), |i| dims[i]);
    let passes = passes(&request.scorers, images.train.len(), &dim);
    let judged: usize = images.judged().map(|set| set.len()).sum();
    let total = passes.len() * (images.train.len() + judged);
    let mut progress = Progress::new("evaluating", total);
    for pass in passes {
        let layers: Vec<Layer> = pass.iter().map(|(layer, _)| *layer).collect();
        let train = maps(network, images.train, &layers, device, |n| progress.advance(n))?;
        let mut fitted: Vec<FittedLayer> = pass
            .iter()
            .zip(train)
            .map(|((layer, scorers), train)| {
                FittedLayer::fit(*layer, scorers, &train, request.ensembles && own.contains(layer))
            })
            .collect();
        for (side, set) in images.judged().enumerate() {
            for first in (0..set.len()).step_by(PIECE) {
                let piece: Vec<usize> = (first..(first + PIECE).min(set.len())).collect();
                let queries = maps(network, &set.select(&piece), &layers, device, |n| progress.advance(n))?;
                fitted.iter_mut().zip(&queries).for_each(|(layer, queries)| layer.score(side, queries));
            }
        }
        for layer in fitted {
            let (row, scored) = layer.finish()?;
            if let Some(Ok(default)) = scored.get(&(Layer::EMBEDDING, Scorer::KCosMah)) {
                tables.histogram =
                    Some(Histogram::new(Layer::EMBEDDING, Scorer::KCosMah, &default.scores[0], &default.scores[1]));
            }
            tables.layers.push(row);
            if request.ensembles {
                members.extend(scored);
            }
        }
    }
    progress.finish();
    if request.ensembles {
        tables.ensembles = ensembles(&own).into_iter().map(|row| reach(row, &members)).collect::<Result<_, _>>()?;
    }
    Ok(tables)
}

/// Features of images at `layers`, of which one may be [`Layer::Pixels`].
fn maps<B: Backend>(
    network: &Network<B>,
    images: &ImageSet,
    layers: &[Layer],
    device: &B::Device,
    tick: impl FnMut(usize),
) -> Result<Vec<Features>, NsaError> {
    let of_network: Vec<Layer> = layers.iter().copied().filter(|layer| *layer != Layer::Pixels).collect();
    let mut found = if of_network.is_empty() { vec![] } else { features(network, images, &of_network, device, tick)? };
    if let Some(at) = layers.iter().position(|layer| *layer == Layer::Pixels) {
        found.insert(at, pixels(images)?);
    }
    Ok(found)
}

/// Pixels in 0..1; of sets of grey images one channel, which says all.
fn pixels(images: &ImageSet) -> Result<Features, NsaError> {
    let area = images.side() * images.side();
    let channels = if images.is_grey() { 1 } else { CHANNELS };
    let rows = (0..images.len()).flat_map(|i| &images.image(i)[..channels * area]);
    let values = rows.map(|&p| f32::from(p) / 255.0).collect();
    Ok(Features::new(images.len(), channels * area, values).map_err(EmbedError::from)?)
}

/// How many values each map has, found by embedding one image.
fn dims<B: Backend>(network: &Network<B>, images: &ImageSet, device: &B::Device) -> Result<Vec<usize>, NsaError> {
    Ok(features(network, &images.select(&[0]), &network.layers(), device, |_| {})?.iter().map(Features::dim).collect())
}

type Wanted = (Layer, Vec<Scorer>);

/// Memory of a bank: features, their directions, whitening matrix, whitened features and their directions from the mean
/// and from the origin.
fn bank_bytes(n: usize, dim: usize) -> usize {
    4 * (2 * n * dim + n.min(dim) * (3 * n + dim))
}

/// The maps in as few groups as fit into memory.
fn passes<'a>(wanted: &'a [Wanted], n: usize, dim: &dyn Fn(Layer) -> usize) -> Vec<Vec<&'a Wanted>> {
    let mut passes: Vec<(usize, Vec<&Wanted>)> = Vec::new();
    for one in wanted {
        let bytes = bank_bytes(n, dim(one.0));
        match passes.last_mut() {
            Some((used, pass)) if *used + bytes <= PASS_BYTES => {
                *used += bytes;
                pass.push(one);
            }
            _ => passes.push((bytes, vec![one])),
        }
    }
    passes.into_iter().map(|(_, pass)| pass).collect()
}

type ScoreFn = Box<dyn Fn(&Features) -> Result<Vec<f32>, ScoreError>>;

/// One scorer, fitted, with the scores it gave so far.
struct FittedScorer {
    scorer: Scorer,
    score: Result<ScoreFn, ScoreError>,
    /// As a member of an ensemble, where that is another fit.
    member: Option<Result<(ScoreFn, [f32; 2]), ScoreError>>,
    /// Of each set of [`Sets::judged`].
    scores: [Vec<f32>; 4],
    member_scores: [Vec<f32>; 4],
}

/// One map with its scorers.
struct FittedLayer {
    layer: Layer,
    dim: usize,
    rank: Option<usize>,
    ensemble_rank: Option<usize>,
    scorers: Vec<FittedScorer>,
}

/// Directions that a member of an ensemble keeps at most, of a bank of `n` training features.
///
/// The scores of the training features set a member's scale. In Mahalanobis space they are seen through a whitening
/// that these features made themselves: where it keeps nearly as many directions as there are features, all of them
/// stand at nearly the same angle to each other (all n - 1 directions: exactly, cos = -1 / (n - 1)), while a test
/// image does not, and a member with so narrow a range would drown the others. Half of them leave the range wide.
pub fn ensemble_rank(n: usize) -> usize {
    (n / 2).max(1)
}

impl FittedLayer {
    fn fit(layer: Layer, scorers: &[Scorer], train: &Features, for_ensembles: bool) -> Self {
        let wants = |reading| scorers.iter().any(|scorer| scorer.reading().is_some_and(|(found, _)| found == reading));
        let bank = wants(Reading::Unit).then(|| Bank::fit(train).map(std::rc::Rc::new));
        let raw = wants(Reading::Raw).then(|| Bank::fit_raw(train, None).map(std::rc::Rc::new));
        let rank = bank.as_ref().and_then(|bank| bank.as_ref().ok()).map(|bank| bank.rank());
        let most = ensemble_rank(train.n());
        let capped = (for_ensembles && rank.is_some_and(|rank| rank > most)).then_some(most);
        let narrow = match (&bank, capped) {
            (Some(Ok(bank)), Some(rank)) => Some(bank.with_rank(rank).map(std::rc::Rc::new)),
            _ => None,
        };
        let by = |bank: &std::rc::Rc<Bank>, scorer: Scorer| -> ScoreFn {
            let bank = bank.clone();
            Box::new(move |queries| bank.score(scorer, scorer.default_k(), queries))
        };
        let fit = |&scorer: &Scorer| {
            let in_bank = scorer.reading().and_then(|(reading, asked)| match reading {
                Reading::Unit => Some((bank.as_ref()?, asked)),
                Reading::Raw => Some((raw.as_ref()?, asked)),
            });
            let score = match in_bank {
                Some((bank, asked)) => bank.as_ref().map(|bank| by(bank, asked)).map_err(Clone::clone),
                None => rival(scorer, train),
            };
            let mah = in_mahalanobis_space(scorer);
            let own = match &narrow {
                Some(narrow) if mah => Some(narrow),
                _ => bank.as_ref(),
            };
            let member = (for_ensembles && Scorer::ANGULAR.contains(&scorer)).then_some(own).flatten().map(|bank| {
                let bank = bank.as_ref().map_err(Clone::clone)?;
                Ok((by(bank, scorer), bank.training_range(scorer)?))
            });
            FittedScorer { scorer, score, member, scores: Default::default(), member_scores: Default::default() }
        };
        let scorers = scorers.iter().map(fit).collect();
        Self { layer, dim: train.dim(), rank, ensemble_rank: capped, scorers }
    }

    /// Scores a piece of set `side` of [`Sets::judged`]. The first failure of a scorer is kept.
    fn score(&mut self, side: usize, queries: &Features) {
        let capped = self.ensemble_rank.is_some();
        for fitted in &mut self.scorers {
            let mut found = None;
            if let Ok(score) = &fitted.score {
                match score(queries) {
                    Ok(scores) => found = Some(scores),
                    Err(error) => fitted.score = Err(error),
                }
            }
            if let Some(Ok((score, _))) = &fitted.member {
                // Where the member is the same fit, its scores are the same too.
                let again = capped && in_mahalanobis_space(fitted.scorer);
                match (again, &found) {
                    (false, Some(scores)) => fitted.member_scores[side].extend(scores),
                    _ => match score(queries) {
                        Ok(scores) => fitted.member_scores[side].extend(scores),
                        Err(error) => fitted.member = Some(Err(error)),
                    },
                }
            }
            fitted.scores[side].extend(found.unwrap_or_default());
        }
    }

    fn finish(self) -> Result<(LayerRow, Members), NsaError> {
        let (mut scores, mut failed, mut scored) = (Vec::new(), Vec::new(), Members::new());
        for fitted in self.scorers {
            let scorer = fitted.scorer;
            match fitted.score {
                Ok(_) => {
                    let [id, ood, val_id, val_ood] = &fitted.scores;
                    let validation = validated(val_id, val_ood)?;
                    scores.push(ScoreRow { scorer, validation, reached: summarize(id, ood)? });
                }
                Err(error) => failed.push(Failed { scorer, why: error.to_string() }),
            }
            if let Some(member) = fitted.member {
                let scores = fitted.member_scores;
                scored.insert((self.layer, scorer), member.map(|(_, range)| Scored { scores, range }));
            }
        }
        let Self { layer, dim, rank, ensemble_rank, .. } = self;
        Ok((LayerRow { layer, dim, rank, ensemble_rank, scores, failed }, scored))
    }
}

/// AUROC on validation images; none where none were held back.
fn validated(id: &[f32], ood: &[f32]) -> Result<Option<f64>, NsaError> {
    if id.is_empty() || ood.is_empty() {
        return Ok(None);
    }
    Ok(Some(auroc(id, ood)?))
}

/// Whether a scorer sees features through the whitening.
fn in_mahalanobis_space(scorer: Scorer) -> bool {
    matches!(scorer, Scorer::KCosMah | Scorer::KCosMahCentred | Scorer::CCosMah)
}

/// A scorer that needs no bank.
fn rival(scorer: Scorer, train: &Features) -> Result<ScoreFn, ScoreError> {
    let fitted = scorer.fit(train)?;
    Ok(Box::new(move |queries| fitted.score(scorer.default_k(), queries)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nsa_core::score::ensemble;

    #[test]
    fn maps_are_put_together_while_they_fit() {
        let wanted: Vec<Wanted> = [1, 2, 3, 4].map(|block| (Layer::Flat(block), vec![])).to_vec();
        // Base width 8 and 64, CIFAR-10's 5,000 images.
        let groups = |width: usize| {
            let dim = |layer: Layer| {
                let Layer::Flat(block) = layer else { panic!("{layer} is not flat") };
                (width * 1024) >> (block - 1)
            };
            passes(&wanted, 5000, &dim).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(groups(8), [4]);
        assert_eq!(groups(64), [1, 3]);
    }

    #[test]
    fn a_whitening_that_keeps_all_directions_still_joins_an_ensemble() {
        let mut rng = nsa_core::rng::Rng::new(0, "tables test", &[]);
        let mut draw =
            |n: usize| Features::new(n, 40, (0..40 * n).map(|_| 1.0 + rng.normal() as f32).collect()).unwrap();
        let (train, id, ood) = (draw(20), draw(15), draw(10));
        let mut layer = FittedLayer::fit(Layer::Flat(1), &Scorer::ANGULAR, &train, true);
        assert_eq!((layer.rank, layer.ensemble_rank), (Some(19), Some(10)));
        layer.score(0, &id);
        layer.score(1, &ood);
        let (row, scored) = layer.finish().unwrap();
        assert_eq!((row.scores.len(), row.failed.len()), (5, 0));
        for ((_, scorer), scored) in scored {
            let Ok(scored) = scored else { panic!("{scorer}") };
            assert_eq!((scored.scores[0].len(), scored.scores[1].len()), (15, 10));
            assert!(scored.range[1] - scored.range[0] > 0.05, "{scorer}: {:?}", scored.range);
            assert!(ensemble(&[(scored.scores[0].clone(), scored.range)]).is_ok());
        }
    }
}

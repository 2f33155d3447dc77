//! ELSA (Han et al. 2021): SimCLR first; then the class is divided among prototypes, and fine-tuning lowers the energy of its
//! images, which is low near any prototype, and raises that of the few anomalies that are known as such.

use crate::Features;
use crate::model::{PROTOTYPES, Prototypes};
use crate::rng::Rng;
use burn::tensor::{Tensor, TensorData, backend::Backend};

/// What cosines are divided by in fine-tuning (their temperature).
const TEMPERATURE: f64 = 0.5;
/// Epochs of fine-tuning between one placing of the prototypes and the next (theirs).
const PLACED_EVERY: usize = 3;
/// Rounds of k-means (theirs).
const ROUNDS: usize = 10;

/// Epochs of SimCLR, of so many in all: the last tenth is for fine-tuning.
pub(super) fn pretraining(epochs: usize) -> usize {
    epochs - epochs.div_ceil(10)
}

/// Whether prototypes are placed after `epoch` epochs, of so many in all: before fine-tuning, and anew after its first
/// epoch and every third from there on. Not after the last: a network is judged by the prototypes that it was tuned to.
pub(super) fn places(epoch: usize, epochs: usize) -> bool {
    epoch < epochs
        && epoch.checked_sub(pretraining(epochs)).is_some_and(|tuned| tuned == 0 || tuned % PLACED_EVERY == 1)
}

/// The fine-tuning loss of images, the last `known` of them known anomalies: cosines with the prototypes, `M x K`. With S the
/// logarithm of the sum of exp(cosine / temperature) and C the most that it can be, the mean of 1 / S of what may be of the
/// class and 1 / (C - S) of anomalies.
pub fn energy_loss<B: Backend>(cosines: Tensor<B, 2>, known: usize) -> Tensor<B, 1> {
    let [m, k] = cosines.dims();
    let most = (k as f64).ln() + 1.0 / TEMPERATURE;
    let nearness = (cosines / TEMPERATURE).exp().sum_dim(1).log();
    let mut sum = nearness.clone().narrow(0, 0, m - known).recip().sum();
    if known > 0 {
        sum = sum + (-nearness.narrow(0, m - known, known) + most).recip().sum();
    }
    sum / m as f64
}

/// As many directions as there are prototypes that stand for all of `features`, `n x d`: spherical k-means, from places of
/// images drawn by `rng`; a cluster that nothing is nearest to keeps its place.
fn directions(features: &Features, mut rng: Rng) -> Vec<Vec<f64>> {
    let unit: Vec<Vec<f64>> = features.rows().map(|row| of_length_one(row.iter().map(|&x| f64::from(x)))).collect();
    let order = rng.permutation(unit.len());
    let mut placed: Vec<Vec<f64>> = (0..PROTOTYPES).map(|i| unit[order[i % order.len()]].clone()).collect();
    for _ in 0..ROUNDS {
        let mut sums = vec![vec![0.0; features.dim()]; PROTOTYPES];
        for row in &unit {
            let cosines = placed.iter().map(|place| place.iter().zip(row).map(|(a, b)| a * b).sum::<f64>());
            let (nearest, _) =
                cosines.enumerate().fold((0, f64::MIN), |best, at| if at.1 > best.1 { at } else { best });
            sums[nearest].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        for (place, sum) in placed.iter_mut().zip(sums) {
            if sum.iter().any(|x| *x != 0.0) {
                *place = of_length_one(sum.into_iter());
            }
        }
    }
    placed
}

fn of_length_one(row: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let length = row.clone().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    row.map(|x| x / length).collect()
}

/// Prototypes among `projections` of the training images, `n x z`.
pub(super) fn prototypes<B: Backend>(projections: &Features, rng: Rng, device: &B::Device) -> Prototypes<B> {
    let placed = directions(projections, rng);
    let z = projections.dim();
    let values: Vec<f32> = (0..z * PROTOTYPES).map(|at| placed[at % PROTOTYPES][at / PROTOTYPES] as f32).collect();
    Prototypes::placed(Tensor::from_data(TensorData::new(values, [z, PROTOTYPES]), device))
}

/// How many of `known` anomalies stand beside a batch of `images`: in the whole's proportion, at least one of any.
pub(super) fn beside(known: usize, batch: usize, images: usize) -> usize {
    (known * batch).div_ceil(images).min(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Norm, Objective, TrainConfig};
    use crate::data::{Split, synth_digits};
    use crate::model::save_weights;
    use crate::ssl::{Kept, Run, TrainingSet};
    use burn::backend::Autodiff;
    use burn_flex::Flex;
    use pollster::block_on;

    #[test]
    fn prototypes_stand_where_images_are() {
        // Three bundles of directions, each within a few degrees.
        let mut rng = Rng::new(1, "bundles", &[]);
        let row = |i: usize, rng: &mut Rng| {
            (0..3).map(|axis| f32::from(i % 3 == axis) + 0.02 * rng.normal() as f32).collect()
        };
        let rows: Vec<Vec<f32>> = (0..300).map(|i| row(i, &mut rng)).collect();
        let features = Features::new(300, 3, rows.concat()).unwrap();
        let placed = directions(&features, Rng::new(0, "prototypes", &[]));
        assert_eq!(placed.len(), PROTOTYPES);
        for place in &placed {
            let length = place.iter().map(|x| x * x).sum::<f64>();
            assert!((length - 1.0).abs() < 1e-9 && place.iter().any(|x| *x > 0.99), "{place:?}");
        }
        for axis in 0..3 {
            assert!(placed.iter().any(|place| place[axis] > 0.99), "nothing stands for bundle {axis}");
        }
        // Fewer images than prototypes.
        let few = features.select(&[0, 1]).unwrap();
        assert_eq!(directions(&few, Rng::new(0, "prototypes", &[])).len(), PROTOTYPES);
    }

    #[test]
    fn the_loss_wants_images_near_prototypes_and_anomalies_far_from_them() {
        let loss = |cosines: [f32; 2], known| {
            let cosines = Tensor::<Flex, 2>::from_floats([[cosines[0]; 4], [cosines[1]; 4]], &Default::default());
            energy_loss(cosines, known).into_scalar()
        };
        assert!(loss([0.9, 0.9], 0) < loss([0.9, 0.1], 0));
        assert!(loss([0.9, 0.1], 1) < loss([0.9, 0.9], 1));
    }

    #[test]
    fn prototypes_are_placed_before_fine_tuning_and_anew_in_it_and_a_resumed_run_has_them() {
        let (objective, norm) = (Objective::Elsa, Norm::None);
        let config = TrainConfig { objective, norm, width: 2, batch: 4, epochs: 12, ..TrainConfig::default() };
        let images = synth_digits::generate(synth_digits::SEED, Split::Train, 1);
        let set = TrainingSet { images: images.select(&[0, 1, 2, 3, 4, 5, 6, 7]), known: images.select(&[8, 9]) };
        let begin = |set: TrainingSet, checkpoint: Option<&[u8]>| {
            let kept = Kept { checkpoint, ..Kept::default() };
            Run::<Autodiff<Flex>>::begin(config.clone(), set, None, kept, Default::default())
        };
        let train = |run: &mut Run<_>, epochs: usize| {
            while run.position().0 < epochs {
                block_on(run.advance(async |_| ())).unwrap();
            }
        };
        let placed = |run: &Run<Autodiff<Flex>>| {
            let prototypes = run.network().prototypes.unwrap();
            prototypes.forward(Tensor::ones([1, 4], &Default::default())).into_data().into_vec::<f32>().unwrap()
        };
        let mut whole = begin(set.clone(), None).unwrap();
        let after: Vec<Vec<f32>> = [9, 10, 11]
            .map(|epoch| {
                train(&mut whole, epoch);
                placed(&whole)
            })
            .into();
        assert!(after[0] != after[1] && after[1] != after[2]);
        assert!(after[1..].concat().iter().all(|cosine| cosine.abs() <= 1.0 + 1e-5), "{after:?}");
        let bytes = block_on(whole.checkpoint()).unwrap();
        let mut resumed = begin(set.clone(), Some(&bytes)).unwrap();
        for run in [&mut whole, &mut resumed] {
            train(run, 12);
        }
        assert_eq!(placed(&whole), after[2]);
        let [whole, resumed] = [&whole, &resumed].map(|run| save_weights(&run.network()).unwrap());
        assert!(whole == resumed, "other weights");

        let untold = begin(set.images.into(), None).err().unwrap().to_string();
        assert!(untold.contains("elsa learns from known anomalies"), "{untold}");
    }

    #[test]
    fn the_last_tenth_is_fine_tuning_and_every_batch_has_its_share_of_anomalies() {
        assert_eq!([2, 4, 10, 11, 550].map(pretraining), [1, 3, 9, 9, 495]);
        let placed = |epochs| (1..=epochs).filter(|&epoch| places(epoch, epochs)).collect::<Vec<_>>();
        assert_eq!([2, 10, 20].map(placed), [vec![1], vec![9], vec![18, 19]]);
        assert_eq!(placed(100), [90, 91, 94, 97]);
        assert_eq!([beside(26, 250, 500), beside(3, 8, 500), beside(0, 8, 500), beside(2, 500, 500)], [13, 1, 0, 2]);
    }
}

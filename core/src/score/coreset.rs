//! Fewer training features that stand for all of them, so that a bank is small enough for the browser.
//!
//! Which ones are kept decides what is lost. k-Cos looks at the nearest training feature only, and near-neighbour
//! relations in many dimensions are lopsided: some features are the nearest of many others, most of few or of none. The
//! latter are the oddest training images, next to which anomalies look normal, and normal test images hardly ever come
//! to them. So [`Coreset::Hubs`] keeps those that others are near to. [`Coreset::KCentre`] does the opposite: it covers
//! the extremes, half of a small coreset are the oddest images, and the dense middle, where test images of the class
//! lie, is left thin; in Mahalanobis space, where all directions count the same, little of the score survives that.

use crate::config::words;
use crate::rng::Rng;
use crate::vectors::cosine::{Directions, angle, nearest};
use crate::vectors::search::{Points, Search};

words! {
    "coreset",
    /// How the features of a coreset are chosen.
    #[derive(Default)]
    pub enum Coreset {
        /// Those that are most often among the nearest neighbours of others, in the plain space and in both Mahalanobis
        /// spaces together.
        #[default]
        "hubs" => Hubs,
        /// Smallest largest angle, in the plain space (Gonzalez 1985).
        "k-centre" => KCentre,
        /// Drawn without replacement.
        "random" => Random,
    }
}

/// Indices of `size` (at least one) of `n` drawn without replacement, ascending; the same ones each time.
pub(crate) fn random(n: usize, size: usize) -> Vec<usize> {
    let mut chosen = Rng::new(0, "coreset", &[]).permutation(n);
    chosen.truncate(size.max(1));
    chosen.sort_unstable();
    chosen
}

/// Greedy k-centre (Gonzalez 1985) by angle: starting with the vector nearest to the mean direction,
/// each next one is the farthest from all chosen before, so that the largest distance of any vector to the coreset
/// is at most twice the best possible. Of equal distances the lower index is taken: the result is deterministic.
pub(crate) fn k_centre(directions: Directions<'_>, size: usize) -> Vec<usize> {
    let n = directions.n();
    if size >= n {
        return (0..n).collect();
    }
    let (mut sum, mut unit, mut last) =
        (vec![0.0; directions.dim()], vec![0.0; directions.dim()], vec![0.0; directions.dim()]);
    for i in 0..n {
        directions.read(i, 0, &mut unit);
        sum.iter_mut().zip(&unit).for_each(|(s, x)| *s += x);
    }
    let along = |i: usize| {
        directions.read(i, 0, &mut unit);
        unit.iter().zip(&sum).map(|(x, s)| x * s).sum::<f64>()
    };
    let first = first_largest((0..n).map(along));
    let mut chosen = vec![first];
    let mut distance = vec![f64::INFINITY; n];
    while chosen.len() < size {
        directions.read(chosen[chosen.len() - 1], 0, &mut last);
        for (i, d) in distance.iter_mut().enumerate() {
            directions.read(i, 0, &mut unit);
            *d = d.min(angle(&unit, &last));
        }
        // Not chosen twice, not even when only copies of chosen vectors are left.
        chosen.iter().for_each(|&i| distance[i] = f64::NEG_INFINITY);
        chosen.push(first_largest(distance.iter().copied()));
    }
    chosen
}

/// Position of the largest value; of equal ones, the first.
fn first_largest(values: impl Iterator<Item = f64>) -> usize {
    values.enumerate().fold((0, f64::NEG_INFINITY), |best, (i, v)| if v > best.1 { (i, v) } else { best }).0
}

/// How many neighbours of each feature are counted.
const NEIGHBOURS: usize = 5;

/// The `size` vectors that are most often among the [`NEIGHBOURS`] nearest of the others, counted in all `spaces` (the
/// same features, each time by other directions) together. Those of most counts first, of equal counts the lower index.
pub(crate) fn hubs(spaces: &[(Directions<'_>, &Search)], size: usize) -> Vec<usize> {
    let n = spaces.first().map_or(0, |(directions, _)| directions.n());
    if size >= n {
        return (0..n).collect();
    }
    let mut counts = vec![0_usize; n];
    for &(directions, search) in spaces {
        let found = nearest(search, directions, directions, NEIGHBOURS, true);
        found.iter().flatten().for_each(|(neighbour, _)| counts[*neighbour] += 1);
    }
    let mut order: Vec<usize> = (0..n).collect();
    // Stable: of equal counts the lower index stays first.
    order.sort_by_key(|&i| std::cmp::Reverse(counts[i]));
    order.truncate(size.max(1));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;
    use crate::vectors::cosine::tests::{nearest_of, searched};
    use crate::vectors::cosine::unit_rows;

    fn k_centre_of(units: &Features, size: usize) -> Vec<usize> {
        searched(units, |directions, _| k_centre(directions, size))
    }

    fn hubs_of(units: &Features, size: usize) -> Vec<usize> {
        searched(units, |directions, search| hubs(&[(directions, search)], size))
    }

    fn clusters() -> Features {
        // Three tight clusters, very unequal in size.
        let mut rng = Rng::new(1, "coreset", &[]);
        let mut values = Vec::new();
        for i in 0..200 {
            let axis = if i == 150 {
                2
            } else if i % 50 == 7 {
                1
            } else {
                0
            };
            values.extend((0..3).map(|j| if j == axis { 1.0 } else { 0.01 * rng.normal() as f32 }));
        }
        unit_rows(&Features::new(200, 3, values).unwrap()).unwrap()
    }

    fn draw(n: usize, dim: usize, seed: u64) -> Features {
        let mut rng = Rng::new(seed, "coreset test", &[]);
        let values = (0..n * dim).map(|i| rng.normal() as f32 + if i % dim == 0 { 2.0 } else { 0.0 });
        unit_rows(&Features::new(n, dim, values.collect()).unwrap()).unwrap()
    }

    #[test]
    fn k_centre_keeps_a_member_of_every_cluster() {
        let units = clusters();
        let chosen = k_centre_of(&units, 3);
        let axes: Vec<usize> = chosen.iter().map(|&i| (0..3).find(|&j| units.row(i)[j] > 0.9).unwrap()).collect();
        assert_eq!(axes[0], 0, "starts in the middle of the largest");
        assert!(axes.contains(&1) && axes.contains(&2), "{axes:?}");
    }

    #[test]
    fn copies_are_chosen_once_each() {
        let units = Features::new(4, 2, [1.0, 0.0].repeat(4)).unwrap();
        let all: [fn(&Features, usize) -> Vec<usize>; 3] =
            [k_centre_of, hubs_of, |units, size| random(units.n(), size)];
        for choose in all {
            let mut chosen = choose(&units, 3);
            chosen.sort_unstable();
            chosen.dedup();
            assert_eq!(chosen.len(), 3);
            assert_eq!(choose(&units, 9), [0, 1, 2, 3]);
            assert_eq!(choose(&units, 0).len(), 1);
        }
    }

    #[test]
    fn hubs_are_of_the_many_and_extremes_of_k_centre() {
        // 190 vectors around one axis, 10 scattered over all directions.
        for seed in 0..5 {
            let mut rng = Rng::new(seed, "coreset test", &[]);
            let values = (0..200 * 8).map(|i| {
                let (row, column) = (i / 8, i % 8);
                let spread = if row % 20 == 9 { 3.0 } else { 0.2 };
                (spread * rng.normal() + if column == 0 { 1.0 } else { 0.0 }) as f32
            });
            let units = unit_rows(&Features::new(200, 8, values.collect()).unwrap()).unwrap();
            let odd = |chosen: &[usize]| chosen.iter().filter(|&&i| i % 20 == 9).count();
            let (kept, extremes) = (hubs_of(&units, 60), k_centre_of(&units, 60));
            assert_eq!(odd(&kept), 0, "seed {seed}");
            assert!(odd(&extremes) >= 8, "seed {seed}");
            assert_eq!(hubs_of(&units, 20), kept[..20], "a longer coreset begins with a shorter one");
            let twice = searched(&units, |directions, search| hubs(&[(directions, search); 2], 60));
            assert_eq!(twice, kept, "a space twice is that space");
        }
    }

    #[test]
    fn hubs_do_not_depend_on_the_order_of_the_features() {
        let units = draw(150, 6, 3);
        let order = Rng::new(4, "coreset test", &[]).permutation(150);
        let mixed = units.select(&order).unwrap();
        let counts = |units: &Features| {
            let mut counts = vec![0; units.n()];
            nearest_of(units, units, NEIGHBOURS, true).iter().flatten().for_each(|(i, _)| counts[*i] += 1);
            counts
        };
        // Where counts are equal the order decides; how often the chosen ones are neighbours does not depend on it.
        let sorted = |units: &Features| {
            let all = counts(units);
            let mut chosen: Vec<usize> = hubs_of(units, 50).into_iter().map(|i| all[i]).collect();
            chosen.sort_unstable();
            (chosen, all.iter().sum::<usize>())
        };
        assert_eq!(sorted(&units), sorted(&mixed));
        assert_eq!(sorted(&units).1, 150 * NEIGHBOURS);
    }

    /// The reason for hubs: test images of the class lose little by what is left out.
    #[test]
    fn normal_queries_lose_least_by_hubs() {
        for seed in 0..5 {
            let (units, queries) = (draw(400, 24, seed), draw(200, 24, 100 + seed));
            let loss = |chosen: Vec<usize>| -> f64 {
                let kept = units.select(&chosen).unwrap();
                nearest_of(&kept, &queries, 1, false).iter().map(|found| f64::from(found[0].1)).sum()
            };
            let (kept, extremes) = (loss(hubs_of(&units, 100)), loss(k_centre_of(&units, 100)));
            assert!(kept < loss(random(400, 100)) && kept < extremes, "seed {seed}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for coreset in Coreset::ALL {
            assert_eq!(coreset.to_string().parse(), Ok(coreset));
        }
        assert!("greedy".parse::<Coreset>().unwrap_err().to_string().contains("k-centre, random, found 'greedy'"));
    }
}

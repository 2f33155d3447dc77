//! Fewer training features that cover the same directions.

use super::cosine::angle;
use crate::Features;

/// Greedy k-centre (Gonzalez 1985) of unit vectors by angle: starting with the vector nearest to the mean direction,
/// each next one is the farthest from all chosen before, so that the largest distance of any vector to the coreset
/// is at most twice the best possible. Of equal distances the lower index is taken: the result is deterministic.
pub(crate) fn k_centre(units: &Features, size: usize) -> Vec<usize> {
    let n = units.n();
    if size >= n {
        return (0..n).collect();
    }
    let mean = super::spectrum::mean(units);
    let along = |row: &[f32]| row.iter().zip(&mean).map(|(&x, m)| f64::from(x) * m).sum::<f64>();
    let first = first_largest(units.rows().map(along));
    let mut chosen = vec![first];
    let mut distance = vec![f64::INFINITY; n];
    while chosen.len() < size {
        let last = chosen[chosen.len() - 1];
        for (d, row) in distance.iter_mut().zip(units.rows()) {
            *d = d.min(angle(row, units.row(last)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::score::cosine::unit_rows;

    #[test]
    fn every_cluster_keeps_a_member() {
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
        let units = unit_rows(&Features::new(200, 3, values).unwrap()).unwrap();
        let chosen = k_centre(&units, 3);
        let axes: Vec<usize> = chosen.iter().map(|&i| (0..3).find(|&j| units.row(i)[j] > 0.9).unwrap()).collect();
        assert_eq!(axes[0], 0, "starts in the middle of the largest");
        assert!(axes.contains(&1) && axes.contains(&2), "{axes:?}");
    }

    #[test]
    fn copies_are_chosen_once_each() {
        let units = Features::new(4, 2, [1.0, 0.0].repeat(4)).unwrap();
        let mut chosen = k_centre(&units, 3);
        chosen.sort_unstable();
        chosen.dedup();
        assert_eq!(chosen.len(), 3);
        assert_eq!(k_centre(&units, 9), [0, 1, 2, 3]);
        assert_eq!(k_centre(&units, 0).len(), 1);
    }
}

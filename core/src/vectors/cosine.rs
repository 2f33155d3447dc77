//! Angles between vectors, and the nearest by angle.
//!
//! The arccosine of a cosine near 1 says little about a small angle: in f32 it begins at 3.5e-4 radians. So directions are
//! points of the unit sphere here, in f64. The nearest by angle is the nearest by chord, which [`super::search`] finds, and
//! an angle comes from both the difference and the sum of two points: a copy of a training image scores 0 on every machine.

use super::search::{Points, Search};
use crate::Features;
use nsa_kernels::threads::all;

/// The angle in radians between two unit vectors, exact to rounding also where the cosine is near 1 or -1.
pub(crate) fn angle<T: Copy + Into<f64>>(u: &[T], v: &[T]) -> f64 {
    // Four sums side by side, because f64 additions may not be reordered by the compiler.
    let (mut minus, mut plus) = ([0.0_f64; 4], [0.0_f64; 4]);
    let (u_blocks, u_rest) = u.as_chunks::<4>();
    let (v_blocks, v_rest) = v.as_chunks::<4>();
    let mut add = |lane: usize, a: T, b: T| {
        let (a, b): (f64, f64) = (a.into(), b.into());
        minus[lane] += (a - b) * (a - b);
        plus[lane] += (a + b) * (a + b);
    };
    for (a, b) in u_blocks.iter().zip(v_blocks) {
        for lane in 0..4 {
            add(lane, a[lane], b[lane]);
        }
    }
    for (&a, &b) in u_rest.iter().zip(v_rest) {
        add(0, a, b);
    }
    2.0 * minus.iter().sum::<f64>().sqrt().atan2(plus.iter().sum::<f64>().sqrt())
}

/// The angle in radians between two vectors of any length but 0, in f64.
pub(crate) fn angle_between(u: &[f64], v: &[f64]) -> f64 {
    let unit = |x: &[f64]| {
        let length = x.iter().map(|a| a * a).sum::<f64>().sqrt();
        x.iter().map(|a| a / length).collect::<Vec<f64>>()
    };
    angle(&unit(u), &unit(v))
}

/// The rows divided by their lengths; or the index of a row that is zero.
pub(crate) fn unit_rows(features: &Features) -> Result<Features, usize> {
    let scales = scales(features, None)?;
    let rows = features.rows().zip(&scales);
    let values = rows.flat_map(|(row, scale)| row.iter().map(move |&x| (f64::from(x) * scale) as f32)).collect();
    Ok(Features::of_finite(features.n(), features.dim(), values))
}

/// Directions of vectors, as points of the unit sphere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directions<'a> {
    /// The vectors.
    pub(crate) vectors: &'a Features,
    /// Added to each of them.
    pub(crate) shift: Option<&'a [f64]>,
    /// What they are multiplied by: see [`scales`].
    pub(crate) scales: &'a [f64],
}

/// One over the length of each vector after `shift` was added; or the index of one that is zero, up to the rounding of
/// what is shifted.
pub(crate) fn scales(vectors: &Features, shift: Option<&[f64]>) -> Result<Vec<f64>, usize> {
    let far = shift.map_or(0.0, |shift| shift.iter().map(|x| x * x).sum::<f64>().sqrt());
    let smallest = far * f64::from(f32::EPSILON);
    let scale = |i: usize| {
        // In f64 neither the square of 1e38 nor that of 1e-38 leaves the range.
        let square: f64 = match shift {
            Some(shift) => vectors.row(i).iter().zip(shift).map(|(&x, s)| (f64::from(x) + s).powi(2)).sum(),
            None => vectors.row(i).iter().map(|&x| f64::from(x).powi(2)).sum(),
        };
        if square.sqrt() > smallest { Ok(1.0 / square.sqrt()) } else { Err(i) }
    };
    all(vectors.n(), scale).into_iter().collect()
}

impl<'a> Directions<'a> {
    /// Of vectors as they are; `scales` is one over the length of each.
    pub(crate) fn of(vectors: &'a Features, scales: &'a [f64]) -> Self {
        Self { vectors, shift: None, scales }
    }
}

impl Points for Directions<'_> {
    fn n(&self) -> usize {
        self.vectors.n()
    }

    fn dim(&self) -> usize {
        self.vectors.dim()
    }

    fn read(&self, i: usize, first: usize, out: &mut [f64]) {
        let (row, scale) = (&self.vectors.row(i)[first..], self.scales[i]);
        match self.shift {
            Some(shift) => {
                let shifted = row.iter().zip(&shift[first..]).map(|(&x, s)| (f64::from(x) + s) * scale);
                out.iter_mut().zip(shifted).for_each(|(to, from)| *to = from);
            }
            None => out.iter_mut().zip(row).for_each(|(to, &x)| *to = f64::from(x) * scale),
        }
    }
}

/// For each query the `count` nearest directions with their angles in radians, nearest first, of equal angles the lower
/// index first. With `leave_one_out`, query `i` is direction `i` and not its own neighbour. `search` is of `bank`.
pub(crate) fn nearest(
    search: &Search,
    bank: Directions<'_>,
    queries: Directions<'_>,
    count: usize,
    leave_one_out: bool,
) -> Vec<Vec<(usize, f32)>> {
    let found = search.nearest(&bank, &queries, count, leave_one_out);
    let angles = |number: usize| {
        let (mut query, mut row) = (vec![0.0; bank.dim()], vec![0.0; bank.dim()]);
        queries.read(number, 0, &mut query);
        let to = |&(i, _): &(usize, f64)| {
            bank.read(i, 0, &mut row);
            (i, angle(&query, &row) as f32)
        };
        found[number].iter().map(to).collect()
    };
    all(found.len(), angles)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Does `work` with the directions of features.
    pub(crate) fn searched<T>(features: &Features, work: impl FnOnce(Directions<'_>, &Search) -> T) -> T {
        let scales = scales(features, None).unwrap();
        let directions = Directions { vectors: features, shift: None, scales: &scales };
        work(directions, &Search::new(&directions))
    }

    pub(crate) fn nearest_of(
        bank: &Features,
        queries: &Features,
        count: usize,
        leave_one_out: bool,
    ) -> Vec<Vec<(usize, f32)>> {
        let of_queries = scales(queries, None).unwrap();
        let queries = Directions { vectors: queries, shift: None, scales: &of_queries };
        searched(bank, |bank, search| nearest(search, bank, queries, count, leave_one_out))
    }

    #[test]
    fn small_and_large_angles_keep_their_digits() {
        for tilt in [1e-6_f64, 1e-3, 0.5, 3.0] {
            let v = [tilt.cos(), tilt.sin()];
            assert!((angle_between(&[2.0, 0.0], &v) - tilt).abs() < 1e-15 + 1e-12 * tilt, "{tilt}");
            let found = angle(&[1.0_f32, 0.0], &[v[0] as f32, v[1] as f32]);
            assert!((found - tilt).abs() < 2e-7 * tilt.max(1.0), "{tilt} gave {found}");
        }
        assert_eq!(angle(&[0.6_f32, 0.8], &[0.6, 0.8]), 0.0);
    }

    #[test]
    fn a_vector_is_not_its_own_neighbour_but_its_copy_is() {
        let bank = Features::new(3, 2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0]).unwrap();
        let found = nearest_of(&bank, &bank, 1, true);
        assert_eq!(found[0], [(2, 0.0)]);
        assert_eq!(found[2], [(0, 0.0)]);
        assert!((found[1][0].1 - std::f32::consts::FRAC_PI_2).abs() < 1e-6);
    }

    #[test]
    fn the_order_f32_gets_wrong_is_put_right() {
        // Both cosines round to 1 in f32; only the second vector is the query itself.
        let bank = Features::new(2, 2, vec![1.0, 1e-4, 1.0, 0.0]).unwrap();
        let query = Features::new(1, 2, vec![1.0, 0.0]).unwrap();
        assert_eq!(nearest_of(&bank, &query, 1, false)[0], [(1, 0.0)]);
    }

    #[test]
    fn extreme_values_normalise_and_zero_is_named() {
        let wild = Features::new(2, 2, vec![3e38, 3e38, 1e-40, 0.0]).unwrap();
        let unit = unit_rows(&wild).unwrap();
        assert!((unit.row(0)[0] - 0.5_f32.sqrt()).abs() < 1e-7 && unit.row(1)[0] == 1.0);
        assert_eq!(unit_rows(&Features::new(2, 2, vec![1.0, 0.0, 0.0, 0.0]).unwrap()), Err(1));
    }

    #[test]
    fn a_shifted_vector_that_is_zero_up_to_rounding_has_no_direction() {
        let vectors = Features::new(2, 2, vec![1.0, -0.1, 1.0, -0.2]).unwrap();
        assert_eq!(scales(&vectors, Some(&[-1.0, f64::from(0.1_f32) + 1e-9])), Err(0));
        assert!(scales(&vectors, Some(&[1.0, 0.1])).is_ok());
    }
}

//! How many different views images show: copies of a picture and the frames of a burst are one.
//!
//! A threshold comes from what images score that no bank was fitted on. A copy of an image that stays in the bank would
//! give it away, so near copies leave the bank together, and count once.

use super::{MIN_GROUPS, ScoreError};
use crate::features::Features;
use crate::vectors::cosine::{angle, unit_rows};
use nsa_kernels::threads::all;

/// Groups closer than this share of the usual distance between neighbouring groups are one view.
const SHARE_OF_SPACING: f64 = 0.5;
/// Images of one view are near copies below this share of their usual angle to each other.
const SHARE_WITHIN: f64 = 0.2;

/// Which images are near copies of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variety {
    /// The group of every image. Groups are numbered in the order of their first images and leave a bank as one.
    pub groups: Vec<usize>,
    /// How many different views the images show. As many as there are groups, unless that is too few to hold any out:
    /// then groups are of images that are alike even among those of one view.
    pub views: usize,
}

impl Variety {
    /// Compares the directions of `features`, one of each image.
    ///
    /// Two images are of one view if the angle between them is at most `near` (radians), or at most half of the usual
    /// distance between neighbouring groups of such images, or if other images join them step by step. Where all images
    /// are of one or two views, those are grouped whose angle is at most a fifth of the median angle within a view.
    ///
    /// # Errors
    /// A feature that is zero, so that it has no direction.
    pub fn of(features: &Features, near: f64) -> Result<Self, ScoreError> {
        let angles = Angles::new(features)?;
        let spacing = angles.spacing(&angles.linked(near));
        let groups = angles.linked(near.max(SHARE_OF_SPACING * spacing));
        let views = count(&groups);
        if views >= MIN_GROUPS {
            return Ok(Self { groups, views });
        }
        let within = angles.within(&groups);
        Ok(Self { groups: angles.linked(SHARE_WITHIN * within), views })
    }
}

/// How many groups there are, of which each image names its own.
pub(super) fn count(groups: &[usize]) -> usize {
    groups.iter().max().map_or(0, |last| last + 1)
}

/// The angles between all images, in radians: of each image those to the images before it.
struct Angles(Vec<Vec<f32>>);

impl Angles {
    fn new(features: &Features) -> Result<Self, ScoreError> {
        let rows = unit_rows(features).map_err(|row| ScoreError::ZeroVector { what: "training feature", row })?;
        let before = |i: usize| (0..i).map(|j| angle(rows.row(i), rows.row(j)) as f32).collect();
        Ok(Self(all(rows.n(), before)))
    }

    fn n(&self) -> usize {
        self.0.len()
    }

    fn between(&self, i: usize, j: usize) -> f64 {
        if i == j { 0.0 } else { self.0[i.max(j)][i.min(j)].into() }
    }

    /// Groups of images that are joined by steps of at most `most`.
    fn linked(&self, most: f64) -> Vec<usize> {
        let mut groups = vec![None; self.n()];
        let mut found = 0;
        for first in 0..self.n() {
            if groups[first].is_some() {
                continue;
            }
            groups[first] = Some(found);
            let mut reached = vec![first];
            while let Some(i) = reached.pop() {
                for (j, group) in groups.iter_mut().enumerate() {
                    if group.is_none() && self.between(i, j) <= most {
                        *group = Some(found);
                        reached.push(j);
                    }
                }
            }
            found += 1;
        }
        groups.into_iter().flatten().collect()
    }

    /// The median distance of a group to its nearest neighbour; 0 where there is one group.
    fn spacing(&self, groups: &[usize]) -> f64 {
        let mut nearest = vec![f64::INFINITY; count(groups)];
        for i in 0..self.n() {
            for j in (0..i).filter(|&j| groups[j] != groups[i]) {
                let angle = self.between(i, j);
                for group in [groups[i], groups[j]] {
                    nearest[group] = nearest[group].min(angle);
                }
            }
        }
        median(nearest.into_iter().filter(|angle| angle.is_finite()).collect())
    }

    /// The median angle between two images of one group; 0 where there are none.
    fn within(&self, groups: &[usize]) -> f64 {
        let of = |i: usize| (0..i).filter(move |&j| groups[j] == groups[i]).map(move |j| self.between(i, j));
        median((0..self.n()).flat_map(of).collect())
    }
}

/// The middle value, of two the larger; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Features in a plane, at these angles in degrees.
    fn at(degrees: &[f64]) -> Features {
        let point = |d: &f64| [d.to_radians().cos() as f32, d.to_radians().sin() as f32];
        Features::new(degrees.len(), 2, degrees.iter().flat_map(point).collect()).unwrap()
    }

    fn of(degrees: &[f64], near: f64) -> Variety {
        Variety::of(&at(degrees), near.to_radians()).unwrap()
    }

    #[test]
    fn images_nearer_than_the_angle_given_are_one_view_also_step_by_step() {
        let found = of(&[0.0, 40.0, 3.0, 80.0, 5.5, 40.0, 120.0], 3.5);
        assert_eq!(found, Variety { groups: vec![0, 1, 0, 2, 0, 1, 3], views: 4 });
    }

    #[test]
    fn images_much_nearer_than_the_others_are_one_view_whatever_the_angle_given() {
        // Each once more, 8 degrees beside it: less than half of the 32 that separate most neighbours.
        let degrees = [0.0, 40.0, 80.0, 120.0, 160.0, 8.0];
        assert_eq!(of(&degrees, 1.0), Variety { groups: vec![0, 1, 2, 3, 4, 0], views: 5 });
        // Evenly spread ones stay apart.
        assert_eq!(of(&[0.0, 9.0, 18.0, 27.0], 3.0).views, 4);
    }

    #[test]
    fn images_of_one_view_are_told_apart_among_themselves() {
        let found = of(&[0.0, 1.0, 2.0, 3.0, 3.01], 5.0);
        assert_eq!(found, Variety { groups: vec![0, 1, 2, 3, 3], views: 1 });
        let copies = of(&[10.0; 6], 5.0);
        assert_eq!(copies, Variety { groups: vec![0; 6], views: 1 });
    }

    #[test]
    fn what_has_no_direction_is_named() {
        let error = Variety::of(&Features::new(2, 2, vec![1.0, 0.0, 0.0, 0.0]).unwrap(), 0.1).unwrap_err();
        assert_eq!(error, ScoreError::ZeroVector { what: "training feature", row: 1 });
    }
}

//! An honest picture of a high-dimensional sphere: the exact angle to the mean direction, and a direction around it.
//!
//! In 512 dimensions a random direction is about 90 degrees from any other, so a projection that keeps angles to one
//! point shows how compact a class is, which a linear projection does not. The azimuth is only a choice of two of
//! the 511 directions around the mean; two points with the same azimuth need not be near each other.

use super::SphereError;
use super::vmf::mean_direction;
use crate::Features;
use crate::vectors::cosine::angle_between;
use crate::vectors::spectrum::Spectrum;

/// Where a feature is drawn, in radians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnglePoint {
    /// Exact angle to the mean direction, 0 to pi.
    pub angle: f64,
    /// Direction around it, -pi to pi.
    pub azimuth: f64,
}

impl AnglePoint {
    /// The point in the plane, its angle as the distance from the origin.
    fn plane(self) -> [f64; 2] {
        [self.angle * self.azimuth.cos(), self.angle * self.azimuth.sin()]
    }
}

/// Angles in radians, 0 to pi, between features (`n x dim`) and a mean direction (`dim` values, of any length but 0).
pub fn exact_angles(features: &Features, mean_direction: &[f64]) -> Result<Vec<f64>, SphereError> {
    check_width(features, mean_direction.len())?;
    let length: f64 = mean_direction.iter().map(|x| x * x).sum();
    if !(length > 0.0 && length.is_finite()) {
        return Err(SphereError::NoMeanDirection);
    }
    units(features)?.iter().map(|unit| Ok(angle_between(unit, mean_direction))).collect()
}

/// Where to draw features: fitted on ID features, so that OOD features are seen from the same side.
#[derive(Debug, Clone, PartialEq)]
pub struct AngleMap {
    /// Unit vector, `dim` values: the pole of the picture.
    pub mean_direction: Vec<f64>,
    /// Two unit vectors at right angles to each other and to the mean direction: azimuth 0 and pi/2.
    pub frame: [Vec<f64>; 2],
}

impl AngleMap {
    /// The mean direction of `features` (`n x dim`, n at least 2, dim at least 3), and as frame the first two
    /// principal components of what the directions have at right angles to it.
    ///
    /// # Errors
    /// A zero feature; directions that cancel out, or that are all the same.
    pub fn fit(features: &Features) -> Result<Self, SphereError> {
        let (n, dim) = (features.n(), features.dim());
        if dim < 3 {
            return Err(SphereError::TooNarrow { what: "an azimuth", needed: 3, found: dim });
        }
        if n < 2 {
            return Err(SphereError::TooFew { what: "an azimuth", needed: 2, found: n });
        }
        let (pole, _) = mean_direction(features)?;
        let mut values = Vec::with_capacity(n * dim);
        for unit in units(features)? {
            let along = dot(&unit, &pole);
            values.extend(unit.iter().zip(&pole).map(|(u, p)| (u - along * p) as f32));
        }
        // Their mean is zero already: the mean of the directions is along the pole.
        let across = Features::new(n, dim, values)?;
        let spectrum = Spectrum::new(&across, vec![0.0; dim])?;
        if spectrum.values[0] < 1e-14 * n as f64 {
            return Err(SphereError::Collapsed { n });
        }
        let mut basis = vec![pole];
        let rank = spectrum.values.iter().take(2).filter(|&&v| v > 1e-12 * spectrum.values[0]).count();
        for direction in spectrum.directions(rank).chunks_exact(dim) {
            push_orthogonal(&mut basis, direction);
        }
        complete(&mut basis, 3);
        let [mean_direction, first, second] = basis.try_into().expect("`complete` makes it three");
        Ok(Self { mean_direction, frame: [first, second] })
    }

    /// Where each feature (`n x dim`) is drawn.
    pub fn place(&self, features: &Features) -> Result<Vec<AnglePoint>, SphereError> {
        check_width(features, self.mean_direction.len())?;
        let point = |unit: &Vec<f64>| AnglePoint {
            angle: angle_between(unit, &self.mean_direction),
            azimuth: dot(unit, &self.frame[1]).atan2(dot(unit, &self.frame[0])),
        };
        Ok(units(features)?.iter().map(point).collect())
    }

    /// Turns (or mirrors) the frame so that `features` are drawn as near as possible to `previous`, where an earlier
    /// checkpoint drew the same images: principal components change sign and order between checkpoints, which would
    /// look like motion.
    pub fn align(&mut self, features: &Features, previous: &[AnglePoint]) -> Result<(), SphereError> {
        let points = self.place(features)?;
        if points.len() != previous.len() {
            let (needed, found) = (points.len(), previous.len());
            return Err(SphereError::TooFew { what: "aligning two pictures of the same images", needed, found });
        }
        // Orthogonal Procrustes in the plane: the best turn, and the best turn after mirroring.
        let (mut turn, mut mirrored) = ([0.0; 2], [0.0; 2]);
        for (p, q) in points.iter().zip(previous) {
            let ([px, py], [qx, qy]) = (p.plane(), q.plane());
            turn[0] += px * qx + py * qy;
            turn[1] += px * qy - py * qx;
            mirrored[0] += px * qx - py * qy;
            mirrored[1] += px * qy + py * qx;
        }
        let mirror = mirrored[0].hypot(mirrored[1]) > turn[0].hypot(turn[1]);
        let [x, y] = if mirror { mirrored } else { turn };
        let (sin, cos) = y.atan2(x).sin_cos();
        let sign = if mirror { -1.0 } else { 1.0 };
        let turned = |a: f64, b: f64| -> Vec<f64> {
            self.frame[0].iter().zip(&self.frame[1]).map(|(u, v)| a * u + b * sign * v).collect()
        };
        self.frame = [turned(cos, -sin), turned(sin, cos)];
        Ok(())
    }
}

/// The directions of features in f64.
pub(super) fn units(features: &Features) -> Result<Vec<Vec<f64>>, SphereError> {
    let unit = |(row, vector): (usize, &[f32])| {
        let vector: Vec<f64> = vector.iter().map(|&x| f64::from(x)).collect();
        let length = dot(&vector, &vector).sqrt();
        match length > 0.0 {
            true => Ok(vector.into_iter().map(|x| x / length).collect()),
            false => Err(SphereError::ZeroVector { row }),
        }
    };
    features.rows().enumerate().map(unit).collect()
}

pub(super) fn check_width(features: &Features, expected: usize) -> Result<(), SphereError> {
    let found = features.dim();
    if found == expected { Ok(()) } else { Err(SphereError::Dimension { expected, found }) }
}

pub(super) fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(a, b)| a * b).sum()
}

/// Adds the part of `direction` that is at right angles to the basis, as a unit vector whose largest value is
/// positive, so that the picture does not depend on the sign that an eigenvalue routine chose. False if none is left.
pub(super) fn push_orthogonal(basis: &mut Vec<Vec<f64>>, direction: &[f64]) -> bool {
    let mut rest = direction.to_vec();
    // Twice, because once leaves rounding of the size that was taken away.
    for _ in 0..2 {
        for b in basis.iter() {
            let along = dot(&rest, b);
            rest.iter_mut().zip(b).for_each(|(r, b)| *r -= along * b);
        }
    }
    let length = dot(&rest, &rest).sqrt();
    if length < 1e-6 {
        return false;
    }
    let largest = rest.iter().fold(0.0_f64, |m, &x| if x.abs() > m.abs() { x } else { m });
    let scale = length.copysign(largest);
    basis.push(rest.into_iter().map(|x| x / scale).collect());
    true
}

/// Fills the basis up to `count` vectors with coordinate axes made orthogonal to it.
pub(super) fn complete(basis: &mut Vec<Vec<f64>>, count: usize) {
    let dim = basis.first().map_or(0, Vec::len);
    for axis in 0..dim {
        if basis.len() >= count {
            return;
        }
        let mut direction = vec![0.0; dim];
        direction[axis] = 1.0;
        push_orthogonal(basis, &direction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use std::f64::consts::PI;

    /// Around (1, 0, 0, 0): wide along the second axis, less along the third, least along the fourth.
    fn cap(n: usize, seed: u64) -> Features {
        let mut rng = Rng::new(seed, "angles", &[]);
        let values = (0..n)
            .flat_map(|_| [1.0, 0.5 * rng.normal() as f32, 0.2 * rng.normal() as f32, 0.05 * rng.normal() as f32]);
        Features::new(n, 4, values.collect()).unwrap()
    }

    #[test]
    fn the_frame_is_orthonormal_and_follows_the_spread() {
        let map = AngleMap::fit(&cap(500, 1)).unwrap();
        let all = [&map.mean_direction, &map.frame[0], &map.frame[1]];
        for (i, u) in all.iter().enumerate() {
            for (j, v) in all.iter().enumerate() {
                assert!((dot(u, v) - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
        assert!(map.frame[0][1] > 0.99 && map.frame[1][2].abs() > 0.9, "{map:?}");
    }

    #[test]
    fn angles_are_exact_and_azimuths_point_the_right_way() {
        let map = AngleMap { mean_direction: vec![1.0, 0.0, 0.0], frame: [vec![0.0, 1.0, 0.0], vec![0.0, 0.0, 1.0]] };
        let features = Features::new(4, 3, vec![2.0, 0.0, 0.0, 0.0, 3.0, 0.0, 1.0, 0.0, -1.0, -1.0, 0.0, 0.0]).unwrap();
        let points = map.place(&features).unwrap();
        let expected = [(0.0, 0.0), (PI / 2.0, 0.0), (PI / 4.0, -PI / 2.0), (PI, 0.0)];
        for (point, (angle, azimuth)) in points.iter().zip(expected) {
            assert!((point.angle - angle).abs() < 1e-12 && (point.azimuth - azimuth).abs() < 1e-12, "{point:?}");
        }
        let angles = exact_angles(&features, &[7.0, 0.0, 0.0]).unwrap();
        assert!(angles.iter().zip(&points).all(|(a, p)| (a - p.angle).abs() < 1e-12));
    }

    #[test]
    fn alignment_undoes_a_turn_and_a_mirror() {
        let features = cap(100, 2);
        let map = AngleMap::fit(&features).unwrap();
        let before = map.place(&features).unwrap();
        for (mirror, turn) in [(1.0, 0.4), (-1.0, 2.5), (1.0, -3.0), (-1.0, 0.0)] {
            let mut other = map.clone();
            let mixed = |a: f64, b: f64| -> Vec<f64> {
                map.frame[0].iter().zip(&map.frame[1]).map(|(u, v)| a * u + b * v).collect()
            };
            let (sin, cos) = f64::sin_cos(turn);
            other.frame = [mixed(cos, sin), mixed(-mirror * sin, mirror * cos)];
            other.align(&features, &before).unwrap();
            for (a, b) in other.place(&features).unwrap().iter().zip(&before) {
                let ([ax, ay], [bx, by]) = (a.plane(), b.plane());
                assert!((ax - bx).abs() < 1e-9 && (ay - by).abs() < 1e-9, "{mirror} {turn}: {a:?} {b:?}");
            }
        }
        assert!(map.clone().align(&features, &before[1..]).is_err());
    }

    #[test]
    fn what_cannot_be_drawn_says_why() {
        let fit = |n, dim, v: &[f32]| AngleMap::fit(&Features::new(n, dim, v.to_vec()).unwrap());
        assert_eq!(fit(2, 3, &[1.0, 2.0, 3.0, 1.0, 2.0, 3.0]), Err(SphereError::Collapsed { n: 2 }));
        assert!(matches!(fit(2, 2, &[1.0, 2.0, 3.0, 4.0]), Err(SphereError::TooNarrow { .. })));
        // Two features differ along one direction only; the second of the frame is any other.
        let map = fit(2, 3, &[1.0, 0.1, 0.0, 1.0, -0.1, 0.0]).unwrap();
        assert!(dot(&map.frame[0], &map.frame[1]).abs() < 1e-12 && (map.frame[0][1] - 1.0).abs() < 1e-6);
        assert!(exact_angles(&cap(2, 1), &[0.0; 4]).is_err() && exact_angles(&cap(2, 1), &[1.0; 3]).is_err());
    }
}

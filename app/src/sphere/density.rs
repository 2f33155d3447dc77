//! Where the points of a picture lie densely: contours of a kernel density on the ball.

use super::viewpoint::{Point, on_ball};
use std::f64::consts::{PI, TAU};

/// Concentration of the kernel: a width of some eight degrees.
const KERNEL: f64 = 50.0;
/// Beyond this cosine a point adds nothing that could be seen.
const REACH: f64 = 0.8;
/// Cells from pole to pole, and around.
const GRID: (usize, usize) = (45, 90);
/// Shares of the points that lie inside a contour.
pub const INSIDE: [f64; 2] = [0.5, 0.9];
/// So few points have no density worth drawing.
const FEWEST: usize = 8;

/// A piece of a contour.
pub type Segment = [Point; 2];

/// For each of `INSIDE` the pieces of its contour around `points`, which lie on the ball.
pub fn contours(points: &[Point]) -> [Vec<Segment>; 2] {
    if points.len() < FEWEST {
        return Default::default();
    }
    let mut own: Vec<f64> = points.iter().map(|point| density(points, point)).collect();
    own.sort_by(|a, b| b.total_cmp(a));
    let (rows, columns) = GRID;
    let angle = |row: f64| PI * row / rows as f64;
    let azimuth = |column: f64| TAU * column / columns as f64;
    let grid: Vec<f64> = (0..=rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(row, column)| density(points, &on_ball(angle(row as f64), azimuth(column as f64))))
        .collect();
    INSIDE.map(|share| {
        let level = own[((share * own.len() as f64) as usize).min(own.len() - 1)];
        let mut pieces = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                let value = |down: usize, right: usize| grid[(row + down) * columns + (column + right) % columns];
                for [from, to] in cross([value(0, 0), value(0, 1), value(1, 1), value(1, 0)], level) {
                    let place =
                        |(right, down): (f64, f64)| on_ball(angle(row as f64 + down), azimuth(column as f64 + right));
                    pieces.push([place(from), place(to)]);
                }
            }
        }
        pieces
    })
}

fn density(points: &[Point], at: &Point) -> f64 {
    let cosine = |p: &Point| p[0] * at[0] + p[1] * at[1] + p[2] * at[2];
    points.iter().map(cosine).filter(|&c| c > REACH).map(|c| (KERNEL * (c - 1.0)).exp()).sum()
}

/// How a level runs through a cell whose corners have these values, clockwise from the top left: from where to where,
/// as shares to the right and down.
fn cross(corners: [f64; 4], level: f64) -> Vec<[(f64, f64); 2]> {
    let [a, b, c, d] = corners;
    let share = |from: f64, to: f64| ((from >= level) != (to >= level)).then(|| (level - from) / (to - from));
    let crossings: Vec<(f64, f64)> = [
        share(a, b).map(|s| (s, 0.0)),
        share(b, c).map(|s| (1.0, s)),
        share(c, d).map(|s| (1.0 - s, 1.0)),
        share(d, a).map(|s| (0.0, 1.0 - s)),
    ]
    .into_iter()
    .flatten()
    .collect();
    crossings.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bundle of points around a place.
    fn bundle(angle: f64, azimuth: f64, n: usize) -> Vec<Point> {
        let point = |i: usize| {
            let turn = i as f64 * 2.4;
            let far = 0.15 * (i as f64 / n as f64).sqrt();
            on_ball(angle + far * turn.cos(), azimuth + far * turn.sin() / angle.sin())
        };
        (0..n).map(point).collect()
    }

    fn angle_between(a: &Point, b: &Point) -> f64 {
        a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>().clamp(-1.0, 1.0).acos()
    }

    #[test]
    fn contours_close_around_a_bundle_and_the_inner_one_is_smaller() {
        // Across the seam of the azimuth.
        let points = bundle(1.0, 0.0, 200);
        let found = contours(&points);
        let centre = on_ball(1.0, 0.0);
        let reach = found.each_ref().map(|pieces| {
            assert!(pieces.len() > 8, "{} pieces", pieces.len());
            pieces.iter().flatten().map(|p| angle_between(p, &centre)).fold(0.0, f64::max)
        });
        assert!(reach[0] < reach[1] && reach[1] < 0.4, "{reach:?}");
        for piece in found.iter().flatten() {
            assert!(angle_between(&piece[0], &piece[1]) < 0.15, "a piece crosses the seam");
        }
        // Every end of a piece is the beginning of another: the contour is closed.
        let ends: Vec<&Point> = found[0].iter().flatten().collect();
        let lonely = ends.iter().filter(|p| ends.iter().filter(|q| angle_between(p, q) < 1e-6).count() < 2).count();
        assert_eq!(lonely, 0);
    }

    #[test]
    fn few_points_have_none() {
        assert!(contours(&bundle(1.0, 1.0, 5)).iter().all(Vec::is_empty));
        assert!(contours(&[]).iter().all(Vec::is_empty));
    }
}

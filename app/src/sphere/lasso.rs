//! Which points a line drawn around them encloses.

use super::viewpoint::Seen;

/// The points inside a closed path, in CSS pixels. What lies behind the ball's centre is hidden by it, unless the picture
/// is `open`.
pub fn enclosed(seen: &[Seen], path: &[(f64, f64)], open: bool) -> Vec<usize> {
    let caught = |s: &Seen| (open || s.depth >= 0.0) && is_inside(path, (s.x, s.y));
    (0..seen.len()).filter(|&i| caught(&seen[i])).collect()
}

/// Even-odd rule: a ray to the right crosses the path an odd number of times.
fn is_inside(path: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
    let Some(&last) = path.last() else { return false };
    let mut before = last;
    let mut inside = false;
    for &corner in path {
        let ((x0, y0), (x1, y1)) = (before, corner);
        if (y0 > y) != (y1 > y) && x < x0 + (y - y0) / (y1 - y0) * (x1 - x0) {
            inside = !inside;
        }
        before = corner;
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_inside_and_before_is_caught() {
        let seen = |x: f64, y: f64, depth: f64| Seen { x, y, depth };
        let points = [seen(5.0, 5.0, 0.2), seen(15.0, 5.0, 0.2), seen(5.0, 5.0, -0.2), seen(9.0, 9.0, 0.0)];
        let square = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)];
        assert_eq!(enclosed(&points, &square, false), [0, 3]);
        assert_eq!(enclosed(&points, &square, true), [0, 2, 3]);
        // A path that is bent in: the dent is outside.
        let dented = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 3.0), (0.0, 10.0)];
        assert!(enclosed(&points, &dented, true).is_empty());
        assert!(enclosed(&points, &[], true).is_empty() && enclosed(&points, &[(1.0, 1.0)], true).is_empty());
    }
}

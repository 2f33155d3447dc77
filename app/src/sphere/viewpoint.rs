//! From the ball to the screen: rotation, zoom, and back.

use std::f64::consts::{FRAC_PI_2, TAU};

/// A place in the picture's space. The ball is centred and has radius 1; its pole is (0, 0, 1).
pub type Point = [f64; 3];

/// Bounds of [`Viewpoint::zoom`].
pub const ZOOM: std::ops::RangeInclusive<f64> = 0.7..=8.0;

/// From where the ball is seen, without perspective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewpoint {
    /// Turn of the ball around its pole, radians.
    pub yaw: f64,
    /// How far the viewer stands above the equator, radians, -pi/2 to pi/2.
    pub pitch: f64,
    /// Enlargement; 1 shows the whole ball.
    pub zoom: f64,
}

impl Default for Viewpoint {
    /// From above, where the normal class lies; the equator is still seen as an ellipse.
    fn default() -> Self {
        Self { yaw: 0.6, pitch: 0.9, zoom: 1.0 }
    }
}

/// A point as it is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    /// CSS pixels from the left.
    pub x: f64,
    /// CSS pixels from the top.
    pub y: f64,
    /// Towards the viewer, in radii of the ball: negative is behind the centre.
    pub depth: f64,
}

/// A viewpoint with its sines and cosines, and the picture it fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    yaw: (f64, f64),
    pitch: (f64, f64),
    centre: (f64, f64),
    /// CSS pixels of the ball's radius.
    pub radius: f64,
}

impl Viewpoint {
    /// Turns the ball as if it were dragged by so many pixels, where it has `radius` pixels.
    pub fn drag(&mut self, (right, down): (f64, f64), radius: f64) {
        let radius = radius.max(1.0);
        self.turn(right / radius, down / radius);
    }

    /// Turns the ball to the right and the viewer up, by radians.
    pub fn turn(&mut self, right: f64, up: f64) {
        self.yaw = (self.yaw + right).rem_euclid(TAU);
        self.pitch = (self.pitch + up).clamp(-FRAC_PI_2, FRAC_PI_2);
    }

    /// Enlarges by a factor, within bounds.
    pub fn magnify(&mut self, factor: f64) {
        if factor.is_finite() && factor > 0.0 {
            self.zoom = (self.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        }
    }

    /// The viewpoint before a picture of `width x height` CSS pixels.
    pub fn lens(&self, width: f64, height: f64) -> Lens {
        Lens {
            yaw: self.yaw.sin_cos(),
            pitch: self.pitch.sin_cos(),
            centre: (width / 2.0, height / 2.0),
            radius: width.min(height) * 0.42 * self.zoom,
        }
    }
}

impl Lens {
    /// Where a point is seen.
    pub fn see(&self, [x, y, z]: Point) -> Seen {
        let ((sin_yaw, cos_yaw), (sin_pitch, cos_pitch)) = (self.yaw, self.pitch);
        let (across, away) = (x * cos_yaw - y * sin_yaw, x * sin_yaw + y * cos_yaw);
        Seen {
            x: self.centre.0 + self.radius * across,
            y: self.centre.1 - self.radius * (away * sin_pitch + z * cos_pitch),
            depth: z * sin_pitch - away * cos_pitch,
        }
    }
}

/// The point of the ball at an angle from the pole, in a direction around it; radians.
pub fn on_ball(angle: f64, azimuth: f64) -> Point {
    let ((sin_angle, cos_angle), (sin_azimuth, cos_azimuth)) = (angle.sin_cos(), azimuth.sin_cos());
    [sin_angle * cos_azimuth, sin_angle * sin_azimuth, cos_angle]
}

/// The circle of all points at an angle from the pole, closed.
pub fn parallel(angle: f64) -> impl Iterator<Item = Point> {
    (0..=120).map(move |i| on_ball(angle, TAU * f64::from(i) / 120.0))
}

/// The point nearest to a place on the screen, at most `reach` pixels away. What lies before the centre goes first.
pub fn hit(seen: impl IntoIterator<Item = Seen>, (x, y): (f64, f64), reach: f64) -> Option<usize> {
    let distance = |s: &Seen| (s.x - x).hypot(s.y - y) + if s.depth < 0.0 { reach } else { 0.0 };
    seen.into_iter()
        .enumerate()
        .filter(|(_, s)| (s.x - x).hypot(s.y - y) <= reach)
        .min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)))
        .map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn close(seen: Seen, x: f64, y: f64, depth: f64) {
        assert!(
            (seen.x - x).abs() < 1e-9 && (seen.y - y).abs() < 1e-9 && (seen.depth - depth).abs() < 1e-9,
            "{seen:?}"
        );
    }

    #[test]
    fn the_pole_is_up_and_the_viewer_may_look_down_on_it() {
        let level = Viewpoint { yaw: 1.0, pitch: 0.0, zoom: 1.0 }.lens(200.0, 100.0);
        close(level.see([0.0, 0.0, 1.0]), 100.0, 50.0 - 42.0, 0.0);
        let above = Viewpoint { yaw: 1.0, pitch: FRAC_PI_2, zoom: 1.0 }.lens(200.0, 100.0);
        close(above.see([0.0, 0.0, 1.0]), 100.0, 50.0, 1.0);
    }

    #[test]
    fn seeing_keeps_lengths() {
        let lens = Viewpoint { yaw: 2.1, pitch: -0.7, zoom: 1.5 }.lens(300.0, 400.0);
        for point in [on_ball(0.3, 1.0), on_ball(2.0, -2.0), on_ball(PI, 0.0)] {
            let s = lens.see(point);
            let length = ((s.x - 150.0) / lens.radius).hypot((s.y - 200.0) / lens.radius).hypot(s.depth);
            assert!((length - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_drag_to_the_right_moves_the_front_to_the_right() {
        let mut viewpoint = Viewpoint { yaw: 0.0, pitch: 0.0, zoom: 1.0 };
        let front = [0.0, -1.0, 0.0];
        close(viewpoint.lens(100.0, 100.0).see(front), 50.0, 50.0, 1.0);
        viewpoint.drag((10.0, 0.0), 42.0);
        let moved = viewpoint.lens(100.0, 100.0).see(front);
        assert!(moved.x > 55.0 && moved.depth > 0.9, "{moved:?}");
        viewpoint.drag((0.0, 1e9), 42.0);
        assert_eq!(viewpoint.pitch, FRAC_PI_2);
        viewpoint.turn(-40.0, 0.0);
        assert!((0.0..TAU).contains(&viewpoint.yaw));
    }

    #[test]
    fn zoom_stays_within_bounds() {
        let mut viewpoint = Viewpoint::default();
        viewpoint.magnify(1e9);
        assert_eq!(viewpoint.zoom, *ZOOM.end());
        viewpoint.magnify(0.0);
        viewpoint.magnify(f64::NAN);
        assert_eq!(viewpoint.zoom, *ZOOM.end());
        viewpoint.magnify(1e-9);
        assert_eq!(viewpoint.zoom, *ZOOM.start());
    }

    #[test]
    fn angles_from_the_pole_are_true() {
        for angle in [0.0, 0.4, FRAC_PI_2, 3.0] {
            for point in parallel(angle) {
                assert!((point[2].acos() - angle).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn the_nearest_point_before_the_centre_is_hit() {
        let seen = |x, y, depth| Seen { x, y, depth };
        let all = [seen(10.0, 10.0, -0.5), seen(13.0, 10.0, 0.5), seen(50.0, 50.0, 0.1)];
        assert_eq!(hit(all, (10.0, 10.0), 8.0), Some(1), "the nearer one lies behind");
        assert_eq!(hit(all, (5.0, 10.0), 6.0), Some(0));
        assert_eq!(hit(all, (30.0, 30.0), 8.0), None);
    }
}

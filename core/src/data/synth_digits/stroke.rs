//! From outlines to pixels: bends a glyph as one hand would, and measures how far each pixel is from its strokes.

use super::glyphs::{Pen, variants};
use crate::data::SIZE;
use crate::rng::Rng;

/// Straight pieces a Bezier curve is cut into.
const PIECES: usize = 7;
/// Distances beyond this many pixels are not told apart.
pub(super) const FAR: f32 = 3.0;

/// Signed distance in pixels to the edge of the nearest stroke: negative inside, at most [`FAR`].
pub(super) type Distances = [f32; SIZE * SIZE];

/// How one number plate is lettered: the digit and its neighbours share it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hand {
    /// Height of a digit in pixels.
    height: f32,
    /// Width of a digit in pixels.
    pub(super) width: f32,
    /// Half the width of a stroke in pixels.
    pub(super) radius: f32,
    /// How much thinner horizontal strokes are than vertical ones, 0..1.
    contrast: f32,
    /// Sideways shift a pixel of height.
    slant: f32,
    /// Sine and cosine of the rotation.
    turn: (f32, f32),
    /// Whether straight strokes end in corners instead of half circles.
    square: bool,
}

impl Hand {
    /// Draws a style. Sizes are chosen so that the digit nearly fills the picture, as a crop of it would.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let height = rng.range(15.0, 26.0);
        let width = height * rng.range(0.42, 0.74);
        // Thick strokes would close the bowls of narrow digits.
        let radius = (height * rng.range(0.048, 0.105)).min(width * 0.17);
        let contrast = if rng.chance(0.35) { rng.range(0.2, 0.6) } else { 0.0 };
        let slant = if rng.chance(0.4) { rng.range(-0.14, 0.36) } else { rng.range(-0.06, 0.06) };
        let angle = rng.range(-0.2, 0.2);
        let turn = (libm::sinf(angle), libm::cosf(angle));
        Self { height, width, radius, contrast, slant, turn, square: rng.chance(0.5) }
    }

    /// The unit vector along which the digits of this plate are set.
    pub(super) fn baseline(&self) -> (f32, f32) {
        (self.turn.1, self.turn.0)
    }

    /// Draws `digit` with its middle at `centre` (x, y in pixels), in a variant and with bends of its own.
    pub(super) fn write(&self, digit: u8, centre: (f32, f32), distances: &mut Distances, rng: &mut Rng) {
        let shapes = variants(digit);
        let Some(shape) = shapes.get(rng.below(shapes.len())) else { return };
        let bend = [0.0; 6].map(|_: f32| rng.range(-0.11, 0.11));
        let place = |x: f32, y: f32| self.place((x, y), bend, centre);
        let mut at = (0.0, 0.0);
        for &step in *shape {
            match step {
                Pen::Move(x, y) => at = (x, y),
                Pen::Line(x, y) => {
                    // Cut, too, so that bends show.
                    for i in 0..3 {
                        let (s, t) = (i as f32 / 3.0, (i + 1) as f32 / 3.0);
                        let a = place(at.0 + (x - at.0) * s, at.1 + (y - at.1) * s);
                        let b = place(at.0 + (x - at.0) * t, at.1 + (y - at.1) * t);
                        self.segment(a, b, self.square, distances);
                    }
                    at = (x, y);
                }
                Pen::Curve(x1, y1, x2, y2, x, y) => {
                    let mut a = place(at.0, at.1);
                    for i in 1..=PIECES {
                        let t = i as f32 / PIECES as f32;
                        let b = place(bezier(at.0, x1, x2, x, t), bezier(at.1, y1, y2, y, t));
                        self.segment(a, b, false, distances);
                        a = b;
                    }
                    at = (x, y);
                }
            }
        }
    }

    /// From the glyph's box to pixels: bend (second-order, so that closed curves stay closed), scale, slant, turn.
    fn place(&self, (x, y): (f32, f32), bend: [f32; 6], centre: (f32, f32)) -> (f32, f32) {
        let (u, v) = (2.0 * x - 1.0, 2.0 * y - 1.0);
        let x = u * (1.0 + bend[0] * v) + bend[1] * (1.0 - v * v) + bend[2] * u * u * 0.5;
        let y = v * (1.0 + bend[3] * u) + bend[4] * (1.0 - u * u) + bend[5] * u * 0.5;
        let (x, y) = (x * 0.5 * self.width, y * 0.5 * self.height);
        let x = x - self.slant * y;
        let (sin, cos) = self.turn;
        (centre.0 + x * cos - y * sin, centre.1 + x * sin + y * cos)
    }

    /// Lowers the distances around the stroke from `a` to `b`.
    fn segment(&self, a: (f32, f32), b: (f32, f32), square: bool, distances: &mut Distances) {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = (dx * dx + dy * dy).sqrt().max(1e-3);
        let (ex, ey) = (dx / length, dy / length);
        let radius = self.radius * (1.0 - self.contrast * ex * ex);
        let reach = self.radius * 1.5 + FAR;
        let (x0, x1) = (first(a.0.min(b.0) - reach), last(a.0.max(b.0) + reach));
        let (y0, y1) = (first(a.1.min(b.1) - reach), last(a.1.max(b.1) + reach));
        for y in y0..y1 {
            for x in x0..x1 {
                let (px, py) = (x as f32 + 0.5 - a.0, y as f32 + 0.5 - a.1);
                let along = px * ex + py * ey;
                let across = (px * ey - py * ex).abs();
                let beyond = (-along).max(along - length).max(0.0);
                let d = if square { across.max(beyond) } else { (across * across + beyond * beyond).sqrt() };
                let slot = &mut distances[y * SIZE + x];
                *slot = slot.min(d - radius);
            }
        }
    }
}

/// A coordinate of a cubic Bezier curve at `t`.
fn bezier(p0: f32, p1: f32, p2: f32, p3: f32, t: f32) -> f32 {
    let s = 1.0 - t;
    s * s * s * p0 + 3.0 * s * s * t * p1 + 3.0 * s * t * t * p2 + t * t * t * p3
}

/// The first pixel at or after `x` that is in the picture.
fn first(x: f32) -> usize {
    // A cast of a negative number gives 0.
    (x as usize).min(SIZE)
}

/// One past the last pixel at or before `x` that is in the picture.
fn last(x: f32) -> usize {
    if x < 0.0 { 0 } else { (x as usize + 1).min(SIZE) }
}

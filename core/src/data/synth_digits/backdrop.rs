//! Walls, doors and plates to put a number on.

use crate::data::SIZE;
use crate::rng::Rng;

/// A colour: red, green, blue in 0..1.
pub(super) type Colour = [f32; 3];

/// A picture of colours, row by row.
pub(super) type Canvas = [Colour; SIZE * SIZE];

/// A colour of the given lightness. `tint` (0..1) says how strongly it leans to the hue (0..1 around the circle).
pub(super) fn colour(light: f32, hue: f32, tint: f32) -> Colour {
    let lean = |shift: f32| libm::cosf((hue + shift) * std::f32::consts::TAU) * tint * 0.5;
    let rgb = [lean(0.0), lean(-1.0 / 3.0), lean(1.0 / 3.0)];
    // The eye sees green as lighter than blue: keep the lightness that was asked for.
    let bias = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2];
    rgb.map(|c| (light + c - bias).clamp(0.02, 0.98))
}

/// `a` where `t` is 0, `b` where it is 1.
pub(super) fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Fills the canvas around `base`; `depth` is how far (in lightness) the texture strays from it.
pub(super) fn paint(canvas: &mut Canvas, base: Colour, depth: f32, rng: &mut Rng) {
    let other = {
        let light = if rng.chance(0.5) { depth } else { -depth };
        let tint = colour(0.0, rng.unit(), 0.16);
        [0, 1, 2].map(|c| (base[c] + light + tint[c]).clamp(0.0, 1.0))
    };
    let angle = rng.range(0.0, std::f32::consts::TAU);
    let along = (libm::cosf(angle), libm::sinf(angle));
    match rng.below(7) {
        // Plaster: light falls from one side.
        0 | 1 => fill(canvas, |x, y| mix(base, other, 0.5 + (x * along.0 + y * along.1) * 0.03)),
        // Boards or shutters, level or upright, each with a shadowed edge.
        2 => {
            let period = rng.range(5.0, 13.0);
            let tilt = rng.range(-0.12, 0.12);
            let upright = rng.chance(0.4);
            let start = rng.range(0.0, period);
            let edge = rng.range(0.1, 0.3);
            fill(canvas, |x, y| {
                let at = if upright { x + tilt * y } else { y + tilt * x };
                let phase = (at + start + 64.0 * period) / period;
                let phase = phase - phase.floor();
                mix(base, other, smooth(1.0 - edge, 1.0, phase) + 0.35 * phase)
            });
        }
        // Bricks.
        3 => {
            let (height, width) = (rng.range(5.0, 9.0), rng.range(10.0, 18.0));
            let (x0, y0) = (rng.range(0.0, width), rng.range(0.0, height));
            let tone: [f32; 16] = [0.0; 16].map(|_| rng.range(-0.4, 0.4));
            fill(canvas, |x, y| {
                let row = (y + y0 + 64.0) / height;
                let shift = if (row as usize).is_multiple_of(2) { 0.0 } else { 0.5 };
                let column = (x + x0 + 64.0) / width + shift;
                let (fy, fx) = ((row - row.floor()) * height, (column - column.floor()) * width);
                let mortar = 1.0 - smooth(0.6, 1.5, fy.min(fx));
                let brick = tone[(row as usize * 5 + column as usize * 3) % 16];
                mix(base, other, mortar.max(0.5 * brick.max(0.0)) - 0.5 * (-brick).max(0.0))
            });
        }
        // A plate with a rim, on a wall of the other colour.
        4 => {
            let (cx, cy) = (rng.range(-3.0, 3.0), rng.range(-2.0, 2.0));
            let (w, h) = (rng.range(11.0, 22.0), rng.range(11.5, 15.0));
            let round = rng.chance(0.3);
            let rim = rng.range(-0.6, 0.9);
            fill(canvas, |x, y| {
                let (dx, dy) = ((x - cx).abs(), (y - cy).abs());
                let d = if round {
                    let (u, v) = (dx / (w + 2.0), dy / (h + 2.0));
                    ((u * u + v * v).sqrt() - 1.0) * h
                } else {
                    (dx - w).max(dy - h)
                };
                let line = 1.0 - smooth(0.4, 1.1, (d + 1.0).abs());
                mix(base, other, smooth(-0.5, 0.5, d) + rim * line)
            });
        }
        // Slanting bars of shade.
        5 => {
            let pitch = rng.range(0.35, 0.9);
            let start = rng.range(0.0, 6.0);
            fill(canvas, |x, y| mix(base, other, 0.5 + 0.5 * libm::cosf((x * along.0 + y * along.1) * pitch + start)));
        }
        // Stone or leaves: patches of two tones.
        _ => {
            let patches = Noise::draw(rng, 5.0);
            fill(canvas, |x, y| mix(base, other, smooth(0.25, 0.75, patches.at(x, y))));
        }
    }
    let grain = Noise::draw(rng, 3.0);
    let blotches = Noise::draw(rng, 9.0);
    let rough = depth * rng.range(0.1, 0.7);
    for (i, pixel) in canvas.iter_mut().enumerate() {
        let (x, y) = from_centre(i);
        let shade = (0.4 * grain.at(x, y) + 0.6 * blotches.at(x, y) - 0.5) * 2.0 * rough;
        *pixel = pixel.map(|c| (c + shade).clamp(0.0, 1.0));
    }
}

/// Pixel `i`'s place: x and y in pixels from the middle.
pub(super) fn from_centre(i: usize) -> (f32, f32) {
    let half = SIZE as f32 / 2.0;
    ((i % SIZE) as f32 + 0.5 - half, (i / SIZE) as f32 + 0.5 - half)
}

fn fill(canvas: &mut Canvas, paint: impl Fn(f32, f32) -> Colour) {
    for (i, pixel) in canvas.iter_mut().enumerate() {
        let (x, y) = from_centre(i);
        *pixel = paint(x, y);
    }
}

/// Smooth random values in 0..1 (value noise on a lattice).
struct Noise {
    lattice: [f32; Noise::SIDE * Noise::SIDE],
    per_pixel: f32,
}

impl Noise {
    const SIDE: usize = 16;

    /// `cell`: pixels from one lattice point to the next, at least 2.5 so that the lattice covers the picture.
    fn draw(rng: &mut Rng, cell: f32) -> Self {
        let lattice = [0.0; Self::SIDE * Self::SIDE].map(|_: f32| rng.unit());
        Self { lattice, per_pixel: 1.0 / (cell * rng.range(0.85, 1.3)) }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let half = SIZE as f32 / 2.0;
        let (x, y) = ((x + half) * self.per_pixel, (y + half) * self.per_pixel);
        let (i, j) = ((x as usize).min(Self::SIDE - 2), (y as usize).min(Self::SIDE - 2));
        let (u, v) = (smooth(0.0, 1.0, x - i as f32), smooth(0.0, 1.0, y - j as f32));
        let value = |i: usize, j: usize| self.lattice[j * Self::SIDE + i];
        let top = value(i, j) + (value(i + 1, j) - value(i, j)) * u;
        let bottom = value(i, j + 1) + (value(i + 1, j + 1) - value(i, j + 1)) * u;
        top + (bottom - top) * v
    }
}

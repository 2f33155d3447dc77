//! A drawing of 32 x 32 pixels: what the brush does, free of the page.

use nsa_core::data::{IMAGE_BYTES, SIZE};

/// A colour, red, green, blue.
pub type Colour = [u8; 3];

/// The colour of an empty pad.
pub const PAPER: Colour = [255; 3];

/// The pixels of a drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    planes: Vec<u8>,
}

impl Default for Drawing {
    fn default() -> Self {
        let mut drawing = Self { planes: vec![0; IMAGE_BYTES] };
        drawing.fill(PAPER);
        drawing
    }
}

impl Drawing {
    /// Planes of red, green and blue, 32 x 32 each.
    pub fn planes(&self) -> &[u8] {
        &self.planes
    }

    /// Covers all with one colour.
    pub fn fill(&mut self, colour: Colour) {
        for (plane, value) in self.planes.chunks_exact_mut(SIZE * SIZE).zip(colour) {
            plane.fill(value);
        }
    }

    /// A round dab of `width` pixels around a point, clipped at the edges.
    pub fn dab(&mut self, (x, y): (f64, f64), width: f64, colour: Colour) {
        let radius = width / 2.0;
        for row in 0..SIZE {
            for column in 0..SIZE {
                let (dx, dy) = (column as f64 + 0.5 - x, row as f64 + 0.5 - y);
                if dx * dx + dy * dy <= radius * radius {
                    self.set(column, row, colour);
                }
            }
        }
        // However thin the brush, the pixel under it takes the colour.
        if x >= 0.0 && y >= 0.0 && x < SIZE as f64 && y < SIZE as f64 {
            self.set(x as usize, y as usize, colour);
        }
    }

    /// Dabs close enough to each other to make a line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), width: f64, colour: Colour) {
        let steps = (2.0 * (to.0 - from.0).hypot(to.1 - from.1)).ceil().clamp(1.0, 4.0 * SIZE as f64);
        for i in 0..=steps as usize {
            let along = i as f64 / steps;
            self.dab((from.0 + along * (to.0 - from.0), from.1 + along * (to.1 - from.1)), width, colour);
        }
    }

    fn set(&mut self, column: usize, row: usize, colour: Colour) {
        for (channel, value) in colour.into_iter().enumerate() {
            self.planes[(channel * SIZE + row) * SIZE + column] = value;
        }
    }
}

/// The colour of `#rrggbb`, as a colour field gives it.
pub fn colour(text: &str) -> Option<Colour> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii())?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(drawing: &Drawing) -> usize {
        drawing.planes()[..SIZE * SIZE].iter().filter(|&&v| v != 255).count()
    }

    #[test]
    fn a_line_has_no_holes_and_stays_on_the_pad() {
        let mut drawing = Drawing::default();
        drawing.line((-5.0, 16.0), (40.0, 16.0), 1.0, [0, 1, 2]);
        let row = |y: usize| (0..SIZE).all(|x| drawing.planes()[y * SIZE + x] == 0);
        assert!(row(16) || row(15), "a line from edge to edge");
        assert!(painted(&drawing) <= 2 * SIZE);
        drawing.dab((1e9, f64::NAN), 3.0, [0; 3]);
        drawing.line((0.0, 0.0), (1e12, 1e12), 2.0, [9; 3]);
    }

    #[test]
    fn width_erasing_and_filling_do_what_they_say() {
        let mut drawing = Drawing::default();
        drawing.dab((16.0, 16.0), 4.0, [10, 20, 30]);
        let wide = painted(&drawing);
        assert!((9..=16).contains(&wide), "{wide}");
        drawing.dab((16.0, 16.0), 6.0, PAPER);
        assert_eq!(drawing, Drawing::default());
        drawing.fill([1, 2, 3]);
        assert_eq!((drawing.planes()[5], drawing.planes()[1029], drawing.planes()[2053]), (1, 2, 3));
    }

    #[test]
    fn colours_are_read_and_nonsense_is_not() {
        assert_eq!(colour("#0a10ff"), Some([10, 16, 255]));
        for bad in ["", "#fff", "0a10ff", "#gg0000", "#\u{e9}\u{e9}\u{e9}"] {
            assert_eq!(colour(bad), None, "{bad}");
        }
    }
}

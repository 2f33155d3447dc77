//! How many images to score at once.

/// Milliseconds that a batch should take: messages get through ten times a second, the page's charts grow at that
/// pace, and a graphics processor is free for the page's own frames in between.
const TARGET: f64 = 100.0;
/// Fewest and most images of a batch.
const LIMITS: (usize, usize) = (4, 64);

/// The size of the next batch, found by how long the last ones took. It begins with the fewest, for somebody waits for a first
/// score, and a program that has just started is slow. It changes by halves and doubles only, so that a device that prepares a
/// program for each size prepares few.
#[derive(Debug)]
pub(crate) struct BatchSize(usize);

impl Default for BatchSize {
    fn default() -> Self {
        Self(LIMITS.0)
    }
}

impl BatchSize {
    /// Images of the next batch.
    pub fn images(&self) -> usize {
        self.0
    }

    /// Takes in that `n` images took `millis`.
    pub fn note(&mut self, n: usize, millis: f64) {
        // A last batch that is not full says little.
        if n < self.0 {
            return;
        }
        if millis > 1.6 * TARGET {
            self.0 = (self.0 / 2).max(LIMITS.0);
        } else if millis < 0.5 * TARGET {
            self.0 = (self.0 * 2).min(LIMITS.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_settles_where_a_batch_takes_the_time_it_should() {
        for (each, batch) in [(100.0, 4), (25.0, 4), (6.0, 16), (3.0, 32), (0.1, 64)] {
            let mut size = BatchSize::default();
            for _ in 0..20 {
                size.note(size.images(), each * size.images() as f64);
            }
            assert_eq!(size.images(), batch, "{each} ms an image");
        }
    }

    #[test]
    fn a_small_rest_changes_nothing() {
        let mut size = BatchSize::default();
        size.note(1, 0.1);
        assert_eq!(size.images(), LIMITS.0);
    }
}

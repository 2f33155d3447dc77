//! Random numbers that are the same on every machine, native or wasm, now and after any upgrade.
//!
//! ChaCha8's stream is specified bit for bit; what is drawn from it is defined here in integer and IEEE
//! arithmetic only, because the distributions of general libraries may change between versions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// A random stream, named by a seed and what it is for.
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of `seed` for one purpose, for example `("augment", &[epoch, batch])`. Streams of different
    /// purposes are independent, so drawing more in one place changes nothing in another.
    pub fn new(seed: u64, purpose: &str, numbers: &[u64]) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update((purpose.len() as u64).to_le_bytes());
        hash.update(purpose.as_bytes());
        for number in numbers {
            hash.update(number.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// Uniform in [0, 1), with 24 random bits: exact in f32.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Uniform in 0..n, without bias. `n` must not be 0; 0 is returned if it is.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        let n = n as u64;
        // Values past the last whole multiple of n would favour small results: draw again.
        let limit = u64::MAX - u64::MAX % n;
        loop {
            let x = self.0.next_u64();
            if x < limit {
                return (x % n) as usize;
            }
        }
    }

    /// A standard normal value (Box and Muller, by `libm`, whose results do not depend on the platform).
    pub fn normal(&mut self) -> f64 {
        let u = 1.0 - f64::from(self.unit());
        let v = f64::from(self.unit());
        libm::sqrt(-2.0 * libm::log(u)) * libm::cos(2.0 * std::f64::consts::PI * v)
    }

    /// A random order of 0..n (Fisher and Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_repeatable_and_independent() {
        let draw = |seed, purpose: &str, n: &[u64]| {
            let mut rng = Rng::new(seed, purpose, n);
            (0..8).map(|_| rng.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, "a", &[1]), draw(7, "a", &[1]));
        assert_ne!(draw(7, "a", &[1]), draw(7, "a", &[2]));
        assert_ne!(draw(7, "a", &[1]), draw(7, "b", &[1]));
        assert_ne!(draw(7, "a", &[1]), draw(8, "a", &[1]));
    }

    #[test]
    fn draws_have_the_right_moments() {
        let mut rng = Rng::new(0, "moments", &[]);
        let n = 20_000;
        let normals: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let mean = normals.iter().sum::<f64>() / n as f64;
        let var = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.05, "mean {mean}, variance {var}");
        let uniform = (0..n).map(|_| f64::from(rng.unit())).sum::<f64>() / n as f64;
        assert!((uniform - 0.5).abs() < 0.01);
        let mut order = rng.permutation(100);
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}

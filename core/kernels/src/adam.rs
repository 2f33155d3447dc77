//! Adam (Kingma & Ba 2015) in one pass over memory.

use crate::threads::{each_of, widely};

/// Values that one thread updates at a time.
const PIECE: usize = 1 << 14;

/// How moments decay, and what keeps a division finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Decay of the first moment, and of the second.
    pub betas: [f32; 2],
    /// Added to the root of the second moment.
    pub epsilon: f32,
}

impl Adam {
    /// Moves `values` against their gradient, in the `time`-th step (from 1 on) at the learning rate `rate`.
    pub fn step(&self, time: usize, rate: f32, gradient: &[f32], values: &mut [f32], moments: [&mut [f32]; 2]) {
        let ([beta_1, beta_2], time) = (self.betas, time as i32);
        // Moments begin at zero; so much they are too small.
        let of_second = (1.0 - beta_2.powi(time)).sqrt();
        let (correction, epsilon) = (of_second / (1.0 - beta_1.powi(time)), self.epsilon * of_second);
        let [first, second] = moments;
        each_of([values, first, second], PIECE, |i, [values, first, second]| {
            let own = values.iter_mut().zip(first).zip(second).zip(&gradient[i * PIECE..]);
            widely(|| {
                own.for_each(|(((value, first), second), &gradient)| {
                    *first = *first * beta_1 + gradient * (1.0 - beta_1);
                    *second = *second * beta_2 + gradient * gradient * (1.0 - beta_2);
                    *value -= *first * correction / (second.sqrt() + epsilon) * rate;
                });
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_the_paper() {
        let adam = Adam { betas: [0.9, 0.999], epsilon: 1e-8 };
        let n = PIECE + 3;
        let (mut values, mut moments) = (vec![1.0_f32; n], [vec![0.0; n], vec![0.0; n]]);
        let (mut expected, mut first, mut second) = (1.0_f64, 0.0_f64, 0.0_f64);
        for time in 1..=3 {
            let gradient = 0.3 / time as f32;
            let [m, v] = &mut moments;
            adam.step(time, 0.01, &vec![gradient; n], &mut values, [m, v]);
            let g = f64::from(gradient);
            (first, second) = (0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g);
            let corrected = [first / (1.0 - 0.9_f64.powi(time as i32)), second / (1.0 - 0.999_f64.powi(time as i32))];
            expected -= 0.01 * corrected[0] / (corrected[1].sqrt() + 1e-8);
        }
        assert!(values.iter().all(|value| (f64::from(*value) - expected).abs() < 1e-6), "{} {expected}", values[0]);
    }
}

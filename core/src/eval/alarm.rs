//! A threshold that keeps false alarms rare, from scores of normal images alone, and how sure that is with so few.

use super::EvalError;

/// Scores from [`Alarm::threshold`] on raise an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alarm {
    /// The smallest score that raises one.
    pub threshold: f32,
    /// Share of normal images (0..1) that raise one, expected over all draws of the normal scores.
    pub expected: f64,
    /// In nine of ten draws the share lies between these.
    pub range: [f64; 2],
}

/// The lowest threshold at which at most the share `rate` (above 0, below 1) of normal images is expected to raise an
/// alarm, from the `scores` of normal images that no bank was fitted on; if so few scores cannot promise that much, the
/// largest score, and what it promises.
///
/// Of n normal scores in order, the next normal one is above the m-th with probability (n + 1 - m) / (n + 1), whatever
/// their distribution (split conformal prediction: Vovk, Gammerman and Shafer 2005, section 4.2); for the scores at
/// hand the share follows a beta distribution of n + 1 - m and m (the same authors' "training-conditional" validity).
///
/// # Errors
/// No scores, one that is not finite, a rate out of range.
pub fn alarm(scores: &[f32], rate: f64) -> Result<Alarm, EvalError> {
    if !(rate > 0.0 && rate < 1.0) {
        return Err(EvalError::Rate { found: rate });
    }
    if let Some(index) = scores.iter().position(|s| !s.is_finite()) {
        return Err(EvalError::NotFinite { what: "normal", index, value: scores[index].into() });
    }
    let n = scores.len();
    if n == 0 {
        return Err(EvalError::Empty { what: "normal score" });
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(f32::total_cmp);
    // At least one score may be below: a threshold above them all is the most that can be had.
    let above = ((rate * (n + 1) as f64 + 1e-9).floor() as usize).clamp(1, n);
    let kept = n + 1 - above;
    Ok(Alarm {
        threshold: sorted[kept - 1].next_up(),
        expected: above as f64 / (n + 1) as f64,
        range: [0.05, 0.95].map(|p| beta_quantile(p, above, kept)),
    })
}

/// The `p` quantile of the beta distribution with whole parameters: its distribution function at x is the chance of `a`
/// or more successes in a + b - 1 trials of probability x.
fn beta_quantile(p: f64, a: usize, b: usize) -> f64 {
    let n = a + b - 1;
    let mut log_factorial = vec![0.0; n + 1];
    for i in 1..=n {
        log_factorial[i] = log_factorial[i - 1] + (i as f64).ln();
    }
    let reached = |x: f64| -> f64 {
        let term = |i: usize| {
            let ways = log_factorial[n] - log_factorial[i] - log_factorial[n - i];
            (ways + i as f64 * x.ln() + (n - i) as f64 * (1.0 - x).ln()).exp()
        };
        (a..=n).map(term).sum()
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if reached(middle) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn quantiles_are_those_of_scipy() {
        // scipy.stats.beta.ppf(p, a, b)
        for (p, a, b, expected) in [
            (0.05, 1, 8, 0.006_391_150_954_544_988),
            (0.95, 1, 8, 0.312_343_978_066_367_8),
            (0.05, 2, 39, 0.008_956_945_592_975_591),
            (0.95, 5, 96, 0.089_196_250_158_879_77),
            (0.5, 50, 951, 0.049_650_502_558_521_98),
        ] {
            let found = beta_quantile(p, a, b);
            assert!((found - expected).abs() < 1e-9, "beta({p}; {a}, {b}): {found} and not {expected}");
        }
    }

    #[test]
    fn as_many_normal_images_raise_an_alarm_as_it_says() {
        for (n, rate) in [(40, 0.05), (100, 0.05), (19, 0.1)] {
            let mut rng = Rng::new(9, "alarm", &[n as u64]);
            let (mut sum, mut inside) = (0.0, 0);
            for _ in 0..2000 {
                let scores: Vec<f32> = (0..n).map(|_| rng.unit()).collect();
                let found = alarm(&scores, rate).unwrap();
                // Of uniform scores, the share above a threshold is what is left of 1.
                let share = 1.0 - f64::from(found.threshold);
                sum += share / 2000.0;
                inside += usize::from((found.range[0]..=found.range[1]).contains(&share));
                assert!(found.expected <= rate);
            }
            let expected = alarm(&vec![0.0; n], rate).unwrap().expected;
            assert!((sum - expected).abs() < 0.003, "{n}: {sum} and not {expected}");
            assert!((1740..=1860).contains(&inside), "{n}: {inside} of 2000");
        }
    }

    #[test]
    fn eight_images_promise_one_false_alarm_in_nine() {
        let found = alarm(&[0.3, 0.1, 0.8, 0.2, 0.5, 0.4, 0.7, 0.6], 0.05).unwrap();
        assert_eq!(found.expected, 1.0 / 9.0);
        assert!(found.threshold > 0.8 && found.threshold < 0.800_001);
        // Twenty are enough for one in twenty: the largest of 19 scores.
        assert_eq!(alarm(&[0.5; 19], 0.05).unwrap().expected, 0.05);
    }

    #[test]
    fn what_is_no_rate_or_no_score_is_refused() {
        assert!(alarm(&[], 0.05).unwrap_err().to_string().contains("normal score"));
        assert!(alarm(&[0.1, f32::NAN], 0.05).is_err());
        for rate in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(alarm(&[0.1], rate).unwrap_err().to_string().contains("above 0 and below 1"), "{rate}");
        }
    }
}

//! The statistics of every comparison: Student's t, Holm's correction, Spearman's rank correlation.
//!
//! A comparison is a list of differences, one a pair of runs of the same class, seed and settings. Seeds of one class say
//! nothing about other classes. So the units of a test are class means where there are at least [`CLASSES`] classes. With
//! fewer the units are the pairs, and the report says so.

use serde::Serialize;
use std::collections::BTreeMap;
use std::f64::consts::FRAC_2_PI;

/// Classes from which a test is over class means.
pub const CLASSES: usize = 3;
/// Significance level of every test; intervals cover `1 - ALPHA`.
pub const ALPHA: f64 = 0.05;

/// Mean and sample standard deviation (0 of one value).
pub fn mean_and_spread(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    [mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 }]
}

/// A mean, and a t-test of whether it is zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// The mean of the units.
    pub mean: f64,
    /// How many units there are.
    pub units: usize,
    /// What is only known of at least two units.
    #[serde(flatten)]
    pub test: Option<Test>,
}

/// The uncertainty of a mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Test {
    /// Standard error of the mean.
    pub standard_error: f64,
    /// 95 % interval by t.
    pub interval: [f64; 2],
    /// Two-sided p of a mean of zero.
    pub p: f64,
}

impl Estimate {
    /// Of units that are independent of each other; none of none.
    pub fn of(units: &[f64]) -> Option<Self> {
        let (n, [mean, spread]) = (units.len(), mean_and_spread(units));
        let test = || {
            let (error, df) = (spread / (n as f64).sqrt(), n - 1);
            let half = t_quantile(1.0 - ALPHA / 2.0, df) * error;
            let p = if error > 0.0 { t_two_sided(mean / error, df) } else { f64::from(mean == 0.0) };
            Test { standard_error: error, interval: [mean - half, mean + half], p }
        };
        (n > 0).then(|| Self { mean, units: n, test: (n > 1).then(test) })
    }

    /// p, if there is one.
    pub fn p(&self) -> Option<f64> {
        self.test.map(|test| test.p)
    }
}

/// A class: a data set and a label.
pub type Class = (String, usize);

/// Differences of pairs of runs, pooled.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// Over class means, or over pairs where there are fewer than [`CLASSES`] classes.
    pub estimate: Estimate,
    /// Pairs.
    pub pairs: usize,
    /// Pairs whose difference is above zero.
    pub above: usize,
    /// Classes.
    pub classes: usize,
}

impl Pooled {
    /// Of the difference of each pair, with its class; none of none.
    pub fn of(values: &[(Class, f64)]) -> Option<Self> {
        let mut classes: BTreeMap<&Class, Vec<f64>> = BTreeMap::new();
        values.iter().for_each(|(class, value)| classes.entry(class).or_default().push(*value));
        let units: Vec<f64> = if classes.len() >= CLASSES {
            classes.values().map(|seeds| mean_and_spread(seeds)[0]).collect()
        } else {
            values.iter().map(|(_, value)| *value).collect()
        };
        let above = values.iter().filter(|(_, value)| *value > 0.0).count();
        Some(Self { estimate: Estimate::of(&units)?, pairs: values.len(), above, classes: classes.len() })
    }

    /// What the test rests on, by the noun of one value: `4 classes (24 pairs)`, `28 pairs (2 classes)`.
    pub fn n(&self, noun: &str) -> String {
        let classes = format!("{} {}", self.classes, if self.classes == 1 { "class" } else { "classes" });
        let values = format!("{} {noun}{}", self.pairs, if self.pairs == 1 { "" } else { "s" });
        if self.classes >= CLASSES { format!("{classes} ({values})") } else { format!("{values} ({classes})") }
    }
}

/// Share of Student's t with `df` degrees of freedom that lies within -t and t (Abramowitz & Stegun 26.7.3 and 26.7.4).
fn t_within(t: f64, df: usize) -> f64 {
    let angle = (t.abs() / (df as f64).sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    let series = |first: f64, start: usize| {
        let mut sum = 0.0;
        let mut term = first;
        for k in (start..df).step_by(2) {
            sum += term;
            term *= cos * cos * k as f64 / (k + 1) as f64;
        }
        sum
    };
    if df % 2 == 1 { FRAC_2_PI * (angle + sin * series(cos, 2)) } else { sin * series(1.0, 1) }
}

/// Two-sided p of a t statistic.
pub fn t_two_sided(t: f64, df: usize) -> f64 {
    (1.0 - t_within(t, df)).clamp(0.0, 1.0)
}

/// The t below which a share (over a half) of the distribution lies.
pub fn t_quantile(share: f64, df: usize) -> f64 {
    let within = 2.0 * share - 1.0;
    let mut high = 1.0;
    while t_within(high, df) < within {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if t_within(middle, df) < within { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Holm's p of each test of a family, in the family's order.
pub fn holm(family: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..family.len()).collect();
    order.sort_by(|&a, &b| family[a].total_cmp(&family[b]));
    let mut adjusted = vec![0.0; family.len()];
    let mut highest = 0.0_f64;
    for (rank, &at) in order.iter().enumerate() {
        highest = highest.max((family[at] * (family.len() - rank) as f64).min(1.0));
        adjusted[at] = highest;
    }
    adjusted
}

/// Spearman's rank correlation; none of fewer than three points, or where one side is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let ([mean_a, spread_a], [mean_b, spread_b]) = (mean_and_spread(&a), mean_and_spread(&b));
    let shared: f64 = a.iter().zip(&b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    let whole = spread_a * spread_b * (a.len() as f64 - 1.0);
    (a.len() > 2 && whole > 0.0).then(|| shared / whole)
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| *other == value).count() as f64;
        below + (equal + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{found} is not {expected}");
    }

    /// `tests/golden/make_statistics.py` wrote them with SciPy.
    fn golden() -> Value {
        serde_json::from_str(include_str!("../../../tests/golden/statistics.json")).unwrap()
    }

    #[test]
    fn student_s_t_is_scipy_s() {
        for row in golden()["t"].as_array().unwrap() {
            let [df, t, p, share, quantile] = numbers(row).try_into().unwrap();
            close(t_two_sided(t, df as usize), p);
            close(t_quantile(share, df as usize), quantile);
        }
    }

    #[test]
    fn a_test_of_a_mean_is_scipy_s() {
        for row in golden()["mean"].as_array().unwrap() {
            let test = Estimate::of(&numbers(&row["values"])).unwrap();
            let [mean, error, low, high, p] = numbers(&row["expected"]).try_into().unwrap();
            close(test.mean, mean);
            let test = test.test.unwrap();
            close(test.standard_error, error);
            close(test.interval[0], low);
            close(test.interval[1], high);
            close(test.p, p);
        }
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[2.0]), Some(Estimate { mean: 2.0, units: 1, test: None }));
        // Equal units leave nothing to chance, unless they are all zero.
        assert_eq!(Estimate::of(&[2.0, 2.0]).unwrap().p(), Some(0.0));
        assert_eq!(Estimate::of(&[0.0, 0.0]).unwrap().p(), Some(1.0));
    }

    #[test]
    fn rank_correlation_is_scipy_s() {
        for row in golden()["spearman"].as_array().unwrap() {
            close(spearman(&numbers(&row["a"]), &numbers(&row["b"])).unwrap(), row["expected"].as_f64().unwrap());
        }
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[4.0, 4.0, 4.0]), None);
    }

    #[test]
    fn holm_multiplies_by_the_tests_that_are_left() {
        assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
        assert_eq!(holm(&[0.5, 0.9]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn classes_are_the_units_from_three_on() {
        let of = |values: &[(usize, f64)]| {
            let values: Vec<(Class, f64)> = values.iter().map(|(c, v)| (("a".into(), *c), *v)).collect();
            Pooled::of(&values).unwrap()
        };
        // Class 0 has three seeds and counts once.
        let pooled = of(&[(0, 1.0), (0, 2.0), (0, 3.0), (1, 4.0), (2, -3.0)]);
        assert_eq!((pooled.estimate.mean, pooled.estimate.units, pooled.above), (1.0, 3, 4));
        assert_eq!(pooled.n("pair"), "3 classes (5 pairs)");
        let pooled = of(&[(0, 1.0), (0, 2.0), (1, 6.0)]);
        assert_eq!((pooled.estimate.mean, pooled.estimate.units), (3.0, 3));
        assert_eq!(pooled.n("case"), "3 cases (2 classes)");
        assert_eq!(Pooled::of(&[]), None);
    }

    #[test]
    fn the_spread_is_of_a_sample() {
        assert_eq!(mean_and_spread(&[1.0, 3.0]), [2.0, 2.0_f64.sqrt()]);
        assert_eq!(mean_and_spread(&[5.0]), [5.0, 0.0]);
    }
}

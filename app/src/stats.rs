//! Numbers that the page tells about scores: where a threshold stands, where an image stands.

use std::ops::Range;

/// The share of normal images that the threshold lets pass unless a person moves it.
pub const ACCEPTED: f64 = 0.95;

/// What a threshold does to the images shown. A score at or above it calls an image anomalous.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Readout {
    /// Anomalies called anomalous.
    pub caught: usize,
    /// All anomalies.
    pub ood: usize,
    /// Normal images called anomalous.
    pub flagged: usize,
    /// All normal images.
    pub id: usize,
}

impl Readout {
    /// Counts at `threshold`.
    pub fn new(id: &[f32], ood: &[f32], threshold: f64) -> Self {
        let above = |scores: &[f32]| scores.iter().filter(|&&s| is_anomalous(s, threshold)).count();
        Self { caught: above(ood), ood: ood.len(), flagged: above(id), id: id.len() }
    }

    /// Share of anomalies caught, 0..1.
    pub fn tpr(&self) -> f64 {
        share(self.caught, self.ood)
    }

    /// Share of normal images flagged, 0..1.
    pub fn fpr(&self) -> f64 {
        share(self.flagged, self.id)
    }
}

/// Whether a threshold calls an image of this score anomalous.
pub fn is_anomalous(score: f32, threshold: f64) -> bool {
    f64::from(score) >= threshold
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The lowest threshold that lets [`ACCEPTED`] of the ID scores pass, half-way to the next score; none without
/// scores.
pub fn default_threshold(id: &[f32]) -> Option<f64> {
    let mut sorted = id.to_vec();
    sorted.sort_by(f32::total_cmp);
    let accepted = (sorted.len() as f64 * ACCEPTED).ceil() as usize;
    let last = *sorted.get(accepted.checked_sub(1)?)?;
    let next = sorted.get(accepted).copied().unwrap_or(last.next_up());
    Some(f64::midpoint(last.into(), next.into()))
}

/// The share of `scores` below `score`, 0..1.
pub fn share_below(scores: &[f32], score: f32) -> f64 {
    share(scores.iter().filter(|&&s| s < score).count(), scores.len())
}

/// A threshold as it is written in the URL and moved by the slider: whole steps of the range it moves in.
pub fn step_of(range: &Range<f64>) -> f64 {
    let rough = (range.end - range.start).abs() / 400.0;
    if rough.is_finite() && rough > 0.0 { 10f64.powf(rough.log10().floor()) } else { 1e-3 }
}

/// A threshold rounded to the steps of its range: the address stays short, and the slider and the line agree.
pub fn rounded(value: f64, range: &Range<f64>) -> f64 {
    let step = step_of(range);
    format!("{:.9}", (value / step).round() * step).parse().unwrap_or(value)
}

/// Half-up to one decimal, as the paper's tables do: `0.9876` becomes `98.8`.
pub fn percent(share: f64) -> String {
    format!("{:.1}", (share * 1000.0).round() / 10.0)
}

/// Bytes for people.
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..=99_999 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_counts_both_sides() {
        let readout = Readout::new(&[0.1, 0.2, 0.3, 0.4], &[0.3, 0.5], f64::from(0.3f32));
        assert_eq!((readout.flagged, readout.caught), (2, 2));
        assert_eq!((readout.fpr(), readout.tpr()), (0.5, 1.0));
        assert_eq!(Readout::new(&[], &[], 0.0).tpr(), 0.0);
    }

    #[test]
    fn the_default_threshold_lets_19_of_20_pass() {
        let id: Vec<f32> = (0..20u8).rev().map(f32::from).collect();
        let threshold = default_threshold(&id).unwrap();
        assert_eq!(threshold, 18.5);
        assert_eq!(Readout::new(&id, &[], threshold).flagged, 1);
        assert_eq!(default_threshold(&[]), None);
        let alone = default_threshold(&[3.0]).unwrap();
        assert!(!is_anomalous(3.0, alone) && is_anomalous(3.001, alone));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!([0.98765, 1.0, 0.0].map(percent), ["98.8", "100.0", "0.0"]);
        assert_eq!([512, 99_999, 2_345_678].map(megabytes), ["1 kB", "100 kB", "2.3 MB"]);
        assert_eq!(share_below(&[1.0, 2.0, 3.0, 4.0], 3.0), 0.5);
        assert!((step_of(&(0.0..1.0)) - 1e-3).abs() < 1e-12);
        assert_eq!(rounded(0.123_456, &(0.0..1.0)), 0.123);
    }
}

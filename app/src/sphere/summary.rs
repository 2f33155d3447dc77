//! The picture in words and numbers.

use super::dots::{Dot, Kind};
use crate::text;

/// How far from the ID mean the points of one kind lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// How many there are.
    pub n: usize,
    /// Their median angle, degrees.
    pub middle: f64,
    /// The angle within which 95 % of them lie, degrees.
    pub most: f64,
}

impl Spread {
    /// The spread of the points of a kind; none if there are none.
    pub fn of(dots: &[Dot], kind: Kind) -> Option<Self> {
        let mut angles: Vec<f32> = dots.iter().filter(|d| d.kind == kind).map(|d| d.angle).collect();
        angles.sort_by(f32::total_cmp);
        let degrees = |share: f64| {
            let at = (angles.len() as f64 * share).ceil() as usize;
            angles.get(at.saturating_sub(1)).map(|&angle| f64::from(angle).to_degrees())
        };
        Some(Self { n: angles.len(), middle: degrees(0.5)?, most: degrees(0.95)? })
    }
}

/// The picture in two sentences, for those who cannot see it.
pub fn summary(dots: &[Dot]) -> String {
    let side = |kind| Spread::of(dots, kind);
    text::sphere::summary(side(Kind::Id), side(Kind::Ood), side(Kind::Own).map_or(0, |own| own.n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::tests::replay;
    use crate::sphere::sample_dots;

    #[test]
    fn the_summary_tells_both_sides() {
        let dots = sample_dots(&replay(), 2);
        let id = Spread::of(&dots, Kind::Id).unwrap();
        assert_eq!(id.n, 2);
        assert!((id.middle - 0.2_f64.to_degrees()).abs() < 1e-4 && (id.most - 0.3_f64.to_degrees()).abs() < 1e-4);
        let told = summary(&dots);
        assert!(told.contains("2 normal images") && told.contains("11.5°") && told.contains("80.2°"), "{told}");
        assert_eq!(summary(&[]), text::sphere::EMPTY);
    }
}

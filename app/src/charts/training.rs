//! What was measured during training, against epochs: how compact the features are (section 2.2), what the scores
//! reach, and how good the features are.

use super::svg::Ink;
use super::{Axes, Plot, Table, range_of, short};
use crate::state::scorer_word;
use crate::stats::percent;
use crate::text;
use nsa_core::measure::{Compactness, History, HistoryEntry, Quality};
use nsa_core::score::Scorer;
use plotters::prelude::*;
use std::ops::Range;

/// A kind of curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Concentration κ of ID and OOD features.
    Kappa,
    Auroc,
    /// Squared MMD to uniform samples of the sphere, of ID and OOD features.
    Mmd,
    /// Effective rank of ID and OOD features.
    Rank,
    /// Accuracy of a linear classifier and of nearest neighbours.
    Quality,
}

/// Where curves lie: the same for two models that are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    pub x: Range<f64>,
    /// Values as they are drawn: κ by its decimal logarithm.
    pub y: Range<f64>,
}

/// One curve.
struct Line {
    name: String,
    ink: Ink,
    /// Epoch and value, as it is told.
    points: Vec<(f64, f64)>,
}

impl Measure {
    /// Every measure, in the order of the page.
    pub const ALL: [Self; 5] = [Self::Kappa, Self::Auroc, Self::Mmd, Self::Rank, Self::Quality];

    /// Whether any of the histories holds it.
    pub fn is_in(self, histories: &[&History]) -> bool {
        histories.iter().any(|history| !self.lines(history, None).is_empty())
    }

    fn axis(self) -> &'static str {
        match self {
            Self::Kappa => text::compact::KAPPA_AXIS,
            Self::Auroc => text::compact::AUROC_AXIS,
            Self::Mmd => text::compact::MMD_AXIS,
            Self::Rank => text::compact::RANK_AXIS,
            Self::Quality => text::compact::QUALITY_AXIS,
        }
    }

    /// The curves: for AUROC the chosen scorer's first.
    fn lines(self, history: &History, scorer: Option<Scorer>) -> Vec<Line> {
        let sides = |of: fn(&Compactness) -> f64| {
            let line = |name: &str, ink, side: fn(&HistoryEntry) -> &Compactness| {
                Line::new(name, ink, history, |e| Some(of(side(e))))
            };
            vec![line(text::compact::ID_LINE, Ink::Id, |e| &e.id), line(text::compact::OOD_LINE, Ink::Ood, |e| &e.ood)]
        };
        let lines = match self {
            Self::Kappa => sides(|c| c.kappa),
            Self::Mmd => sides(|c| c.mmd2),
            Self::Rank => sides(|c| c.effective_rank),
            Self::Auroc => {
                let chosen = scorer_shown(history, scorer);
                let mut all = scorers(history);
                all.sort_by_key(|s| Some(*s) != chosen);
                let line = |s: Scorer| {
                    let at = move |e: &HistoryEntry| Some(e.rate(s)? * 100.0);
                    let ink = if Some(s) == chosen { Ink::Both } else { Ink::Faint };
                    Line::new(text::scorer(&scorer_word(s)), ink, history, at)
                };
                all.into_iter().map(line).collect()
            }
            Self::Quality => {
                let line = |name: &str, ink, of: fn(&Quality) -> f64| {
                    Line::new(name, ink, history, |e| Some(of(e.quality.as_ref()?) * 100.0))
                };
                vec![
                    line(text::compact::PROBE_LINE, Ink::Both, |q| q.linear_probe),
                    line(text::compact::KNN_LINE, Ink::Faint, |q| q.knn_20),
                ]
            }
        };
        lines.into_iter().filter(|line| !line.points.is_empty()).collect()
    }

    /// A value as it is drawn.
    fn drawn(self, value: f64) -> f64 {
        // κ falls by powers of ten: on a linear axis the first epoch would flatten all others.
        if self == Self::Kappa { value.log10() } else { value }
    }

    fn label(self) -> fn(&f64) -> String {
        match self {
            Self::Kappa => |log| short(&10f64.powf(*log).round()),
            _ => short,
        }
    }

    /// The bounds that hold the curves of all histories.
    pub fn bounds(self, histories: &[&History], scorer: Option<Scorer>) -> Bounds {
        let last = histories.iter().filter_map(|h| h.epochs.last()).map(|e| e.epoch).max().unwrap_or(1).max(1);
        let values = || {
            let points = histories.iter().flat_map(|h| self.lines(h, scorer)).flat_map(|line| line.points);
            points.map(|(_, value)| self.drawn(value)).collect::<Vec<_>>()
        };
        let y = match self {
            Self::Kappa => range_of(values(), 0.08),
            Self::Auroc | Self::Quality => range_of(values(), 0.05).start.clamp(0.0, 50.0)..100.0,
            Self::Mmd | Self::Rank => {
                let Range { start, end } = range_of(values(), 0.06);
                start.min(0.0)..end
            }
        };
        Bounds { x: 0.0..last as f64, y }
    }

    /// Draws the curves of one history.
    pub fn plot(self, size: (f64, f64), history: &History, scorer: Option<Scorer>, bounds: &Bounds) -> Plot {
        let lines = self.lines(history, scorer);
        let axes = Axes {
            size,
            x: bounds.x.clone(),
            y: bounds.y.clone(),
            x_title: text::compact::EPOCHS_AXIS,
            y_title: self.axis(),
            x_label: short,
            y_label: self.label(),
            y_ticks: (self == Self::Kappa).then(|| decades(&bounds.y)),
        };
        let (svg, frame) = axes.draw(|chart| {
            // What stands out is drawn last.
            for line in lines.iter().rev() {
                let points = line.points.iter().map(|&(epoch, value)| (epoch, self.drawn(value)));
                chart.draw_series(LineSeries::new(points, line.ink))?;
            }
            Ok(())
        });
        let (width, height) = size;
        Plot { svg, width, height, frame, summary: self.summary(&lines), table: self.table(history, &lines) }
    }

    /// The value of the first curve at an epoch, as it is drawn.
    pub fn drawn_at(self, history: &History, scorer: Option<Scorer>, epoch: f64) -> Option<f64> {
        let lines = self.lines(history, scorer);
        let points = &lines.first()?.points;
        let nearest = points.iter().min_by(|a, b| (a.0 - epoch).abs().total_cmp(&(b.0 - epoch).abs()))?;
        Some(self.drawn(nearest.1))
    }

    fn told(self, value: f64) -> String {
        match self {
            Self::Auroc | Self::Quality => percent(value / 100.0),
            _ => short(&value),
        }
    }

    fn table(self, history: &History, lines: &[Line]) -> Table {
        let cell = |line: &Line, epoch: f64| {
            line.points.iter().find(|(at, _)| *at == epoch).map_or(String::new(), |(_, value)| self.told(*value))
        };
        let row = |e: &HistoryEntry| {
            let epoch = e.epoch as f64;
            std::iter::once(e.epoch.to_string()).chain(lines.iter().map(|line| cell(line, epoch))).collect()
        };
        let head = std::iter::once(text::compact::EPOCH.to_string()).chain(lines.iter().map(|line| line.name.clone()));
        Table { head: head.collect(), rows: history.epochs.iter().map(row).collect() }
    }

    fn summary(self, lines: &[Line]) -> String {
        let told: Vec<String> = lines
            .iter()
            .filter(|line| line.ink != Ink::Faint)
            .filter_map(|line| {
                let (first, last) = (line.points.first()?, line.points.last()?);
                Some(text::compact::went(&line.name, &self.told(first.1), &self.told(last.1)))
            })
            .collect();
        match lines.first().and_then(|line| line.points.last()) {
            Some((epoch, _)) => text::compact::summary(self.axis(), *epoch, &told),
            None => text::compact::EMPTY.into(),
        }
    }
}

impl Line {
    fn new(name: &str, ink: Ink, history: &History, of: impl Fn(&HistoryEntry) -> Option<f64>) -> Self {
        let points = history.epochs.iter().filter_map(|e| Some((e.epoch as f64, of(e)?)));
        Self { name: name.into(), ink, points: points.filter(|(_, value)| value.is_finite()).collect() }
    }
}

/// Logarithms of the round numbers in a range of logarithms: all of 1, 2, 5, 10, 20 ..., or powers of ten alone where
/// these are enough.
fn decades(range: &Range<f64>) -> Vec<f64> {
    let inside = |steps: &[f64]| -> Vec<f64> {
        let powers = range.start.floor() as i32..=range.end.ceil() as i32;
        let all = powers.flat_map(|power| steps.iter().map(move |step| step.log10() + f64::from(power)));
        all.filter(|value| range.contains(value)).collect()
    };
    let powers = inside(&[1.0]);
    if powers.len() >= 3 { powers } else { inside(&[1.0, 2.0, 5.0]) }
}

/// The scorer whose AUROC is drawn strongly: the one chosen if it was measured during training, else the first
/// that was.
pub fn scorer_shown(history: &History, scorer: Option<Scorer>) -> Option<Scorer> {
    let measured = scorers(history);
    scorer.filter(|s| measured.contains(s)).or(measured.first().copied())
}

fn scorers(history: &History) -> Vec<Scorer> {
    let mut all: Vec<Scorer> = history.epochs.iter().flat_map(|e| e.auroc.iter().map(|(s, _)| *s)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let compact = |kappa| Compactness { kappa, mmd2: 0.1, effective_rank: 9.0, ..Compactness::default() };
        let entry = |epoch, id, ood, auroc| HistoryEntry {
            epoch,
            id: compact(id),
            ood: compact(ood),
            auroc: vec![(Scorer::KCosMah, auroc), (Scorer::CCos, auroc - 0.1)],
            ..HistoryEntry::default()
        };
        History { epochs: vec![entry(0, 10.0, 11.0, 0.6), entry(5, f64::NAN, 20.0, 0.8), entry(10, 80.0, 20.0, 0.9)] }
    }

    fn plot(measure: Measure, history: &History, scorer: Option<Scorer>) -> Plot {
        measure.plot((400.0, 300.0), history, scorer, &measure.bounds(&[history], scorer))
    }

    #[test]
    fn both_curves_are_drawn_and_told() {
        let plot = plot(Measure::Kappa, &history(), None);
        assert!(plot.svg.contains("line id") && plot.svg.contains("line ood") && !plot.svg.contains("NaN"));
        assert_eq!(plot.summary, "Concentration κ over 10 epochs: ID goes from 10 to 80, OOD goes from 11 to 20.");
        assert_eq!(plot.table.head, ["Epoch", "ID", "OOD"]);
        assert_eq!(plot.table.rows[1], ["5", "", "20"], "what is not finite is not told");
        assert_eq!(plot.table.rows[2], ["10", "80", "20"]);
    }

    #[test]
    fn kappa_is_drawn_by_its_logarithm() {
        let bounds = Measure::Kappa.bounds(&[&history()], None);
        assert!(bounds.y.start < 1.0 && bounds.y.start > 0.9 && bounds.y.end > 80f64.log10());
        assert!((Measure::Kappa.drawn_at(&history(), None, 9.0).unwrap() - 80f64.log10()).abs() < 1e-12);
        assert_eq!(Measure::Kappa.label()(&2.0), "100");
        let labels = |range: Range<f64>| decades(&range).iter().map(Measure::Kappa.label()).collect::<Vec<_>>();
        assert_eq!(labels(1.9..3.1), ["100", "200", "500", "1000"]);
        assert_eq!(labels(0.9..3.1), ["10", "100", "1000"]);
    }

    #[test]
    fn the_chosen_scorer_stands_out() {
        let chosen = plot(Measure::Auroc, &history(), Some(Scorer::CCos));
        assert_eq!(chosen.table.head, ["Epoch", "c-Cos", "k-Cos (Mah)"]);
        assert_eq!(chosen.table.rows.last().unwrap(), &["10", "80.0", "90.0"]);
        assert_eq!((chosen.svg.matches("line both").count(), chosen.svg.matches("line faint").count()), (1, 1));
        let unmeasured = plot(Measure::Auroc, &history(), Some(Scorer::KCos));
        assert_eq!(unmeasured.summary, "AUROC, % over 10 epochs: k-Cos (Mah) goes from 60.0 to 90.0.");
    }

    #[test]
    fn two_models_share_their_axes() {
        let (short, mut long) = (history(), history());
        long.epochs.push(HistoryEntry { epoch: 40, ..long.epochs[2].clone() });
        long.epochs[0].id.kappa = 5000.0;
        let bounds = Measure::Kappa.bounds(&[&short, &long], None);
        assert_eq!(bounds.x, 0.0..40.0);
        assert!(bounds.y.end > 5000f64.log10());
        assert_eq!(Measure::Kappa.plot((400.0, 300.0), &short, None, &bounds).frame.x, 0.0..40.0);
    }

    #[test]
    fn what_was_not_measured_is_not_there() {
        assert!(!Measure::Quality.is_in(&[&history()]));
        let mut measured = history();
        measured.epochs[2].quality = Some(Quality { linear_probe: 0.75, knn_1: 0.5, knn_20: 0.625 });
        assert!(Measure::Quality.is_in(&[&history(), &measured]));
        let plot = plot(Measure::Quality, &measured, None);
        assert_eq!(plot.table.rows, [vec!["0", "", ""], vec!["5", "", ""], vec!["10", "75.0", "62.5"]]);
    }

    #[test]
    fn no_history_is_said() {
        for measure in Measure::ALL {
            assert_eq!(plot(measure, &History::default(), None).summary, text::compact::EMPTY);
            assert!(!measure.is_in(&[&History::default()]));
        }
    }
}

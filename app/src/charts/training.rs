//! What was measured during training: concentration κ of ID and OOD features (section 2.2), and AUROC.

use super::svg::Ink;
use super::{Axes, Plot, Table, range_of, short};
use crate::stats::percent;
use crate::text;
use nsa_core::bundle::{History, HistoryEntry};
use nsa_core::score::Scorer;
use plotters::prelude::*;
use std::ops::Range;

/// κ of ID and OOD features against epochs.
pub fn kappa(size: (f64, f64), history: &History) -> Plot {
    let line = |of: fn(&HistoryEntry) -> f64| history.epochs.iter().map(move |e| (e.epoch as f64, of(e)));
    let (id, ood) = (line(|e| e.id.kappa), line(|e| e.ood.kappa));
    let highest = range_of(id.clone().chain(ood.clone()).map(|(_, kappa)| kappa), 0.06).end;
    let axes = Axes {
        size,
        x: epochs(history),
        y: 0.0..highest,
        x_title: text::compact::EPOCHS_AXIS,
        y_title: text::compact::KAPPA_AXIS,
        x_label: short,
        y_label: short,
    };
    let (svg, frame) = axes.draw(|chart| {
        chart.draw_series(LineSeries::new(ood.clone().filter(finite), Ink::Ood))?;
        chart.draw_series(LineSeries::new(id.clone().filter(finite), Ink::Id))?;
        Ok(())
    });
    let rows = history.epochs.iter().map(|e| vec![e.epoch.to_string(), short(&e.id.kappa), short(&e.ood.kappa)]);
    let table = Table { head: text::compact::KAPPA_HEAD.to_vec(), rows: rows.collect() };
    let (width, height) = size;
    Plot { svg, width, height, frame, summary: kappa_summary(history), table }
}

/// AUROC in percent of one scorer against epochs, the others faint behind it.
pub fn auroc(size: (f64, f64), history: &History, scorer: Option<Scorer>) -> Plot {
    let chosen = scorer_shown(history, scorer);
    let line = |scorer: Scorer| {
        let at = move |e: &HistoryEntry| e.auroc.iter().find(|(s, _)| *s == scorer).map(|(_, a)| *a);
        history.epochs.iter().filter_map(move |e| Some((e.epoch as f64, at(e)? * 100.0))).filter(finite)
    };
    let lowest = range_of(scorers(history).into_iter().flat_map(line).map(|(_, a)| a), 0.05).start;
    let axes = Axes {
        size,
        x: epochs(history),
        y: lowest.clamp(0.0, 50.0)..100.0,
        x_title: text::compact::EPOCHS_AXIS,
        y_title: text::compact::AUROC_AXIS,
        x_label: short,
        y_label: short,
    };
    let (svg, frame) = axes.draw(|chart| {
        for scorer in scorers(history).into_iter().filter(|s| Some(*s) != chosen) {
            chart.draw_series(LineSeries::new(line(scorer), Ink::Faint))?;
        }
        if let Some(scorer) = chosen {
            chart.draw_series(LineSeries::new(line(scorer), Ink::Both))?;
        }
        Ok(())
    });
    let rows: Vec<Vec<String>> =
        chosen.into_iter().flat_map(line).map(|(epoch, auroc)| vec![short(&epoch), percent(auroc / 100.0)]).collect();
    let (width, height) = size;
    let summary = auroc_summary(&rows);
    Plot { svg, width, height, frame, summary, table: Table { head: text::compact::AUROC_HEAD.to_vec(), rows } }
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

fn epochs(history: &History) -> Range<f64> {
    0.0..history.epochs.last().map_or(1.0, |e| e.epoch as f64).max(1.0)
}

fn finite(point: &(f64, f64)) -> bool {
    point.1.is_finite()
}

fn kappa_summary(history: &History) -> String {
    let (Some(first), Some(last)) = (history.epochs.first(), history.epochs.last()) else {
        return text::compact::EMPTY.into();
    };
    let change = |before: f64, after: f64| format!("from {} to {}", short(&before), short(&after));
    format!(
        "Concentration kappa over {} epochs: ID features go {}, OOD features {}.",
        last.epoch,
        change(first.id.kappa, last.id.kappa),
        change(first.ood.kappa, last.ood.kappa),
    )
}

fn auroc_summary(rows: &[Vec<String>]) -> String {
    match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => {
            format!("AUROC goes from {} to {} percent in {} epochs.", first[1], last[1], last[0])
        }
        _ => text::compact::EMPTY.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nsa_core::bundle::Compactness;

    fn history() -> History {
        let compact =
            |kappa| Compactness { kappa, mean_resultant_length: 0.5, mmd2: 0.1, effective_rank: 9.0, spread: None };
        let entry = |epoch, id, ood, auroc| HistoryEntry {
            epoch,
            loss: None,
            id: compact(id),
            ood: compact(ood),
            auroc: vec![(Scorer::KCosMah, auroc), (Scorer::CCos, auroc - 0.1)],
            quality: None,
        };
        History { epochs: vec![entry(0, 10.0, 11.0, 0.6), entry(5, f64::NAN, 20.0, 0.8), entry(10, 80.0, 20.0, 0.9)] }
    }

    #[test]
    fn both_curves_are_drawn_and_told() {
        let plot = kappa((400.0, 300.0), &history());
        assert!(plot.svg.contains("line id") && plot.svg.contains("line ood") && !plot.svg.contains("NaN"));
        assert_eq!(
            plot.summary,
            "Concentration kappa over 10 epochs: ID features go from 10 to 80, OOD features from 11 to 20."
        );
        assert_eq!(plot.table.rows[2], ["10", "80", "20"]);
    }

    #[test]
    fn the_chosen_scorer_stands_out() {
        let plot = auroc((400.0, 200.0), &history(), Some(Scorer::CCos));
        assert_eq!(plot.table.rows.last().unwrap(), &["10", "80.0"]);
        assert_eq!((plot.svg.matches("line both").count(), plot.svg.matches("line faint").count()), (1, 1));
        let unmeasured = auroc((400.0, 200.0), &history(), Some(Scorer::KCos));
        assert_eq!(unmeasured.summary, "AUROC goes from 60.0 to 90.0 percent in 10 epochs.");
    }

    #[test]
    fn no_history_is_said() {
        assert_eq!(kappa((400.0, 300.0), &History::default()).summary, text::compact::EMPTY);
        assert_eq!(auroc((400.0, 300.0), &History::default(), None).summary, text::compact::EMPTY);
    }
}

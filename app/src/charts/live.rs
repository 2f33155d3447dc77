//! Two runs while they train: κ of each, loss and AUROC of both.

use super::svg::Ink;
use super::training::{Bounds, Measure};
use super::{Axes, Plot, Table, range_of, short};
use crate::stats::percent;
use crate::text;
use nsa_core::measure::{History, HistoryEntry};
use nsa_core::score::Scorer;
use nsa_engine::train::protocol::Frame;
use plotters::prelude::*;

/// Points of a curve at most: more would not be seen.
const POINTS: usize = 240;
/// The ink of each run.
const INKS: [Ink; 2] = [Ink::Both, Ink::Second];

/// κ of the ID class and of the others against all epochs that there will be, as in the other views. Both runs lie on
/// one scale, or they could not be compared.
pub fn kappa(size: (f64, f64), runs: [&[HistoryEntry]; 2], index: usize, epochs: usize) -> Plot {
    let runs = runs.map(|run| History { epochs: run.to_vec() });
    let bounds = Bounds { x: 0.0..epochs as f64, ..Measure::Kappa.bounds(&runs.each_ref(), None) };
    Measure::Kappa.plot(size, &runs[index], None, &bounds)
}

/// The angle that all but one in fifty samples of every frame stay below, radians.
pub fn widest_angle(frames: &[Frame]) -> f64 {
    let wide = |frame: &Frame| {
        let mut sorted = frame.angle.clone();
        sorted.sort_by(f32::total_cmp);
        sorted.get(sorted.len() * 49 / 50).copied().map_or(0.0, f64::from)
    };
    frames.iter().map(wide).fold(0.0, f64::max)
}

/// The loss of every step of both runs; of many steps the mean of a few is a point. `steps` is an epoch's.
pub fn losses(size: (f64, f64), runs: [&[f32]; 2], steps: usize) -> Plot {
    let lines = runs.map(bundled);
    let longest = runs.iter().map(|losses| losses.len()).max().unwrap_or(0);
    let axes = Axes {
        size,
        x: 0.0..longest.max(steps) as f64,
        y: range_of(lines.iter().flatten().map(|(_, loss)| *loss), 0.06),
        x_title: text::train::STEPS_AXIS,
        y_title: text::train::LOSS_AXIS,
        x_label: short,
        y_label: short,
        y_ticks: None,
    };
    let (svg, frame) = axes.draw(|chart| {
        for (line, ink) in lines.iter().zip(INKS) {
            chart.draw_series(LineSeries::new(line.iter().copied(), ink))?;
        }
        Ok(())
    });
    let cell = |line: &[(f64, f64)], i: usize| line.get(i).map_or(String::new(), |(_, loss)| format!("{loss:.4}"));
    let longer = if lines[0].len() >= lines[1].len() { &lines[0] } else { &lines[1] };
    let row = |(i, (step, _)): (usize, &(f64, f64))| vec![short(step), cell(&lines[0], i), cell(&lines[1], i)];
    let rows = longer.iter().enumerate().map(row).collect();
    let (width, height) = size;
    let last = |line: &Vec<(f64, f64)>| line.last().map(|(_, loss)| *loss);
    let summary = text::train::loss_summary(longest, [last(&lines[0]), last(&lines[1])]);
    Plot { svg, width, height, frame, summary, table: Table::new(&text::train::LOSS_HEAD, rows) }
}

/// Means of so many neighbours that [`POINTS`] are left, each at the middle of its steps.
fn bundled(losses: &[f32]) -> Vec<(f64, f64)> {
    let size = losses.len().div_ceil(POINTS).max(1);
    let mean = |(i, few): (usize, &[f32])| {
        let mean = few.iter().map(|&l| f64::from(l)).sum::<f64>() / few.len() as f64;
        ((i * size) as f64 + (few.len() as f64 + 1.0) / 2.0, mean)
    };
    losses.chunks(size).enumerate().map(mean).collect()
}

/// AUROC in percent of one score of both runs, against all epochs that there will be; 50 is chance.
pub fn aurocs(size: (f64, f64), runs: [&[HistoryEntry]; 2], epochs: usize, scorer: Scorer) -> Plot {
    let lines = runs.map(|history| {
        history.iter().filter_map(|e| Some((e.epoch as f64, 100.0 * e.rate(scorer)?))).collect::<Vec<_>>()
    });
    let lowest = range_of(lines.iter().flatten().map(|(_, rate)| *rate), 0.05).start;
    let axes = Axes {
        size,
        x: 0.0..epochs as f64,
        y: lowest.clamp(0.0, 45.0)..100.0,
        x_title: text::compact::EPOCHS_AXIS,
        y_title: text::compact::AUROC_AXIS,
        x_label: short,
        y_label: short,
        y_ticks: None,
    };
    let (svg, frame) = axes.draw(|chart| {
        chart.draw_series(LineSeries::new([(0.0, 50.0), (epochs as f64, 50.0)], Ink::Faint))?;
        for (line, ink) in lines.iter().zip(INKS) {
            chart.draw_series(LineSeries::new(line.iter().copied(), ink))?;
        }
        Ok(())
    });
    let longer = if lines[0].len() >= lines[1].len() { &lines[0] } else { &lines[1] };
    let cell = |line: &[(f64, f64)], i: usize| line.get(i).map_or(String::new(), |(_, rate)| percent(rate / 100.0));
    let row = |(i, (epoch, _)): (usize, &(f64, f64))| vec![short(epoch), cell(&lines[0], i), cell(&lines[1], i)];
    let rows = longer.iter().enumerate().map(row).collect();
    let (width, height) = size;
    let last = |line: &Vec<(f64, f64)>| line.last().map(|(_, rate)| percent(rate / 100.0));
    let summary = text::train::auroc_summary([last(&lines[0]), last(&lines[1])]);
    Plot { svg, width, height, frame, summary, table: Table::new(&text::train::AUROC_HEAD, rows) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nsa_core::measure::Compactness;

    fn history(rates: &[f64]) -> Vec<HistoryEntry> {
        let compact = |kappa| Compactness { kappa, ..Compactness::default() };
        let entry = |(epoch, rate): (usize, &f64)| HistoryEntry {
            epoch,
            id: compact(1000.0 / (epoch as f64 + 1.0)),
            ood: compact(900.0),
            auroc: vec![(Scorer::KCos, *rate)],
            ..HistoryEntry::default()
        };
        rates.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn both_runs_are_drawn_and_told_apart() {
        let (a, b) = (history(&[0.5, 0.55]), history(&[0.5, 0.8]));
        let plot = aurocs((400.0, 200.0), [&a, &b], 10, Scorer::KCos);
        assert!(plot.svg.contains("line both") && plot.svg.contains("line second") && plot.svg.contains("line faint"));
        assert_eq!(plot.table.rows[1], ["1", "55.0", "80.0"]);
        assert!(plot.summary.contains("55.0") && plot.summary.contains("80.0"), "{}", plot.summary);
        let one = aurocs((400.0, 200.0), [&a, &[]], 10, Scorer::KCos);
        assert_eq!(one.table.rows[1], ["1", "55.0", ""]);
    }

    #[test]
    fn both_kappas_are_on_one_scale_up_to_the_last_epoch() {
        let (a, mut b) = (history(&[0.5, 0.6, 0.7]), history(&[0.5]));
        b[0].id.kappa = 1e5;
        let plot = kappa((400.0, 200.0), [&a, &b], 0, 20);
        assert_eq!(plot.frame.x, 0.0..20.0);
        assert!(plot.frame.y.end > 5.0, "decimal logarithms");
        assert_eq!(plot.table.rows.len(), 3);
        assert_eq!(kappa((400.0, 200.0), [&[], &[]], 1, 20).table.rows.len(), 0);
    }

    #[test]
    fn many_losses_become_few_points_with_their_mean() {
        let many: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        let points = bundled(&many);
        assert_eq!(points.len(), 200);
        assert_eq!(points[0], (3.0, 2.0));
        assert_eq!(bundled(&[1.5]), [(1.0, 1.5)]);
        let plot = losses((400.0, 200.0), [&many, &[]], 16);
        assert_eq!(plot.table.rows[0], ["3", "2.0000", ""]);
        assert_eq!(losses((400.0, 200.0), [&[], &[]], 16).summary, text::train::EMPTY);
    }

    #[test]
    fn single_outliers_do_not_widen_the_picture() {
        let mut angle = vec![0.1; 100];
        angle[7] = 3.0;
        let frame = Frame { angle, ..Frame::default() };
        assert!(widest_angle(&[frame]) < 0.2);
    }
}

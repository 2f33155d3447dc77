//! The ROC curve: what every threshold would catch, and what it would cost.

use super::svg::Ink;
use super::{Axes, Plot, Table};
use crate::stats::percent;
use crate::text;
use nsa_core::eval::{auroc, roc};
use plotters::prelude::*;

/// Draws the curve; a chart without ID or without OOD scores shows the chance line alone.
pub fn plot(size: (f64, f64), id: &[f32], ood: &[f32]) -> Plot {
    let curve: Vec<(f64, f64)> = roc(id, ood).map(|roc| roc.fpr.into_iter().zip(roc.tpr).collect()).unwrap_or_default();
    let axes = Axes {
        size,
        x: 0.0..1.0,
        y: 0.0..1.0,
        x_title: text::FPR_AXIS,
        y_title: text::TPR_AXIS,
        x_label: |share| format!("{:.0}", share * 100.0),
        y_label: |share| format!("{:.0}", share * 100.0),
        y_ticks: None,
    };
    let (svg, frame) = axes.draw(|chart| {
        chart.draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], Ink::Faint))?;
        if !curve.is_empty() {
            chart.draw_series(AreaSeries::new(curve.iter().copied(), 0.0, Ink::Both).border_style(Ink::Both))?;
        }
        Ok(())
    });
    let summary = auroc(id, ood)
        .map_or(text::ROC_EMPTY.into(), |a| format!("ROC curve with an AUROC of {} percent.", percent(a)));
    let rows = curve.iter().map(|&(fpr, tpr)| vec![percent(fpr), percent(tpr)]).collect();
    let (width, height) = size;
    Plot { svg, width, height, frame, summary, table: Table::new(&text::ROC_HEAD, rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_runs_from_corner_to_corner() {
        let plot = plot((300.0, 300.0), &[0.1, 0.2], &[0.8, 0.15]);
        let last = plot.table.rows.len() - 1;
        assert_eq!(
            (&plot.table.rows[0][..], &plot.table.rows[last][..]),
            (&["0.0", "0.0"].map(String::from)[..], &["100.0", "100.0"].map(String::from)[..])
        );
        assert_eq!(plot.summary, "ROC curve with an AUROC of 75.0 percent.");
    }

    #[test]
    fn a_chart_without_scores_says_so() {
        let empty = plot((300.0, 300.0), &[], &[1.0]);
        assert_eq!(empty.summary, text::ROC_EMPTY);
        assert!(!empty.svg.contains("both"));
        assert!(plot((300.0, 300.0), &[0.0], &[1.0]).svg.contains("line both"));
    }
}

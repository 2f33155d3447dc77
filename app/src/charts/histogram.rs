//! How the scores of ID and OOD images are spread, and how far apart.

use super::svg::Ink;
use super::{Axes, Plot, Table, range_of, short};
use crate::stats::percent;
use crate::text;
use plotters::prelude::*;
use std::ops::Range;

/// Bins of equal width, and how many ID and OOD images fall into each.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    /// From the left edge of the first bin to the right edge of the last.
    pub range: Range<f64>,
    /// Images a bin.
    pub id: Vec<usize>,
    /// Images a bin.
    pub ood: Vec<usize>,
}

impl Bins {
    /// Sorts scores into bins over `range`; scores outside it go to the outermost bins.
    pub fn new(id: &[f32], ood: &[f32], range: Range<f64>) -> Self {
        let count = bin_count(id.len() + ood.len());
        let fill = |scores: &[f32]| {
            let mut bins = vec![0; count];
            for score in scores.iter().filter(|s| s.is_finite()) {
                let at = (f64::from(*score) - range.start) / (range.end - range.start) * count as f64;
                bins[(at.max(0.0) as usize).min(count - 1)] += 1;
            }
            bins
        };
        Self { id: fill(id), ood: fill(ood), range }
    }

    fn edge(&self, bin: usize) -> f64 {
        self.range.start + (self.range.end - self.range.start) * bin as f64 / self.id.len() as f64
    }

    /// The outlines of one set's hills: each run of bins that hold images, from left to right.
    fn hills(&self, counts: &[usize]) -> Vec<Vec<(f64, f64)>> {
        let mut hills: Vec<Vec<(f64, f64)>> = Vec::new();
        for (bin, &n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let (left, right, top) = (self.edge(bin), self.edge(bin + 1), n as f64);
            match hills.last_mut().filter(|_| bin > 0 && counts[bin - 1] > 0) {
                Some(hill) => {
                    // Take back the last hill's way down, and climb on from there.
                    hill.pop();
                    hill.extend([(left, top), (right, top), (right, 0.0)]);
                }
                None => hills.push(vec![(left, 0.0), (left, top), (right, top), (right, 0.0)]),
            }
        }
        hills
    }

    fn table(&self) -> Table {
        let row = |bin: usize| {
            let edges = [self.edge(bin), self.edge(bin + 1)].map(|e| format!("{e:.4}"));
            edges.into_iter().chain([self.id[bin].to_string(), self.ood[bin].to_string()]).collect()
        };
        Table::new(&text::HISTOGRAM_HEAD, (0..self.id.len()).map(row).collect())
    }
}

fn bin_count(images: usize) -> usize {
    ((images as f64).sqrt() * 2.2).round().clamp(12.0, 40.0) as usize
}

/// The range that the histogram and the threshold's slider share: all scores shown, and those that the training
/// images had, so that the chart stands still while scores come in.
pub fn score_range(scores: impl Iterator<Item = f32>, training: [f32; 2]) -> Range<f64> {
    range_of(scores.chain(training).map(f64::from), 0.04)
}

/// Images in the fullest bin: how high the histogram is.
pub fn highest(id: &[f32], ood: &[f32], range: Range<f64>) -> usize {
    let bins = Bins::new(id, ood, range);
    bins.id.iter().chain(&bins.ood).copied().max().unwrap_or(0)
}

/// Draws the histogram. `auroc` is that of the images shown (0..1), where it can be computed.
pub fn plot(size: (f64, f64), id: &[f32], ood: &[f32], range: Range<f64>, auroc: Option<f64>) -> Plot {
    plot_below(size, id, ood, range, auroc, 0)
}

/// [`plot`] with room for a bin of `room` images, so that two histograms can share their axes.
pub fn plot_below(
    size: (f64, f64),
    id: &[f32],
    ood: &[f32],
    range: Range<f64>,
    auroc: Option<f64>,
    room: usize,
) -> Plot {
    let bins = Bins::new(id, ood, range.clone());
    let highest = bins.id.iter().chain(&bins.ood).copied().max().unwrap_or(0).max(4).max(room);
    let axes = Axes {
        size,
        x: range,
        y: 0.0..highest as f64 * 1.08,
        x_title: text::SCORE_AXIS,
        y_title: text::IMAGES_AXIS,
        x_label: short,
        y_label: |n| format!("{n:.0}"),
        y_ticks: None,
    };
    let (svg, frame) = axes.draw(|chart| {
        for (ink, counts) in [(Ink::Ood, &bins.ood), (Ink::Id, &bins.id)] {
            for hill in bins.hills(counts) {
                chart.draw_series(AreaSeries::new(hill, 0.0, ink).border_style(ink))?;
            }
        }
        Ok(())
    });
    let (width, height) = size;
    Plot { svg, width, height, frame, summary: summary(id, ood, auroc), table: bins.table() }
}

fn summary(id: &[f32], ood: &[f32], auroc: Option<f64>) -> String {
    if id.is_empty() && ood.is_empty() {
        return text::HISTOGRAM_EMPTY.into();
    }
    let spread = |name: &str, scores: &[f32]| match median(scores) {
        Some(middle) => format!("{} {name} images with a median score of {middle:.3}", scores.len()),
        None => format!("no {name} images"),
    };
    let both = format!("Histogram of scores: {}, {}.", spread("ID", id), spread("OOD", ood));
    auroc.map_or(both.clone(), |a| format!("{both} AUROC {} percent.", percent(a)))
}

fn median(scores: &[f32]) -> Option<f32> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_lands_in_one_bin() {
        let bins = Bins::new(&[0.0, 0.5, 1.0, -3.0, f32::NAN], &[9.0], 0.0..1.0);
        assert_eq!(bins.id.iter().sum::<usize>(), 4);
        assert_eq!((bins.id[0], *bins.id.last().unwrap(), *bins.ood.last().unwrap()), (2, 1, 1));
    }

    #[test]
    fn hills_are_drawn_where_images_are() {
        let bins = Bins { range: 0.0..4.0, id: vec![1, 2, 0, 3], ood: vec![0; 4] };
        let hills = bins.hills(&bins.id);
        assert_eq!(hills[0], [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 2.0), (2.0, 2.0), (2.0, 0.0)]);
        assert_eq!(hills[1], [(3.0, 0.0), (3.0, 3.0), (4.0, 3.0), (4.0, 0.0)]);
        assert!(bins.hills(&bins.ood).is_empty());
    }

    #[test]
    fn the_chart_draws_both_sets_and_says_so() {
        let plot = plot((600.0, 300.0), &[0.1, 0.2, 0.2], &[0.8, 0.9], 0.0..1.0, Some(1.0));
        assert!(plot.svg.contains(r#"class="fill id""#) && plot.svg.contains(r#"class="fill ood""#));
        assert!(!plot.svg.contains("style="), "inline styles would be blocked");
        assert_eq!(plot.summary.matches("AUROC 100.0 percent").count(), 1, "{}", plot.summary);
        assert_eq!(plot.table.rows.len(), bin_count(5));
        assert!(plot.frame.across.start > 40.0 && plot.frame.across.end < 600.0);
        assert!((plot.frame.x_pixel(0.5) - (plot.frame.across.start + plot.frame.across.end) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn an_empty_chart_has_axes_only() {
        let plot = plot((300.0, 200.0), &[], &[], 0.0..1.0, None);
        assert!(plot.svg.contains("<text") && !plot.svg.contains("fill id"));
        assert_eq!(plot.summary, text::HISTOGRAM_EMPTY);
    }

    #[test]
    fn no_room_is_no_panic() {
        let _ = plot((1.0, 1.0), &[0.1], &[0.2], 0.0..1.0, None);
    }
}

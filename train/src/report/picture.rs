//! The picture of the README: what long training does without and with norm, mean and spread over seeds.

use super::effect::{Effect, mean_and_spread};
use super::record::RunRecord;
use nsa_core::measure::HistoryEntry;
use nsa_core::score::Scorer;
use plotters::prelude::*;

/// Without norm, with norm. (Blue and orange are ID and OOD everywhere.)
const COLOURS: [RGBColor; 2] = [RGBColor(0x82, 0x82, 0x82), RGBColor(0x6a, 0x3d, 0x9a)];
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);

/// Pixels of a panel, and above the panels.
const PANEL: (u32, u32) = (270, 220);
const HEAD: u32 = 34;

type Of = fn(&HistoryEntry) -> Option<f64>;
type Drawn = Result<(), Box<dyn std::error::Error + Send + Sync>>;
/// A point of a curve: epoch, mean, standard deviation.
type Point = (f64, f64, f64);

const PANELS: [(&str, Of); 4] = [
    ("AUROC of c-Cos, percent", |e| auroc(e, Scorer::CCos)),
    ("AUROC of k-Cos, percent", |e| auroc(e, Scorer::KCos)),
    ("κ of the normal class", |e| Some(e.id.kappa)),
    ("linear probe, percent", |e| Some(100.0 * e.quality?.linear_probe)),
];

fn auroc(entry: &HistoryEntry, scorer: Scorer) -> Option<f64> {
    entry.auroc.iter().find(|(s, _)| *s == scorer).map(|(_, rate)| 100.0 * rate)
}

/// The runs that went furthest, of those with most seeds: what the picture shows.
pub fn shown<'a, 'r>(effects: &'a [Effect<'r>]) -> Option<&'a Effect<'r>> {
    effects
        .iter()
        .filter(|effect| effect.is_proposed() && effect.seeds() >= 3)
        .max_by_key(|effect| (effect.steps(), effect.seeds()))
}

/// The picture as SVG.
pub fn draw(effect: &Effect<'_>) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut svg = String::new();
    {
        let size = (PANELS.len() as u32 * PANEL.0, HEAD + PANEL.1);
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        let (head, body) = root.split_vertically(HEAD);
        let title = format!("{} ({}); bands are one standard deviation", effect.title(), effect.pairs());
        head.draw(&Text::new(title, (12, 12), ("sans-serif", 14).into_font().color(&INK)))?;
        for (i, (words, colour)) in ["without norm", "with norm"].into_iter().zip(COLOURS).enumerate() {
            let at = (size.0 as i32 - 220 + 110 * i as i32, 12);
            head.draw(&Text::new(words, at, ("sans-serif", 14).into_font().color(&colour)))?;
        }
        for (area, (title, of)) in body.split_evenly((1, PANELS.len())).iter().zip(PANELS) {
            let [without, with] = effect.sides();
            panel(area, title, [curve(&without, of), curve(&with, of)])?;
        }
        root.present()?;
    }
    svg.push('\n');
    Ok(svg)
}

/// Mean and spread over runs at every epoch that all of them measured, the untrained network aside.
fn curve(runs: &[&RunRecord], of: Of) -> Vec<Point> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let at = |run: &RunRecord, epoch| run.summary.history.epochs.iter().find(|e| e.epoch == epoch).and_then(of);
    let point = |entry: &HistoryEntry| {
        let values = std::iter::once(of(entry)).chain(others.iter().map(|run| at(run, entry.epoch)));
        let [mean, spread] = mean_and_spread(&values.collect::<Option<Vec<f64>>>()?);
        Some((entry.epoch as f64, mean, spread))
    };
    first.summary.history.epochs.iter().filter(|entry| entry.epoch > 0).filter_map(point).collect()
}

fn panel(area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, title: &str, curves: [Vec<Point>; 2]) -> Drawn {
    let all = || curves.iter().flatten();
    let low = all().map(|(_, mean, spread)| mean - spread).fold(f64::INFINITY, f64::min);
    let high = all().map(|(_, mean, spread)| mean + spread).fold(f64::NEG_INFINITY, f64::max);
    let last = all().map(|(epoch, ..)| *epoch).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(18)
        .x_label_area_size(34)
        .y_label_area_size(40)
        .caption(title, ("sans-serif", 13).into_font().color(&INK))
        .build_cartesian_2d((1.0..last).log_scale(), low..high)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .max_light_lines(0)
        .axis_style(INK)
        .label_style(("sans-serif", 11).into_font().color(&INK))
        .x_labels(4)
        .y_labels(5)
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .x_desc("epoch")
        .draw()?;
    for (points, colour) in curves.iter().zip(COLOURS) {
        let above = points.iter().map(|(epoch, mean, spread)| (*epoch, mean + spread));
        let below = points.iter().rev().map(|(epoch, mean, spread)| (*epoch, mean - spread));
        chart.draw_series(std::iter::once(Polygon::new(above.chain(below).collect::<Vec<_>>(), colour.mix(0.15))))?;
        chart.draw_series(LineSeries::new(points.iter().map(|p| (p.0, p.1)), colour.stroke_width(2)))?;
    }
    Ok(())
}

//! The curves of a group of runs as one SVG file: a column for each run, a row for each measure, the same axes along
//! a row so that columns can be compared.

use super::pages::file_name;
use super::record::RunRecord;
use super::settings::{self, Settings};
use crate::evaluation::Histogram;
use nsa_core::measure::HistoryEntry;
use nsa_core::score::Scorer;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::ops::Range;

/// A group of runs that one figure shows, and its file's name.
pub struct Figure<'a> {
    /// Without ending.
    pub file: String,
    /// The runs with the names of their columns.
    pub runs: Vec<(String, &'a RunRecord)>,
}

/// Runs of one data set, class, pollution and objective that differ in where they normalise; of seed 0, which stands for
/// the others.
pub fn figures<'a>(records: &'a [RunRecord], all: &'a [Settings]) -> Vec<Figure<'a>> {
    let mut figures: Vec<Figure<'a>> = Vec::new();
    let drawn = |r: &&RunRecord| r.config.epochs > 0 && r.config.seed == 0 && !r.summary.history.epochs.is_empty();
    for record in records.iter().filter(drawn) {
        let c = &record.config;
        let label = settings::of(all, c).map_or("", |settings| settings.label.as_str());
        let plain = file_name(&c.dataset);
        let file = format!("{plain}-{}-{}-p{}-s{}-{label}", c.id_class, c.objective, c.pollution, c.seed);
        let column = (c.objective.with_norm(c.norm), record);
        match figures.iter_mut().find(|figure| figure.file == file) {
            Some(figure) => figure.runs.push(column),
            None => figures.push(Figure { file, runs: vec![column] }),
        }
    }
    let order = ["none", "f", "g", "both"];
    for figure in &mut figures {
        figure.runs.sort_by_key(|(_, run)| order.iter().position(|norm| *norm == run.config.norm.to_string()));
    }
    figures.sort_by(|a, b| a.file.cmp(&b.file));
    figures
}

/// ID and OOD: two colours that are told apart by any eye (Okabe & Ito), as in the lab.
const ID: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const OOD: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
/// What concerns both.
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const FAINT: RGBColor = RGBColor(0xaa, 0xaa, 0xaa);
const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);

/// Pixels of a panel.
const PANEL: (u32, u32) = (330, 210);
/// Pixels above the panels, for names and the key.
const HEAD: u32 = 52;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A line of a panel.
struct Line {
    points: Vec<(f64, f64)>,
    color: RGBColor,
    width: u32,
    dashed: bool,
}

/// A row of panels.
struct Row {
    title: &'static str,
    lines: fn(&RunRecord) -> Vec<Line>,
    /// Values that the axis covers in any case.
    always: Range<f64>,
}

const ROWS: [Row; 3] = [
    Row { title: "kappa", lines: |run| both(run, |e| e.id.kappa, |e| e.ood.kappa), always: 0.0..0.0 },
    Row {
        title: "MMD² to the uniform sphere",
        lines: |run| both(run, |e| e.id.mmd2, |e| e.ood.mmd2),
        always: 0.0..0.0,
    },
    Row { title: "AUROC in percent", lines: aurocs, always: 50.0..100.0 },
];

/// All measures of `runs`; a name stands above each column.
///
/// # Errors
/// None in practice: everything is drawn into a string.
pub fn curves(runs: &[(String, &RunRecord)]) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut svg = String::new();
    {
        let columns = runs.len().max(1) as u32;
        let size = (columns * PANEL.0, HEAD + (ROWS.len() as u32 + 1) * PANEL.1);
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        let (head, body) = root.split_vertically(HEAD);
        key(&head)?;
        let panels = body.split_evenly((ROWS.len() + 1, runs.len().max(1)));
        for (column, (name, _)) in runs.iter().enumerate() {
            text(&head, name, (column as i32 * PANEL.0 as i32 + 58, 30), 15, &INK)?;
        }
        for (row, spec) in ROWS.iter().enumerate() {
            let lines: Vec<Vec<Line>> = runs.iter().map(|(_, run)| (spec.lines)(run)).collect();
            let values = lines.iter().flatten().flat_map(|line| line.points.iter().map(|p| p.1));
            let y = range(values.chain([spec.always.start, spec.always.end]));
            for (column, lines) in lines.iter().enumerate() {
                let epochs = runs[column].1.config.epochs.max(1) as f64;
                panel(&panels[row * runs.len() + column], spec.title, 0.0..epochs, y.clone(), lines)?;
            }
        }
        let histograms: Vec<Option<&Histogram>> =
            runs.iter().map(|(_, run)| run.result().and_then(|result| result.histogram.as_ref())).collect();
        for (column, histogram) in histograms.into_iter().enumerate() {
            bars(&panels[ROWS.len() * runs.len() + column], histogram)?;
        }
        root.present()?;
    }
    svg.push('\n');
    Ok(svg)
}

fn both(run: &RunRecord, id: fn(&HistoryEntry) -> f64, ood: fn(&HistoryEntry) -> f64) -> Vec<Line> {
    let line = |of: fn(&HistoryEntry) -> f64, color| {
        let points = run.summary.history.epochs.iter().map(|e| (e.epoch as f64, of(e)));
        Line { points: points.filter(|p| p.1.is_finite()).collect(), color, width: 2, dashed: false }
    };
    vec![line(ood, OOD), line(id, ID)]
}

fn aurocs(run: &RunRecord) -> Vec<Line> {
    let line = |scorer: Scorer, color, width, dashed| {
        let at =
            |e: &HistoryEntry| e.auroc.iter().find(|(s, _)| *s == scorer).map(|(_, a)| (e.epoch as f64, 100.0 * a));
        Line { points: run.summary.history.epochs.iter().filter_map(at).collect(), color, width, dashed }
    };
    vec![
        line(Scorer::CCosMah, FAINT, 1, true),
        line(Scorer::KCos, INK, 1, true),
        line(Scorer::CCos, FAINT, 2, false),
        line(Scorer::KCosMah, INK, 2, false),
    ]
}

/// The smallest range with all values and a little air; never empty.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) =
        values.filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let air = if high > low { 0.04 * (high - low) } else { 1.0 };
    low - if low == 0.0 { 0.0 } else { air }..high + if high == 100.0 { 0.0 } else { air }
}

fn text(area: &Area<'_>, words: &str, at: (i32, i32), size: i32, color: &RGBColor) -> Drawn {
    Ok(area.draw(&Text::new(words.to_string(), at, ("sans-serif", size).into_font().color(color)))?)
}

/// What colours and strokes mean.
fn key(head: &Area<'_>) -> Drawn {
    text(head, "ID", (58, 8), 13, &ID)?;
    text(head, "OOD", (82, 8), 13, &OOD)?;
    text(head, "AUROC: k-Cos (Mah)", (122, 8), 13, &INK)?;
    text(head, "- - k-Cos", (244, 8), 13, &INK)?;
    text(head, "c-Cos", (304, 8), 13, &FAINT)?;
    text(head, "- - c-Cos (Mah)", (344, 8), 13, &FAINT)
}

type Axes<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Two axes, a title above and a name below.
fn axes<'a>(
    area: &Area<'a>,
    title: &str,
    x: Range<f64>,
    y: Range<f64>,
    x_name: &str,
) -> Result<Axes<'a>, Box<dyn std::error::Error + Send + Sync>> {
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .x_label_area_size(34)
        .y_label_area_size(48)
        .caption(title, ("sans-serif", 13).into_font().color(&INK))
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .max_light_lines(0)
        .axis_style(INK)
        .label_style(("sans-serif", 11).into_font().color(&INK))
        .x_labels(6)
        .y_labels(5)
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .x_desc(x_name)
        .draw()?;
    Ok(chart)
}

fn panel(area: &Area<'_>, title: &str, x: Range<f64>, y: Range<f64>, lines: &[Line]) -> Drawn {
    let mut chart = axes(area, title, x, y, "epoch")?;
    for line in lines {
        let style = line.color.stroke_width(line.width);
        let points = line.points.iter().copied();
        if line.dashed {
            chart.draw_series(DashedLineSeries::new(points, 5, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    Ok(())
}

/// Shares of the ID and of the OOD images by score.
fn bars(area: &Area<'_>, histogram: Option<&Histogram>) -> Drawn {
    let Some(h) = histogram else {
        return text(area, "scores of the whole test set: not evaluated", (58, 90), 13, &INK);
    };
    let shares = |counts: &[u32]| -> Vec<f64> {
        let all = counts.iter().sum::<u32>().max(1);
        counts.iter().map(|&n| 100.0 * f64::from(n) / f64::from(all)).collect()
    };
    let (id, ood) = (shares(&h.id), shares(&h.ood));
    let highest = id.iter().chain(&ood).fold(1.0_f64, |m, &v| m.max(v));
    let (low, high) = (f64::from(h.low), f64::from(h.high));
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
    let name = format!("{} of {}, whole test set", h.scorer, h.layer);
    let mut chart = axes(area, "share of images in percent", low..high, 0.0..1.05 * highest, &name)?;
    let step = (high - low) / id.len().max(1) as f64;
    for (values, color) in [(&ood, OOD), (&id, ID)] {
        let bar = |(i, &v): (usize, &f64)| {
            let left = low + i as f64 * step;
            Rectangle::new([(left, 0.0), (left + step, v)], color.mix(0.45).filled())
        };
        chart.draw_series(values.iter().enumerate().filter(|(_, v)| **v > 0.0).map(bar))?;
    }
    Ok(())
}

/// A number with as many decimals as its size needs.
fn short(value: &f64) -> String {
    match value.abs() {
        v if v >= 10_000.0 => format!("{:.0}k", value / 1000.0),
        v if v >= 10.0 || v == 0.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}"),
        v if v >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_cover_the_values_and_are_never_empty() {
        assert_eq!(range([].into_iter()), 0.0..1.0);
        assert_eq!(range([f64::NAN, 3.0].into_iter()), 2.0..4.0);
        assert_eq!(range([0.0, 100.0].into_iter()), 0.0..100.0);
        assert_eq!(range([50.0, 100.0].into_iter()), 48.0..100.0);
    }

    #[test]
    fn numbers_are_short() {
        let texts: Vec<String> = [0.0, 0.25, 1.5, 42.0, 12_000.0, -0.5, 0.001].iter().map(short).collect();
        assert_eq!(texts, ["0", "0.25", "1.5", "42", "12k", "-0.50", "1e-3"]);
    }
}

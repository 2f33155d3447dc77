//! The charts: data in, SVG text out. plotters draws them; nothing here touches the page, so that each chart is
//! tested natively.

pub mod histogram;
pub mod live;
pub mod roc;
pub mod svg;
pub mod training;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::ops::Range;
use svg::{Ink, SvgBackend, TEXT, pixels, units};

/// A drawn chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// SVG elements, to be put inside an `<svg>` of this size.
    pub svg: String,
    /// CSS pixels.
    pub width: f64,
    /// CSS pixels.
    pub height: f64,
    /// Where the data lie, so that the page can lay markers over them.
    pub frame: PlotFrame,
    /// The chart in a sentence or two, for those who cannot see it.
    pub summary: String,
    pub table: Table,
}

/// The rectangle of a chart's data, in CSS pixels and in the data's own terms.
#[derive(Debug, Clone, PartialEq)]
pub struct PlotFrame {
    /// Horizontal extent in CSS pixels.
    pub across: Range<f64>,
    /// Vertical extent in CSS pixels, top to bottom.
    pub down: Range<f64>,
    /// Values at the left and right edge.
    pub x: Range<f64>,
    /// Values at the bottom and top edge.
    pub y: Range<f64>,
}

impl PlotFrame {
    /// Where a value lies from left to right; values outside the chart lie on its edge.
    pub fn x_pixel(&self, value: f64) -> f64 {
        let share = ((value - self.x.start) / (self.x.end - self.x.start)).clamp(0.0, 1.0);
        self.across.start + share * (self.across.end - self.across.start)
    }

    /// The value at a place from left to right; places outside the chart have the value of its edge.
    pub fn x_value(&self, pixel: f64) -> f64 {
        let share = ((pixel - self.across.start) / (self.across.end - self.across.start)).clamp(0.0, 1.0);
        self.x.start + share * (self.x.end - self.x.start)
    }

    /// Where a value lies from top to bottom; values outside the chart lie on its edge.
    pub fn y_pixel(&self, value: f64) -> f64 {
        let share = ((value - self.y.start) / (self.y.end - self.y.start)).clamp(0.0, 1.0);
        self.down.end - share * (self.down.end - self.down.start)
    }
}

/// The data behind a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Size, axes and their wording: what charts differ in before any data are drawn.
pub struct Axes<'a> {
    /// CSS pixels.
    pub size: (f64, f64),
    /// Values from left to right.
    pub x: Range<f64>,
    /// Values from bottom to top.
    pub y: Range<f64>,
    /// Below the chart.
    pub x_title: &'a str,
    /// Left of the chart, turned.
    pub y_title: &'a str,
    /// How a value of the x axis is written.
    pub x_label: fn(&f64) -> String,
    /// How a value of the y axis is written.
    pub y_label: fn(&f64) -> String,
    /// Values of the y axis that get a line and a label, where round ones will not do.
    pub y_ticks: Option<Vec<f64>>,
}

/// A chart that data are being drawn on.
pub type Chart<'a, 'b> = ChartContext<'a, SvgBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

type Drawn = Result<(), DrawingAreaErrorKind<std::convert::Infallible>>;

impl Table {
    /// A table with these column titles.
    pub fn new(head: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { head: head.iter().map(|title| title.to_string()).collect(), rows }
    }
}

impl Axes<'_> {
    /// Draws axes and grid, then what `data` draws on them.
    pub fn draw(&self, data: impl FnOnce(&mut Chart<'_, '_>) -> Drawn) -> (String, PlotFrame) {
        let (mut svg, mut frame) = (String::new(), self.frame());
        // Nothing can fail but a chart without room, and that one stays empty.
        let _ = self.draw_on(SvgBackend::new(&mut svg, self.size.0, self.size.1), &mut frame, data);
        let ticks = self.y_ticks.iter().flatten().map(|value| {
            let (left, right, y) = (frame.across.start, frame.across.end, frame.y_pixel(*value));
            let label = (self.y_label)(value);
            format!(
                r#"<polyline class="line grid" points="{left},{y:.1} {right},{y:.1}"/><text class="axis" x="{}" y="{y:.1}" dy="0.33em" text-anchor="end">{label}</text>"#,
                left - 8.0
            )
        });
        // The lines lie behind the data.
        let svg = ticks.collect::<String>() + &svg;
        (svg, frame)
    }

    fn draw_on(
        &self,
        backend: SvgBackend<'_>,
        frame: &mut PlotFrame,
        data: impl FnOnce(&mut Chart<'_, '_>) -> Drawn,
    ) -> Drawn {
        let root = backend.into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(units(10.0))
            .margin_right(units(14.0))
            .x_label_area_size(units(42.0))
            .y_label_area_size(units(52.0))
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        // Not by its name: to look that up, plotters brings along the small letters of all scripts.
        let text = TextStyle::from((FontFamily::SansSerif, TEXT * f64::from(svg::UNITS)).into_font()).color(&Ink::Axis);
        let mut mesh = chart.configure_mesh();
        if self.y_ticks.is_some() {
            mesh.disable_y_mesh().y_labels(0);
        } else {
            mesh.y_labels(((self.size.1 / 48.0) as usize).clamp(3, 6));
        }
        mesh.disable_x_mesh()
            .bold_line_style(Ink::Grid)
            .light_line_style(TRANSPARENT)
            .max_light_lines(0)
            .axis_style(Ink::Axis)
            .label_style(text.clone())
            .axis_desc_style(text)
            .x_labels(((self.size.0 / 80.0) as usize).clamp(3, 9))
            .set_all_tick_mark_size(units(4.0))
            .x_label_formatter(&self.x_label)
            .y_label_formatter(&self.y_label)
            .x_desc(self.x_title)
            .y_desc(self.y_title)
            .draw()?;
        let (across, down) = chart.plotting_area().get_pixel_range();
        frame.across = pixels(across.start)..pixels(across.end);
        frame.down = pixels(down.start)..pixels(down.end);
        data(&mut chart)
    }

    fn frame(&self) -> PlotFrame {
        PlotFrame { across: 0.0..self.size.0, down: 0.0..self.size.1, x: self.x.clone(), y: self.y.clone() }
    }
}

/// The smallest range that holds all finite `values`, widened by `margin` of its width on both sides.
/// A single value gets room around it; no value at all gives 0..1.
pub fn range_of(values: impl IntoIterator<Item = f64>, margin: f64) -> Range<f64> {
    let (low, high) = values
        .into_iter()
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let width = if high > low { high - low } else { low.abs().max(1e-3) };
    low - margin * width..high + margin * width
}

/// A number with as many decimals as a label needs, whatever its size.
pub fn short(value: &f64) -> String {
    let size = value.abs();
    match size {
        _ if size == 0.0 => "0".into(),
        _ if size >= 1000.0 => format!("{value:.0}"),
        _ if size >= 100.0 => trimmed(format!("{value:.1}")),
        _ if size >= 0.01 => trimmed(format!("{value:.3}")),
        _ => format!("{value:.1e}"),
    }
}

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_values_and_survive_bad_ones() {
        assert_eq!(range_of([], 0.1), 0.0..1.0);
        assert_eq!(range_of([f64::NAN, 1.0, 3.0, f64::INFINITY], 0.5), 0.0..4.0);
        let one = range_of([2.0], 0.1);
        assert!(one.start < 2.0 && one.end > 2.0);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!([0.0, 0.25, 12.0, 123.45, 1234.5].map(|v| short(&v)), ["0", "0.25", "12", "123.5", "1234"]);
        assert_eq!(short(&0.00012), "1.2e-4");
    }

    #[test]
    fn pixels_stay_on_the_chart() {
        let frame = PlotFrame { across: 50.0..150.0, down: 10.0..60.0, x: 0.0..2.0, y: 0.0..1.0 };
        assert_eq!(frame.x_pixel(1.0), 100.0);
        assert_eq!(frame.x_pixel(9.0), 150.0);
        assert_eq!((frame.x_value(100.0), frame.x_value(0.0), frame.x_value(1e9)), (1.0, 0.0, 2.0));
        assert_eq!(frame.y_pixel(1.0), 10.0);
        assert_eq!(frame.y_pixel(0.0), 60.0);
    }
}

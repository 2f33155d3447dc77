//! The picture of the results: what the norm gains by each score, with intervals, the paper's gains beside.

use super::effect::{interval, title};
use super::gains::Gain;
use plotters::coord::Shift;
use plotters::prelude::*;

/// Ours and the paper's.
const COLOURS: [RGBColor; 2] = [RGBColor(0x6a, 0x3d, 0x9a), RGBColor(0x82, 0x82, 0x82)];
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);

/// Pixels: the whole width, the axis from left to right, a row, above the rows and below them.
const WIDTH: u32 = 760;
const AXIS: (i32, i32) = (140, 500);
const ROW: i32 = 38;
const HEAD: i32 = 56;
const FOOT: i32 = 36;

type Fault = Box<dyn std::error::Error + Send + Sync>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The picture as SVG.
pub fn draw(gains: &[Gain]) -> Result<String, Fault> {
    let mut svg = String::new();
    {
        let bottom = HEAD + ROW * gains.len() as i32;
        let root = SVGBackend::with_string(&mut svg, (WIDTH, (bottom + FOOT) as u32)).into_drawing_area();
        root.fill(&WHITE)?;
        text(&root, "What the norm gains: points of AUROC, mean and 95 % interval", (12, 10), 15, &INK)?;
        text(&root, "● ours", (AXIS.1 + 20, 32), 13, &COLOURS[0])?;
        text(&root, "● paper, table 11", (AXIS.1 + 80, 32), 13, &COLOURS[1])?;
        let ends = gains.iter().flat_map(Gain::both).flat_map(|(mean, ends)| [mean, ends[0], ends[1]]);
        let (low, high) = ends.fold((0.0_f64, 1.0_f64), |(low, high), end| (low.min(end), high.max(end)));
        let (low, high) = (low.floor(), high.ceil());
        let x = |value: f64| AXIS.0 + ((value - low) / (high - low) * f64::from(AXIS.1 - AXIS.0)).round() as i32;
        let step = if high - low > 12.0 { 5.0 } else { 2.0 };
        // Plus zero: what is minus zero has no sign.
        let mut tick = (low / step).ceil() * step + 0.0;
        while tick <= high {
            let colour = if tick == 0.0 { &INK } else { &GRID };
            root.draw(&PathElement::new([(x(tick), HEAD - 6), (x(tick), bottom)], colour))?;
            text(&root, &format!("{tick:+.0}"), (x(tick) - 8, bottom + 8), 12, &INK)?;
            tick += step;
        }
        for (gain, top) in gains.iter().zip((0..).map(|row| HEAD + ROW * row)) {
            text(&root, title(gain.score), (12, top + 8), 14, &INK)?;
            for (((mean, [low, high]), colour), y) in gain.both().into_iter().zip(&COLOURS).zip([top + 9, top + 24]) {
                root.draw(&PathElement::new([(x(low), y), (x(high), y)], colour.stroke_width(2)))?;
                root.draw(&Circle::new((x(mean), y), 4, colour.filled()))?;
                let words = format!("{mean:+.1} {}", interval([low, high]));
                text(&root, &words, (AXIS.1 + 20, y - 7), 12, colour)?;
            }
        }
        root.present()?;
    }
    svg.push('\n');
    Ok(svg)
}

fn text(area: &Area<'_>, words: &str, at: (i32, i32), size: i32, colour: &RGBColor) -> Result<(), Fault> {
    Ok(area.draw(&Text::new(words.to_string(), at, ("sans-serif", size).into_font().color(colour)))?)
}

//! A plotters backend that writes SVG whose colours are CSS classes.
//!
//! plotters' own SVG backend writes fixed colours and, in the browser, measures text with styled elements in
//! the page. Ours writes `class="line id"` instead: the theme (light, dark, print) lives in the style sheet
//! alone, nothing is redrawn when it changes, and the page's content security policy needs no exception.

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontTransform,
};
use std::convert::Infallible;
use std::fmt::Write;

/// plotters counts in whole pixels; we let it count in eighths, so that slanted lines stay smooth.
pub const UNITS: i32 = 8;

/// Height of the charts' text in CSS pixels. The style sheet sets the same.
pub const TEXT: f64 = 12.0;

/// What something is drawn for. The style sheet gives it its colour and stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Axis,
    Grid,
    Id,
    Ood,
    /// A measure of both together.
    Both,
    /// The same of a second run.
    Second,
    /// What gives the eye a reference: chance level, other scorers.
    Faint,
}

const INKS: [(Ink, &str); 7] = [
    (Ink::Axis, "axis"),
    (Ink::Grid, "grid"),
    (Ink::Id, "id"),
    (Ink::Ood, "ood"),
    (Ink::Both, "both"),
    (Ink::Second, "second"),
    (Ink::Faint, "faint"),
];

impl plotters::style::Color for Ink {
    // plotters knows only colours, so the ink travels as one: its number in the red channel.
    fn to_backend_color(&self) -> BackendColor {
        let number = INKS.iter().position(|(ink, _)| ink == self).unwrap_or_default();
        BackendColor { alpha: 1.0, rgb: (number as u8, 0, 0) }
    }
}

fn class(color: BackendColor) -> &'static str {
    INKS.get(usize::from(color.rgb.0)).map_or("axis", |(_, class)| class)
}

/// Appends what plotters draws to a string of SVG elements.
pub struct SvgBackend<'a> {
    svg: &'a mut String,
    size: (u32, u32),
}

impl<'a> SvgBackend<'a> {
    /// A canvas of `width x height` CSS pixels.
    pub fn new(svg: &'a mut String, width: f64, height: f64) -> Self {
        Self { svg, size: (units(width) as u32, units(height) as u32) }
    }

    fn write(&mut self, element: std::fmt::Arguments<'_>) -> Result<(), DrawingErrorKind<Infallible>> {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(element);
        Ok(())
    }
}

/// CSS pixels in the backend's units.
pub fn units(pixels: f64) -> i32 {
    (pixels * f64::from(UNITS)).round() as i32
}

/// The backend's units in CSS pixels.
pub fn pixels(units: i32) -> f64 {
    f64::from(units) / f64::from(UNITS)
}

fn points(path: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut text = String::new();
    for (x, y) in path {
        let _ = write!(text, "{}{},{}", if text.is_empty() { "" } else { " " }, pixels(x), pixels(y));
    }
    text
}

impl DrawingBackend for SvgBackend<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Result<(), DrawingErrorKind<Infallible>> {
        self.draw_circle((x, y), units(0.5) as u32, &color, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)];
        if fill {
            self.fill_polygon(corners, &style.color())
        } else {
            self.draw_path(corners.into_iter().chain([corners[0]]), style)
        }
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        if style.color().alpha == 0.0 {
            return Ok(());
        }
        let (class, points) = (class(style.color()), points(path));
        self.write(format_args!(r#"<polyline class="line {class}" points="{points}"/>"#))
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (kind, class, r) = (if fill { "fill" } else { "line" }, class(style.color()), pixels(radius as i32));
        self.write(format_args!(r#"<circle class="{kind} {class}" cx="{}" cy="{}" r="{r}"/>"#, pixels(x), pixels(y)))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (class, points) = (class(style.color()), points(corners));
        self.write(format_args!(r#"<polygon class="fill {class}" points="{points}"/>"#))
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        let dy = match style.anchor().v_pos {
            VPos::Top => "0.8em",
            VPos::Center => "0.33em",
            VPos::Bottom => "-0.25em",
        };
        let turn = match style.transform() {
            FontTransform::None => 0,
            FontTransform::Rotate90 => 90,
            FontTransform::Rotate180 => 180,
            FontTransform::Rotate270 => 270,
        };
        let (x, y, class, text) = (pixels(x), pixels(y), class(style.color()), escape(text));
        let turn = if turn == 0 { String::new() } else { format!(r#" transform="rotate({turn} {x} {y})""#) };
        self.write(format_args!(
            r#"<text class="{class}" x="{x}" y="{y}" dy="{dy}" text-anchor="{anchor}"{turn}>{text}</text>"#
        ))
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        // Digits of system fonts are a little over half as wide as high; labels are mostly digits.
        Ok((units(text.chars().count() as f64 * TEXT * 0.58) as u32, units(TEXT) as u32))
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::style::Color;

    #[test]
    fn colours_become_classes_and_units_become_pixels() {
        let mut svg = String::new();
        let mut backend = SvgBackend::new(&mut svg, 100.0, 50.0);
        assert_eq!(backend.get_size(), (800, 400));
        backend.draw_path([(0, 4), (8, 16)], &Ink::Ood.to_backend_color()).unwrap();
        backend.draw_rect((0, 0), (8, 8), &Ink::Id.to_backend_color(), true).unwrap();
        assert_eq!(
            svg,
            r#"<polyline class="line ood" points="0,0.5 1,2"/><polygon class="fill id" points="0,0 1,0 1,1 0,1"/>"#
        );
    }

    #[test]
    fn text_cannot_break_out() {
        assert_eq!(escape("a<b>&c"), "a&lt;b&gt;&amp;c");
    }
}

//! Paints the hypersphere on a canvas: the ball or the axes, the caps, and every point.

mod ball;
mod palette;

use crate::sphere::{Dot, Kind, Lens, Origin, Point, Seen, Segment, Viewpoint};
use leptos::prelude::window;
use palette::Palette;
use std::f64::consts::TAU;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// Radius of a point in CSS pixels, and how much further a live one reaches with its ring.
const RADIUS: (f64, f64) = (3.6, 5.4);
/// How much of their colour points behind the ball's centre keep.
const BEHIND: f64 = 0.3;

/// What is painted.
pub struct Painting<'a> {
    /// The points' kinds.
    pub dots: &'a [Dot],
    /// Where they are at this moment: between two checkpoints while they move.
    pub points: &'a [Point],
    /// Angles of the caps around the pole, radians.
    pub caps: &'a [f64],
    /// Axes of principal components instead of the ball, with the share of variance of each.
    pub axes: Option<[f32; 3]>,
    pub caption: &'a str,
    /// Points that stand out.
    pub marked: &'a [usize],
    /// Points with a ring: a person has marked them.
    pub ringed: &'a [usize],
    /// Where points of a kind lie densely: the inner contour and the outer one.
    pub contours: &'a [(Kind, [Vec<Segment>; 2])],
    /// A line that is being drawn around points.
    pub lasso: &'a [(f64, f64)],
}

/// A canvas with everything that painting needs.
pub struct Brush {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    palette: Palette,
    /// Prepared pictures of points, by kind, recorded and live: drawing one is a copy, not a path.
    sprites: Vec<HtmlCanvasElement>,
    /// Device pixels in a CSS pixel.
    ratio: f64,
    size: (f64, f64),
}

impl Brush {
    /// A brush for a canvas.
    pub fn new(canvas: HtmlCanvasElement) -> Result<Self, JsValue> {
        let context = context_of(&canvas)?;
        let mut brush =
            Self { canvas, context, palette: Palette::of_page(), sprites: Vec::new(), ratio: 1.0, size: (1.0, 1.0) };
        brush.mix()?;
        Ok(brush)
    }

    /// Reads the theme anew and prepares the points' pictures.
    pub fn mix(&mut self) -> Result<(), JsValue> {
        self.palette = Palette::of_page();
        // Before a room the page is enlarged.
        let zoom = self.canvas.get_bounding_client_rect().width() / f64::from(self.canvas.client_width()).max(1.0);
        let zoom = if zoom.is_finite() && zoom > 0.0 { zoom } else { 1.0 };
        self.ratio = (window().device_pixel_ratio() * zoom).clamp(1.0, 4.0);
        self.sprites = Vec::new();
        for live in [false, true] {
            for kind in [Kind::Id, Kind::Ood, Kind::Own] {
                self.sprites.push(self.palette.sprite(kind, live, self.ratio)?);
            }
        }
        self.resize(self.size);
        Ok(())
    }

    /// Gives the canvas its size in CSS pixels.
    pub fn resize(&mut self, size: (f64, f64)) {
        self.size = size;
        self.canvas.set_width((size.0 * self.ratio).round() as u32);
        self.canvas.set_height((size.1 * self.ratio).round() as u32);
    }

    /// The lens of a viewpoint for this canvas.
    pub fn lens(&self, viewpoint: &Viewpoint) -> Lens {
        viewpoint.lens(self.size.0, self.size.1)
    }

    /// Paints a scene and gives where each point is seen.
    pub fn paint(&self, viewpoint: &Viewpoint, scene: &Painting<'_>) -> Result<Vec<Seen>, JsValue> {
        let lens = self.lens(viewpoint);
        let context = &self.context;
        context.set_transform(self.ratio, 0.0, 0.0, self.ratio, 0.0, 0.0)?;
        // Not transparent: the picture may be saved.
        context.set_fill_style_str(&self.palette.card);
        context.fill_rect(0.0, 0.0, self.size.0, self.size.1);
        context.set_font("12px system-ui, sans-serif");
        match scene.axes {
            Some(explained) => self.axes(&lens, explained)?,
            None => self.ball(&lens, scene.caps)?,
        }
        let seen: Vec<Seen> = scene.points.iter().map(|point| lens.see(*point)).collect();
        self.points(viewpoint, scene, &seen)?;
        for (kind, levels) in scene.contours {
            self.contours(&lens, *kind, levels)?;
        }
        if scene.axes.is_none() {
            self.names(&lens)?;
        }
        for (points, colour, radius) in
            [(scene.ringed, &self.palette.mark, 7.0), (scene.marked, &self.palette.ink, 10.0)]
        {
            for seen in points.iter().filter_map(|&at| seen.get(at)) {
                self.ring(seen, colour, radius)?;
            }
        }
        self.lasso(scene.lasso)?;
        context.set_fill_style_str(&self.palette.muted);
        context.set_text_align("left");
        context.fill_text(scene.caption, 10.0, self.size.1 - 10.0)?;
        Ok(seen)
    }

    /// All points, those behind the centre first and faint.
    fn points(&self, viewpoint: &Viewpoint, scene: &Painting<'_>, seen: &[Seen]) -> Result<(), JsValue> {
        let grown = viewpoint.zoom.powf(0.35);
        for behind in [true, false] {
            self.context.set_global_alpha(if behind { BEHIND } else { 1.0 });
            for (dot, seen) in scene.dots.iter().zip(seen).filter(|(_, seen)| (seen.depth < 0.0) == behind) {
                let live = !matches!(dot.origin, Origin::Sample(_));
                let reach = grown * reach(live);
                let sprite = &self.sprites[3 * usize::from(live) + dot.kind as usize];
                self.context.draw_image_with_html_canvas_element_and_dw_and_dh(
                    sprite,
                    seen.x - reach,
                    seen.y - reach,
                    2.0 * reach,
                    2.0 * reach,
                )?;
            }
        }
        self.context.set_global_alpha(1.0);
        Ok(())
    }

    fn ring(&self, seen: &Seen, colour: &str, radius: f64) -> Result<(), JsValue> {
        let context = &self.context;
        context.set_stroke_style_str(colour);
        context.set_line_width(2.5);
        context.begin_path();
        context.arc(seen.x, seen.y, radius, 0.0, TAU)?;
        context.stroke();
        Ok(())
    }

    /// The inner contour strong, the outer one thin; what lies behind the ball's centre faint.
    fn contours(&self, lens: &Lens, kind: Kind, levels: &[Vec<Segment>; 2]) -> Result<(), JsValue> {
        let context = &self.context;
        context.set_stroke_style_str(self.palette.of(kind));
        let dash: js_sys::Array = match kind {
            Kind::Ood => [6.0, 3.0].iter().map(|&d: &f64| JsValue::from(d)).collect(),
            _ => js_sys::Array::new(),
        };
        for (pieces, width) in levels.iter().zip([3.0, 1.6]) {
            context.set_line_width(width);
            for behind in [true, false] {
                context.set_global_alpha(if behind { 0.25 } else { 1.0 });
                context.begin_path();
                for [from, to] in pieces {
                    let (from, to) = (lens.see(*from), lens.see(*to));
                    if (from.depth + to.depth < 0.0) == behind {
                        context.move_to(from.x, from.y);
                        context.line_to(to.x, to.y);
                    }
                }
                context.set_line_dash(&dash)?;
                context.stroke();
            }
        }
        context.set_line_dash(&js_sys::Array::new())?;
        context.set_global_alpha(1.0);
        Ok(())
    }

    fn lasso(&self, path: &[(f64, f64)]) -> Result<(), JsValue> {
        let context = &self.context;
        context.begin_path();
        for &(x, y) in path {
            context.line_to(x, y);
        }
        context.close_path();
        context.set_global_alpha(0.12);
        context.set_fill_style_str(&self.palette.mark);
        context.fill();
        context.set_global_alpha(1.0);
        context.set_stroke_style_str(&self.palette.mark);
        context.set_line_width(2.0);
        context.stroke();
        Ok(())
    }
}

fn reach(live: bool) -> f64 {
    RADIUS.0 + if live { RADIUS.1 - RADIUS.0 } else { 0.0 } + 1.0
}

fn context_of(canvas: &HtmlCanvasElement) -> Result<CanvasRenderingContext2d, JsValue> {
    Ok(canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into::<CanvasRenderingContext2d>()?)
}

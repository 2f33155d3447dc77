//! The page's colours, and the pictures of points in them.

use super::{RADIUS, context_of, reach};
use crate::sphere::Kind;
use leptos::prelude::{document, window};
use std::f64::consts::{PI, TAU};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlCanvasElement;

/// The colours of the page's theme.
pub(super) struct Palette {
    pub card: String,
    pub ball: String,
    pub line: String,
    pub edge: String,
    pub ink: String,
    pub muted: String,
    pub id: String,
    pub ood: String,
    pub own: String,
    pub mark: String,
}

impl Palette {
    pub fn of_page() -> Self {
        let style = document().document_element().and_then(|root| window().get_computed_style(&root).ok().flatten());
        let read = |name: &str, otherwise: &str| {
            let value = style.as_ref().and_then(|s| s.get_property_value(name).ok()).unwrap_or_default();
            if value.trim().is_empty() { otherwise.into() } else { value.trim().to_string() }
        };
        Self {
            card: read("--card", "#fff"),
            ball: read("--ball", "#fff"),
            line: read("--line", "#dde1e8"),
            edge: read("--edge", "#848fa1"),
            ink: read("--ink", "#141c28"),
            muted: read("--muted", "#566173"),
            id: read("--id", "#0072b2"),
            ood: read("--ood", "#d55e00"),
            own: read("--own", "#00825f"),
            mark: read("--mark", "#9b3fb0"),
        }
    }

    pub fn of(&self, kind: Kind) -> &str {
        match kind {
            Kind::Id => &self.id,
            Kind::Ood => &self.ood,
            Kind::Own => &self.own,
        }
    }

    /// A point's picture: a disc for ID, a square on its corner for OOD, a triangle for own images. Shape tells them
    /// apart where colour cannot. A live point has a ring.
    pub fn sprite(&self, kind: Kind, live: bool, ratio: f64) -> Result<HtmlCanvasElement, JsValue> {
        let canvas: HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
        // Twice the size, so that enlarged points stay sharp.
        let (reach, scale) = (reach(live), 2.0 * ratio);
        canvas.set_width((2.0 * reach * scale).ceil() as u32);
        canvas.set_height((2.0 * reach * scale).ceil() as u32);
        let context = context_of(&canvas)?;
        context.scale(scale, scale)?;
        context.translate(reach, reach)?;
        let corners = |n: u32, r: f64, from: f64| {
            context.begin_path();
            for i in 0..n {
                let (sin, cos) = (from + TAU * f64::from(i) / f64::from(n)).sin_cos();
                context.line_to(r * cos, r * sin);
            }
            context.close_path();
        };
        let colour = self.of(kind);
        let shape = |r: f64| -> Result<(), JsValue> {
            match kind {
                Kind::Id => {
                    context.begin_path();
                    context.arc(0.0, 0.0, r, 0.0, TAU)?;
                }
                Kind::Ood => corners(4, r * 1.2, 0.0),
                Kind::Own => corners(3, r * 1.4, -PI / 2.0),
            }
            Ok(())
        };
        if live {
            shape(RADIUS.1 - 0.8)?;
            context.set_fill_style_str(&self.ball);
            context.fill();
            context.set_stroke_style_str(&self.ink);
            context.set_line_width(1.2);
            context.stroke();
        }
        shape(if live { RADIUS.0 - 0.3 } else { RADIUS.0 - 0.6 })?;
        context.set_fill_style_str(colour);
        context.fill();
        Ok(canvas)
    }
}

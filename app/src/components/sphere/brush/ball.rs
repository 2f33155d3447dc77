//! What stands around the points: the ball with its caps, or the axes, and their names.

use super::Brush;
use crate::sphere::{Lens, Seen, on_ball, parallel};
use crate::text;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_6, TAU};
use wasm_bindgen::JsValue;
impl Brush {
    pub(super) fn ball(&self, lens: &Lens, caps: &[f64]) -> Result<(), JsValue> {
        let (context, palette) = (&self.context, &self.palette);
        let centre = lens.see([0.0; 3]);
        context.begin_path();
        context.arc(centre.x, centre.y, lens.radius, 0.0, TAU)?;
        context.set_fill_style_str(&palette.ball);
        context.fill();
        context.set_stroke_style_str(&palette.line);
        context.set_line_width(1.5);
        context.stroke();

        for angle in [FRAC_PI_6, 2.0 * FRAC_PI_6, 4.0 * FRAC_PI_6, 5.0 * FRAC_PI_6] {
            self.circle(lens, angle, &palette.line, 1.0)?;
        }
        self.circle(lens, FRAC_PI_2, &palette.edge, 1.6)?;
        for &angle in caps {
            self.cap(lens, angle)?;
        }
        Ok(())
    }

    /// The names of the pole and of the equator, over the points.
    pub(super) fn names(&self, lens: &Lens) -> Result<(), JsValue> {
        let context = &self.context;
        let ring = (0..64).map(|i| lens.see(on_ball(FRAC_PI_2, TAU * f64::from(i) / 64.0)));
        if let Some(right) = ring.max_by(|a, b| a.x.total_cmp(&b.x)) {
            context.set_text_align("left");
            self.label("90°", right.x + 8.0, right.y + 4.0)?;
        }
        let pole = lens.see(on_ball(0.0, 0.0));
        if pole.depth >= 0.0 {
            context.begin_path();
            context.arc(pole.x, pole.y, 3.5, 0.0, TAU)?;
            context.set_fill_style_str(&self.palette.ink);
            context.fill();
            context.set_text_align("center");
            self.label(text::sphere::POLE, pole.x, pole.y - 10.0)?;
        }
        Ok(())
    }

    /// A cap around the pole, filled, with its edge.
    fn cap(&self, lens: &Lens, angle: f64) -> Result<(), JsValue> {
        let context = &self.context;
        context.set_fill_style_str(&self.palette.id);
        context.set_global_alpha(if lens.see(on_ball(0.0, 0.0)).depth < 0.0 { 0.04 } else { 0.1 });
        context.begin_path();
        for point in parallel(angle) {
            let seen = lens.see(point);
            context.line_to(seen.x, seen.y);
        }
        context.fill();
        context.set_global_alpha(1.0);
        self.circle(lens, angle, &self.palette.id, 1.4)
    }

    /// The circle at an angle from the pole: what lies behind is faint and dashed.
    fn circle(&self, lens: &Lens, angle: f64, colour: &str, width: f64) -> Result<(), JsValue> {
        let context = &self.context;
        context.set_stroke_style_str(colour);
        context.set_line_width(width);
        let seen: Vec<Seen> = parallel(angle).map(|point| lens.see(point)).collect();
        for behind in [true, false] {
            context.set_global_alpha(if behind { 0.45 } else { 1.0 });
            let dash: js_sys::Array = if behind {
                [3.0, 5.0].iter().map(|&d: &f64| JsValue::from(d)).collect()
            } else {
                js_sys::Array::new()
            };
            context.set_line_dash(&dash)?;
            context.begin_path();
            for pair in seen.windows(2).filter(|pair| (pair[0].depth + pair[1].depth < 0.0) == behind) {
                context.move_to(pair[0].x, pair[0].y);
                context.line_to(pair[1].x, pair[1].y);
            }
            context.stroke();
        }
        context.set_line_dash(&js_sys::Array::new())?;
        context.set_global_alpha(1.0);
        Ok(())
    }

    pub(super) fn axes(&self, lens: &Lens, explained: [f32; 3]) -> Result<(), JsValue> {
        let context = &self.context;
        context.set_text_align("center");
        for (axis, share) in explained.iter().enumerate() {
            let mut end = [0.0; 3];
            end[axis] = 1.05;
            let (from, to) = (lens.see(end.map(|x| -x)), lens.see(end));
            context.set_stroke_style_str(&self.palette.edge);
            context.set_line_width(1.2);
            context.begin_path();
            context.move_to(from.x, from.y);
            context.line_to(to.x, to.y);
            context.stroke();
            self.label(&format!("PC{} {:.0} %", axis + 1, share * 100.0), to.x, to.y - 8.0)?;
        }
        Ok(())
    }

    /// Text with a rim, so that it can be read over points.
    fn label(&self, text: &str, x: f64, y: f64) -> Result<(), JsValue> {
        let context = &self.context;
        context.set_line_join("round");
        context.set_line_width(4.0);
        context.set_stroke_style_str(&self.palette.card);
        context.stroke_text(text, x, y)?;
        context.set_fill_style_str(&self.palette.ink);
        context.fill_text(text, x, y)
    }
}

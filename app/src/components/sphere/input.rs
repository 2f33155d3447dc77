//! What pointers, wheel and keys do to the picture.

use super::state::{PictureState, Shared, change, schedule};
use crate::lab::Lab;
use crate::sphere::{Dot, hit};
use crate::state::{ImageName, MARKS};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent, WheelEvent};

/// How near the pointer must come to a point, CSS pixels.
const REACH: f64 = 12.0;
/// A pointer that has moved less than so many pixels has clicked.
const CLICK: f64 = 4.0;

/// What a person's hands reach.
#[derive(Clone, Copy)]
pub struct Input {
    pub lab: Lab,
    pub canvas: NodeRef<html::Canvas>,
    pub picture: Shared,
    pub dots: Signal<Arc<Vec<Dot>>>,
    /// The point that is pointed at.
    pub hovered: RwSignal<Option<Dot>>,
    /// Whether the ball turns by itself.
    pub spin: RwSignal<bool>,
    /// Whether a drag draws a line around points instead of turning the ball.
    pub lasso: RwSignal<bool>,
    /// Pixels that the pointer has moved since it went down.
    pub moved: StoredValue<f64>,
}

impl Input {
    fn selected(self) -> Option<ImageName> {
        self.lab.state.with_untracked(|s| s.select)
    }

    /// Points at a point, or at none.
    pub fn point_at(self, at: Option<Dot>) {
        if self.hovered.with_untracked(|h| h.as_ref().map(|d| d.origin)) != at.as_ref().map(|d| d.origin) {
            self.hovered.set(at);
        }
    }

    /// Selects a point for all views.
    fn select(self, dot: Option<Dot>) {
        let wanted = dot.map(|dot| dot.name);
        if wanted != self.selected() {
            self.lab.choose(|state| state.select = wanted);
        }
    }

    /// The point under a place of the picture.
    fn under(self, (x, y): (f64, f64)) -> Option<Dot> {
        self.picture.with_value(|picture| {
            let picture = picture.as_ref()?;
            hit(picture.seen.iter().copied(), (x, y), REACH).and_then(|i| picture.dots.get(i).cloned())
        })
    }

    /// A pointer goes down: a drag begins.
    pub fn down(self, event: &PointerEvent) {
        if let Some(element) = self.canvas.get_untracked() {
            let _ = element.set_pointer_capture(event.pointer_id());
        }
        self.moved.set_value(0.0);
        self.spin.set(false);
        change(self.picture, |picture| picture.press(event));
        if self.lasso.get_untracked() {
            change(self.picture, |picture| picture.lasso = vec![place(event)]);
        }
    }

    /// A pointer moves: it turns the ball, draws a line around points, or points.
    pub fn drag(self, event: &PointerEvent) {
        let pressed = self.picture.with_value(|picture| picture.as_ref().is_some_and(|s| !s.pointers.is_empty()));
        if !pressed {
            return self.point_at(self.under(place(event)));
        }
        self.moved.update_value(|far| *far += f64::from(event.movement_x().abs() + event.movement_y().abs()));
        change(self.picture, |picture| match picture.lasso.is_empty() {
            true => picture.drag(event),
            false => picture.lasso.push(place(event)),
        });
    }

    /// Marks what the line encloses, in place of what was marked or in addition.
    fn mark(self, add: bool) {
        let caught = self.picture.try_update_value(|picture| picture.as_mut().map(PictureState::close_lasso)).flatten();
        schedule(self.picture);
        let Some(caught) = caught.filter(|caught| !caught.is_empty()) else { return };
        self.lab.choose(|state| {
            let mut marks = if add { state.marks.clone() } else { Vec::new() };
            marks.extend(caught.into_iter().filter(|one| !state.marks.contains(one) || !add));
            marks.truncate(MARKS);
            state.marks = marks;
        });
    }

    /// A pointer goes up: a drag ends, or it was a click.
    pub fn up(self, event: &PointerEvent) {
        change(self.picture, |picture| picture.pointers.retain(|(id, ..)| *id != event.pointer_id()));
        if self.lasso.get_untracked() && event.type_() == "pointerup" {
            self.mark(event.shift_key());
        }
        if event.type_() == "pointerup" && self.moved.get_value() < CLICK {
            let dot = self.under(place(event));
            self.point_at(dot.clone());
            self.select(dot);
        }
    }

    /// The wheel, or two fingers on a touchpad.
    pub fn wheel(self, event: &WheelEvent) {
        let focused =
            self.canvas.get_untracked().is_some_and(|c| document().active_element().as_ref() == Some(c.as_ref()));
        // Without the focus a wheel scrolls the page; pinching a touchpad arrives with the control key.
        if focused || event.ctrl_key() {
            event.prevent_default();
            let factor = (-event.delta_y() * if event.ctrl_key() { 0.01 } else { 0.002 }).exp();
            change(self.picture, |picture| picture.viewpoint.magnify(factor));
        }
    }

    /// A key: turn, enlarge, walk, select, mark.
    pub fn key(self, event: &KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        match event.key().as_str() {
            "ArrowLeft" => change(self.picture, |picture| picture.viewpoint.turn(-0.12, 0.0)),
            "ArrowRight" => change(self.picture, |picture| picture.viewpoint.turn(0.12, 0.0)),
            "ArrowUp" => change(self.picture, |picture| picture.viewpoint.turn(0.0, 0.1)),
            "ArrowDown" => change(self.picture, |picture| picture.viewpoint.turn(0.0, -0.1)),
            "+" | "=" => change(self.picture, |picture| picture.viewpoint.magnify(1.2)),
            "-" => change(self.picture, |picture| picture.viewpoint.magnify(1.0 / 1.2)),
            step @ ("." | ",") => {
                let outwards = step == ".";
                let next = self.dots.with_untracked(|dots| walk(dots, self.hovered.get_untracked().as_ref(), outwards));
                if let Some(dot) = &next {
                    change(self.picture, |picture| picture.face(dot));
                }
                self.point_at(next);
            }
            "Enter" | " " => self.select(self.hovered.get_untracked()),
            "m" => {
                let Some(Dot { name, .. }) = self.hovered.get_untracked() else { return };
                self.lab.choose(|state| match state.marks.iter().position(|mark| *mark == name) {
                    Some(at) => drop(state.marks.remove(at)),
                    None if state.marks.len() < MARKS => state.marks.push(name),
                    None => {}
                });
            }
            "Escape" if self.hovered.with_untracked(Option::is_some) || self.selected().is_some() => {
                self.point_at(None);
                self.select(None);
            }
            _ => return,
        }
        self.spin.set(false);
        event.prevent_default();
        event.stop_propagation();
    }
}

/// The next point by its angle to the ID mean, from the one given or from the pole.
fn walk(dots: &[Dot], from: Option<&Dot>, outwards: bool) -> Option<Dot> {
    let mut order: Vec<&Dot> = dots.iter().collect();
    order.sort_by(|a, b| a.angle.total_cmp(&b.angle));
    let at = from.and_then(|from| order.iter().position(|dot| dot.origin == from.origin));
    let next = match (at, outwards) {
        (None, _) => 0,
        (Some(at), true) => (at + 1).min(order.len().saturating_sub(1)),
        (Some(at), false) => at.saturating_sub(1),
    };
    order.get(next).map(|dot| (*dot).clone())
}

/// Where a pointer is in the picture's own pixels, whatever it is enlarged by.
pub fn place(event: &PointerEvent) -> (f64, f64) {
    let Some(canvas) = event.current_target().and_then(|t| t.dyn_into::<web_sys::Element>().ok()) else {
        return (f64::from(event.offset_x()), f64::from(event.offset_y()));
    };
    let seen = canvas.get_bounding_client_rect();
    let zoom = seen.width() / f64::from(canvas.client_width()).max(1.0);
    ((f64::from(event.client_x()) - seen.left()) / zoom, (f64::from(event.client_y()) - seen.top()) / zoom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::tests::replay;
    use crate::sphere::{Origin, sample_dots};

    #[test]
    fn walking_goes_outwards_and_back() {
        let dots = sample_dots(&replay(), 1);
        let first = walk(&dots, None, true).unwrap();
        let second = walk(&dots, Some(&first), true).unwrap();
        let third = walk(&dots, Some(&second), true).unwrap();
        assert_eq!([&first, &second, &third].map(|d| d.origin), [172, 12, 41].map(Origin::Sample));
        assert_eq!(walk(&dots, Some(&third), true).unwrap(), third, "there is nothing further out");
        assert_eq!(walk(&dots, Some(&third), false).unwrap(), second);
        assert_eq!(walk(&[], None, true), None);
    }
}

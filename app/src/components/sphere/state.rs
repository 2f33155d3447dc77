//! What the picture shows at a moment, and when it is painted anew.

use super::brush::{Brush, Painting};
use super::input::place;
use crate::clock::now;
use crate::sphere::{Dot, Kind, Origin, Point, Seen, Segment, Viewpoint, enclosed};
use crate::state::ImageName;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use web_sys::PointerEvent;

/// Milliseconds that points take from one checkpoint to the next.
const MOVE: f64 = 450.0;
/// Radians a second of a ball that turns by itself.
const SPIN: f64 = 0.12;

/// What the picture keeps between two paintings.
pub struct PictureState {
    pub brush: Brush,
    pub viewpoint: Viewpoint,
    pub dots: Arc<Vec<Dot>>,
    /// Where the points were before they moved to where `dots` says, and since when they move.
    from: Option<(Vec<Point>, f64)>,
    pub seen: Vec<Seen>,
    pub caps: Vec<f64>,
    pub axes: Option<[f32; 3]>,
    pub caption: String,
    pub marked: Vec<usize>,
    pub ringed: Vec<usize>,
    pub contours: Vec<(Kind, [Vec<Segment>; 2])>,
    pub lasso: Vec<(f64, f64)>,
    pub pointers: Vec<(i32, f64, f64)>,
    pub spinning: bool,
    painted: f64,
    scheduled: bool,
}

/// The picture, once there is a canvas.
pub type Shared = StoredValue<Option<PictureState>, LocalStorage>;

/// Changes what is shown, and has it painted.
pub fn change(picture: Shared, with: impl FnOnce(&mut PictureState)) {
    picture.update_value(|picture| {
        if let Some(picture) = picture {
            with(picture);
        }
    });
    schedule(picture);
}

impl PictureState {
    /// An empty state before the first viewpoint.
    pub fn new(brush: Brush) -> Self {
        Self {
            brush,
            viewpoint: Viewpoint::default(),
            dots: Arc::default(),
            from: None,
            seen: Vec::new(),
            caps: Vec::new(),
            axes: None,
            caption: String::new(),
            marked: Vec::new(),
            ringed: Vec::new(),
            contours: Vec::new(),
            lasso: Vec::new(),
            pointers: Vec::new(),
            spinning: false,
            painted: now(),
            scheduled: false,
        }
    }

    /// Moves the points that were there to their new places; others appear where they belong.
    pub fn show(&mut self, dots: Arc<Vec<Dot>>) {
        let same =
            dots.len() == self.dots.len() && dots.iter().zip(self.dots.iter()).all(|(a, b)| a.origin == b.origin);
        self.from = (same && !dots.is_empty() && !reduced_motion()).then(|| (self.points(), now()));
        self.dots = dots;
    }

    /// Where the points are at this moment.
    fn points(&self) -> Vec<Point> {
        let target = self.dots.iter().map(|dot| dot.at);
        let Some((from, since)) = &self.from else { return target.collect() };
        let share = ((now() - since) / MOVE).clamp(0.0, 1.0);
        let eased = share * share * (3.0 - 2.0 * share);
        let between = |(a, b): (&Point, Point)| {
            let mixed: Point = std::array::from_fn(|i| a[i] + eased * (b[i] - a[i]));
            let length = |p: &Point| p.iter().map(|x| x * x).sum::<f64>().sqrt();
            // On the ball points move along it, not through it.
            let scale = if self.axes.is_none() { length(&b) / length(&mixed).max(1e-9) } else { 1.0 };
            mixed.map(|x| x * scale)
        };
        from.iter().zip(target).map(between).collect()
    }

    fn paint(&mut self) -> Result<(), JsValue> {
        let time = now();
        if self.spinning {
            self.viewpoint.turn(SPIN * ((time - self.painted) / 1000.0).min(0.1), 0.0);
        }
        self.painted = time;
        let points = self.points();
        if self.from.as_ref().is_some_and(|(_, since)| time - since > MOVE) {
            self.from = None;
        }
        let scene = Painting {
            dots: &self.dots,
            points: &points,
            caps: &self.caps,
            axes: self.axes,
            caption: &self.caption,
            marked: &self.marked,
            ringed: &self.ringed,
            contours: &self.contours,
            lasso: &self.lasso,
        };
        self.seen = self.brush.paint(&self.viewpoint, &scene)?;
        Ok(())
    }

    /// What the line drawn encloses; the line is gone then. Samples of the frames come last: where there are too many
    /// to mark, those go that no other view shows.
    pub fn close_lasso(&mut self) -> Vec<ImageName> {
        let path = std::mem::take(&mut self.lasso);
        let caught = enclosed(&self.seen, &path, self.axes.is_some());
        let mut caught: Vec<&Dot> = caught.into_iter().filter_map(|i| self.dots.get(i)).collect();
        caught.sort_by_key(|dot| matches!(dot.origin, Origin::Sample(_)));
        caught.into_iter().map(|dot| dot.name).collect()
    }

    /// A pointer goes down.
    pub fn press(&mut self, event: &PointerEvent) {
        let (x, y) = place(event);
        self.pointers.retain(|(id, ..)| *id != event.pointer_id());
        self.pointers.push((event.pointer_id(), x, y));
    }

    /// One pointer turns the ball, two enlarge it by how far they move apart.
    pub fn drag(&mut self, event: &PointerEvent) {
        let apart = |p: &[(i32, f64, f64)]| (p[0].1 - p[1].1).hypot(p[0].2 - p[1].2);
        let before = (self.pointers.len() == 2).then(|| apart(&self.pointers));
        let radius = self.brush.lens(&self.viewpoint).radius;
        let (x, y) = place(event);
        let Some(pointer) = self.pointers.iter_mut().find(|(id, ..)| *id == event.pointer_id()) else { return };
        let step = (x - pointer.1, y - pointer.2);
        (pointer.1, pointer.2) = (x, y);
        match before {
            Some(before) => self.viewpoint.magnify(apart(&self.pointers) / before.max(1.0)),
            None => self.viewpoint.drag(step, radius),
        }
    }

    /// Turns the ball so that a point lies on the viewer's side.
    pub fn face(&mut self, dot: &Dot) {
        let seen = self.brush.lens(&self.viewpoint).see(dot.at);
        if seen.depth < 0.05 {
            let [x, y, _] = dot.at;
            self.viewpoint.yaw = (-std::f64::consts::FRAC_PI_2 - y.atan2(x)).rem_euclid(std::f64::consts::TAU);
        }
    }
}

/// Paints with the next frame, once however often it is asked, and goes on while anything moves.
pub fn schedule(picture: Shared) {
    let wanted = picture.try_update_value(|picture| {
        let Some(picture) = picture else { return false };
        !std::mem::replace(&mut picture.scheduled, true)
    });
    if wanted != Some(true) {
        return;
    }
    request_animation_frame(move || {
        let goes_on = picture.try_update_value(|picture| {
            let Some(picture) = picture else { return false };
            picture.scheduled = false;
            if let Err(error) = picture.paint() {
                web_sys::console::error_1(&error);
                return false;
            }
            picture.spinning || picture.from.is_some()
        });
        if goes_on == Some(true) {
            schedule(picture);
        }
    });
}

/// The colours of a canvas do not follow the style sheet by themselves.
pub fn repaint_with_the_theme(picture: Shared) {
    let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") else { return };
    let on_change = Closure::<dyn FnMut()>::new(move || {
        picture.update_value(|picture| {
            if let Some(Err(error)) = picture.as_mut().map(|picture| picture.brush.mix()) {
                web_sys::console::error_1(&error);
            }
        });
        schedule(picture);
    });
    query.set_onchange(Some(on_change.as_ref().unchecked_ref()));
    let listening = StoredValue::new_local(Some((query, on_change)));
    on_cleanup(move || {
        if let Some((query, _)) = listening.try_update_value(Option::take).flatten() {
            query.set_onchange(None);
        }
    });
}

/// Whether the person wants things to hold still.
pub fn reduced_motion() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)");
    query.ok().flatten().is_some_and(|query| query.matches())
}

//! The hypersphere as a picture that can be turned, enlarged, pointed at and walked through.

use super::brush::{Brush, Scene};
use crate::components::{lab, use_width};
use crate::sphere::{Camera, Dot, Kind, Origin, Point, Seen, Segment, contours, enclosed, hit, summary};
use crate::state::{MARKS, Selection};
use crate::text;
use leptos::html;
use leptos::prelude::*;
use nsa_core::measure::Compactness;
use nsa_core::sphere::cap_angle;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent, WheelEvent};

/// Shares of the fitted distribution that the caps hold.
pub const CAPS: [f64; 2] = [0.5, 0.95];
/// How near the pointer must come to a point, CSS pixels.
const REACH: f64 = 12.0;
/// Milliseconds that points take from one checkpoint to the next.
const MOVE: f64 = 450.0;
/// Radians a second of a ball that turns by itself.
const SPIN: f64 = 0.12;

/// What the picture keeps between two paintings.
struct Stage {
    brush: Brush,
    camera: Camera,
    dots: Arc<Vec<Dot>>,
    /// Where the points were before they moved to where `dots` says, and since when they move.
    from: Option<(Vec<Point>, f64)>,
    seen: Vec<Seen>,
    caps: Vec<f64>,
    axes: Option<[f32; 3]>,
    caption: String,
    marked: Vec<usize>,
    ringed: Vec<usize>,
    contours: Vec<(Kind, [Vec<Segment>; 2])>,
    lasso: Vec<(f64, f64)>,
    pointers: Vec<(i32, f64, f64)>,
    spinning: bool,
    painted: f64,
    scheduled: bool,
}

type Shared = StoredValue<Option<Stage>, LocalStorage>;

/// The picture. What is pointed at comes out in `hovered`; a click or Enter selects it for all views.
#[component]
pub fn Picture(
    /// The points.
    #[prop(into)]
    dots: Signal<Arc<Vec<Dot>>>,
    /// Compactness of the ID features and their dimension, for the caps.
    #[prop(into)]
    kappa: Signal<Option<(Compactness, usize)>>,
    /// Which projection it is.
    #[prop(into)]
    caption: Signal<String>,
    /// Shares of variance of the principal components, if these are drawn.
    #[prop(optional, into)]
    axes: Signal<Option<[f32; 3]>>,
    /// Whether the ball turns by itself.
    #[prop(optional)]
    spin: RwSignal<bool>,
    /// The point that is pointed at.
    #[prop(optional)]
    hovered: RwSignal<Option<Dot>>,
    /// Asks for the first camera again, whenever it changes.
    #[prop(optional)]
    reset: RwSignal<u32>,
    /// Enlarges by this factor, whenever it changes.
    #[prop(optional)]
    zoom: RwSignal<Option<f64>>,
    /// Whether a drag draws a line around points instead of turning the ball.
    #[prop(optional)]
    lasso: RwSignal<bool>,
    /// Name for tests.
    #[prop(optional)]
    testid: Option<&'static str>,
) -> impl IntoView {
    let lab = lab();
    let figure = NodeRef::<html::Figure>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let width = use_width(figure);
    let height = Memo::new(move |_| {
        let most = lab.state.with(|s| s.height(640.0, 260.0));
        (width.get() * 0.8).clamp(240.0, most).round()
    });
    let stage: Shared = StoredValue::new_local(None);
    let selected = Memo::new(move |_| lab.state.with(|s| s.select));
    let marks = Memo::new(move |_| lab.state.with(|s| s.marks.clone()));

    canvas.on_load(move |element| match Brush::new(element) {
        Ok(brush) => stage.set_value(Some(Stage::new(brush))),
        Err(error) => web_sys::console::error_1(&error),
    });
    let change = move |with: &dyn Fn(&mut Stage)| {
        stage.update_value(|stage| {
            if let Some(stage) = stage {
                with(stage);
            }
        });
        schedule(stage);
    };
    // The canvas is there before any effect runs.
    Effect::new(move |_| {
        let size = (width.get(), height.get());
        change(&|stage| stage.brush.resize(size));
    });
    Effect::new(move |_| {
        let dots = dots.get();
        change(&|stage| stage.show(Arc::clone(&dots)));
    });
    Effect::new(move |_| {
        let caps = kappa.get().map_or(Vec::new(), |(c, dim)| CAPS.map(|share| cap_angle(dim, c.kappa, share)).to_vec());
        let (axes, caption) = (axes.get(), caption.get());
        change(&|stage| {
            (stage.caps, stage.axes, stage.caption) = (caps.clone(), axes, caption.clone());
        });
    });
    Effect::new(move |_| {
        let (hovered, selected) = (hovered.get(), selected.get());
        dots.track();
        change(&|stage| {
            let stands_out =
                |dot: &Dot| Some(dot.selection) == selected || hovered.as_ref().is_some_and(|h| h.origin == dot.origin);
            stage.marked = (0..stage.dots.len()).filter(|&i| stands_out(&stage.dots[i])).collect();
        });
    });
    Effect::new(move |_| {
        let (marks, dots) = (marks.get(), dots.get());
        change(&|stage| stage.ringed = (0..dots.len()).filter(|&i| marks.contains(&dots[i].selection)).collect());
    });
    let density = Memo::new(move |_| lab.state.with(|s| s.density));
    Effect::new(move |_| {
        // Principal components lie on no ball.
        let shown = density.get() && axes.with(Option::is_none);
        let dots = dots.get();
        let of = |kind: Kind| {
            let points: Vec<Point> = dots.iter().filter(|dot| dot.kind == kind).map(|dot| dot.at).collect();
            (kind, contours(&points))
        };
        let found: Vec<_> = if shown { [Kind::Ood, Kind::Id].map(of).to_vec() } else { Vec::new() };
        change(&|stage| stage.contours = found.clone());
    });
    Effect::new(move |_| {
        let on = spin.get();
        change(&|stage| stage.spinning = on);
    });
    Effect::new(move |before: Option<u32>| {
        let now = reset.get();
        if before.is_some() {
            change(&|stage| stage.camera = Camera::default());
        }
        now
    });
    Effect::new(move |_| {
        if let Some(factor) = zoom.get() {
            change(&|stage| stage.camera.magnify(factor));
        }
    });
    repaint_with_the_theme(stage);

    let point_at = move |at: Option<Dot>| {
        if hovered.with_untracked(|h| h.as_ref().map(|d| d.origin)) != at.as_ref().map(|d| d.origin) {
            hovered.set(at);
        }
    };
    let select = move |dot: Option<Dot>| {
        let wanted = dot.map(|dot| dot.selection);
        if wanted != selected.get_untracked() {
            lab.choose(|state| state.select = wanted);
        }
    };
    let under = move |(x, y): (f64, f64)| {
        stage.with_value(|stage| {
            let stage = stage.as_ref()?;
            hit(stage.seen.iter().copied(), (x, y), REACH).and_then(|i| stage.dots.get(i).cloned())
        })
    };
    let moved = StoredValue::new(0.0);
    let down = move |event: PointerEvent| {
        if let Some(element) = canvas.get_untracked() {
            let _ = element.set_pointer_capture(event.pointer_id());
        }
        moved.set_value(0.0);
        spin.set(false);
        change(&|stage| stage.press(&event));
        if lasso.get_untracked() {
            change(&|stage| stage.lasso = vec![place(&event)]);
        }
    };
    let drag = move |event: PointerEvent| {
        let pressed = stage.with_value(|stage| stage.as_ref().is_some_and(|s| !s.pointers.is_empty()));
        if !pressed {
            return point_at(under(place(&event)));
        }
        moved.update_value(|far| *far += f64::from(event.movement_x().abs() + event.movement_y().abs()));
        change(&|stage| match stage.lasso.is_empty() {
            true => stage.drag(&event),
            false => stage.lasso.push(place(&event)),
        });
    };
    let mark = move |add: bool| {
        let caught = stage.try_update_value(|stage| stage.as_mut().map(Stage::close_lasso)).flatten();
        schedule(stage);
        let Some(caught) = caught.filter(|caught| !caught.is_empty()) else { return };
        lab.choose(|state| {
            let mut marks = if add { state.marks.clone() } else { Vec::new() };
            marks.extend(caught.into_iter().filter(|one| !state.marks.contains(one) || !add));
            marks.truncate(MARKS);
            state.marks = marks;
        });
    };
    let up = move |event: PointerEvent| {
        change(&|stage| stage.pointers.retain(|(id, ..)| *id != event.pointer_id()));
        if lasso.get_untracked() && event.type_() == "pointerup" {
            mark(event.shift_key());
        }
        if event.type_() == "pointerup" && moved.get_value() < 4.0 {
            let dot = under(place(&event));
            point_at(dot.clone());
            select(dot);
        }
    };
    let wheel = move |event: WheelEvent| {
        let focused = canvas.get_untracked().is_some_and(|c| document().active_element().as_ref() == Some(c.as_ref()));
        // Without the focus a wheel scrolls the page; pinching a touchpad arrives with the control key.
        if focused || event.ctrl_key() {
            event.prevent_default();
            let factor = (-event.delta_y() * if event.ctrl_key() { 0.01 } else { 0.002 }).exp();
            change(&|stage| stage.camera.magnify(factor));
        }
    };
    let key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        match event.key().as_str() {
            "ArrowLeft" => change(&|stage| stage.camera.turn(-0.12, 0.0)),
            "ArrowRight" => change(&|stage| stage.camera.turn(0.12, 0.0)),
            "ArrowUp" => change(&|stage| stage.camera.turn(0.0, 0.1)),
            "ArrowDown" => change(&|stage| stage.camera.turn(0.0, -0.1)),
            "+" | "=" => change(&|stage| stage.camera.magnify(1.2)),
            "-" => change(&|stage| stage.camera.magnify(1.0 / 1.2)),
            step @ ("." | ",") => {
                let outwards = step == ".";
                let next = dots.with_untracked(|dots| walk(dots, hovered.get_untracked().as_ref(), outwards));
                if let Some(dot) = &next {
                    change(&|stage| stage.face(dot));
                }
                point_at(next);
            }
            "Enter" | " " => select(hovered.get_untracked()),
            "m" => {
                let Some(Dot { selection, .. }) = hovered.get_untracked() else { return };
                lab.choose(|state| match state.marks.iter().position(|mark| *mark == selection) {
                    Some(at) => drop(state.marks.remove(at)),
                    None if state.marks.len() < MARKS => state.marks.push(selection),
                    None => {}
                });
            }
            "Escape" if hovered.with_untracked(Option::is_some) || selected.get_untracked().is_some() => {
                point_at(None);
                select(None);
            }
            _ => return,
        }
        spin.set(false);
        event.prevent_default();
        event.stop_propagation();
    };
    let label = move || format!("{}. {}", text::sphere::PICTURE, dots.with(|dots| summary(dots)));
    view! {
        <figure class="picture" data-part="sphere" data-testid=testid.unwrap_or("sphere") node_ref=figure>
            <canvas
                node_ref=canvas
                tabindex="0"
                role="application"
                aria-label=label
                aria-description=text::sphere::KEYS
                class:lasso=lasso
                style:height=move || format!("{}px", height.get())
                on:pointerdown=down
                on:pointermove=drag
                on:pointerup=up
                on:pointercancel=up
                on:pointerleave=move |_| point_at(None)
                on:wheel=wheel
                on:keydown=key
            ></canvas>
        </figure>
    }
}

impl Stage {
    fn new(brush: Brush) -> Self {
        Self {
            brush,
            camera: Camera::default(),
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
    fn show(&mut self, dots: Arc<Vec<Dot>>) {
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
            self.camera.turn(SPIN * ((time - self.painted) / 1000.0).min(0.1), 0.0);
        }
        self.painted = time;
        let points = self.points();
        if self.from.as_ref().is_some_and(|(_, since)| time - since > MOVE) {
            self.from = None;
        }
        let scene = Scene {
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
        self.seen = self.brush.paint(&self.camera, &scene)?;
        Ok(())
    }

    /// What the line drawn encloses; the line is gone then. Samples of the frames come last: where there are too many
    /// to mark, those go that no other view shows.
    fn close_lasso(&mut self) -> Vec<Selection> {
        let path = std::mem::take(&mut self.lasso);
        let caught = enclosed(&self.seen, &path, self.axes.is_some());
        let mut caught: Vec<&Dot> = caught.into_iter().filter_map(|i| self.dots.get(i)).collect();
        caught.sort_by_key(|dot| matches!(dot.origin, Origin::Sample(_)));
        caught.into_iter().map(|dot| dot.selection).collect()
    }

    fn press(&mut self, event: &PointerEvent) {
        let (x, y) = place(event);
        self.pointers.retain(|(id, ..)| *id != event.pointer_id());
        self.pointers.push((event.pointer_id(), x, y));
    }

    /// One pointer turns the ball, two enlarge it by how far they move apart.
    fn drag(&mut self, event: &PointerEvent) {
        let apart = |p: &[(i32, f64, f64)]| (p[0].1 - p[1].1).hypot(p[0].2 - p[1].2);
        let before = (self.pointers.len() == 2).then(|| apart(&self.pointers));
        let radius = self.brush.lens(&self.camera).radius;
        let (x, y) = place(event);
        let Some(pointer) = self.pointers.iter_mut().find(|(id, ..)| *id == event.pointer_id()) else { return };
        let step = (x - pointer.1, y - pointer.2);
        (pointer.1, pointer.2) = (x, y);
        match before {
            Some(before) => self.camera.magnify(apart(&self.pointers) / before.max(1.0)),
            None => self.camera.drag(step, radius),
        }
    }

    /// Turns the ball so that a point lies on the viewer's side.
    fn face(&mut self, dot: &Dot) {
        let seen = self.brush.lens(&self.camera).see(dot.at);
        if seen.depth < 0.05 {
            let [x, y, _] = dot.at;
            self.camera.yaw = (-std::f64::consts::FRAC_PI_2 - y.atan2(x)).rem_euclid(std::f64::consts::TAU);
        }
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

/// Paints with the next frame, once however often it is asked, and goes on while anything moves.
fn schedule(stage: Shared) {
    let wanted = stage.try_update_value(|stage| {
        let Some(stage) = stage else { return false };
        !std::mem::replace(&mut stage.scheduled, true)
    });
    if wanted != Some(true) {
        return;
    }
    request_animation_frame(move || {
        let goes_on = stage.try_update_value(|stage| {
            let Some(stage) = stage else { return false };
            stage.scheduled = false;
            if let Err(error) = stage.paint() {
                web_sys::console::error_1(&error);
                return false;
            }
            stage.spinning || stage.from.is_some()
        });
        if goes_on == Some(true) {
            schedule(stage);
        }
    });
}

/// The colours of a canvas do not follow the style sheet by themselves.
fn repaint_with_the_theme(stage: Shared) {
    let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") else { return };
    let on_change = Closure::<dyn FnMut()>::new(move || {
        stage.update_value(|stage| {
            if let Some(Err(error)) = stage.as_mut().map(|stage| stage.brush.mix()) {
                web_sys::console::error_1(&error);
            }
        });
        schedule(stage);
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

/// Where a pointer is in the picture's own pixels, whatever it is enlarged by.
fn place(event: &PointerEvent) -> (f64, f64) {
    let Some(canvas) = event.current_target().and_then(|t| t.dyn_into::<web_sys::Element>().ok()) else {
        return (f64::from(event.offset_x()), f64::from(event.offset_y()));
    };
    let seen = canvas.get_bounding_client_rect();
    let zoom = seen.width() / f64::from(canvas.client_width()).max(1.0);
    ((f64::from(event.client_x()) - seen.left()) / zoom, (f64::from(event.client_y()) - seen.top()) / zoom)
}

fn now() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
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

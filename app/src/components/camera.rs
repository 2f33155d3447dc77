//! The camera: asked for only when a person wants it, switched off as soon as they do not.

use super::lab;
use crate::{own_image, text};
use js_sys::{Array, Function, Object, Reflect};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomException, MediaStream, MediaStreamConstraints, MediaStreamTrack};

/// A camera that a person may switch on, and the `<video>` that shows what it sees.
#[derive(Clone, Copy)]
pub struct Camera {
    /// Whether it is on.
    pub on: RwSignal<bool>,
    problem: RwSignal<Option<String>>,
    video: NodeRef<html::Video>,
    stream: StoredValue<Option<MediaStream>, LocalStorage>,
    /// Whether the browser is asked for it: it may ask the person, who may press the button again.
    asking: StoredValue<bool>,
    /// How often it was switched off: what the browser was asked for before that comes too late.
    stops: StoredValue<u32>,
    /// The cameras that there are, once the person has let the page use one.
    there: RwSignal<Vec<Device>>,
    /// The one that is on, or was asked for.
    chosen: RwSignal<Option<String>>,
    /// Hears that the camera was unplugged, taken away by the browser, or by another program, which may give it back.
    heard: StoredValue<Option<[Hearing; 2]>, LocalStorage>,
}

type Hearing = Closure<dyn Fn()>;

/// One of several cameras.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Device {
    id: String,
    name: String,
}

impl Camera {
    /// One that is off, and goes off with the component that made it.
    pub fn new() -> Self {
        let camera = Self {
            on: RwSignal::new(false),
            problem: RwSignal::new(None),
            video: NodeRef::new(),
            stream: StoredValue::new_local(None),
            asking: StoredValue::new(false),
            stops: StoredValue::new(0),
            there: RwSignal::new(Vec::new()),
            chosen: RwSignal::new(None),
            heard: StoredValue::new_local(None),
        };
        on_cleanup(move || camera.release());
        camera
    }

    /// Asks the person's leave and shows what it sees.
    pub fn start(self) {
        if self.asking.try_update_value(|asking| std::mem::replace(asking, true)) != Some(false) {
            return;
        }
        self.problem.set(None);
        let stops = self.stops.get_value();
        spawn_local(async move {
            let asked = loop {
                let wanted = self.chosen.get_untracked();
                match (open(wanted.as_deref()).await, self.chosen.try_get_untracked()) {
                    // Another one was chosen while the browser asked.
                    (Ok(found), Some(now)) if now != wanted => switch_off(&found),
                    (asked, _) => break asked,
                }
            };
            match asked {
                Ok(found) if self.stops.try_get_value() != Some(stops) => switch_off(&found),
                // The view may be gone by now, and with it the place for the stream. A stream's own `clone` would make another
                // camera track, which nobody stops.
                Ok(found) if self.stream.try_set_value(Some(Clone::clone(&found))).is_some() => switch_off(&found),
                Ok(found) => self.show(&found).await,
                Err(why) => {
                    // One that was chosen and is not there is not asked for again.
                    self.chosen.try_set(None);
                    self.on.try_set(false);
                    self.problem.try_set(Some(why));
                }
            }
            self.asking.try_set_value(false);
        });
    }

    /// Switches to another camera. Telephones open one at a time.
    fn switch(self, id: String) {
        self.chosen.set(Some(id));
        // While the browser is asked for one, that is let go and this one asked for.
        if !self.asking.get_value() {
            self.release();
            self.start();
        }
    }

    async fn show(self, found: &MediaStream) {
        let ended = Closure::<dyn Fn()>::new(move || {
            self.stop();
            self.problem.set(Some(text::score::CAMERA_GONE.into()));
        });
        let muted = Closure::<dyn Fn()>::new(move || {
            self.problem.set(self.is_muted().then(|| text::score::CAMERA_MUTED.into()));
        });
        for track in tracks(found) {
            track.set_onended(Some(ended.as_ref().unchecked_ref()));
            track.set_onmute(Some(muted.as_ref().unchecked_ref()));
            track.set_onunmute(Some(muted.as_ref().unchecked_ref()));
        }
        self.heard.set_value(Some([ended, muted]));
        self.chosen.set(tracks(found).find_map(|track| id_of(&track)));
        if let Some(video) = self.video.get_untracked() {
            video.set_src_object(Some(found));
            if let Ok(playing) = video.play() {
                let _ = JsFuture::from(playing).await;
            }
        }
        self.there.try_set(cameras().await);
        self.on.try_set(true);
    }

    /// Switches it off.
    pub fn stop(self) {
        self.stops.update_value(|stops| *stops += 1);
        self.release();
        self.on.set(false);
    }

    fn release(self) {
        if let Some(stream) = self.stream.try_update_value(Option::take).flatten() {
            switch_off(&stream);
        }
    }

    /// Whether another program has taken it: its last picture stands still.
    fn is_muted(self) -> bool {
        self.stream.with_value(|stream| stream.as_ref().is_some_and(|stream| tracks(stream).any(|track| track.muted())))
    }

    /// Whether its picture is one of before, while another camera is asked for.
    fn is_away(self) -> bool {
        self.stream.with_value(Option::is_none)
    }

    /// What it sees now, as the model will; what is wrong is shown below it.
    pub fn picture(self) -> Option<Arc<[u8]>> {
        if self.is_away() {
            return None;
        }
        if self.is_muted() {
            self.problem.set(Some(text::score::CAMERA_MUTED.into()));
            return None;
        }
        let seen = own_image::from_video(&self.video.get_untracked()?);
        self.problem.set(seen.as_ref().err().map(ToString::to_string));
        seen.ok().map(|pixels| Arc::from(pixels.as_slice()))
    }
}

/// The button that switches a camera on, and while it is on, what it sees with `children` below.
#[component]
pub fn Viewfinder(
    /// The camera.
    camera: Camera,
    /// What to do with what it sees.
    children: Children,
) -> impl IntoView {
    let Camera { on, problem, video, there, chosen, .. } = camera;
    let option = move |Device { id, name }: Device| {
        let selected = chosen.with(|chosen| chosen.as_ref() == Some(&id));
        view! { <option value=id selected=selected>{name}</option> }
    };
    view! {
        <div class="camera" data-testid="camera">
            <button type="button" hidden=on data-testid="camera-on" on:click=move |_| camera.start()>{text::score::CAMERA_ON}</button>
            <div class="viewfinder" hidden=move || !on.get()>
                <label class="field" hidden=move || there.with(Vec::len) < 2>
                    <span>{text::score::CAMERA_WHICH}</span>
                    <select data-testid="camera-which" on:change:target=move |e| camera.switch(e.target().value())>
                        {move || there.get().into_iter().map(option).collect_view()}
                    </select>
                </label>
                <video node_ref=video playsinline prop:muted=true tabindex="-1" aria-label=text::score::CAMERA_SEES></video>
                <div class="buttons">
                    {children()}
                    <button type="button" class="quiet" data-testid="camera-off" on:click=move |_| camera.stop()>
                        {text::score::CAMERA_OFF}
                    </button>
                </div>
            </div>
            <p class="failed" role="alert" data-testid="camera-error" hidden=move || problem.with(Option::is_none)>{problem}</p>
        </div>
    }
}

/// A camera whose pictures become own images.
#[component]
pub fn Snapshots() -> impl IntoView {
    let lab = lab();
    let camera = Camera::new();
    let take = move |_| {
        if let Some(pixels) = camera.picture() {
            lab.own.take_pixels(text::score::CAMERA_NAME.into(), pixels);
        }
    };
    view! {
        <Viewfinder camera>
            <button type="button" data-testid="camera-take" on:click=take>{text::score::CAMERA_TAKE}</button>
        </Viewfinder>
    }
}

/// Asks for a camera, that of an id or any; what a person reads if there is none.
async fn open(id: Option<&str>) -> Result<MediaStream, String> {
    // Missing on pages that are neither local nor encrypted.
    let devices = window().navigator().media_devices().map_err(|_| text::score::CAMERA_MISSING.to_string())?;
    if Reflect::get(&devices, &"getUserMedia".into()).map_or(true, |f| !f.is_function()) {
        return Err(text::score::CAMERA_MISSING.into());
    }
    let wanted = MediaStreamConstraints::new();
    match id {
        Some(id) => wanted.set_video(&object("deviceId", &object("exact", &id.into()))),
        None => wanted.set_video(&JsValue::TRUE),
    }
    let asked = devices.get_user_media_with_constraints(&wanted).map_err(|e| refused(&e))?;
    JsFuture::from(asked).await.map(JsCast::unchecked_into).map_err(|e| refused(&e))
}

fn refused(why: &JsValue) -> String {
    let name = why.dyn_ref::<DomException>().map_or(String::new(), DomException::name);
    text::score::camera_refused(&name)
}

/// The cameras that there are, each with its name; none where the browser does not tell.
async fn cameras() -> Vec<Device> {
    let asked = window().navigator().media_devices().and_then(|devices| devices.enumerate_devices());
    let Ok(asked) = asked else { return Vec::new() };
    let found = JsFuture::from(asked).await.map(|found| Array::from(&found)).unwrap_or_default();
    let cameras = found.iter().filter(|device| field(device, "kind") == "videoinput");
    let named = cameras.enumerate().map(|(i, device)| {
        let (id, label) = (field(&device, "deviceId"), field(&device, "label"));
        Device { id, name: if label.is_empty() { text::score::camera_number(i + 1) } else { label } }
    });
    named.filter(|device| !device.id.is_empty()).collect()
}

/// The id of the camera that a track is of, if the browser tells.
fn id_of(track: &MediaStreamTrack) -> Option<String> {
    let settings: Function = Reflect::get(track, &"getSettings".into()).ok()?.dyn_into().ok()?;
    let id = field(&settings.call0(track).ok()?, "deviceId");
    (!id.is_empty()).then_some(id)
}

/// A text among an object's fields; empty where there is none.
fn field(of: &JsValue, name: &str) -> String {
    Reflect::get(of, &name.into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

/// An object of one field.
fn object(name: &str, value: &JsValue) -> JsValue {
    let object = Object::new();
    let _ = Reflect::set(&object, &name.into(), value);
    object.into()
}

fn tracks(stream: &MediaStream) -> impl Iterator<Item = MediaStreamTrack> {
    stream.get_tracks().to_vec().into_iter().map(JsCast::unchecked_into)
}

fn switch_off(stream: &MediaStream) {
    for track in tracks(stream) {
        track.set_onended(None);
        track.set_onmute(None);
        track.set_onunmute(None);
        track.stop();
    }
}

//! The camera: asked for only when a person wants it, switched off as soon as they do not.

use super::lab;
use crate::{own_image, text};
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
    /// Hears that the camera was unplugged, or taken away by the browser.
    ended: StoredValue<Option<Closure<dyn Fn()>>, LocalStorage>,
}

impl Camera {
    /// One that is off, and goes off with the component that made it.
    pub fn new() -> Self {
        let camera = Self {
            on: RwSignal::new(false),
            problem: RwSignal::new(None),
            video: NodeRef::new(),
            stream: StoredValue::new_local(None),
            ended: StoredValue::new_local(None),
        };
        on_cleanup(move || camera.release());
        camera
    }

    /// Asks the person's leave and shows what it sees.
    pub fn start(self) {
        self.problem.set(None);
        spawn_local(async move {
            match open().await {
                // The view may be gone by now, and with it the place for the stream.
                Ok(found) if self.stream.try_set_value(Some(found.clone())).is_some() => switch_off(&found),
                Ok(found) => self.show(&found).await,
                Err(why) => self.problem.set(Some(why)),
            }
        });
    }

    async fn show(self, found: &MediaStream) {
        let ended = Closure::<dyn Fn()>::new(move || {
            self.stop();
            self.problem.set(Some(text::score::CAMERA_GONE.into()));
        });
        for track in found.get_tracks().iter() {
            track.unchecked_into::<MediaStreamTrack>().set_onended(Some(ended.as_ref().unchecked_ref()));
        }
        self.ended.set_value(Some(ended));
        if let Some(video) = self.video.get_untracked() {
            video.set_src_object(Some(found));
            if let Ok(playing) = video.play() {
                let _ = JsFuture::from(playing).await;
            }
        }
        self.on.try_set(true);
    }

    /// Switches it off.
    pub fn stop(self) {
        self.release();
        self.on.set(false);
    }

    fn release(self) {
        if let Some(stream) = self.stream.try_update_value(Option::take).flatten() {
            switch_off(&stream);
        }
    }

    /// What it sees now, as the model will; what is wrong is shown below it.
    pub fn picture(self) -> Option<Arc<[u8]>> {
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
    let Camera { on, problem, video, .. } = camera;
    view! {
        <div class="camera" data-testid="camera">
            <button type="button" hidden=on data-testid="camera-on" on:click=move |_| camera.start()>{text::score::CAMERA_ON}</button>
            <div class="viewfinder" hidden=move || !on.get()>
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

/// Asks for the camera; what a person reads if there is none.
async fn open() -> Result<MediaStream, String> {
    // Missing on pages that are neither local nor encrypted.
    let devices = window().navigator().media_devices().map_err(|_| text::score::CAMERA_MISSING.to_string())?;
    if js_sys::Reflect::get(&devices, &"getUserMedia".into()).map_or(true, |f| !f.is_function()) {
        return Err(text::score::CAMERA_MISSING.into());
    }
    let wanted = MediaStreamConstraints::new();
    wanted.set_video(&JsValue::TRUE);
    let asked = devices.get_user_media_with_constraints(&wanted).map_err(|e| refused(&e))?;
    JsFuture::from(asked).await.map(JsCast::unchecked_into).map_err(|e| refused(&e))
}

fn refused(why: &JsValue) -> String {
    let name = why.dyn_ref::<DomException>().map_or(String::new(), DomException::name);
    text::score::camera_refused(&name)
}

fn switch_off(stream: &MediaStream) {
    for track in stream.get_tracks().iter() {
        let track = track.unchecked_into::<MediaStreamTrack>();
        track.set_onended(None);
        track.stop();
    }
}

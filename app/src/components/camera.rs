//! A picture from the camera: asked for only when a person wants it, switched off as soon as they do not.

use crate::{own_image, text};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomException, MediaStream, MediaStreamConstraints, MediaStreamTrack};

/// The button, and while the camera is on, what it sees and the trigger.
#[component]
pub fn Camera<F>(
    /// Called with each picture, as the model sees it.
    take: F,
) -> impl IntoView
where
    F: Fn(Arc<[u8]>) + Copy + Send + Sync + 'static,
{
    let (on, set_on) = signal(false);
    let (problem, set_problem) = signal(None::<String>);
    let video = NodeRef::<html::Video>::new();
    let stream = StoredValue::new_local(None::<MediaStream>);
    let stop = move || {
        if let Some(stream) = stream.try_update_value(Option::take).flatten() {
            switch_off(&stream);
        }
        set_on.set(false);
    };
    on_cleanup(move || {
        if let Some(stream) = stream.try_update_value(Option::take).flatten() {
            switch_off(&stream);
        }
    });
    let start = move |_| {
        set_problem.set(None);
        spawn_local(async move {
            match open().await {
                // The view may be gone by now, and with it the place for the stream.
                Ok(found) if stream.try_set_value(Some(found.clone())).is_some() => switch_off(&found),
                Ok(found) => {
                    set_on.set(true);
                    if let Some(video) = video.get_untracked() {
                        video.set_src_object(Some(&found));
                        if let Ok(playing) = video.play() {
                            let _ = JsFuture::from(playing).await;
                        }
                        let _ = video.focus();
                    }
                }
                Err(why) => set_problem.set(Some(why)),
            }
        });
    };
    let snap = move |_| {
        let Some(video) = video.get_untracked() else { return };
        let picture = own_image::from_video(&video);
        set_problem.set(picture.as_ref().err().map(ToString::to_string));
        if let Ok(pixels) = picture {
            take(Arc::from(pixels.as_slice()));
        }
    };
    view! {
        <div class="camera" data-testid="camera">
            <button type="button" hidden=on on:click=start>{text::score::CAMERA_ON}</button>
            <div class="viewfinder" hidden=move || !on.get()>
                <video node_ref=video playsinline prop:muted=true tabindex="-1" aria-label=text::score::CAMERA_SEES></video>
                <div class="buttons">
                    <button type="button" data-testid="camera-take" on:click=snap>{text::score::CAMERA_TAKE}</button>
                    <button type="button" class="quiet" on:click=move |_| stop()>{text::score::CAMERA_OFF}</button>
                </div>
            </div>
            <p class="failed" role="alert" data-testid="camera-error" hidden=move || problem.with(Option::is_none)>{problem}</p>
        </div>
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
        track.unchecked_into::<MediaStreamTrack>().stop();
    }
}

//! Bytes that the browser keeps for the page until they are forgotten.
//!
//! They lie in the browser's Cache Storage as answers to addresses that no server knows: unlike the other ways of keeping
//! things it takes bytes as they are, writes all of them or none, and is there in every browser that has service workers.

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use thiserror::Error;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, CacheStorage, Response, window};

/// Not one of the service worker's caches, which go when the site is built anew.
const CACHE: &str = "nsa-runs";

/// Why nothing is kept.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum KeepError {
    /// The browser keeps nothing for this page.
    #[error("this browser keeps nothing for this page")]
    Missing,
    /// It did not take the bytes: mostly, its storage is full.
    #[error("the browser did not take them ({0})")]
    Refused(String),
}

#[wasm_bindgen]
extern "C" {
    /// Calls back once no other tab holds the lock of this name, and holds it until what is given back is settled.
    #[wasm_bindgen(catch, js_namespace = ["navigator", "locks"], js_name = request)]
    fn request_lock(name: &str, granted: &JsValue) -> Result<Promise, JsValue>;
}

/// What lies under an address is this tab's to change until this is dropped.
pub struct Lock(Function);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.call0(&JsValue::NULL);
    }
}

/// Waits until no other tab changes what lies under an address, nor this one elsewhere. None in a browser without
/// locks, which changes it all the same.
pub async fn lock(address: &str) -> Option<Lock> {
    let (mut release, mut grant) = (None, None);
    let held = Promise::new(&mut |resolve, _| release = Some(resolve));
    let granted = Promise::new(&mut |resolve, _| grant = Some(resolve));
    let (release, grant) = (release?, grant?);
    let begin = Closure::once_into_js(move || {
        let _ = grant.call0(&JsValue::NULL);
        held
    });
    // The request is settled when the lock is released, or at once if it is refused.
    let request = request_lock(address, &begin).ok()?;
    JsFuture::from(Promise::race(&Array::of2(&granted, &request))).await.ok()?;
    Some(Lock(release))
}

/// Keeps bytes under an address, in place of those before.
pub async fn write(address: &str, bytes: &[u8]) -> Result<(), KeepError> {
    let answer = Response::new_with_opt_buffer_source(Some(&Uint8Array::from(bytes))).map_err(refused)?;
    let opened = JsFuture::from(storage()?.open(CACHE)).await.map_err(|_| KeepError::Missing)?;
    let cache: Cache = opened.dyn_into().map_err(|_| KeepError::Missing)?;
    JsFuture::from(cache.put_with_str(address, &answer)).await.map_err(refused)?;
    Ok(())
}

/// The bytes under an address, if there are any.
pub async fn read(address: &str) -> Result<Option<Vec<u8>>, KeepError> {
    let Some(cache) = cache().await? else { return Ok(None) };
    let found = JsFuture::from(cache.match_with_str(address)).await.map_err(refused)?;
    let Ok(answer) = found.dyn_into::<Response>() else { return Ok(None) };
    let buffer = JsFuture::from(answer.array_buffer().map_err(refused)?).await.map_err(refused)?;
    Ok(Some(Uint8Array::new(&buffer).to_vec()))
}

/// Keeps nothing under an address any more.
pub async fn forget(address: &str) -> Result<(), KeepError> {
    if let Some(cache) = cache().await? {
        JsFuture::from(cache.delete_with_str(address)).await.map_err(refused)?;
    }
    Ok(())
}

/// The cache, if anything was ever kept: to open one is to make it.
async fn cache() -> Result<Option<Cache>, KeepError> {
    let storage = storage()?;
    if JsFuture::from(storage.has(CACHE)).await.map_err(|_| KeepError::Missing)? != JsValue::TRUE {
        return Ok(None);
    }
    let opened = JsFuture::from(storage.open(CACHE)).await.map_err(|_| KeepError::Missing)?;
    opened.dyn_into().map(Some).map_err(|_| KeepError::Missing)
}

fn storage() -> Result<CacheStorage, KeepError> {
    let window = window().ok_or(KeepError::Missing)?;
    // Where the page is not served securely, the property is not there at all.
    if !Reflect::get(&window, &"caches".into()).is_ok_and(|caches| caches.is_object()) {
        return Err(KeepError::Missing);
    }
    window.caches().map_err(|_| KeepError::Missing)
}

fn refused(error: JsValue) -> KeepError {
    let told = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    KeepError::Refused(told.or(error.as_string()).unwrap_or_else(|| format!("{error:?}")))
}

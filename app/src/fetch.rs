//! Files of the page's own origin, with a limit on their size.

use js_sys::{Promise, Reflect, Uint8Array};
use thiserror::Error;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

/// Why a file did not come.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FetchError {
    /// The server has no such file.
    #[error("{url} is not on this server")]
    Missing {
        /// Its address.
        url: String,
    },
    /// The server answered, but not with the file.
    #[error("{url} could not be fetched: the server answered {status}")]
    Status {
        /// Its address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The network failed, or the page's rules forbid the address.
    #[error("{url} could not be fetched: check the connection, then try again ({why})")]
    Network {
        /// Its address.
        url: String,
        /// What the browser said.
        why: String,
    },
    /// More bytes than such a file may have.
    #[error("{url} must be at most {limit} bytes, and is larger")]
    TooLarge {
        /// Its address.
        url: String,
        /// Bytes allowed.
        limit: u64,
    },
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    fn request(url: &str) -> Result<Promise, JsValue>;
}

/// Fetches a file of at most `limit` bytes; `tick` is told of every piece that arrives.
pub async fn fetch(url: &str, limit: u64, mut tick: impl FnMut(u64)) -> Result<Vec<u8>, FetchError> {
    let network = |why: JsValue| FetchError::Network { url: url.into(), why: text(&why) };
    let answer = JsFuture::from(request(url).map_err(network)?).await.map_err(network)?;
    let response: Response = answer.unchecked_into();
    // Some servers answer a missing file with their start page; no file of ours is HTML.
    let is_html =
        response.headers().get("content-type").ok().flatten().is_some_and(|kind| kind.starts_with("text/html"));
    match response.status() {
        404 => return Err(FetchError::Missing { url: url.into() }),
        _ if response.ok() && is_html => return Err(FetchError::Missing { url: url.into() }),
        status if !response.ok() => return Err(FetchError::Status { url: url.into(), status }),
        _ => {}
    }
    let mut bytes = Vec::new();
    let Some(body) = response.body() else { return Ok(bytes) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let item = JsFuture::from(reader.read()).await.map_err(network)?;
        let get = |key: &str| Reflect::get(&item, &key.into()).map_err(network);
        if get("done")?.is_truthy() {
            return Ok(bytes);
        }
        let piece: Uint8Array = get("value")?.unchecked_into();
        if bytes.len() as u64 + u64::from(piece.length()) > limit {
            return Err(FetchError::TooLarge { url: url.into(), limit });
        }
        bytes.extend(piece.to_vec());
        tick(piece.length().into());
    }
}

/// What a thrown value says.
fn text(value: &JsValue) -> String {
    match value.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => value.as_string().unwrap_or_else(|| "no reason given".into()),
    }
}

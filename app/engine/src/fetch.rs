//! Files from the page's own origin, with a cap and progress.

use js_sys::Uint8Array;
use thiserror::Error;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, ReadableStreamDefaultReader, Response};

/// Why a file did not arrive.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The network failed, or the page's rules forbid the address.
    #[error("{url} could not be fetched: check the connection, then try again ({why})")]
    Network {
        /// The address.
        url: String,
        /// What the browser said.
        why: String,
    },
    /// The server answered, but not with the file.
    #[error("{url} could not be fetched: the server answered {status}")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// More bytes than such a file may have.
    #[error("{url} must be at most {limit} bytes, and is larger")]
    TooLarge {
        /// The address.
        url: String,
        /// The cap.
        limit: u64,
    },
}

/// Fetches a file of at most `limit` bytes; `tick` is told of every piece that arrives.
pub async fn fetch(url: &str, limit: u64, mut tick: impl FnMut(u64)) -> Result<Vec<u8>, FetchError> {
    let network = |why: JsValue| FetchError::Network { url: url.into(), why: text(&why) };
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let response: Response = JsFuture::from(scope.fetch_with_str(url)).await.map_err(network)?.unchecked_into();
    if !response.ok() {
        return Err(FetchError::Status { url: url.into(), status: response.status() });
    }
    let mut bytes = Vec::new();
    let Some(body) = response.body() else { return Ok(bytes) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let item = JsFuture::from(reader.read()).await.map_err(network)?;
        let get = |key: &str| js_sys::Reflect::get(&item, &key.into()).map_err(network);
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

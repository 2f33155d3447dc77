//! Files of our own origin, with a limit on their size.

use js_sys::Uint8Array;
use thiserror::Error;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// Why a file did not come.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FetchError {
    /// The server has no such file.
    #[error("{path} is not on this server")]
    Missing {
        /// The file.
        path: String,
    },
    /// The server answered, but not with the file.
    #[error("the server answered {status} for {path}")]
    Status {
        /// The file.
        path: String,
        /// HTTP status.
        status: u16,
    },
    /// No answer.
    #[error("{path} did not arrive: is the connection down?")]
    Network {
        /// The file.
        path: String,
    },
    /// More bytes than such a file has.
    #[error("{path} has {found} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// The file.
        path: String,
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// The bytes of the file at `path`, relative to the page.
pub async fn bytes(path: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
    let network = || FetchError::Network { path: path.into() };
    let request = web_sys::window().ok_or_else(network)?.fetch_with_str(path);
    let response: Response =
        JsFuture::from(request).await.ok().and_then(|answer| answer.dyn_into().ok()).ok_or_else(network)?;
    if !response.ok() {
        let (path, status) = (path.to_string(), response.status());
        return Err(if status == 404 { FetchError::Missing { path } } else { FetchError::Status { path, status } });
    }
    // Some servers answer a missing file with their start page; no file of ours is HTML.
    if response.headers().get("content-type").ok().flatten().is_some_and(|kind| kind.starts_with("text/html")) {
        return Err(FetchError::Missing { path: path.into() });
    }
    let body = JsFuture::from(response.array_buffer().map_err(|_| network())?).await.map_err(|_| network())?;
    let body = Uint8Array::new(&body);
    let found = body.length() as usize;
    if found > limit {
        return Err(FetchError::TooLarge { path: path.into(), found, limit });
    }
    Ok(body.to_vec())
}

//! Fetching published files: resumed where they broke off, and checked against the publisher's checksum.
//!
//! A file grows as `NAME.nsa-part` and gets its name only when its checksum is right, so what has its name is whole. One
//! process at a time fills a part; others that want the same file wait for it.

use super::catalog::Remote;
use super::published::md5;
use crate::files;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use ureq::http::Response;
use ureq::{Agent, Body};

/// Bytes a file may have: five times the largest published one.
const CAP: u64 = 1 << 30;
/// Tries without a new byte before giving up.
const TRIES: u32 = 4;
/// A transfer that takes longer is broken off and resumed, so that a silent server cannot hold us for ever.
const TRANSFER: Duration = Duration::from_secs(600);

/// Why a file could not be fetched.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// The server does not have it, or will not give it.
    #[error("{url}: the server answered {status}; if the publisher moved it, pass --url with the new address")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: u16,
    },
    /// The connection failed again and again.
    #[error("{url}: {why} ({done} bytes are kept; run the same command again to go on from there)")]
    Transfer {
        /// What was asked for.
        url: String,
        /// What failed last.
        why: String,
        /// Bytes that are there.
        done: u64,
    },
    /// It arrived, but is not the published file.
    #[error("{url} must have MD5 {must}, found {found}: what came was deleted; try again or another --url")]
    Checksum {
        /// Where it came from.
        url: String,
        /// The publisher's checksum.
        must: &'static str,
        /// The checksum of what came.
        found: String,
    },
    /// Another file has its name.
    #[error("{} is there already, but must have MD5 {must}, found {found}: move it away or pass another --root", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
        /// The publisher's checksum.
        must: &'static str,
        /// The checksum of what is there.
        found: String,
    },
    /// It could not be stored.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// What [`Fetcher::fetch`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// Nothing: the right file was there.
    Already,
    /// It was downloaded, or the rest of it.
    Now,
}

/// Told how many bytes are there, and of how many if the server says.
pub type OnProgress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// A client with patience.
#[derive(Debug)]
pub struct Fetcher {
    agent: Agent,
    /// Before the second try; doubled before each further one.
    pause: Duration,
}

/// How one try ended without the whole file.
enum Broken {
    /// Another try may help.
    Again(String),
    /// It will not.
    Final(DownloadError),
}

impl Fetcher {
    /// A client that waits `pause` before it tries again, and longer each time.
    pub fn new(pause: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_recv_body(Some(TRANSFER))
            .user_agent(concat!("nsa/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), pause }
    }

    /// Brings `base_url` + `remote.name` into `directory`, which must exist.
    pub fn fetch(
        &self,
        base_url: &str,
        remote: &Remote,
        directory: &Path,
        progress: OnProgress<'_>,
    ) -> Result<Fetched, DownloadError> {
        let url = format!("{}/{}", base_url.trim_end_matches('/'), remote.name);
        let path = directory.join(remote.name);
        let part = directory.join(format!("{}.nsa-part", remote.name));
        let io = |source| DownloadError::Io { path: part.clone(), source };
        if path.exists() {
            return already(path, remote.md5);
        }
        let file = claim(&part).map_err(io)?;
        // The process that was waited for may have brought it.
        let fetched = if path.exists() {
            already(path, remote.md5)
        } else {
            self.complete(&url, remote, &Part { file: &file, path: &part }, &path, progress)
        };
        // Nothing of an earlier try is lost with an empty part.
        if size(&part) == 0 || fetched.as_ref().is_ok_and(|fetched| *fetched == Fetched::Already) {
            files::remove(&part).ok();
        }
        fetched
    }

    /// Fills the part, and gives it the name `path` if it is right.
    fn complete(
        &self,
        url: &str,
        remote: &Remote,
        part: &Part<'_>,
        path: &Path,
        progress: OnProgress<'_>,
    ) -> Result<Fetched, DownloadError> {
        let io = |source| DownloadError::Io { path: part.path.into(), source };
        // An earlier run may have been killed before it renamed the whole file.
        if size(part.path) == 0 || md5(part.path).map_err(io)? != remote.md5 {
            self.fill(url, part, progress)?;
        }
        let found = md5(part.path).map_err(io)?;
        if found != remote.md5 {
            std::fs::remove_file(part.path).map_err(io)?;
            return Err(DownloadError::Checksum { url: url.into(), must: remote.md5, found });
        }
        part.file.sync_all().map_err(io)?;
        files::put_new(part.path, path).map_err(|source| DownloadError::Io { path: path.into(), source })?;
        Ok(Fetched::Now)
    }

    /// Tries until the part is whole; tries that bring nothing new are counted.
    fn fill(&self, url: &str, part: &Part<'_>, progress: OnProgress<'_>) -> Result<(), DownloadError> {
        let (mut most, mut idle) = (size(part.path), 0);
        loop {
            let why = match self.go_on(url, part, progress) {
                Ok(()) => return Ok(()),
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Again(why)) => why,
            };
            idle = if size(part.path) > most { 0 } else { idle + 1 };
            most = most.max(size(part.path));
            if idle == TRIES {
                return Err(DownloadError::Transfer { url: url.into(), why, done: size(part.path) });
            }
            std::thread::sleep(self.pause * (1 << idle.saturating_sub(1)));
        }
    }

    /// One try: asks for what is missing and appends it.
    fn go_on(&self, url: &str, part: &Part<'_>, progress: OnProgress<'_>) -> Result<(), Broken> {
        let io = |source| Broken::Final(DownloadError::Io { path: part.path.into(), source });
        let have = size(part.path);
        let mut request = self.agent.get(url);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        let response = request.call().map_err(|e| Broken::Again(e.to_string()))?;
        // An answer of 200 that names a range is a part, too: its body is not the beginning of the file.
        let is_part = header(&response, "content-range").is_some();
        let mut done = match response.status().as_u16() {
            200 if !is_part => 0,
            200 | 206 if range_start(&response) == Some(have) => have,
            // What we have is not the beginning of what they have: start over.
            200 | 206 | 416 if have > 0 => {
                part.file.set_len(0).map_err(io)?;
                return Err(Broken::Again("the server could not resume".into()));
            }
            200 | 206 => return Err(Broken::Again("the server sent another part than was asked for".into())),
            status @ (408 | 429 | 500..) => return Err(Broken::Again(format!("the server answered {status}"))),
            status => return Err(Broken::Final(DownloadError::Status { url: url.into(), status })),
        };
        let rest: Option<u64> = header(&response, "content-length").and_then(|text| text.parse().ok());
        let total = rest.and_then(|rest| rest.checked_add(done));
        if total.is_some_and(|total| total > CAP) {
            return Err(Broken::Final(too_large(url, done)));
        }
        let mut file = part.file;
        file.set_len(done).map_err(io)?;
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = body.read(&mut buffer).map_err(|e| Broken::Again(e.to_string()))?;
            if n == 0 {
                break;
            }
            file.write_all(&buffer[..n]).map_err(io)?;
            done += n as u64;
            if done > CAP {
                return Err(Broken::Final(too_large(url, done)));
            }
            progress(done, total);
        }
        match total {
            Some(total) if done < total => Err(Broken::Again(format!("it broke off after {done} of {total} bytes"))),
            _ => Ok(()),
        }
    }
}

/// What has come of a file so far, which this process alone fills.
struct Part<'a> {
    file: &'a File,
    path: &'a Path,
}

/// Opens a part and waits until no other process fills it.
fn claim(part: &Path) -> std::io::Result<File> {
    loop {
        let file = OpenOptions::new().create(true).append(true).open(part)?;
        // Where there are no locks, one process at a time is the best that can be done.
        let _ = file.lock();
        // The process that was waited for may have given it its name, or removed it.
        if files::has_name(&file, part) {
            return Ok(file);
        }
    }
}

/// A file that is there must be the right one: it is not ours to replace.
fn already(path: PathBuf, must: &'static str) -> Result<Fetched, DownloadError> {
    let found = md5(&path).map_err(|source| DownloadError::Io { path: path.clone(), source })?;
    if found == must { Ok(Fetched::Already) } else { Err(DownloadError::Exists { path, must, found }) }
}

fn too_large(url: &str, done: u64) -> DownloadError {
    DownloadError::Transfer { url: url.into(), why: format!("must have at most {CAP} bytes, found more"), done }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// The first byte of a partial answer: `Content-Range: bytes START-END/TOTAL`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    header(response, "content-range")?.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |meta| meta.len())
}

#[cfg(test)]
mod tests;

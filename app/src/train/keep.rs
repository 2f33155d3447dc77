//! The runs as they stood after their last whole epoch, kept by the browser, so that a reload costs an epoch at most.
//!
//! They lie in the browser's Cache Storage as one answer to an address that no server knows: unlike the other ways of
//! keeping things it takes bytes as they are, writes all of them or none, and is there in every browser that has
//! service workers.

use super::recipe::Recipe;
use js_sys::{Reflect, Uint8Array};
use nsa_core::measure::HistoryEntry;
use nsa_engine::train::protocol::Frame;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Response, window};

/// Not one of the service worker's caches, which go when the site is built anew.
const CACHE: &str = "nsa-runs";
/// What is kept lies here.
const ADDRESS: &str = "kept-runs";
/// Version of what [`Kept::to_bytes`] writes.
const FORMAT: u32 = 2;

/// Runs that can go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What they were begun with, and the learning rates they had in the end.
    pub recipe: Recipe,
    /// One or two.
    pub runs: Vec<KeptRun>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeptRun {
    /// The trainer's own account of it.
    pub snapshot: Vec<u8>,
    /// What was measured.
    pub history: Vec<HistoryEntry>,
    /// Where the samples stood.
    pub frames: Vec<Frame>,
    /// Loss of every step.
    pub losses: Vec<f32>,
    /// Seconds it has trained for.
    pub seconds: f64,
}

/// Why nothing is kept, or what was kept is of no use.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum KeepError {
    /// The browser keeps nothing for this page.
    #[error("this browser keeps nothing for this page")]
    Missing,
    /// It did not take the bytes: mostly, its storage is full.
    #[error("the browser did not keep the runs ({0})")]
    Refused(String),
    /// They are not what was written, or another version wrote them.
    #[error("what was kept cannot be read: {0}")]
    Unreadable(String),
}

/// What stands before the bytes.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    recipe: Recipe,
    runs: Vec<HeadRun>,
}

#[derive(Serialize, Deserialize)]
struct HeadRun {
    snapshot: usize,
    history: Vec<HistoryEntry>,
    losses: Vec<f32>,
    epochs: Vec<u32>,
    samples: usize,
    seconds: f64,
}

impl Kept {
    /// Length of the head, the head as JSON, then of every run snapshot and frames: numbers as they are, because as
    /// text the frames of a long run would be megabytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, KeepError> {
        let head = |run: &KeptRun| HeadRun {
            snapshot: run.snapshot.len(),
            history: run.history.clone(),
            losses: run.losses.clone(),
            epochs: run.frames.iter().map(|frame| frame.epoch).collect(),
            samples: run.frames.first().map_or(0, |frame| frame.angle.len()),
            seconds: run.seconds,
        };
        let head = Head { format: FORMAT, recipe: self.recipe.clone(), runs: self.runs.iter().map(head).collect() };
        let head = serde_json::to_vec(&head).map_err(|e| KeepError::Unreadable(e.to_string()))?;
        let mut bytes = (head.len() as u32).to_le_bytes().to_vec();
        bytes.extend(head);
        for run in &self.runs {
            bytes.extend(&run.snapshot);
            let columns = run.frames.iter().flat_map(|frame| [&frame.angle, &frame.azimuth, &frame.score]);
            bytes.extend(columns.flatten().flat_map(|value| value.to_le_bytes()));
        }
        Ok(bytes)
    }

    /// Reads what [`Kept::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeepError> {
        let mut rest = bytes;
        let cut = || KeepError::Unreadable("it is cut off".into());
        let mut take = |n: usize| {
            let (part, others) = rest.split_at_checked(n).ok_or_else(cut)?;
            rest = others;
            Ok(part)
        };
        let size = take(4)?.try_into().map(u32::from_le_bytes).map_err(|_| cut())?;
        let head: Head =
            serde_json::from_slice(take(size as usize)?).map_err(|e| KeepError::Unreadable(e.to_string()))?;
        if head.format != FORMAT {
            return Err(KeepError::Unreadable(format!("its version is {}, not {FORMAT}", head.format)));
        }
        let mut runs = Vec::new();
        for run in head.runs {
            let snapshot = take(run.snapshot)?.to_vec();
            let mut frames = Vec::new();
            for epoch in run.epochs {
                let mut column = || -> Result<Vec<f32>, KeepError> {
                    let values = take(run.samples.checked_mul(4).ok_or_else(cut)?)?.chunks_exact(4);
                    Ok(values.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
                };
                frames.push(Frame { epoch, angle: column()?, azimuth: column()?, score: column()? });
            }
            runs.push(KeptRun { snapshot, history: run.history, frames, losses: run.losses, seconds: run.seconds });
        }
        Ok(Self { recipe: head.recipe, runs })
    }

    /// Epochs that all runs have done.
    pub fn epoch(&self) -> usize {
        self.runs.iter().map(|run| run.history.last().map_or(0, |entry| entry.epoch)).min().unwrap_or(0)
    }
}

/// Keeps runs in place of those before.
pub async fn write(kept: &Kept) -> Result<(), KeepError> {
    let bytes = Uint8Array::from(&kept.to_bytes()?[..]);
    let answer = Response::new_with_opt_buffer_source(Some(&bytes)).map_err(refused)?;
    JsFuture::from(cache().await?.put_with_str(ADDRESS, &answer)).await.map_err(refused)?;
    Ok(())
}

/// The runs that are kept, if there are any.
pub async fn read() -> Result<Option<Kept>, KeepError> {
    let found = JsFuture::from(cache().await?.match_with_str(ADDRESS)).await.map_err(refused)?;
    let Ok(answer) = found.dyn_into::<Response>() else { return Ok(None) };
    let buffer = JsFuture::from(answer.array_buffer().map_err(refused)?).await.map_err(refused)?;
    Kept::from_bytes(&Uint8Array::new(&buffer).to_vec()).map(Some)
}

/// Keeps nothing any more.
pub async fn forget() -> Result<(), KeepError> {
    JsFuture::from(cache().await?.delete_with_str(ADDRESS)).await.map_err(refused)?;
    Ok(())
}

async fn cache() -> Result<Cache, KeepError> {
    let window = window().ok_or(KeepError::Missing)?;
    // Where the page is not served securely, the property is not there at all.
    if !Reflect::get(&window, &"caches".into()).is_ok_and(|caches| caches.is_object()) {
        return Err(KeepError::Missing);
    }
    let caches = window.caches().map_err(|_| KeepError::Missing)?;
    let opened = JsFuture::from(caches.open(CACHE)).await.map_err(|_| KeepError::Missing)?;
    opened.dyn_into().map_err(|_| KeepError::Missing)
}

fn refused(error: JsValue) -> KeepError {
    let told = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    KeepError::Refused(told.or(error.as_string()).unwrap_or_else(|| format!("{error:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let frame = |epoch: u32| Frame {
            epoch,
            angle: vec![0.1 * epoch as f32, 0.5],
            azimuth: vec![1.0, 2.0],
            score: vec![0.25, f32::MIN_POSITIVE],
        };
        let entry = |epoch| HistoryEntry { epoch, ..HistoryEntry::default() };
        let run = |epochs: u32| KeptRun {
            snapshot: vec![7; 5 + epochs as usize],
            history: (0..=epochs as usize).map(entry).collect(),
            frames: (0..=epochs).map(frame).collect(),
            losses: vec![2.5, 2.25],
            seconds: 1.5,
        };
        Kept { recipe: Recipe { class: 3, ..Recipe::default() }, runs: vec![run(3), run(2)] }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let kept = kept();
        assert_eq!(Kept::from_bytes(&kept.to_bytes().unwrap()).unwrap(), kept);
        assert_eq!(kept.epoch(), 2, "what both have done");
        let none = Kept { runs: vec![KeptRun::default()], ..kept };
        assert_eq!(Kept::from_bytes(&none.to_bytes().unwrap()).unwrap(), none);
    }

    #[test]
    fn what_is_cut_or_of_another_version_is_refused() {
        let bytes = kept().to_bytes().unwrap();
        for end in [0, 3, 40, bytes.len() - 1] {
            assert!(matches!(Kept::from_bytes(&bytes[..end]), Err(KeepError::Unreadable(_))), "{end} bytes");
        }
        let written = br#""format":2"#;
        let at = bytes.windows(written.len()).position(|part| part == written).unwrap() + written.len() - 1;
        let mut other = bytes;
        other[at] = b'3';
        assert!(Kept::from_bytes(&other).unwrap_err().to_string().contains("version is 3"));
    }
}

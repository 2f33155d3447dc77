//! The runs as they stood after their last whole epoch, kept by the browser, so that a reload costs an epoch at most.

use super::recipe::Recipe;
use crate::kept::{self, KeepError};
use nsa_core::measure::HistoryEntry;
use nsa_engine::train::protocol::Frame;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is kept lies here.
const ADDRESS: &str = "kept-runs";
/// Milliseconds between two times that runs in training are kept.
const EVERY: f64 = 3000.0;
/// Version of what [`Autosave::to_bytes`] writes.
const FORMAT: u32 = 3;

/// Runs that can go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Autosave {
    /// What they were begun with, and the learning rates they had in the end.
    pub recipe: Recipe,
    /// Whose images they learn from: [`OwnPixels::mark`](super::OwnPixels::mark); none of the digits.
    pub own: Option<u64>,
    /// One or two.
    pub runs: Vec<SavedRun>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SavedRun {
    /// The trainer's own account of it.
    pub snapshot: Vec<u8>,
    pub history: Vec<HistoryEntry>,
    pub frames: Vec<Frame>,
    pub losses: Vec<f32>,
    /// Seconds it has trained for.
    pub seconds: f64,
}

/// When runs in training are handed to the browser.
#[derive(Debug, Default)]
pub struct Rhythm {
    /// When they last were, milliseconds; none before.
    at: Option<f64>,
    /// Whether the browser is at it.
    busy: bool,
    /// Whether it should do it again at once, because more has happened.
    again: bool,
    /// Whether it has been said that there is no room.
    told_full: bool,
}

/// What to do once the browser has done with the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Rest,
    /// Hand them over again.
    Again,
    /// Say, for the first time, that there is no room.
    TellFull,
}

impl Rhythm {
    /// Whether it is time: every few seconds, or at once if it must be `now`.
    pub fn is_due(&mut self, now: bool, time: f64) -> bool {
        self.again |= now && self.busy;
        !self.busy && (now || self.at.is_none_or(|at| time - at >= EVERY))
    }

    /// The browser begins.
    pub fn begin(&mut self, time: f64) {
        (self.at, self.busy) = (Some(time), true);
    }

    /// The browser is through, or had no room.
    pub fn end(&mut self, full: bool) -> Next {
        self.busy = false;
        let (told, again) = (std::mem::replace(&mut self.told_full, full), std::mem::take(&mut self.again));
        match full {
            // Said once: who goes on all the same has read it.
            true if !told => Next::TellFull,
            false if again => Next::Again,
            _ => Next::Rest,
        }
    }
}

/// Why nothing is kept, or what was kept is of no use.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AutosaveError {
    /// The browser did not keep them.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// They are not what was written, or another version wrote them.
    #[error("what was kept cannot be read: {0}")]
    Unreadable(String),
}

/// What stands before the bytes.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    recipe: Recipe,
    #[serde(default)]
    own: Option<u64>,
    runs: Vec<RunHead>,
}

#[derive(Serialize, Deserialize)]
struct RunHead {
    snapshot: usize,
    history: Vec<HistoryEntry>,
    losses: Vec<f32>,
    epochs: Vec<u32>,
    samples: usize,
    seconds: f64,
}

impl Autosave {
    /// Length of the head, the head as JSON, then of every run snapshot and frames: numbers as they are, because as
    /// text the frames of a long run would be megabytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AutosaveError> {
        let head = |run: &SavedRun| RunHead {
            snapshot: run.snapshot.len(),
            history: run.history.clone(),
            losses: run.losses.clone(),
            epochs: run.frames.iter().map(|frame| frame.epoch).collect(),
            samples: run.frames.first().map_or(0, |frame| frame.angle.len()),
            seconds: run.seconds,
        };
        let runs = self.runs.iter().map(head).collect();
        let head = Head { format: FORMAT, recipe: self.recipe.clone(), own: self.own, runs };
        let head = serde_json::to_vec(&head).map_err(|e| AutosaveError::Unreadable(e.to_string()))?;
        let mut bytes = (head.len() as u32).to_le_bytes().to_vec();
        bytes.extend(head);
        for run in &self.runs {
            bytes.extend(&run.snapshot);
            let columns = run.frames.iter().flat_map(|frame| [&frame.angle, &frame.azimuth, &frame.score]);
            bytes.extend(columns.flatten().flat_map(|value| value.to_le_bytes()));
        }
        Ok(bytes)
    }

    /// Reads what [`Autosave::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AutosaveError> {
        let mut rest = bytes;
        let cut = || AutosaveError::Unreadable("it is cut off".into());
        let mut take = |n: usize| {
            let (part, others) = rest.split_at_checked(n).ok_or_else(cut)?;
            rest = others;
            Ok::<_, AutosaveError>(part)
        };
        let size = take(4)?.try_into().map(u32::from_le_bytes).map_err(|_| cut())?;
        let head: Head =
            serde_json::from_slice(take(size as usize)?).map_err(|e| AutosaveError::Unreadable(e.to_string()))?;
        if head.format != FORMAT {
            return Err(AutosaveError::Unreadable(format!("its version is {}, not {FORMAT}", head.format)));
        }
        let mut runs = Vec::new();
        for run in head.runs {
            let snapshot = take(run.snapshot)?.to_vec();
            let mut frames = Vec::new();
            for epoch in run.epochs {
                let mut column = || -> Result<Vec<f32>, AutosaveError> {
                    let values = take(run.samples.checked_mul(4).ok_or_else(cut)?)?.chunks_exact(4);
                    Ok(values.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
                };
                frames.push(Frame { epoch, angle: column()?, azimuth: column()?, score: column()? });
            }
            runs.push(SavedRun { snapshot, history: run.history, frames, losses: run.losses, seconds: run.seconds });
        }
        Ok(Self { recipe: head.recipe, own: head.own, runs })
    }

    /// Epochs that all runs have done.
    pub fn epoch(&self) -> usize {
        self.runs.iter().map(|run| run.history.last().map_or(0, |entry| entry.epoch)).min().unwrap_or(0)
    }
}

/// Keeps runs in place of those before.
pub async fn write(saved: &Autosave) -> Result<(), AutosaveError> {
    Ok(kept::write(ADDRESS, &saved.to_bytes()?).await?)
}

/// The runs that are kept, if there are any.
pub async fn read() -> Result<Option<Autosave>, AutosaveError> {
    kept::read(ADDRESS).await?.map(|bytes| Autosave::from_bytes(&bytes)).transpose()
}

/// Keeps nothing any more.
pub async fn forget() -> Result<(), AutosaveError> {
    Ok(kept::forget(ADDRESS).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Autosave {
        let frame = |epoch: u32| Frame {
            epoch,
            angle: vec![0.1 * epoch as f32, 0.5],
            azimuth: vec![1.0, 2.0],
            score: vec![0.25, f32::MIN_POSITIVE],
        };
        let entry = |epoch| HistoryEntry { epoch, ..HistoryEntry::default() };
        let run = |epochs: u32| SavedRun {
            snapshot: vec![7; 5 + epochs as usize],
            history: (0..=epochs as usize).map(entry).collect(),
            frames: (0..=epochs).map(frame).collect(),
            losses: vec![2.5, 2.25],
            seconds: 1.5,
        };
        let recipe = Recipe { class: 3, ..Recipe::default() };
        Autosave { recipe, own: Some(u64::MAX), runs: vec![run(3), run(2)] }
    }

    #[test]
    fn runs_are_kept_every_few_seconds_and_full_storage_is_told_once() {
        let mut rhythm = Rhythm::default();
        assert!(rhythm.is_due(false, 0.0));
        rhythm.begin(0.0);
        assert!(!rhythm.is_due(true, 9000.0), "the browser is at it");
        assert_eq!(rhythm.end(false), Next::Again, "because more has happened");
        assert!(!rhythm.is_due(false, EVERY - 1.0) && rhythm.is_due(false, EVERY) && rhythm.is_due(true, 1.0));
        assert_eq!([rhythm.end(true), rhythm.end(true)], [Next::TellFull, Next::Rest]);
        assert_eq!([rhythm.end(false), rhythm.end(true)], [Next::Rest, Next::TellFull]);
    }

    #[test]
    fn what_is_kept_comes_back() {
        let kept = kept();
        assert_eq!(Autosave::from_bytes(&kept.to_bytes().unwrap()).unwrap(), kept);
        assert_eq!(kept.epoch(), 2, "what both have done");
        let none = Autosave { runs: vec![SavedRun::default()], ..kept };
        assert_eq!(Autosave::from_bytes(&none.to_bytes().unwrap()).unwrap(), none);
    }

    #[test]
    fn what_is_cut_or_of_another_version_is_refused() {
        let bytes = kept().to_bytes().unwrap();
        for end in [0, 3, 40, bytes.len() - 1] {
            assert!(matches!(Autosave::from_bytes(&bytes[..end]), Err(AutosaveError::Unreadable(_))), "{end} bytes");
        }
        let written = format!("\"format\":{FORMAT}");
        let at = bytes.windows(written.len()).position(|part| part == written.as_bytes()).unwrap() + written.len() - 1;
        let mut other = bytes;
        other[at] += 1;
        assert!(Autosave::from_bytes(&other).unwrap_err().to_string().contains(&format!("version is {}", FORMAT + 1)));
    }
}

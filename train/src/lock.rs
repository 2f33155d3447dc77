//! A lock on a run, so that no two processes train it at once.
//!
//! The operating system holds it (`flock` on Linux) and drops it when the process ends, however it ends: a killed
//! process leaves the file `RUN/lock` but no lock. Between machines it holds where their shared file system passes
//! locks on, as NFS and Lustre (`-o flock`) do.

use crate::error::NsaError;
use crate::files;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

const LOCK_FILE: &str = "lock";

/// A run that this process alone may change, until this is dropped.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of the run in `path`; the folder is made if it is not there.
    ///
    /// # Errors
    /// [`NsaError::Busy`] if another process has it.
    pub fn take(path: &Path) -> Result<Self, NsaError> {
        // Another process that only looks ([`is_locked`]) holds the lock for microseconds.
        for _ in 0..5 {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(NsaError::Busy { path: path.into() })
    }

    fn try_take(path: &Path) -> Result<Option<Self>, NsaError> {
        std::fs::create_dir_all(path).map_err(files::writing(path))?;
        let name = path.join(LOCK_FILE);
        let file =
            File::options().create(true).truncate(false).write(true).open(&name).map_err(files::writing(&name))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(files::writing(&name)(source)),
        }
    }
}

/// Whether some process trains the run in `path` now. Where that cannot be asked, no.
pub fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path.join(LOCK_FILE)) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_free_again_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("runs/one");
        assert!(!is_locked(&run));
        let lock = RunLock::take(&run).unwrap();
        assert!(is_locked(&run));
        let error = RunLock::take(&run).unwrap_err();
        assert!(matches!(error, NsaError::Busy { .. }) && error.exit_code() == 1, "{error}");
        drop(lock);
        assert!(!is_locked(&run));
        RunLock::take(&run).unwrap();
    }
}

//! Locks: on a run, so that no two processes train it at once, and on a folder while its files are changed.
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
const FOLDER_LOCK_FILE: &str = ".nsa-lock";

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

/// A folder whose files this process alone changes until this is dropped; others wait for it.
///
/// The lock is on the folder itself, so that nothing is left in it. Where the system has none on folders (Windows, NFS)
/// it is on a file in it.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Waits for the lock of a folder that is there.
    pub fn wait(path: &Path) -> Result<Self, NsaError> {
        let on_itself = || -> std::io::Result<File> {
            let folder = File::open(path)?;
            folder.lock()?;
            Ok(folder)
        };
        let name = path.join(FOLDER_LOCK_FILE);
        let in_it = |_| -> std::io::Result<File> {
            let file = File::options().create(true).truncate(false).write(true).open(&name)?;
            file.lock()?;
            Ok(file)
        };
        let file = on_itself().or_else(in_it).map_err(files::writing(path))?;
        Ok(Self { _file: file })
    }
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

    #[test]
    fn changes_of_a_folder_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        std::fs::write(&count, "0").unwrap();
        let add_one = || {
            let _lock = FolderLock::wait(folder.path()).unwrap();
            let before: u32 = std::fs::read_to_string(&count).unwrap().parse().unwrap();
            std::thread::sleep(Duration::from_millis(5));
            std::fs::write(&count, (before + 1).to_string()).unwrap();
        };
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(add_one))));
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "8");
    }
}

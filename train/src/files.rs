//! Files that are either whole or not there.

use crate::error::NsaError;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Wraps an I/O error with the path it happened at.
pub fn at(path: &Path) -> impl Fn(std::io::Error) -> NsaError + '_ {
    move |source| NsaError::Io { path: path.to_path_buf(), source }
}

/// Reads a file whole.
pub fn read(path: &Path) -> Result<Vec<u8>, NsaError> {
    fs::read(path).map_err(at(path))
}

/// Writes a file so that a kill at any moment leaves the old content or the new, never a mixture: beside it, to the
/// disk, then renamed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), NsaError> {
    let beside = with_suffix(path, ".part");
    let mut file = File::create(&beside).map_err(at(&beside))?;
    file.write_all(bytes).map_err(at(&beside))?;
    file.sync_all().map_err(at(&beside))?;
    fs::rename(&beside, path).map_err(at(path))
}

/// Replaces a folder by another one that was written beside it.
pub fn replace_folder(new: &Path, path: &Path) -> Result<(), NsaError> {
    let old = with_suffix(path, ".old");
    if path.exists() {
        remove_folder(&old)?;
        fs::rename(path, &old).map_err(at(path))?;
    }
    fs::rename(new, path).map_err(at(path))?;
    remove_folder(&old)
}

/// Removes a folder if it is there.
pub fn remove_folder(path: &Path) -> Result<(), NsaError> {
    if path.exists() { fs::remove_dir_all(path).map_err(at(path)) } else { Ok(()) }
}

/// The path with something appended to its last part.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_replaced_even_after_a_kill_between_the_renames() {
        let folder = tempfile::tempdir().unwrap();
        let (path, new) = (folder.path().join("a"), folder.path().join("b"));
        for content in ["first", "second"] {
            fs::create_dir(&new).unwrap();
            fs::write(new.join("file"), content).unwrap();
            // A kill after the first rename leaves only `a.old`; a later run leaves it behind or replaces it.
            fs::create_dir_all(with_suffix(&path, ".old")).unwrap();
            replace_folder(&new, &path).unwrap();
            assert_eq!(fs::read_to_string(path.join("file")).unwrap(), content);
        }
        assert!(!new.exists());
    }
}

//! Files and folders that are either whole or not there.

use crate::error::NsaError;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Wraps an I/O error with the path that could not be read.
pub fn reading(path: &Path) -> impl Fn(io::Error) -> NsaError + '_ {
    move |source| NsaError::Io { verb: "read", path: path.to_path_buf(), source }
}

/// Wraps an I/O error with the path that could not be written, renamed or removed.
pub fn writing(path: &Path) -> impl Fn(io::Error) -> NsaError + '_ {
    move |source| NsaError::Io { verb: "write", path: path.to_path_buf(), source }
}

/// Reads a file whole.
pub fn read(path: &Path) -> Result<Vec<u8>, NsaError> {
    fs::read(path).map_err(reading(path))
}

/// Why a file that came from elsewhere is not read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The system would not give it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A pipe would be waited for, a device read for ever.
    #[error("must be a plain file, found {0}: write it to a file first")]
    NotPlain(&'static str),
    /// More bytes than are read.
    #[error("must have at most {limit} bytes, found {found}")]
    Large {
        /// The most.
        limit: u64,
        /// Those it has.
        found: u64,
    },
}

/// Opens a file that came from elsewhere, if it is a plain one, and tells how many bytes it has.
pub fn open_plain(path: &Path) -> Result<(File, u64), ReadError> {
    let metadata = fs::metadata(path)?;
    match metadata.is_file() {
        true => Ok((File::open(path)?, metadata.len())),
        false if metadata.is_dir() => Err(ReadError::NotPlain("a folder")),
        false => Err(ReadError::NotPlain("a pipe or a device")),
    }
}

/// Reads a file that came from elsewhere: a plain file of at most `limit` bytes, or else no byte is read.
pub fn read_plain(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let (file, length) = open_plain(path)?;
    if length > limit {
        return Err(ReadError::Large { limit, found: length });
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    let found = bytes.len() as u64;
    if found > limit { Err(ReadError::Large { limit, found }) } else { Ok(bytes) }
}

/// [`read_plain`], its error with the path.
pub fn read_capped(path: &Path, limit: u64) -> Result<Vec<u8>, NsaError> {
    read_plain(path, limit).map_err(refusing(path))
}

/// Wraps the refusal of a file with its path.
pub fn refusing(path: &Path) -> impl Fn(ReadError) -> NsaError + '_ {
    move |why| match why {
        ReadError::Io(source) => reading(path)(source),
        why => NsaError::Refused { path: path.into(), why },
    }
}

/// Writes a file so that a kill at any moment leaves the old content or the new, never a mixture: beside it, to the
/// disk, then renamed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), NsaError> {
    stage(path, bytes)?;
    commit(path)
}

/// The first half of [`write_atomic`]: the new content is on the disk, as `.part` beside the old.
pub fn stage(path: &Path, bytes: &[u8]) -> Result<(), NsaError> {
    let beside = with_suffix(path, PART);
    let mut file = File::create(&beside).map_err(writing(&beside))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(writing(&beside))
}

/// The second half of [`write_atomic`].
pub fn commit(path: &Path) -> Result<(), NsaError> {
    fs::rename(with_suffix(path, PART), path).map_err(writing(path))
}

/// Ends the names of files and folders that are being written.
pub const PART: &str = ".part";
/// Ends the names of folders that are being replaced.
const OLD: &str = ".old";

/// Replaces a folder by the one that was written beside it as `.part`.
///
/// On Linux and Apple's systems the two names are exchanged in one step: a kill at any moment leaves, under `path`,
/// the old folder whole or the new one. Elsewhere, and on the few file systems that cannot exchange, it takes two
/// renames, and a kill between them leaves only `.old`: [`recover_folder`] puts that back.
pub fn replace_folder(path: &Path) -> Result<(), NsaError> {
    let (new, old) = (with_suffix(path, PART), with_suffix(path, OLD));
    if !path.exists() {
        return fs::rename(&new, path).map_err(writing(path));
    }
    if exchange(&new, path).is_ok() {
        return remove_folder(&new);
    }
    fs::rename(path, &old).map_err(writing(path))?;
    fs::rename(&new, path).map_err(writing(path))?;
    remove_folder(&old)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Cleans up after a kill inside [`replace_folder`]: the old folder comes back if nothing stands in its place, and
/// nothing is left beside it.
pub fn recover_folder(path: &Path) -> Result<(), NsaError> {
    let old = with_suffix(path, OLD);
    if !path.exists() && old.exists() {
        fs::rename(&old, path).map_err(writing(path))?;
    }
    remove_folder(&old)?;
    remove_folder(&with_suffix(path, PART))
}

fn remove_folder(path: &Path) -> Result<(), NsaError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(writing(path)(source)),
        _ => Ok(()),
    }
}

/// The path with something appended to its last part (and not, after a slash at the end, inside of it).
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
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
    fn a_large_file_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read_capped(&path, 1000).unwrap_err();
        assert!(error.to_string().ends_with("sparse must have at most 1000 bytes, found 1099511627776"), "{error}");
        assert!(read_capped(folder.path(), 1000).unwrap_err().to_string().contains("plain file"));
    }

    #[test]
    fn a_folder_is_replaced_and_recovered_even_with_a_slash_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/");
        let content = || fs::read_to_string(path.join("file")).unwrap();
        for text in ["first", "second"] {
            recover_folder(&path).unwrap();
            fs::create_dir(with_suffix(&path, PART)).unwrap();
            fs::write(with_suffix(&path, PART).join("file"), text).unwrap();
            replace_folder(&path).unwrap();
            assert_eq!(content(), text);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
        // A kill between the two renames.
        fs::rename(&path, with_suffix(&path, OLD)).unwrap();
        fs::create_dir(with_suffix(&path, PART)).unwrap();
        recover_folder(&path).unwrap();
        assert_eq!(content(), "second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

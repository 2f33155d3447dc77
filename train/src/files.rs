//! Files and folders: reading those that came from elsewhere, and writing our own so that they are whole or not there.
//!
//! `docs/files.md` says what `nsa` promises about them. Everything that is written goes through [`part`]: what a person
//! named by `--out` by an [`Output`], what lies in a folder of our own by [`write_atomic`].

mod output;
mod part;
mod signals;

pub use output::{Kind, Output, Writing};
pub use part::{PartFile, PartFolder, parts};
pub use signals::uninterrupted;

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

/// Writes a file of our own so that a kill at any moment leaves the old content or the new, never a mixture: beside it,
/// to the disk, then renamed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), NsaError> {
    stage(path, bytes)?.put().map_err(writing(path))
}

/// The first half of [`write_atomic`]: the new content is on the disk, beside the old.
pub fn stage(path: &Path, bytes: &[u8]) -> Result<PartFile, NsaError> {
    let stage = || -> io::Result<PartFile> {
        let mut part = PartFile::new(&place_of(path)?)?;
        part.file().write_all(bytes)?;
        part.file().sync_all()?;
        Ok(part)
    };
    stage().map_err(writing(path))
}

/// Removes a file of our own, if it is there.
pub fn remove(path: &Path) -> Result<(), NsaError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(writing(path)(source)),
        _ => Ok(()),
    }
}

/// Gives a file the name `to`, which nothing may have.
pub fn put_new(from: &Path, to: &Path) -> io::Result<()> {
    // A second name fails where a file has it already; file systems without second names are asked first.
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if to.exists() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Where `path` leads: the file or folder itself, also where it is a link to one that is not there yet.
pub fn place_of(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_path_buf();
    for _ in 0..40 {
        match fs::read_link(&place) {
            Ok(target) => place = place.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(place),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// Whether both names are of the same file or folder, there or not.
pub fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(first), Ok(second)) => same_node(&first, &second).unwrap_or_else(|| absolute(a) == absolute(b)),
        (Err(_), Err(_)) => absolute(a) == absolute(b),
        _ => false,
    }
}

/// Whether an open file still has the name `path`.
pub fn has_name(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => same_node(&open, &named).unwrap_or(true),
        _ => false,
    }
}

#[cfg(unix)]
fn same_node(a: &fs::Metadata, b: &fs::Metadata) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;
    Some((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

#[cfg(not(unix))]
fn same_node(_: &fs::Metadata, _: &fs::Metadata) -> Option<bool> {
    None
}

/// A name from the root on, without links in the folders that it leads through.
fn absolute(path: &Path) -> Option<PathBuf> {
    let place = place_of(path).ok()?;
    let folder = fs::canonicalize(folder_of(&place)).ok()?;
    Some(folder.join(place.file_name()?))
}

/// The folder that a file or folder lies in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
    fn the_same_file_is_known_by_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "a").unwrap();
        fs::write(at("b"), "a").unwrap();
        fs::create_dir(at("in")).unwrap();
        assert!(is_same(&at("a"), &at("in/../a")) && !is_same(&at("a"), &at("b")));
        assert!(is_same(&at("none"), &at("in/../none")) && !is_same(&at("none"), &at("a")));
        assert!(put_new(&at("a"), &at("b")).is_err() && at("a").exists());
        put_new(&at("a"), &at("c")).unwrap();
        assert!(!at("a").exists() && at("c").exists());
    }
}

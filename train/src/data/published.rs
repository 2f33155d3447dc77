//! Whether files are those that were published. Their checksums tell; a name says nothing, and MNIST has the names of
//! Fashion-MNIST.

use super::catalog::{Known, Remote};
use super::error::DataSourceError;
use super::files;
use md5::{Digest, Md5};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of content that are hashed at most; no published file has as many.
const CAP: u64 = 1 << 30;

/// What checksums say of the files that images were read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Published,
    NotPublished,
    /// Files whose publisher gives no checksum: what somebody unpacked from an archive.
    Unchecked,
}

impl Origin {
    /// Of all these files together.
    pub(super) fn of(known: &Known, files: &[PathBuf]) -> Result<Self, DataSourceError> {
        let mut all = Self::Published;
        for path in files {
            match remote(known, path) {
                None => all = Self::Unchecked,
                Some(remote) if is_published(remote, path)? => (),
                Some(_) => return Ok(Self::NotPublished),
            }
        }
        Ok(all)
    }

    /// Behind a data set's title, where it is said where images come from.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Published => "as published",
            Self::NotPublished => "not the published files",
            Self::Unchecked => "unpacked, with no checksum to compare",
        }
    }
}

/// What to do about a file that was refused: to fetch it again helps only if it is not the published one.
pub(super) fn with_remedy(known: &Known, error: DataSourceError) -> DataSourceError {
    let DataSourceError::Format { path, must, found, .. } = error else { return error };
    let file = path.ancestors().find_map(|path| Some((path, remote(known, path)?)).filter(|_| path.is_file()));
    let remedy = match file.map(|(path, remote)| is_published(remote, path)) {
        Some(Ok(true)) => "its checksum is the publisher's, so this is a fault of nsa",
        Some(_) => "its checksum is not the publisher's: delete it and fetch it again",
        None => "pass another file",
    };
    DataSourceError::Format { path, must, found, remedy }
}

/// The published file of this name, packed or not.
fn remote(known: &Known, path: &Path) -> Option<&'static Remote> {
    let name = path.file_name()?.to_str()?;
    known.files.iter().find(|remote| remote.name == name || remote.name.strip_suffix(".gz") == Some(name))
}

/// Whether it is the file as it was packed, or has what was packed.
fn is_published(remote: &Remote, path: &Path) -> Result<bool, DataSourceError> {
    if md5(path).map_err(|source| DataSourceError::io(path, source))? == remote.md5 {
        return Ok(true);
    }
    let Some(content) = remote.content_md5 else { return Ok(false) };
    // What cannot be unpacked is not what was published.
    Ok(files::read(path, CAP).is_ok_and(|bytes| hexadecimal(&Md5::digest(&bytes)) == content))
}

/// The MD5 of a file: the only checksum that these publishers give.
pub(super) fn md5(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

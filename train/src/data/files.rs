//! Reading whole files, never more of them than they may hold.

use super::error::DataSourceError;
use crate::files::{ReadError, open_plain};
use flate2::read::MultiGzDecoder;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// Reads a file, unpacked if it is gzip, as its first bytes tell; refuses more than `cap` bytes of content.
pub(super) fn read(path: &Path, cap: u64) -> Result<Vec<u8>, DataSourceError> {
    let io = |source| DataSourceError::io(path, source);
    let (mut file, _) = open_plain(path).map_err(refusing(path))?;
    let mut magic = [0; 2];
    let gzip = file.read(&mut magic).map_err(io)? == 2 && magic == [0x1f, 0x8b];
    file.rewind().map_err(io)?;
    if !gzip {
        return read_plain(path, cap);
    }
    let mut content = Vec::new();
    let read = MultiGzDecoder::new(BufReader::new(file)).take(cap + 1).read_to_end(&mut content);
    read.map_err(|e| DataSourceError::format(path, "be a whole gzip file", e.to_string()))?;
    if content.len() as u64 > cap {
        return Err(DataSourceError::format(path, format!("hold at most {cap} bytes"), "more"));
    }
    Ok(content)
}

/// Reads a file as it is; refuses more than `cap` bytes.
pub(super) fn read_plain(path: &Path, cap: u64) -> Result<Vec<u8>, DataSourceError> {
    crate::files::read_plain(path, cap).map_err(refusing(path))
}

fn refusing(path: &Path) -> impl Fn(ReadError) -> DataSourceError + '_ {
    move |why| match why {
        ReadError::Io(source) => DataSourceError::io(path, source),
        why => DataSourceError::Refused { path: path.into(), why },
    }
}

/// The first of `names` that is a file in one of `directories`.
pub(super) fn find(directories: &[PathBuf], names: &[&str]) -> Option<PathBuf> {
    directories.iter().flat_map(|dir| names.iter().map(move |name| dir.join(name))).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn gzip_is_told_by_content_and_capped_after_unpacking() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("zeros");
        let mut gz = GzEncoder::new(Vec::new(), Compression::best());
        gz.write_all(&[0; 10_000]).unwrap();
        let packed = gz.finish().unwrap();
        std::fs::write(&path, &packed).unwrap();
        assert_eq!(read(&path, 10_000).unwrap().len(), 10_000);
        assert!(read(&path, 9_999).unwrap_err().to_string().contains("must hold at most 9999 bytes"));
        std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        assert!(read(&path, 10_000).unwrap_err().to_string().contains("must be a whole gzip file"));
        std::fs::write(&path, [1, 2, 3]).unwrap();
        assert_eq!(read(&path, 3).unwrap(), [1, 2, 3]);
    }
}

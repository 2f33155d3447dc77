//! The files in a zip, unpacked by the browser itself: a program for it would weigh more than the rest of the view.

use js_sys::Uint8Array;
use thiserror::Error;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Response};

/// Largest zip that is read.
const MAX_ZIP: f64 = 500e6;
/// Files that are taken out of it at most.
const MAX_FILES: usize = 5000;
/// Its end may have a comment of so many bytes behind 22 of its own.
const TAIL: f64 = 65_557.0;

/// Why a zip gives no files.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ZipError {
    /// Too many bytes.
    #[error("The zip has {0:.0} MB: choose one of at most 500 MB.")]
    Bytes(f64),
    /// Too many files.
    #[error("The zip has {0} files: choose one of at most {MAX_FILES}.")]
    Files(usize),
    /// It is cut off, or something else.
    #[error("This is not a whole zip: pack it again.")]
    Broken,
}

/// A file in a zip, still packed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name with its folders.
    pub name: String,
    /// Its bytes once they are unpacked, as the zip says.
    pub size: u32,
    method: u16,
    packed: u32,
    header: u32,
}

/// What a zip holds (PKWARE's APPNOTE, 4.3.12 and 4.3.16), folders and what systems put there left out.
pub async fn entries(zip: &Blob) -> Result<Vec<Entry>, ZipError> {
    if zip.size() > MAX_ZIP {
        return Err(ZipError::Bytes(zip.size() / 1e6));
    }
    let tail = bytes(zip, (zip.size() - TAIL).max(0.0), zip.size()).await.ok_or(ZipError::Broken)?;
    let (start, length) = directory(&tail).ok_or(ZipError::Broken)?;
    let directory = bytes(zip, f64::from(start), f64::from(start) + f64::from(length)).await.ok_or(ZipError::Broken)?;
    let found = list(&directory).ok_or(ZipError::Broken)?;
    if found.len() > MAX_FILES { Err(ZipError::Files(found.len())) } else { Ok(found) }
}

/// A file of a zip, unpacked; none if it is damaged or packed in a way that browsers do not know.
pub async fn unpack(zip: &Blob, entry: &Entry) -> Option<Blob> {
    // Name and extra field of the local header may differ from the directory's.
    let start = f64::from(entry.header);
    let header = bytes(zip, start, start + 30.0).await?;
    let behind = 30.0 + f64::from(u16_at(&header, 26)?) + f64::from(u16_at(&header, 28)?);
    let packed = zip.slice_with_f64_and_f64(start + behind, start + behind + f64::from(entry.packed)).ok()?;
    match entry.method {
        0 => Some(packed),
        8 => inflate(&packed).await,
        _ => None,
    }
}

#[wasm_bindgen]
extern "C" {
    /// <https://compression.spec.whatwg.org>: web-sys has it behind a flag only.
    type DecompressionStream;

    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<DecompressionStream, JsValue>;
}

/// `new Response(packed.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob()`.
async fn inflate(packed: &Blob) -> Option<Blob> {
    let inflater = DecompressionStream::new("deflate-raw").ok()?;
    let unpacked = packed.stream().pipe_through(inflater.unchecked_ref());
    let response = Response::new_with_opt_readable_stream(Some(&unpacked)).ok()?;
    JsFuture::from(response.blob().ok()?).await.ok()?.dyn_into().ok()
}

async fn bytes(blob: &Blob, start: f64, end: f64) -> Option<Vec<u8>> {
    let slice = blob.slice_with_f64_and_f64(start, end).ok()?;
    let buffer = JsFuture::from(slice.array_buffer()).await.ok()?;
    Some(Uint8Array::new(&buffer).to_vec())
}

/// Where the directory stands and how long it is, from the zip's last bytes.
fn directory(tail: &[u8]) -> Option<(u32, u32)> {
    let end = tail.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    Some((u32_at(tail, end + 16)?, u32_at(tail, end + 12)?))
}

fn list(directory: &[u8]) -> Option<Vec<Entry>> {
    let (mut at, mut found) = (0, Vec::new());
    while directory.get(at..at + 4) == Some(b"PK\x01\x02") {
        let [name, extra, comment] = [28, 30, 32].map(|field| u16_at(directory, at + field).map(usize::from));
        let (name, behind) = (name?, extra? + comment?);
        let path = String::from_utf8_lossy(directory.get(at + 46..at + 46 + name)?).replace('\\', "/");
        let file = path.rsplit('/').next().unwrap_or_default();
        if !file.is_empty() && !file.starts_with('.') && !path.starts_with("__MACOSX/") {
            found.push(Entry {
                size: u32_at(directory, at + 24)?,
                method: u16_at(directory, at + 10)?,
                packed: u32_at(directory, at + 20)?,
                header: u32_at(directory, at + 42)?,
                name: path,
            });
        }
        at += 46 + name + behind;
    }
    (at == directory.len()).then_some(found)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two files, one of them stored, a folder and what a Mac adds.
    fn zip() -> Vec<u8> {
        use std::io::Write;
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.add_directory("parts/", stored).unwrap();
        for name in ["parts/one.png", "two.png", "__MACOSX/parts/._one.png", "parts/.DS_Store"] {
            writer.start_file(name, stored).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        writer.set_comment("a comment").unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn files_are_found_and_what_systems_add_is_not() {
        let zip = zip();
        let (start, length) = directory(&zip).unwrap();
        let found = list(&zip[start as usize..(start + length) as usize]).unwrap();
        let names: Vec<&str> = found.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["parts/one.png", "two.png"]);
        assert_eq!((found[0].size, found[0].method), (13, 0));
        let header = found[0].header as usize;
        assert_eq!(&zip[header..header + 4], b"PK\x03\x04");
    }

    #[test]
    fn what_is_cut_off_is_no_zip() {
        let zip = zip();
        let (start, length) = directory(&zip).unwrap();
        let whole = &zip[start as usize..(start + length) as usize];
        for cut in [1, 20, 46, whole.len() - 1] {
            assert_eq!(list(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(directory(b"no zip at all"), None);
        assert_eq!(directory(&zip[..start as usize]), None);
    }
}

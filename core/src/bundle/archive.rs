//! A bundle in one file: its five files in a zip, stored as they are, because f16 weights hardly shrink.

use super::read::{FILES, MANIFEST_FILE, MAX_FILE, MAX_MANIFEST};
use super::{BundleError, Manifest, NORMAL_FILE};
use std::io::{Cursor, Read, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Largest zip that is read: every file at its limit.
pub const MAX_ARCHIVE: u64 = (FILES.len() as u64 + 1) * MAX_FILE + 2 * MAX_MANIFEST;

/// The files of a bundle that came in one piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpacked {
    /// `bundle.json`, parsed and checked.
    pub manifest: Manifest,
    /// The other files in the order of [`FILES`], none of them checked yet.
    pub files: [Vec<u8>; 4],
    /// `normal.safetensors`, where the manifest lists it; not checked either.
    pub normal: Option<Vec<u8>>,
}

/// Packs the files that [`super::Assembled::to_files`] gives.
pub fn to_zip(files: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, BundleError> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, options).map_err(|e| fault(&e.to_string()))?;
        writer.write_all(bytes).map_err(|e| fault(&e.to_string()))?;
    }
    Ok(writer.finish().map_err(|e| fault(&e.to_string()))?.into_inner())
}

/// Unpacks a bundle. Files may lie in one folder inside the zip, as they do when a person packs a bundle's folder;
/// what a bundle does not have is passed over.
///
/// # Errors
/// Bytes that are no zip; a file that is missing, there twice, compressed in a way that this build does not read, or
/// larger than its limit; a `bundle.json` that is refused.
pub fn from_zip(bytes: &[u8]) -> Result<Unpacked, BundleError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| fault(&e.to_string()))?;
    let mut read = |name: &'static str, limit: u64| {
        // Archives made on Windows have its separator.
        let is_it =
            |path: &&str| *path == name || path.strip_suffix(name).is_some_and(|rest| rest.ends_with(['/', '\\']));
        let paths: Vec<String> = archive.file_names().filter(is_it).map(String::from).collect();
        let [path] = &paths[..] else {
            return Err(fault(&format!("it must hold {name} once, found {} of them", paths.len())));
        };
        let file = archive.by_name(path).map_err(|e| fault(&format!("{name}: {}", zip_reason(&e))))?;
        // What a header says of the size is not believed.
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| fault(&format!("{name}: {e}")))?;
        let found = bytes.len() as u64;
        if found > limit { Err(BundleError::TooLarge { file: name.into(), limit, found }) } else { Ok(bytes) }
    };
    let manifest = Manifest::parse(&read(MANIFEST_FILE, MAX_MANIFEST)?)?;
    let [model, bank, history, frames] = FILES;
    let files = [read(model, MAX_FILE)?, read(bank, MAX_FILE)?, read(history, MAX_FILE)?, read(frames, MAX_FILE)?];
    let normal = manifest.normal.as_ref().map(|_| read(NORMAL_FILE, MAX_FILE)).transpose()?;
    Ok(Unpacked { manifest, files, normal })
}

/// Why something in a zip is not read, and what to do.
pub fn zip_reason(error: &ZipError) -> String {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            "it is locked by a password: unpack it first".into()
        }
        ZipError::CompressionMethodNotSupported(method) => {
            format!(
                "it is packed by method {method}, which is not read: pack it again with Deflate, as zip does by default"
            )
        }
        other => other.to_string(),
    }
}

fn fault(why: &str) -> BundleError {
    BundleError::Content { file: "the zip", why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/bundles/digits/");

    fn files() -> Vec<(&'static str, Vec<u8>)> {
        let names = FILES.into_iter().chain([MANIFEST_FILE]);
        names.map(|name| (name, std::fs::read(format!("{FOLDER}{name}")).unwrap())).collect()
    }

    #[test]
    fn a_packed_bundle_comes_back_byte_for_byte() {
        let files = files();
        let unpacked = from_zip(&to_zip(&files).unwrap()).unwrap();
        assert_eq!(unpacked.manifest.id, "digits");
        assert!(unpacked.files.iter().zip(&files).all(|(found, (_, bytes))| found == bytes));
        let inside: Vec<(String, Vec<u8>)> = files.iter().map(|(n, b)| (format!("digits/{n}"), b.clone())).collect();
        let borrowed: Vec<(&str, Vec<u8>)> = inside.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
        assert_eq!(from_zip(&to_zip(&borrowed).unwrap()).unwrap(), unpacked);
        // Guards the kind reported of zips that Windows made.
        let windows: Vec<(String, Vec<u8>)> = files.iter().map(|(n, b)| (format!("digits\\{n}"), b.clone())).collect();
        let borrowed: Vec<(&str, Vec<u8>)> = windows.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
        assert_eq!(from_zip(&to_zip(&borrowed).unwrap()).unwrap(), unpacked);
    }

    #[test]
    fn archives_that_are_no_bundle_say_why() {
        let refused = |bytes: &[u8]| from_zip(bytes).unwrap_err().to_string();
        assert!(refused(b"not a zip").starts_with("the zip: "));
        let mut files = files();
        let whole = to_zip(&files).unwrap();
        for cut in [0, 22, whole.len() / 2, whole.len() - 1] {
            assert!(refused(&whole[..cut]).starts_with("the zip: "), "{cut}");
        }
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        // The checksum of the zip, or later that of the manifest.
        assert!(from_zip(&damaged).is_err() || from_zip(&damaged).unwrap() != from_zip(&whole).unwrap());
        files.remove(1);
        assert!(refused(&to_zip(&files).unwrap()).contains("bank.safetensors once, found 0"));
        files.push(("other/bundle.json", b"{}".to_vec()));
        assert!(refused(&to_zip(&files).unwrap()).contains("bundle.json once, found 2"));
        let long = vec![0; MAX_MANIFEST as usize + 1];
        assert!(refused(&to_zip(&[(MANIFEST_FILE, long)]).unwrap()).contains("at most"));
    }
}

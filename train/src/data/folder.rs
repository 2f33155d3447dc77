//! Image folders, on disk or zipped: `train/<class>/*.png` (or .jpg, .webp ...) and `test/<class>/...`.

use super::error::{DataSourceError, Failure};
use super::listing::{self, Found, Listing, Remark, is_of_a_system};
use super::{jpeg, picture};
use crate::files;
use crate::progress::Progress;
use nsa_core::bundle::zip_reason;
use nsa_core::data::{CHANNELS, Split};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Files a folder or zip may have.
const MAX_FILES: usize = 2_000_000;
/// Images a split may have.
const MAX_IMAGES: usize = 500_000;
/// Labels are bytes.
const MAX_CLASSES: usize = 256;

/// A split of a folder: the classes of its files are known, their pixels are read when they are needed.
///
/// Classes are the folder names of both splits in alphabetical order, images likewise.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    archive: Archive,
    names: Vec<String>,
    pub(super) labels: Vec<u8>,
    pub(super) classes: Vec<String>,
    /// What was left out of this split, and the like.
    pub(super) remarks: Vec<Remark>,
}

/// The images that could be read of those asked for.
pub(super) struct Pictures {
    pub(super) pixels: Vec<u8>,
    /// Where they stand in the split.
    pub(super) indices: Vec<usize>,
    pub(super) failures: Vec<Failure>,
}

impl Folder {
    /// Lists one split.
    pub(super) fn open(path: &Path, split: Split) -> Result<Self, DataSourceError> {
        let archive = Archive::open(path)?;
        let Listing { images, classes, remarks, top } = Listing::of(archive.found(path)?, split);
        if images.is_empty() || images.len() > MAX_IMAGES || classes.len() > MAX_CLASSES {
            let must = format!(
                "hold 1 to {MAX_IMAGES} images of at most {MAX_CLASSES} classes as {split}/CLASS/NAME.png (or .jpg, \
                 .webp, .gif, .bmp)"
            );
            let mut found = format!("{} images of {} classes", images.len(), classes.len());
            if let Some(Remark { why, name }) = remarks.first().filter(|_| images.is_empty()) {
                found += &format!(" ({} left out, the first {name}: {why})", remarks.len());
            } else if images.is_empty() && !top.is_empty() {
                found += &format!(" (at its top: {})", top.into_iter().take(5).collect::<Vec<_>>().join(", "));
            }
            let remedy = "arrange the files so, or pass another path";
            return Err(DataSourceError::Format { path: path.into(), must, found, remedy });
        }
        // There are at most 256 classes.
        let label = |class: &String| classes.binary_search(class).expect("every image's class is among them") as u8;
        let labels = images.iter().map(|(class, _)| label(class)).collect();
        let names = images.into_iter().map(|(_, name)| name).collect();
        Ok(Self { path: path.into(), archive, names, labels, classes, remarks })
    }

    /// Tells on stderr what was left out, by the reason.
    pub(super) fn report(&self, split: Split) {
        listing::report(&self.remarks, split.name());
    }

    /// Class, name and size of every image, a line each: what differs where a file came, went or was replaced.
    pub(super) fn listing(&mut self) -> String {
        let mut listing = String::new();
        for name in &self.names {
            let size = self.archive.size(name).map_or("unknown".into(), |size| size.to_string());
            let mut parts = name.rsplit(['/', '\\']);
            let (file, class) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            listing += &format!("{class}/{file}\t{size}\n");
        }
        listing
    }

    /// If there are JPEG files among them, as their names tell: the quality of the first, where that can be told.
    pub(super) fn jpeg_quality(&mut self) -> Option<Option<u32>> {
        let is_jpeg =
            |name: &&String| [".jpg", ".jpeg", ".jfif"].iter().any(|e| name.to_ascii_lowercase().ends_with(e));
        let first = self.names.iter().find(is_jpeg)?;
        Some(self.archive.read(first).ok().and_then(|bytes| jpeg::quality(&bytes)))
    }

    /// Reads the images at `indices` (which must be in range) as planes of `3 x side x side`.
    ///
    /// A file that is no image is reported in [`Pictures::failures`], and the rest is kept; none at all is an error.
    pub(super) fn read(&mut self, indices: &[usize], side: usize) -> Result<Pictures, DataSourceError> {
        let pixels = Vec::with_capacity(indices.len() * CHANNELS * side * side);
        let mut read = Pictures { pixels, indices: Vec::new(), failures: Vec::new() };
        let mut progress = Progress::new("reading images", indices.len());
        for &index in indices {
            let name = &self.names[index];
            let planes = |bytes: Vec<u8>| picture::planes(&bytes, side).map_err(|why| why.to_string());
            match self.archive.read(name).and_then(planes) {
                Ok(image) => {
                    read.pixels.extend_from_slice(&image);
                    read.indices.push(index);
                }
                Err(why) => read.failures.push(Failure { name: name.clone(), why }),
            }
            progress.advance(1);
        }
        progress.finish();
        if read.indices.is_empty() && !indices.is_empty() {
            return Err(DataSourceError::AllFailed { path: self.path.clone(), failures: read.failures });
        }
        Ok(read)
    }
}

/// Where the files are.
#[derive(Debug)]
enum Archive {
    Directory(PathBuf),
    Zip(Box<ZipArchive<BufReader<File>>>),
}

impl Archive {
    fn open(path: &Path) -> Result<Self, DataSourceError> {
        if path.is_dir() {
            return Ok(Self::Directory(path.into()));
        }
        let file = File::open(path).map_err(|source| DataSourceError::io(path, source))?;
        let zip = ZipArchive::new(BufReader::new(file))
            .map_err(|e| DataSourceError::format(path, "be a folder or a whole zip file", e.to_string()))?;
        Ok(Self::Zip(Box::new(zip)))
    }

    /// Everything down to the files of the classes, parts of names separated as the archive does it.
    fn found(&self, path: &Path) -> Result<Vec<Found>, DataSourceError> {
        let found: Vec<Found> = match self {
            Self::Zip(zip) => {
                let found =
                    |name: &str| Found { name: name.into(), folder: name.ends_with(['/', '\\']), unicode: true };
                zip.file_names().map(found).collect()
            }
            Self::Directory(root) => {
                let mut found = list(root, "")?;
                for split in Split::ALL.map(Split::name) {
                    if root.join(split).is_dir() {
                        let classes = list(root, split)?;
                        for class in classes.iter().filter(|class| class.folder && class.unicode) {
                            // What a program left there may be large, and is not looked into.
                            if !class.name.split('/').any(is_of_a_system) {
                                found.extend(list(root, &class.name)?);
                            }
                        }
                        found.extend(classes);
                    }
                }
                found
            }
        };
        if found.len() > MAX_FILES {
            return Err(DataSourceError::format(
                path,
                format!("hold at most {MAX_FILES} files"),
                found.len().to_string(),
            ));
        }
        Ok(found)
    }

    /// Bytes of a file, if they can be asked for.
    fn size(&mut self, name: &str) -> Option<u64> {
        match self {
            Self::Directory(root) => root.join(name).metadata().ok().map(|metadata| metadata.len()),
            Self::Zip(zip) => {
                let index = zip.index_for_name(name)?;
                zip.by_index_raw(index).ok().map(|file| file.size())
            }
        }
    }

    fn read(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let read = match self {
            Self::Directory(root) => {
                return files::read_plain(&root.join(name), picture::MAX_FILE).map_err(|e| e.to_string());
            }
            Self::Zip(zip) => {
                let file = zip.by_name(name).map_err(|e| zip_reason(&e))?;
                if file.size() > picture::MAX_FILE {
                    return Err(format!("has {} bytes: at most {} are read", file.size(), picture::MAX_FILE));
                }
                file.take(picture::MAX_FILE + 1).read_to_end(&mut bytes)
            }
        };
        read.map_err(|e| e.to_string())?;
        if bytes.len() as u64 > picture::MAX_FILE {
            return Err(format!("has more than {} bytes", picture::MAX_FILE));
        }
        Ok(bytes)
    }
}

/// What lies in `root/inner`, named from `root`.
fn list(root: &Path, inner: &str) -> Result<Vec<Found>, DataSourceError> {
    let directory = root.join(inner);
    let io = |source| DataSourceError::io(&directory, source);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(io)?.take(MAX_FILES + 1) {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let inner = if inner.is_empty() { String::new() } else { format!("{inner}/") };
        found.push(Found {
            name: format!("{inner}{}", name.to_string_lossy()),
            folder: match entry.file_type().map_err(io)? {
                // Where a link leads is asked, but only of links.
                kind if kind.is_symlink() => entry.path().is_dir(),
                kind => kind.is_dir(),
            },
            unicode: name.to_str().is_some(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgb, RgbImage};
    use std::io::{Cursor, Write};
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn picture(red: u8, size: u32, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_pixel(size, size, Rgb([red, 0, 0])).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn files() -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("train/cat/1.png", picture(10, 32, ImageFormat::Png)),
            ("test/cat/1.png", picture(20, 40, ImageFormat::Png)),
            ("test/ant/b.jpg", picture(200, 32, ImageFormat::Jpeg)),
            ("test/ant/a.png", b"\x89PNG\r\n\x1a\n and then nothing".to_vec()),
            ("test/ant/notes.txt", b"not an image".to_vec()),
            ("test/loose.png", picture(1, 32, ImageFormat::Png)),
        ]
    }

    fn check(path: &Path) {
        let mut folder = Folder::open(path, Split::Test).unwrap();
        assert_eq!(folder.classes, ["ant", "cat"]);
        assert_eq!(folder.labels, [0, 0, 1]);
        assert!(folder.jpeg_quality().is_some());
        let read = folder.read(&[0, 1, 2], 32).unwrap();
        assert_eq!(read.indices, [1, 2]);
        assert!(read.pixels[0].abs_diff(200) < 4);
        assert_eq!((read.pixels[3072], read.pixels[3072 + 1024]), (20, 0));
        assert_eq!(read.failures.len(), 1);
        assert_eq!(read.failures[0].name.rsplit('/').next(), Some("a.png"));
        // Only what is asked for is read.
        assert!(folder.read(&[2], 224).unwrap().pixels[..224 * 224].iter().all(|&red| red == 20));
        // The classes of both splits are numbered together.
        let mut train = Folder::open(path, Split::Train).unwrap();
        assert_eq!((train.jpeg_quality(), train.labels.as_slice()), (None, [1].as_slice()));
    }

    #[test]
    fn one_broken_file_is_named_and_the_others_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files() {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        check(dir.path());
    }

    #[test]
    fn a_zip_is_read_like_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        for top in ["", "everything/"] {
            let path = dir.path().join("images.zip");
            let mut zip = ZipWriter::new(File::create(&path).unwrap());
            for (name, bytes) in files() {
                zip.start_file(format!("{top}{name}"), SimpleFileOptions::default()).unwrap();
                zip.write_all(&bytes).unwrap();
            }
            zip.finish().unwrap();
            check(&path);
        }
    }

    #[test]
    fn folders_without_images_say_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let empty = Folder::open(dir.path(), Split::Train).unwrap_err().to_string();
        assert!(empty.contains("train/CLASS/NAME.png") && empty.contains("found 0 images"), "{empty}");
        std::fs::create_dir_all(dir.path().join("train/x")).unwrap();
        std::fs::write(dir.path().join("train/x/a.png"), "no").unwrap();
        let read = Folder::open(dir.path(), Split::Train).unwrap().read(&[0], 32);
        let failed = read.err().unwrap().to_string();
        assert!(failed.contains("none of the 1 images") && failed.contains("train/x/a.png"), "{failed}");
        let absent = Folder::open(&dir.path().join("absent"), Split::Train).unwrap_err();
        assert!(absent.to_string().contains("cannot read"));
        let zip = dir.path().join("broken.zip");
        std::fs::write(&zip, b"PK\x03\x04 cut off").unwrap();
        assert!(Folder::open(&zip, Split::Train).unwrap_err().to_string().contains("whole zip file"));
    }

    /// Guards the kinds reported of zips as "images are not found" (made on Windows, with its separators) and "bad password
    /// for file" (locked), which decoders tell as a broken image.
    #[test]
    fn zips_of_windows_are_read_and_locked_ones_say_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("images.zip");
        let pack = |name: &str, bytes: &[u8]| {
            let mut zip = ZipWriter::new(File::create(&path).unwrap());
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
            zip.finish().unwrap();
        };
        pack("mine\\train\\cat\\1.png", &picture(10, 32, ImageFormat::Png));
        let mut folder = Folder::open(&path, Split::Train).unwrap();
        assert_eq!(folder.classes, ["cat"]);
        assert_eq!(folder.read(&[0], 32).unwrap().pixels[0], 10);

        let why = |patch: &dyn Fn(&mut Vec<u8>)| {
            pack("train/cat/1.png", &picture(10, 32, ImageFormat::Png));
            let mut bytes = std::fs::read(&path).unwrap();
            patch(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            Folder::open(&path, Split::Train).unwrap().read(&[0], 32).err().unwrap().to_string()
        };
        // Flags and method stand at bytes 6 and 8 of a file's own header, 8 and 10 of its entry in the list at the end.
        let set = |bytes: &mut Vec<u8>, offset: usize, value: u8| {
            let entry = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
            bytes[offset] = value;
            bytes[entry + offset + 2] = value;
        };
        let locked = why(&|bytes| set(bytes, 6, 1));
        assert!(locked.ends_with("train/cat/1.png: it is locked by a password: unpack it first"), "{locked}");
        let method = why(&|bytes| set(bytes, 8, 12));
        assert!(method.contains("it is packed by method 12, which is not read"), "{method}");
    }
}

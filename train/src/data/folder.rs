//! Image folders, on disk or zipped: `train/<class>/*.png|jpg` and `test/<class>/...`.

use super::error::{DataSourceError, Failure};
use image::{ImageFormat, ImageReader, Limits};
use nsa_core::data::resize::to_model_size;
use nsa_core::data::{IMAGE_BYTES, ImageSet, Split};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Files a folder or zip may have.
const MAX_FILES: usize = 2_000_000;
/// Images a split may have.
const MAX_IMAGES: usize = 500_000;
/// Bytes one image file may have.
pub(super) const MAX_FILE_BYTES: u64 = 64 << 20;
/// Bytes that decoding one image may take: 64 megapixels of RGBA.
const MAX_DECODED_BYTES: u64 = 256 << 20;
/// Labels are bytes.
const MAX_CLASSES: usize = 256;

/// What was read of a split, and what could not be.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) images: ImageSet,
    pub(super) failures: Vec<Failure>,
    /// How many of the images were JPEG files.
    pub(super) jpegs: usize,
}

/// Reads one split. Classes are the folder names of both splits in alphabetical order, images likewise.
///
/// A file that is no image is reported in [`Folder::failures`], and the rest is kept.
pub(super) fn load(path: &Path, split: Split) -> Result<Folder, DataSourceError> {
    let mut archive = Archive::open(path)?;
    let mut names: Vec<(Split, String, String)> =
        archive.names(path)?.into_iter().filter_map(|name| place(&name).map(|(s, class)| (s, class, name))).collect();
    let classes: BTreeSet<String> = names.iter().map(|(_, class, _)| class.clone()).collect();
    names.retain(|(s, ..)| *s == split);
    names.sort_by(|a, b| (&a.1, &a.2).cmp(&(&b.1, &b.2)));
    let classes: Vec<String> = classes.into_iter().collect();
    if names.is_empty() || names.len() > MAX_IMAGES || classes.len() > MAX_CLASSES {
        let folder = folder_name(split);
        let must = format!(
            "hold 1 to {MAX_IMAGES} images of at most {MAX_CLASSES} classes as {folder}/CLASS/NAME.png (or .jpg)"
        );
        let found = format!("{} images of {} classes", names.len(), classes.len());
        let remedy = "arrange the files so, or pass another path";
        return Err(DataSourceError::Format { path: path.into(), must, found, remedy });
    }

    let mut pixels = Vec::with_capacity(names.len() * IMAGE_BYTES);
    let (mut labels, mut failures, mut jpegs) = (Vec::new(), Vec::new(), 0);
    for (_, class, name) in names {
        match archive.read(&name).and_then(|bytes| decode(&bytes)) {
            Ok((image, format)) => {
                pixels.extend_from_slice(&image);
                // There are at most 256 classes, and every name's class is among them.
                labels.push(classes.binary_search(&class).unwrap_or_default() as u8);
                jpegs += usize::from(format == ImageFormat::Jpeg);
            }
            Err(why) => failures.push(Failure { name, why }),
        }
    }
    if labels.is_empty() {
        return Err(DataSourceError::AllFailed { path: path.into(), failures });
    }
    let images = ImageSet::new(pixels, labels, classes)
        .map_err(|source| DataSourceError::Images { path: path.into(), source })?;
    Ok(Folder { images, failures, jpegs })
}

fn folder_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Test => "test",
    }
}

/// Split and class of an image file, from its path: `[TOP/]train/CLASS/NAME.png`. Other files are not images.
fn place(name: &str) -> Option<(Split, String)> {
    let parts: Vec<&str> = name.split('/').collect();
    let (split, class, file) = match *parts.as_slice() {
        [split, class, file] => (split, class, file),
        // Archives often have one folder around everything.
        [top, split, class, file] if top != "__MACOSX" => (split, class, file),
        _ => return None,
    };
    let extension = file.rsplit_once('.')?.1.to_ascii_lowercase();
    if file.starts_with('.') || !["png", "jpg", "jpeg"].contains(&extension.as_str()) {
        return None;
    }
    let split = [Split::Train, Split::Test].into_iter().find(|&s| folder_name(s) == split)?;
    Some((split, class.to_string()))
}

/// Any PNG or JPEG to planes of 3 x 32 x 32.
pub(super) fn decode(bytes: &[u8]) -> Result<([u8; IMAGE_BYTES], ImageFormat), String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    let format = reader.format().ok_or("neither PNG nor JPEG")?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let picture = reader.decode().map_err(|e| e.to_string())?.into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let planes = to_model_size(picture.as_raw(), width, height).map_err(|e| e.to_string())?;
    Ok((planes, format))
}

/// Where the files are.
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

    /// Paths of all files that are deep enough to be images, parts separated by `/`.
    fn names(&self, path: &Path) -> Result<Vec<String>, DataSourceError> {
        let names = match self {
            Self::Zip(zip) => zip.file_names().map(String::from).collect(),
            Self::Directory(root) => {
                let mut names = Vec::new();
                for split in [Split::Train, Split::Test].map(folder_name) {
                    if root.join(split).is_dir() {
                        for class in list(&root.join(split))? {
                            let directory = root.join(split).join(&class);
                            if directory.is_dir() {
                                names.extend(list(&directory)?.into_iter().map(|n| format!("{split}/{class}/{n}")));
                            }
                        }
                    }
                }
                names
            }
        };
        if names.len() > MAX_FILES {
            return Err(DataSourceError::format(
                path,
                format!("hold at most {MAX_FILES} files"),
                names.len().to_string(),
            ));
        }
        Ok(names)
    }

    fn read(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let read = match self {
            Self::Directory(root) => {
                File::open(root.join(name)).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
            }
            Self::Zip(zip) => {
                let file = zip.by_name(name).map_err(|e| e.to_string())?;
                file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)
            }
        };
        read.map_err(|e| e.to_string())?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(format!("larger than {MAX_FILE_BYTES} bytes"));
        }
        Ok(bytes)
    }
}

/// Names in a folder, those that are not Unicode left out.
fn list(directory: &Path) -> Result<Vec<String>, DataSourceError> {
    let io = |source| DataSourceError::io(directory, source);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io)?.take(MAX_FILES + 1) {
        names.extend(entry.map_err(io)?.file_name().into_string().ok());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};
    use std::io::Write;
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
        let folder = load(path, Split::Test).unwrap();
        assert_eq!(folder.images.classes(), ["ant", "cat"]);
        assert_eq!(folder.images.labels(), [0, 1]);
        assert!(folder.images.image(0)[0].abs_diff(200) < 4);
        assert_eq!((folder.images.image(1)[0], folder.images.image(1)[1024]), (20, 0));
        assert_eq!(folder.jpegs, 1);
        assert_eq!(folder.failures.len(), 1);
        assert_eq!(folder.failures[0].name.rsplit('/').next(), Some("a.png"));
        // The classes of both splits are numbered together.
        assert_eq!(load(path, Split::Train).unwrap().images.labels(), [1]);
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
        let empty = load(dir.path(), Split::Train).unwrap_err().to_string();
        assert!(empty.contains("train/CLASS/NAME.png") && empty.contains("found 0 images"), "{empty}");
        std::fs::create_dir_all(dir.path().join("train/x")).unwrap();
        std::fs::write(dir.path().join("train/x/a.png"), "no").unwrap();
        let failed = load(dir.path(), Split::Train).unwrap_err().to_string();
        assert!(failed.contains("none of the 1 images") && failed.contains("train/x/a.png"), "{failed}");
        assert!(load(&dir.path().join("absent"), Split::Train).unwrap_err().to_string().contains("cannot read"));
        let zip = dir.path().join("broken.zip");
        std::fs::write(&zip, b"PK\x03\x04 cut off").unwrap();
        assert!(load(&zip, Split::Train).unwrap_err().to_string().contains("whole zip file"));
    }

    #[test]
    fn pictures_that_announce_gigabytes_are_refused() {
        let mut jpeg = picture(9, 32, ImageFormat::Jpeg);
        // Height and width are in the frame header, behind its marker, length and precision.
        let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 9].fill(0xff);
        assert!(decode(&jpeg).is_err());

        let mut png = picture(9, 32, ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let why = decode(&png).unwrap_err();
        assert!(why.contains("imit"), "{why}");
    }
}

//! Image folders, on disk or zipped: `train/<class>/*.png|jpg` and `test/<class>/...`.

use super::error::{DataSourceError, Failure};
use super::jpeg;
use crate::progress::Progress;
use image::{ImageReader, Limits};
use nsa_core::data::resize::to_side;
use nsa_core::data::{CHANNELS, Split};
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
        let mut names: Vec<(Split, String, String)> = archive
            .names(path)?
            .into_iter()
            .filter_map(|name| place(&name).map(|(s, class)| (s, class, name)))
            .collect();
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
        // There are at most 256 classes, and every name's class is among them.
        let label = |class: &String| classes.binary_search(class).unwrap_or_default() as u8;
        let labels = names.iter().map(|(_, class, _)| label(class)).collect();
        let names = names.into_iter().map(|(.., name)| name).collect();
        Ok(Self { path: path.into(), archive, names, labels, classes })
    }

    /// If there are JPEG files among them, as their names tell: the quality of the first, where that can be told.
    pub(super) fn jpeg_quality(&mut self) -> Option<Option<u32>> {
        let first = self.names.iter().find(|name| !name.to_ascii_lowercase().ends_with(".png"))?;
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
            match self.archive.read(name).and_then(|bytes| decode(&bytes, side)) {
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

/// Any PNG or JPEG to planes of `3 x side x side`: at 224 its middle is cut out, else the whole picture is squeezed into
/// the square.
pub(super) fn decode(bytes: &[u8], side: usize) -> Result<Vec<u8>, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    reader.format().ok_or("neither PNG nor JPEG")?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let picture = reader.decode().map_err(|e| e.to_string())?.into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    to_side(picture.as_raw(), width, height, side).map_err(|e| e.to_string())
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
    use image::{ImageFormat, Rgb, RgbImage};
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

    #[test]
    fn pictures_that_announce_gigabytes_are_refused() {
        let mut jpeg = picture(9, 32, ImageFormat::Jpeg);
        // Height and width are in the frame header, behind its marker, length and precision.
        let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 9].fill(0xff);
        assert!(decode(&jpeg, 32).is_err());

        let mut png = picture(9, 32, ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let why = decode(&png, 224).unwrap_err();
        assert!(why.contains("imit"), "{why}");
    }
}

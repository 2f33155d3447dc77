//! Data sets: the built-in one, the published ones in their own formats, and any folder of images.
//!
//! [`open`] finds a data set by name or path and reads one split of it into an [`ImageSet`]. Files come from
//! elsewhere, so every reader checks names, sizes and counts against caps before it allocates.

mod catalog;
mod cifar;
pub mod command;
mod download;
mod error;
mod files;
mod folder;
mod idx;
mod mat;
mod svhn;
mod transfer;

use catalog::{Known, find};
pub use download::DownloadError;
pub use error::{DataSourceError, Failure};

use nsa_core::data::{ImageSet, Split, synth_digits};
use std::path::{Path, PathBuf};

/// Where data sets are kept when no `--root` is given: each in a folder of its own name.
pub const ROOT_VARIABLE: &str = "NSA_DATA";

/// A split of a data set, and where it came from.
#[derive(Debug)]
pub struct Loaded {
    /// The images that could be read.
    pub images: ImageSet,
    /// Where they came from, for provenance: for example `CIFAR-10 re-encoded as JPEG`.
    pub source: String,
    /// Images that could not be read.
    pub failures: Vec<Failure>,
}

/// Reads one split of a data set: `name` is one of `catalog::KNOWN`, `folder:PATH`, or a path with a slash or `.zip` in it.
///
/// `root` is the folder with the published files, or one with a folder `name` in it. Without it, `$NSA_DATA/name`
/// and then `data/name` under the current folder are used.
pub fn open(name: &str, root: Option<&Path>, split: Split) -> Result<Loaded, DataSourceError> {
    if let Some(path) = path_of(name) {
        let folder = folder::load(&path, split)?;
        let source = format!("images in {}", path.file_name().map_or(path.to_string_lossy(), |n| n.to_string_lossy()));
        return Ok(Loaded { images: folder.images, source, failures: folder.failures });
    }
    let Some(known) = find(name) else {
        return Err(DataSourceError::unknown(name));
    };
    let directory = directory(name, root);
    let published =
        |images| Ok(Loaded { images, source: format!("{}, as published", known.title), failures: Vec::new() });
    match name {
        "synth-digits" => {
            let per_class = match split {
                Split::Train => synth_digits::TRAIN_PER_CLASS,
                Split::Test => synth_digits::TEST_PER_CLASS,
            };
            let images = synth_digits::generate(synth_digits::SEED, split, per_class);
            Ok(Loaded { images, source: format!("synth-digits, seed {}", synth_digits::SEED), failures: Vec::new() })
        }
        "fashion-mnist" => published(idx::load(known, &directory, split)?),
        "svhn" => published(svhn::load(known, &directory, split)?),
        _ => match cifar::load(known, &directory, split)? {
            Some(images) => published(images),
            None => image_folder(known, &directory, split),
        },
    }
}

/// Like [`open`], for callers who want the images only: images that could not be read are told on stderr.
pub fn load(name: &str, root: Option<&Path>, split: Split) -> Result<ImageSet, DataSourceError> {
    let loaded = open(name, root, split)?;
    loaded.report();
    Ok(loaded.images)
}

/// One PNG or JPEG file as planes of 3 x 32 x 32 bytes.
pub fn decode_image(path: &Path) -> Result<Vec<u8>, DataSourceError> {
    let bytes = files::read_plain(path, folder::MAX_FILE_BYTES)?;
    let (planes, _) = folder::decode(&bytes).map_err(|why| DataSourceError::Format {
        path: path.into(),
        must: "be a PNG or JPEG image".into(),
        found: why,
        remedy: "pass another file",
    })?;
    Ok(planes.to_vec())
}

impl Loaded {
    /// Tells on stderr how many images could not be read, and why the first of them could not.
    pub fn report(&self) {
        let (failed, all) = (self.failures.len(), self.failures.len() + self.images.len());
        if failed > 0 {
            eprintln!("warning: {failed} of {all} images could not be read");
        }
        for failure in self.failures.iter().take(10) {
            eprintln!("  {}: {}", failure.name, failure.why);
        }
        if failed > 10 {
            eprintln!("  and {} more", failed - 10);
        }
    }
}

/// The path that `name` is, if it is one.
fn path_of(name: &str) -> Option<PathBuf> {
    let path = name.strip_prefix("folder:");
    let looks_like_one = name.contains(std::path::is_separator) || name.ends_with(".zip");
    path.or(looks_like_one.then_some(name)).map(PathBuf::from)
}

/// The folder with the files of the data set `name`.
pub fn directory(name: &str, root: Option<&Path>) -> PathBuf {
    match (root, std::env::var_os(ROOT_VARIABLE)) {
        (Some(root), _) if root.join(name).is_dir() => root.join(name),
        (Some(root), _) => root.into(),
        (None, Some(base)) if !base.is_empty() => Path::new(&base).join(name),
        _ => Path::new("data").join(name),
    }
}

/// A known data set that somebody stored as images: `train` and `test` in `directory`, or one zip there.
fn image_folder(known: &Known, directory: &Path, split: Split) -> Result<Loaded, DataSourceError> {
    let missing = || DataSourceError::Missing { title: known.title, name: known.name, directory: directory.into() };
    let mut path = directory.to_path_buf();
    if !directory.join("train").is_dir() && !directory.join("test").is_dir() {
        let entries = std::fs::read_dir(directory).map_err(|_| missing())?;
        let zips = entries.filter_map(|entry| Some(entry.ok()?.path()));
        path = zips.filter(|p| p.extension().is_some_and(|e| e == "zip")).min().ok_or_else(missing)?;
    }
    let folder = folder::load(&path, split)?;
    let found = folder.images.classes().len();
    if found != known.classes.len() {
        let must = format!("have the {} classes of {}", known.classes.len(), known.title);
        return Err(DataSourceError::format(&path, must, found.to_string()));
    }
    let how = if folder.jpegs > 0 { "re-encoded as JPEG" } else { "as image files" };
    Ok(Loaded { images: folder.images, source: format!("{} {how}", known.title), failures: folder.failures })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_set_needs_no_files() {
        let loaded = open("synth-digits", Some(Path::new("/nowhere")), Split::Test).unwrap();
        assert_eq!((loaded.images.len(), loaded.images.classes().len()), (2000, 10));
    }

    #[test]
    fn names_that_are_unknown_list_those_that_are_known() {
        let error = open("cifar", None, Split::Test).unwrap_err().to_string();
        assert!(error.contains("synth-digits, fashion-mnist, cifar10, cifar100, svhn"), "{error}");
        assert!(error.contains("folder:PATH"));
    }

    #[test]
    fn paths_are_told_from_names() {
        assert_eq!(path_of("folder:digits"), Some("digits".into()));
        assert_eq!(path_of("./digits"), Some("./digits".into()));
        assert_eq!(path_of("digits.zip"), Some("digits.zip".into()));
        assert_eq!(path_of("svhn"), None);
    }

    /// Needs the real files: `NSA_TEST_DATA` names a folder with `fashion-mnist` in it.
    #[test]
    fn the_real_fashion_mnist_is_read() {
        let Some(root) = std::env::var_os("NSA_TEST_DATA") else { return };
        for (split, n) in [(Split::Train, 60_000), (Split::Test, 10_000)] {
            let images = load("fashion-mnist", Some(Path::new(&root)), split).unwrap();
            assert_eq!(images.len(), n);
            assert!((0..10).all(|class| images.of_class(class).len() == n / 10));
        }
    }

    /// Needs the real files, in any of their forms, as above.
    #[test]
    fn the_real_cifar10_is_read() {
        let Some(root) = std::env::var_os("NSA_TEST_DATA") else { return };
        let loaded = open("cifar10", Some(Path::new(&root)), Split::Test).unwrap();
        assert_eq!((loaded.images.len(), loaded.failures.len()), (10_000, 0));
        assert_eq!(loaded.images.classes(), find("cifar10").unwrap().classes);
        assert!((0..10).all(|class| loaded.images.of_class(class).len() == 5000));
    }
}

//! Data sets: the built-in one, the published ones in their own formats, and any folder of images.
//!
//! [`open`] finds a data set by name or path and says which images one split of it has; [`Opened::read`] reads those that
//! are needed into an [`ImageSet`](nsa_core::data::ImageSet). Files come from elsewhere, so every reader checks names, sizes and counts against
//! caps before it allocates.

mod catalog;
mod cifar;
pub mod command;
mod download;
mod error;
mod export;
mod files;
mod folder;
mod idx;
mod jpeg;
mod listing;
mod mat;
mod opened;
mod picture;
mod png;
mod published;
mod svhn;
mod transfer;

use catalog::{Known, find};
pub use download::DownloadError;
pub use error::DataSourceError;
pub use listing::{Entry, Remark, report};
pub use opened::{Listed, Opened};

use folder::Folder;
use nsa_core::data::{ImageSet, SIZE, Split};
use opened::Pixels;
use published::Origin;
use std::path::{Path, PathBuf};

/// Where data sets are kept when no `--root` is given: each in a folder of its own name.
pub const ROOT_VARIABLE: &str = "NSA_DATA";

/// Finds one split of a data set: `name` is one of `catalog::KNOWN`, `folder:PATH`, or a path with a slash or `.zip` in it.
/// Its images will be read as `side x side` pixels.
///
/// `root` is the folder with the published files, or one with a folder `name` in it. Without it, `$NSA_DATA/name`
/// and then `data/name` under the current folder are used. Likewise a path is looked for in `root`, which may also be the
/// folder of images itself.
pub fn open(name: &str, root: Option<&Path>, split: Split, side: usize) -> Result<Opened, DataSourceError> {
    if let Some(path) = path_of(name, root) {
        let folder = Folder::open(&path, split)?;
        folder.report(split);
        let source = format!("images in {}", path.file_name().map_or(path.to_string_lossy(), |n| n.to_string_lossy()));
        return Ok(Opened::new(Pixels::Files(folder), source, side));
    }
    let Some(known) = find(name) else {
        return Err(DataSourceError::unknown(name));
    };
    let directory = directory(name, root);
    let held = |read: Read| {
        let Read { images, files } = read;
        let complete = images.len() == if split == Split::Train { known.train } else { known.test };
        let origin = if complete { Origin::of(known, &files)? } else { Origin::NotPublished };
        Ok(Opened::new(Pixels::Held(images), format!("{}, {}", known.title, origin.words()), side))
    };
    let remedied = |error| published::with_remedy(known, error);
    match name {
        "synth-digits" => Ok(Opened::synth_digits(split, side)),
        "fashion-mnist" => held(idx::load(known, &directory, split).map_err(remedied)?),
        "svhn" => held(svhn::load(known, &directory, split).map_err(remedied)?),
        "cifar10" | "cifar100" => match cifar::load(known, &directory, split).map_err(remedied)? {
            Some(read) => held(read),
            None => image_folder(known, &directory, split, side),
        },
        _ => image_folder(known, &directory, split, side),
    }
}

/// Images of published files, and the files.
#[derive(Debug)]
struct Read {
    images: ImageSet,
    files: Vec<PathBuf>,
}

/// Height and width that the images of a data set are shown in if nothing else is asked for.
pub fn side_of(name: &str) -> usize {
    find(name).map_or(SIZE, |known| known.side)
}

/// Whether images of a data set still belong to their class when mirrored; a set that is not known by name may be.
pub fn mirrors(name: &str) -> bool {
    find(name).is_none_or(|known| known.mirrors)
}

/// How many classes a data set has; 0 if it is not known by name.
pub fn classes(name: &str) -> usize {
    find(name).map_or(0, |known| known.classes.len())
}

/// One image file as planes of 3 x 32 x 32 bytes.
pub fn decode_image(path: &Path) -> Result<Vec<u8>, DataSourceError> {
    let bytes = files::read_plain(path, picture::MAX_FILE)?;
    picture::planes(&bytes, SIZE).map_err(|source| DataSourceError::Picture { path: path.into(), source })
}

/// Where the folder or zip of images is that `name` is the path of, if it is one.
pub fn path_of(name: &str, root: Option<&Path>) -> Option<PathBuf> {
    let path = name.strip_prefix("folder:");
    let looks_like_one = name.contains(std::path::is_separator) || name.ends_with(".zip");
    let path = PathBuf::from(path.or(looks_like_one.then_some(name))?);
    Some(match root {
        Some(root) if root.join(&path).exists() => root.join(path),
        Some(root) => root.into(),
        None => path,
    })
}

/// Where the images of the data set `name` come from: a folder or a zip, whether it is there or not.
pub fn source(name: &str, root: Option<&Path>) -> PathBuf {
    path_of(name, root).unwrap_or_else(|| directory(name, root))
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
fn image_folder(known: &Known, directory: &Path, split: Split, side: usize) -> Result<Opened, DataSourceError> {
    let missing = || DataSourceError::missing(known, directory);
    let mut path = directory.to_path_buf();
    if !directory.join("train").is_dir() && !directory.join("test").is_dir() {
        let entries = std::fs::read_dir(directory).map_err(|_| missing())?;
        let zips = entries.filter_map(|entry| Some(entry.ok()?.path()));
        path = zips.filter(|p| p.extension().is_some_and(|e| e == "zip")).min().ok_or_else(missing)?;
    }
    let mut folder = Folder::open(&path, split)?;
    folder.report(split);
    let found = folder.classes.len();
    if found != known.classes.len() {
        let must = format!("have the {} classes of {}", known.classes.len(), known.title);
        return Err(DataSourceError::format(&path, must, found.to_string()));
    }
    // Some are published as binaries, ImageNet's as JPEG, without a checksum.
    let how = match (known.files.is_empty(), folder.jpeg_quality()) {
        (true, _) => ", with no checksum to compare".into(),
        (_, Some(Some(quality))) => format!(" re-encoded as JPEG, quality {quality}"),
        (_, Some(None)) => " re-encoded as JPEG".into(),
        _ => " as image files".into(),
    };
    Ok(Opened::new(Pixels::Files(folder), format!("{}{how}", known.title), side))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_set_needs_no_files() {
        let opened = open("synth-digits", Some(Path::new("/nowhere")), Split::Test, 32).unwrap();
        assert_eq!((opened.labels().len(), opened.classes().len()), (2000, 10));
    }

    #[test]
    fn names_that_are_unknown_list_those_that_are_known() {
        let error = open("cifar", None, Split::Test, 32).unwrap_err().to_string();
        assert!(error.contains("synth-digits, fashion-mnist, cifar10, cifar100, svhn, imagenet30"), "{error}");
        assert!(error.contains("folder:PATH"));
    }

    #[test]
    fn paths_are_told_from_names() {
        assert_eq!(path_of("folder:digits", None), Some("digits".into()));
        assert_eq!(path_of("./digits", None), Some("./digits".into()));
        assert_eq!(path_of("digits.zip", None), Some("digits.zip".into()));
        assert_eq!(path_of("svhn", None), None);
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert_eq!(path_of("folder:digits", Some(root)), Some(root.into()));
        std::fs::create_dir(root.join("digits")).unwrap();
        assert_eq!(path_of("folder:digits", Some(root)), Some(root.join("digits")));
    }

    /// Needs the real files: `NSA_TEST_DATA` names a folder with `fashion-mnist` in it.
    #[test]
    fn the_real_fashion_mnist_is_read() {
        let Some(root) = std::env::var_os("NSA_TEST_DATA") else { return };
        for (split, n) in [(Split::Train, 60_000), (Split::Test, 10_000)] {
            let opened = open("fashion-mnist", Some(Path::new(&root)), split, 32).unwrap();
            assert_eq!(opened.labels().len(), n);
            assert!((0..10).all(|class| opened.labels().iter().filter(|&&label| label == class).count() == n / 10));
        }
    }

    /// Needs the real files, in any of their forms, as above.
    #[test]
    fn the_real_cifar10_is_read() {
        let Some(root) = std::env::var_os("NSA_TEST_DATA") else { return };
        let mut opened = open("cifar10", Some(Path::new(&root)), Split::Test, 32).unwrap();
        assert_eq!(opened.classes(), find("cifar10").unwrap().classes);
        assert!((0..10).all(|class| opened.labels().iter().filter(|&&label| label == class).count() == 1000));
        let loaded = opened.read(&(0..10_000).collect::<Vec<_>>()).unwrap();
        assert_eq!((loaded.images.len(), loaded.failures.len()), (10_000, 0));
    }
}

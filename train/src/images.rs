//! The images that a person names: files, folders and arrays, as the page would show them.

use crate::bundles;
use crate::data::{self, Entry, Remark, decode_image};
use crate::error::NsaError;
use crate::files;
use crate::npy;
use crate::output::tell;
use nsa_core::data::IMAGE_BYTES;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Images and where each came from. A file that could not be read was named, and the others went on.
#[derive(Debug, Default)]
pub struct Images {
    /// A path, and within an array of several its position: `all.npy[3]`.
    pub names: Vec<String>,
    /// `n x 3 x 32 x 32` bytes.
    pub pixels: Vec<u8>,
    /// Files looked at, and those of them that are no images.
    files: usize,
    failed: usize,
    status: u8,
}

impl Images {
    /// Reads image files, `.npy` arrays of images, and folders: of these every image that lies in them, in the order of
    /// their names. What else lies in a folder is told on stderr.
    ///
    /// # Errors
    /// A folder that cannot be listed, or has no image.
    pub fn read(paths: &[PathBuf]) -> Result<Self, NsaError> {
        let mut images = Self { status: 2, ..Self::default() };
        for path in paths {
            if path.is_dir() {
                let Inside { images: inside, left_out } = Inside::of(path)?;
                data::report(&Vec::from_iter(left_out), &path.to_string_lossy());
                if inside.is_empty() {
                    let must = "hold images (PNG, JPEG, WebP, GIF or BMP)".into();
                    return Err(NsaError::File { path: path.clone(), must, found: "none".into() });
                }
                inside.iter().for_each(|path| images.add(path));
            } else {
                images.add(path);
            }
        }
        Ok(images)
    }

    /// Reads one file.
    pub fn add(&mut self, path: &Path) {
        self.files += 1;
        match pixels(path) {
            Ok(found) => {
                let n = found.len() / IMAGE_BYTES;
                let name = |i| if n > 1 { format!("{}[{i}]", path.display()) } else { path.display().to_string() };
                self.names.extend((0..n).map(name));
                self.pixels.extend(found);
            }
            Err(error) => {
                self.failed += 1;
                self.status = self.status.min(error.exit_code());
                tell!("nsa: {error}");
            }
        }
    }

    /// Whether any file could be read; arrays of no images count.
    pub fn any(&self) -> bool {
        self.failed < self.files
    }

    /// An error if some files were no images.
    pub fn verdict(&self) -> Result<(), NsaError> {
        let &Self { status, failed, files: total, .. } = self;
        if failed > 0 { Err(NsaError::Some { status, failed, total, what: "files" }) } else { Ok(()) }
    }
}

/// The images that a bundle was fitted on, for telling whether one of them is judged: it scores lower than new ones do.
#[derive(Debug, Default)]
pub struct FittedOn(Option<BTreeSet<Vec<u8>>>);

impl FittedOn {
    /// Those of the bundle at `path`; none of a bundle that is not of a person's own normal.
    pub fn read(path: &Path) -> Result<Self, NsaError> {
        let images = |pixels: Vec<u8>| pixels.chunks_exact(IMAGE_BYTES).map(<[u8]>::to_vec).collect();
        Ok(Self(bundles::normal(path)?.map(images)))
    }

    /// Whether an image is one of them, pixel for pixel; none if nobody's own images were fitted.
    pub fn has(&self, image: &[u8]) -> Option<bool> {
        self.0.as_ref().map(|fitted| fitted.contains(image))
    }

    /// Says it where some of `pixels` are.
    pub fn warn(&self, pixels: &[u8]) {
        let all = pixels.len() / IMAGE_BYTES;
        let known = pixels.chunks_exact(IMAGE_BYTES).filter(|image| self.has(image) == Some(true)).count();
        if known > 0 {
            tell!(
                "nsa: {known} of the {all} images are among those that the bundle was fitted on: they score lower than \
                 new ones do, and say nothing of false alarms"
            );
        }
    }
}

fn pixels(path: &Path) -> Result<Vec<u8>, NsaError> {
    if path.extension().is_some_and(|end| end == "npy") { Ok(npy::read_images(path)?) } else { Ok(decode_image(path)?) }
}

/// What lies in a folder, by name.
#[derive(Debug)]
pub struct Inside {
    /// Its images. A link that leads nowhere is one, and fails when it is read; a name that is no Unicode may be one, too.
    pub images: Vec<PathBuf>,
    /// What is no image, but for what systems leave behind, and why.
    pub left_out: BTreeSet<Remark>,
}

impl Inside {
    /// Lists a folder.
    pub fn of(folder: &Path) -> Result<Self, NsaError> {
        let mut inside = Self { images: Vec::new(), left_out: BTreeSet::new() };
        for entry in std::fs::read_dir(folder).map_err(files::reading(folder))? {
            let entry = entry.map_err(files::reading(folder))?;
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            match Entry::of(&name, path.is_dir()) {
                Entry::Image => inside.images.push(path),
                Entry::OfASystem => (),
                Entry::LeftOut(why) => _ = inside.left_out.insert(Remark { why, name }),
            }
        }
        inside.images.sort();
        Ok(inside)
    }
}

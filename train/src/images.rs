//! The images that a person names: files, folders and arrays, as the page would show them.

use crate::data::{decode_image, is_image_name};
use crate::error::NsaError;
use crate::files;
use crate::npy;
use crate::output::tell;
use nsa_core::data::IMAGE_BYTES;
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
    /// their names.
    ///
    /// # Errors
    /// A folder that cannot be listed, or has no image.
    pub fn read(paths: &[PathBuf]) -> Result<Self, NsaError> {
        let mut images = Self { status: 2, ..Self::default() };
        for path in paths {
            if path.is_dir() {
                let inside = in_folder(path)?;
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

fn pixels(path: &Path) -> Result<Vec<u8>, NsaError> {
    if path.extension().is_some_and(|end| end == "npy") { Ok(npy::read_images(path)?) } else { Ok(decode_image(path)?) }
}

/// The images that lie in a folder, in the order of their names.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, NsaError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(files::reading(folder))? {
        let path = entry.map_err(files::reading(folder))?.path();
        let is_image = path.file_name().and_then(|name| name.to_str()).is_some_and(is_image_name);
        if is_image && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

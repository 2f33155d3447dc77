//! `nsa gallery`: test images of a real data set for the page. They are not ours to distribute, so the file is
//! ignored by git and made where the data set is.

use crate::cli::GalleryArgs;
use crate::error::NsaError;
use crate::files::{Kind, Output};
use crate::output::tell;
use crate::{data, files};
use nsa_core::bundle::{gallery_from_bytes, gallery_to_bytes};
use nsa_core::data::{SIZE, Split};
use std::path::{Path, PathBuf};

/// What is written, for whichever classes.
const GALLERY: Kind = Kind { name: "gallery", is: is_gallery };
/// Bytes of the largest one.
const MAX_BYTES: u64 = 64 << 20;

fn is_gallery(path: &Path) -> bool {
    let classes: Vec<String> = (0..=u8::MAX).map(|class| class.to_string()).collect();
    files::read_plain(path, MAX_BYTES).is_ok_and(|bytes| gallery_from_bytes(&bytes, &classes).is_ok())
}

/// Packs the first test images of each class.
pub fn run(args: &GalleryArgs) -> Result<(), NsaError> {
    // The page shows and scores 32 x 32, whatever the data set's own size.
    let mut test = data::open(&args.dataset, args.root.as_deref(), Split::Test, SIZE)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from("assets/galleries").join(format!("{}.safetensors", args.dataset)));
    let folder = files::folder_of(&out);
    std::fs::create_dir_all(folder).map_err(files::writing(folder))?;
    let source = data::source(&args.dataset, args.root.as_deref());
    let output = Output::new(&out, &GALLERY, args.overwrite.force, &[&source])?;
    let of_class = |class| test.of_class(class, false).into_iter().take(args.per_class);
    let mut chosen: Vec<usize> = (0..test.classes().len()).flat_map(of_class).collect();
    chosen.sort_unstable();
    let images = test.read(&chosen)?.images;
    let refused = |source| NsaError::Bundle { path: out.clone(), source };
    let bytes = gallery_to_bytes(&images).map_err(refused)?;
    // The page reads no more images than this.
    gallery_from_bytes(&bytes, test.classes()).map_err(refused)?;
    output.write(&bytes)?;
    tell!("{} images of {} classes written to {}", images.len(), test.classes().len(), out.display());
    Ok(())
}

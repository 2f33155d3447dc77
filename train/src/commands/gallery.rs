//! `nsa gallery`: test images of a real data set for the page. They are not ours to distribute, so the file is
//! ignored by git and made where the data set is.

use crate::cli::GalleryArgs;
use crate::error::NsaError;
use crate::output::tell;
use crate::{data, files};
use nsa_core::bundle::gallery_to_bytes;
use nsa_core::data::{SIZE, Split};
use std::path::{Path, PathBuf};

/// Packs the first test images of each class.
pub fn run(args: &GalleryArgs) -> Result<(), NsaError> {
    // The page shows and scores 32 x 32, whatever the data set's own size.
    let mut test = data::open(&args.dataset, args.root.as_deref(), Split::Test, SIZE)?;
    let of_class = |class| test.of_class(class, false).into_iter().take(args.per_class);
    let mut chosen: Vec<usize> = (0..test.classes().len()).flat_map(of_class).collect();
    chosen.sort_unstable();
    let images = test.read(&chosen)?.images;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from("assets/galleries").join(format!("{}.safetensors", args.dataset)));
    let bytes = gallery_to_bytes(&images).map_err(|source| NsaError::Bundle { path: out.clone(), source })?;
    if let Some(folder) = out.parent().filter(|f| *f != Path::new("")) {
        std::fs::create_dir_all(folder).map_err(files::writing(folder))?;
    }
    files::write_atomic(&out, &bytes)?;
    tell!("{} images of {} classes written to {}", images.len(), test.classes().len(), out.display());
    Ok(())
}

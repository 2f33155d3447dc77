//! `nsa data export`: images as arrays, for `nsa embed` and other programs.

use super::command::split_name;
use super::{DataSourceError, open, side_of};
use crate::error::NsaError;
use crate::npy;
use nsa_core::config::{SIDES, is_side};
use nsa_core::data::{CHANNELS, Split};
use serde_json::{Value, json};
use std::path::Path;

/// Images read at once: 77 MB at 224 x 224.
pub(super) const AT_ONCE: usize = 512;

/// Which images of a data set.
pub(super) struct Wanted {
    pub(super) split: Split,
    /// Those of a class, or (true) of all others.
    pub(super) class: Option<(usize, bool)>,
    /// Height and width; the data set's own if none is given.
    pub(super) image_size: Option<usize>,
}

/// Writes them as arrays, a batch at a time.
pub(super) fn export(
    name: &str,
    wanted: &Wanted,
    out: &Path,
    labels: Option<&Path>,
    root: Option<&Path>,
) -> Result<Value, NsaError> {
    let side = wanted.image_size.unwrap_or_else(|| side_of(name));
    if !is_side(side) {
        return Err(NsaError::Usage(format!("--image-size must be {SIDES}, found {side}")));
    }
    let mut opened = open(name, root, wanted.split, side)?;
    let indices = match wanted.class {
        None => (0..opened.labels().len()).collect(),
        Some((class, others)) if class < opened.classes().len() => opened.of_class(class, others),
        Some((class, _)) => {
            let most = opened.classes().len() - 1;
            return Err(NsaError::Usage(format!("--class must be 0 to {most} for {name}, found {class}")));
        }
    };
    if indices.is_empty() {
        return Err(NsaError::Usage(format!("{name} has no such images")));
    }
    let mut file = npy::RowWriter::create(out, indices.len(), &[CHANNELS, side, side])?;
    let mut written = Vec::new();
    for batch in indices.chunks(AT_ONCE) {
        match opened.read(batch) {
            Ok(loaded) => {
                file.write(loaded.images.pixels().iter().map(|&byte| f32::from(byte) / 255.0))?;
                written.extend_from_slice(loaded.images.labels());
            }
            // One bad batch among good ones; that all are bad is an error.
            Err(DataSourceError::AllFailed { .. }) if batch.len() < indices.len() => (),
            Err(error) => return Err(error.into()),
        }
    }
    file.finish()?;
    if let Some(path) = labels {
        npy::write_u8(path, &[written.len()], &written)?;
    }
    Ok(json!({
        "name": name,
        "split": split_name(wanted.split),
        "source": opened.source,
        "images": written.len(),
        "failed": indices.len() - written.len(),
        "image-size": side,
        "classes": opened.classes(),
        "out": out,
        "labels": labels,
    }))
}

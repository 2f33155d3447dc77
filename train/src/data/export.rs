//! `nsa data export`: images as arrays, for `nsa embed` and other programs.

use super::command::Answer;
use super::{DataSourceError, open, side_of, source};
use crate::error::NsaError;
use crate::files::Output;
use crate::npy;
use nsa_core::config::{SIDES, is_side};
use nsa_core::data::{CHANNELS, Split};
use serde::Serialize;
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

/// Where they go.
pub(super) struct To<'a> {
    pub(super) out: &'a Path,
    pub(super) labels: Option<&'a Path>,
    /// Whether any file may be replaced.
    pub(super) force: bool,
}

/// What was written.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Exported<'a> {
    name: &'a str,
    split: Split,
    source: String,
    images: usize,
    failed: usize,
    image_size: usize,
    classes: Vec<String>,
    out: &'a Path,
    labels: Option<&'a Path>,
}

/// Writes them as arrays, a batch at a time.
pub(super) fn export<'a>(
    name: &'a str,
    wanted: &Wanted,
    to: &To<'a>,
    root: Option<&Path>,
) -> Result<Exported<'a>, NsaError> {
    let from = source(name, root);
    let output = |path, kind, other: Option<&'a Path>| {
        let inputs: Vec<&Path> = other.into_iter().chain([from.as_path()]).collect();
        Output::new(path, kind, to.force, &inputs)
    };
    let images = output(to.out, &npy::IMAGES, to.labels)?;
    let labels = to.labels.map(|labels| output(labels, &npy::LABELS, Some(to.out))).transpose()?;
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
    let mut file = npy::RowWriter::create(&images, indices.len(), &[CHANNELS, side, side])?;
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
    if let Some(labels) = &labels {
        npy::write_u8(labels, &[written.len()], &written)?;
    }
    Ok(Exported {
        name,
        split: wanted.split,
        source: opened.source.clone(),
        images: written.len(),
        failed: indices.len() - written.len(),
        image_size: side,
        classes: opened.classes().to_vec(),
        out: to.out,
        labels: to.labels,
    })
}

impl Answer for Exported<'_> {
    fn table(&self) -> String {
        let mut text = format!("{} images ({}) in {}\n", self.images, self.source, self.out.display());
        if let Some(labels) = self.labels {
            text += &format!("their labels in {}\n", labels.display());
        }
        text
    }
}

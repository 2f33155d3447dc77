//! Bundles on the disk: a folder, or the zip that the page gives for download.

use crate::error::NsaError;
use crate::files::{Kind, Output, PartFolder};
use crate::lock::FolderLock;
use crate::output::{self, tell};
use crate::{catalog, files};
use burn::tensor::backend::Backend;
use burn_flex::Flex;
use nsa_core::bundle::{
    BANK_FILE, BundleError, Detector, FRAMES_FILE, HISTORY_FILE, MANIFEST_FILE, MAX_ARCHIVE, MAX_FILE, MAX_MANIFEST,
    MODEL_FILE, Manifest, NORMAL_FILE, from_zip, is_id, to_zip,
};
use nsa_core::config::TrainConfig;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Whether a bundle, and not a run, lies at `path`.
pub fn is_bundle(path: &Path) -> bool {
    path.is_file() || path.join(MANIFEST_FILE).exists()
}

/// Settings and weights of the bundle at `path`.
pub fn model(path: &Path) -> Result<(TrainConfig, Vec<u8>), NsaError> {
    let (manifest, [model, _]) = open(path)?;
    manifest.check_file(MODEL_FILE, &model).map_err(|source| NsaError::Bundle { path: path.into(), source })?;
    Ok((manifest.config, model))
}

/// The detector of the bundle at `path`, all its files checked.
pub fn detector<B: Backend>(path: &Path, device: B::Device) -> Result<Detector<B>, NsaError> {
    let (manifest, [model, bank]) = open(path)?;
    Detector::new(manifest, &model, &bank, device).map_err(|source| NsaError::Bundle { path: path.into(), source })
}

/// The pixels of the images that the bundle at `path` was fitted on, where they are a person's own.
pub fn normal(path: &Path) -> Result<Option<Vec<u8>>, NsaError> {
    let refused = |source: BundleError| NsaError::Bundle { path: path.into(), source };
    let (manifest, file) = if path.is_file() {
        let unpacked = from_zip(&files::read_capped(path, MAX_ARCHIVE)?).map_err(refused)?;
        (unpacked.manifest, unpacked.normal)
    } else {
        let manifest = Manifest::parse(&files::read_capped(&path.join(MANIFEST_FILE), MAX_FILE)?).map_err(refused)?;
        let file = manifest.normal.is_some().then(|| files::read_capped(&path.join(NORMAL_FILE), MAX_FILE));
        (manifest, file.transpose()?)
    };
    file.map(|bytes| manifest.read_normal(&bytes).map_err(refused)).transpose()
}

/// The manifest, and weights and bank as they are.
fn open(path: &Path) -> Result<(Manifest, [Vec<u8>; 2]), NsaError> {
    let refused = |source: BundleError| NsaError::Bundle { path: path.into(), source };
    if path.is_file() {
        let unpacked = from_zip(&files::read_capped(path, MAX_ARCHIVE)?).map_err(refused)?;
        let [model, bank, ..] = unpacked.files;
        return Ok((unpacked.manifest, [model, bank]));
    }
    let file = |name: &str| files::read_capped(&path.join(name), MAX_FILE);
    let manifest = Manifest::parse(&file(MANIFEST_FILE)?).map_err(refused)?;
    Ok((manifest, [file(MODEL_FILE)?, file(BANK_FILE)?]))
}

/// Names of the files that a bundle may have.
const NAMES: &[&str] = &[MODEL_FILE, BANK_FILE, HISTORY_FILE, FRAMES_FILE, NORMAL_FILE, MANIFEST_FILE];
/// A bundle in one file.
const ZIP: Kind = Kind { name: "bundle", is: is_zipped_bundle };

/// Where a bundle will be, looked at before the work begins: a zip if its name says so, else a folder, which is listed
/// in the catalogue if it lies in `bundles/` beside one.
#[derive(Debug)]
pub struct Destination {
    id: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Zip(Output),
    Folder(Folder),
}

impl Destination {
    /// The bundle `out` of a command that reads `inputs`; its last part, without `.zip`, is its id. With `force` it may
    /// replace what is no bundle of ours, but no folder in which other files lie.
    ///
    /// # Errors
    /// A name that is no id; something at `out` that must not be replaced.
    pub fn new(out: &Path, force: bool, inputs: &[&Path]) -> Result<Self, NsaError> {
        let is_zip = out.extension().is_some_and(|end| end == "zip");
        let stem = if is_zip { out.file_stem() } else { out.file_name() };
        let id = stem.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !is_id(&id) {
            return Err(NsaError::Usage(format!(
                "--out must end in the bundle's id, 1 to 64 of a-z, 0-9 and '-', found '{id}'"
            )));
        }
        let place = match is_zip {
            true => Place::Zip(Output::new(out, &ZIP, force, inputs)?),
            false => Place::Folder(Folder::new(out, force, inputs)?),
        };
        Ok(Self { id, place })
    }

    /// The bundle's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As the person named it.
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::Zip(output) => output.path(),
            Place::Folder(folder) => &folder.said,
        }
    }

    /// Writes a bundle's files, and reads them back before they are put in place; `first` makes the bundle the first of
    /// its catalogue.
    pub fn write(&self, contents: &[(&'static str, Vec<u8>)], first: bool) -> Result<(), NsaError> {
        let total: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
        let done = || tell!("{}: {:.2} MB", self.path().display(), total as f64 / 1e6);
        match &self.place {
            Place::Zip(output) => {
                let zip = to_zip(contents).map_err(|source| NsaError::Bundle { path: self.path().into(), source })?;
                let mut part = output.begin()?;
                part.write_all(&zip).map_err(files::writing(self.path()))?;
                read_back(part.path(), self.path())?;
                output.put(part)?;
                done();
                Ok(())
            }
            Place::Folder(folder) => folder.write(&self.id, contents, first, done),
        }
    }
}

/// A bundle's folder that will be written.
#[derive(Debug)]
struct Folder {
    said: PathBuf,
    place: PathBuf,
    force: bool,
    inputs: Vec<PathBuf>,
}

impl Folder {
    fn new(said: &Path, force: bool, inputs: &[&Path]) -> Result<Self, NsaError> {
        let place = files::place_of(said).map_err(files::writing(said))?;
        let inputs = inputs.iter().map(|path| path.to_path_buf()).collect();
        let folder = Self { said: said.into(), place, force, inputs };
        folder.check()?;
        Ok(folder)
    }

    /// Whether nothing is lost: there is nothing yet, or an earlier bundle.
    fn check(&self) -> Result<(), NsaError> {
        let out = self.said.display();
        let refused = |why: String| Err(NsaError::Usage(format!("{out} {why}choose another --out")));
        if let Some(assets) = catalog::assets_of(&self.place).filter(|_| !self.force) {
            let catalog = assets.join(catalog::CATALOG_FILE);
            if catalog.exists() && !catalog::is_catalog(&catalog) {
                let catalog = catalog.display();
                return refused(format!(
                    "would be listed in {catalog}, which is there already and is no catalogue: say \
                                        --force to replace it, or "
                ));
            }
        }
        if !self.place.exists() {
            // The folders that it will lie in are made.
            let lies_in = self.place.ancestors().skip(1).find(|folder| folder.exists());
            return match lies_in.is_none_or(Path::is_dir) {
                true => Ok(()),
                false => refused("cannot be there: what it would lie in is no folder: ".into()),
            };
        }
        if !self.place.is_dir() {
            return refused("is there already and is no folder: ".into());
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.place).map_err(files::reading(&self.place))? {
            let entry = entry.map_err(files::reading(&self.place))?;
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            names.push((entry.file_name().to_string_lossy().into_owned(), is_file));
        }
        let foreign = names.iter().find(|(name, is_file)| !is_file || !NAMES.contains(&name.as_str()));
        let is_read = self.inputs.iter().any(|input| files::is_same(input, &self.place));
        let has_manifest = names.iter().any(|(name, _)| name == MANIFEST_FILE);
        match foreign {
            _ if names.is_empty() => Ok(()),
            _ if !has_manifest => refused(format!("is there already and holds no {MANIFEST_FILE}: ")),
            Some((name, _)) => {
                refused(format!("holds {}, which is no part of a bundle: move it, or ", output::name(name)))
            }
            None if is_read => refused("is what this command reads: ".into()),
            None if self.force || is_manifest(&self.place.join(MANIFEST_FILE)) => Ok(()),
            None => refused(format!("is there already, and its {MANIFEST_FILE} is of no bundle: say --force, or ")),
        }
    }

    /// The files and the catalogue are written beside the old ones, under names that no bundle has, then put in place
    /// one right after the other: a kill leaves the old bundle or the new one, and a catalogue that lists it (see
    /// `catalog::read`).
    fn write(
        &self,
        id: &str,
        contents: &[(&'static str, Vec<u8>)],
        first: bool,
        done: impl FnOnce(),
    ) -> Result<(), NsaError> {
        let bundles = files::folder_of(&self.place);
        std::fs::create_dir_all(bundles).map_err(files::writing(bundles))?;
        let part = PartFolder::new(&self.place, NAMES).map_err(files::writing(&self.said))?;
        for (name, bytes) in contents {
            part.write(name, bytes).map_err(files::writing(&self.said.join(name)))?;
        }
        read_back(part.path(), &self.said)?;
        let Some(assets) = catalog::assets_of(&self.place) else {
            self.check()?;
            part.put().map_err(files::writing(&self.said))?;
            done();
            return Ok(());
        };
        // One catalogue after the other: each is made from what lies there.
        let _lock = FolderLock::wait(&assets)?;
        let (listed, catalog) = catalog::stage(&assets, id, part.path(), first)?;
        self.check()?;
        {
            let _both = files::uninterrupted();
            part.put().map_err(files::writing(&self.said))?;
            catalog.put().map_err(files::writing(&assets.join(catalog::CATALOG_FILE)))?;
        }
        done();
        tell!("{} lists {} bundles, {} first", catalog::CATALOG_FILE, listed.bundles.len(), listed.default);
        Ok(())
    }
}

/// Whether a zip holds the files of a bundle and nothing besides.
fn is_zipped_bundle(path: &Path) -> bool {
    let archive = std::fs::File::open(path).ok().and_then(|file| zip::ZipArchive::new(file).ok());
    archive.is_some_and(|archive| {
        let known = |name: &str| NAMES.contains(&name) || name.ends_with('/');
        archive.file_names().any(|name| name == MANIFEST_FILE) && archive.file_names().all(known)
    })
}

/// Whether a file is a bundle's manifest, of whichever format.
fn is_manifest(path: &Path) -> bool {
    let found =
        files::read_plain(path, MAX_MANIFEST).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    found.is_some_and(|found| found["format"].is_u64() && found["id"].is_string() && found["files"].is_array())
}

/// Opens the bundle that was written to `part` as those will who get it at `out`.
fn read_back(part: &Path, out: &Path) -> Result<(), NsaError> {
    let refused = |source| NsaError::Bundle { path: out.into(), source };
    let whole = || -> Result<(), NsaError> {
        let [history, frames] = if part.is_file() {
            let [_, _, history, frames] = from_zip(&files::read_capped(part, MAX_ARCHIVE)?).map_err(refused)?.files;
            [history, frames]
        } else {
            let file = |name: &str| files::read_capped(&part.join(name), MAX_FILE);
            [file(HISTORY_FILE)?, file(FRAMES_FILE)?]
        };
        let detector = detector::<Flex>(part, Default::default())?;
        detector.manifest().read_history(&history).map_err(refused)?;
        detector.manifest().read_frames(&frames).map_err(refused)?;
        Ok(())
    };
    whole().map_err(|error| match error {
        NsaError::Bundle { source, .. } => refused(source),
        NsaError::Refused { why, .. } => NsaError::Refused { path: out.into(), why },
        other => other,
    })
}

/// Parameters of an encoder of base width 1: those of its convolutions, which are nearly all, grow with the square of
/// it.
const ENCODER: u64 = 2724;

/// Whether a bundle can hold an encoder of this width, and so many values of a bank.
///
/// # Errors
/// It would be written and could not be read.
pub fn check_sizes(width: usize, bank_values: u64) -> Result<(), NsaError> {
    let most = MAX_FILE / 2;
    let parameters = ENCODER * (width as u64).pow(2);
    if parameters > most {
        let widest = most.div_euclid(ENCODER).isqrt();
        return Err(NsaError::Usage(format!(
            "a bundle's {MODEL_FILE} has at most {MAX_FILE} bytes, so the encoder's width must be at most {widest}, \
             found {width}: `nsa eval`, `nsa embed` and `nsa export --onnx` take wider ones"
        )));
    }
    if bank_values > most {
        let bytes = bank_values.saturating_mul(2);
        return Err(NsaError::Usage(format!(
            "a bundle's {BANK_FILE} must have at most {MAX_FILE} bytes, but these --layers and --bank take {bytes} or \
             more"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_refused_that_no_reader_takes() {
        check_sizes(110, 1 << 20).unwrap();
        let error = check_sizes(112, 0).unwrap_err().to_string();
        assert!(error.contains("width must be at most 110, found 112"), "{error}");
        let error = check_sizes(16, 6000 * 16_384).unwrap_err().to_string();
        assert!(error.contains("these --layers and --bank take 196608000 or more"), "{error}");
    }
}

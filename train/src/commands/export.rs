//! `nsa export`: a run becomes a bundle for the browser.
//!
//! Every score in the bundle is measured with weights and bank as exported (f16), so that what `bundle.json` says is what
//! the browser reaches.

use super::choose;
use crate::cli::ExportArgs;
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::evaluate::batch_of;
use crate::output::tell;
use crate::progress::Progress;
use crate::run::{RunFolder, read_config};
use crate::trained::Trained;
use crate::{catalog, files};
use burn::tensor::backend::Backend;
use nsa_core::bundle::{
    Banks, BundleParts, FORMAT, Judges, LayerEntry, MANIFEST_FILE, Manifest, Provenance, ScoreEntry, is_id,
};
use nsa_core::config::TrainConfig;
use nsa_core::data::{ImageSet, SIZE};
use nsa_core::model::{load_weights, save_weights};
use nsa_core::score::Bank;
use std::path::Path;

/// Writes the bundle, then lists it.
pub fn run(args: &ExportArgs) -> Result<(), NsaError> {
    let id = args.out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !is_id(&id) {
        return Err(NsaError::Usage(format!(
            "--out must end in the bundle's id, 1 to 64 of a-z, 0-9 and '-', found '{id}'"
        )));
    }
    // What stands there is replaced: it must be ours.
    if args.out.exists() && !args.out.join(MANIFEST_FILE).exists() {
        let out = args.out.display();
        return Err(NsaError::Usage(format!(
            "{out} is there already and holds no {MANIFEST_FILE}: choose another --out"
        )));
    }
    let side = RunFolder::open(&args.run, usize::MAX)?.config.image_size;
    if side > SIZE {
        let run = args.run.display();
        return Err(NsaError::Usage(format!(
            "{run} was trained on images of {side} x {side}, but bundles are for the page, whose images are {SIZE} x {SIZE}: \
             see what it reaches with `nsa eval {run}`"
        )));
    }
    let trained = Trained::open(&args.run, args.root.as_deref())?;
    let refused = |source| NsaError::Bundle { path: args.out.clone(), source };
    let (manifest, model, banks) = on_device(args.device, Job { trained: &trained, args, id: &id })?;
    let parts = BundleParts {
        manifest,
        model,
        banks: &banks,
        history: &trained.run.record.history,
        frames: &trained.run.frames,
    };
    let contents = parts.to_files().map_err(refused)?;

    // Bundle and catalogue are written beside the old ones, under names that no bundle has, then put in place one
    // right after the other: a kill leaves the old bundle or the new one, and a catalogue that lists it (see
    // `catalog::read`).
    let beside = files::with_suffix(&args.out, files::PART);
    files::recover_folder(&args.out)?;
    std::fs::create_dir_all(&beside).map_err(files::writing(&beside))?;
    let mut total = 0;
    for (name, bytes) in &contents {
        files::write_atomic(&beside.join(name), bytes)?;
        total += bytes.len();
    }
    let assets = catalog::assets_of(&args.out);
    let listed = assets.as_deref().map(|assets| catalog::stage(assets, &id, &beside, args.default)).transpose()?;
    files::replace_folder(&args.out)?;
    tell!("{}: {:.2} MB", args.out.display(), total as f64 / 1e6);
    if let (Some(assets), Some(listed)) = (assets, listed) {
        catalog::commit(&assets)?;
        tell!("{} lists {} bundles, {} first", catalog::CATALOG_FILE, listed.bundles.len(), listed.default);
    }
    Ok(())
}

struct Job<'a> {
    trained: &'a Trained,
    args: &'a ExportArgs,
    id: &'a str,
}

impl DeviceJob for Job<'_> {
    type Output = (Manifest, Vec<u8>, Vec<(String, Bank)>);

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<Self::Output, NsaError> {
        let trained = self.trained;
        let network = trained.network::<B>(&device)?;
        let model = save_weights(&network)?;
        // As those who load the bundle will compute.
        let network = load_weights(network, &model)?.folded();
        let known = network.layer_names();
        let layers = choose("layers", &self.args.layers, &known)?;

        let [val_id, val_ood] = &trained.validation;
        let test = [&trained.id, &trained.ood];
        let validation = Some([val_id, val_ood]).filter(|sets| sets.iter().all(|set| !set.is_empty()));
        let images = Judges { train: &trained.train, validation, test };
        let judged: usize = trained.validation.iter().chain(test).map(ImageSet::len).sum();
        let mut progress = Progress::new("embedding", images.train.len() + judged);
        let tick = async |n| progress.advance(n);
        let (coreset, batch) = ((self.args.bank, self.args.coreset), batch_of([images.train.side(); 2]));
        let Banks { banks, layers, scores } =
            wait(Banks::fit(&network, images, &layers, coreset, batch, &device, tick))?;
        progress.finish();
        Ok((self.manifest(layers, scores), model, banks))
    }
}

impl Job<'_> {
    fn manifest(&self, layers: Vec<LayerEntry>, scores: Vec<ScoreEntry>) -> Manifest {
        let run = &self.trained.run;
        let record = &run.record;
        Manifest {
            format: FORMAT,
            id: self.id.into(),
            title: self.args.title.clone().unwrap_or_else(|| title(&run.config, &record.classes)),
            config: run.config.clone(),
            classes: record.classes.clone(),
            provenance: Provenance {
                commit: record.commit.clone(),
                device: record.device.clone(),
                wall_seconds: record.wall_seconds,
                data_source: record.data_source.clone(),
                train_images: record.split.indices.len(),
                outliers: record.split.outliers,
                test_id: self.trained.id.len(),
                test_ood: self.trained.ood.len(),
                command: command(&run.config, self.id, record.root.is_some()),
            },
            pixel_mean: run.config.network().pixels.mean,
            pixel_std: run.config.network().pixels.std,
            layers,
            scores,
            files: vec![],
        }
    }
}

/// The paper's name of the method and what it learned, for example "SimSiam(n) on synth-digits, class 3".
fn title(config: &TrainConfig, classes: &[String]) -> String {
    let method = config.objective.with_norm(config.norm);
    let pollution =
        if config.pollution > 0.0 { format!(", {:.0} % polluted", 100.0 * config.pollution) } else { String::new() };
    let class = classes.get(config.id_class).cloned().unwrap_or_else(|| config.id_class.to_string());
    format!("{method} on {}, class {class}{pollution}", config.dataset)
}

/// The command that trains this run again: by its committed settings where there are some, else by the bundle's.
fn command(config: &TrainConfig, id: &str, has_root: bool) -> String {
    let root = if has_root { " --root DIR" } else { "" };
    let committed = format!("train/configs/{id}.toml");
    if read_config(Path::new(&committed)).is_ok_and(|found| found == *config) {
        return format!("nsa train --config {committed}{root} --out runs/{id}");
    }
    format!("nsa train --config SETTINGS.toml{root} --out runs/{id}, with the settings of this bundle")
}

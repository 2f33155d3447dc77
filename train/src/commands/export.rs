//! `nsa export`: a run becomes a bundle for the browser.
//!
//! Every score in the bundle is measured with weights and bank as exported (f16), so that what `bundle.json` says is what
//! the browser reaches.

use super::choose;
use crate::bundles::{self, Destination};
use crate::cli::ExportArgs;
use crate::device::{DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::evaluate::batch_of;
use crate::progress::Progress;
use crate::run::{RunFolder, read_config};
use crate::trained::Trained;
use burn::tensor::backend::Backend;
use nsa_core::bundle::{Assembled, BankPlan, Origin};
use nsa_core::config::TrainConfig;
use nsa_core::data::SIZE;
use std::path::{Path, PathBuf};

/// Writes the bundle, then lists it.
pub fn run(args: &ExportArgs) -> Result<(), NsaError> {
    args.weights.must_be_absent("a run")?;
    let run = RunFolder::open(&args.run)?;
    let inputs: Vec<&Path> = args.root.iter().chain([&args.run]).map(PathBuf::as_path).collect();
    let destination = Destination::new(&args.out, args.overwrite.force, &inputs)?;
    let side = run.config.image_size;
    if side > SIZE {
        let run = args.run.display();
        return Err(NsaError::Usage(format!(
            "{run} was trained on images of {side} x {side}, but bundles are for the page, whose images are {SIZE} x {SIZE}: \
             see what it reaches with `nsa eval {run}`"
        )));
    }
    let trained = Trained::open(&args.run, args.root.as_deref())?;
    let refused = |source| NsaError::Bundle { path: args.out.clone(), source };
    let assembled = on_device(args.device, Job { trained: &trained, args, id: destination.id() })?;
    let contents = assembled.to_files(&trained.run.record.history, &trained.run.frames).map_err(refused)?;
    destination.write(&contents, args.default)
}

struct Job<'a> {
    trained: &'a Trained,
    args: &'a ExportArgs,
    id: &'a str,
}

impl DeviceJob for Job<'_> {
    type Output = Assembled;

    fn run<B: Backend>(self, device: B::Device, _: &str) -> Result<Assembled, NsaError> {
        let (run, images) = (&self.trained.run, self.trained.sets.as_ref());
        let network = self.trained.network::<B>(&device)?;
        let layers = choose("layers", &self.args.layers, &network.layers())?;
        let rows = self.args.bank.min(images.train.len()) as u64;
        let asked = run.config.network().layers().into_iter().filter(|(layer, _)| layers.contains(layer));
        bundles::check_sizes(run.config.width, asked.map(|(_, dim)| dim as u64 * rows).sum())?;
        let batch = batch_of([images.train.side(); 2]);
        let plan = BankPlan { layers: &layers, size: self.args.bank, coreset: self.args.coreset, batch };
        let mut progress =
            Progress::new("embedding", images.train.len() + images.judged().map(|set| set.len()).sum::<usize>());
        let tick = async |n| progress.advance(n);
        let assembled = wait(Assembled::new(network, &run.config, images, plan, self.origin(), &device, tick))?;
        progress.finish();
        Ok(assembled)
    }
}

impl Job<'_> {
    fn origin(&self) -> Origin {
        let RunFolder { config, record, .. } = &self.trained.run;
        Origin {
            id: self.id.into(),
            title: self.args.title.clone().unwrap_or_else(|| title(config, &record.classes)),
            classes: record.classes.clone(),
            commit: record.commit.clone(),
            device: record.device.clone(),
            wall_seconds: record.wall_seconds,
            data_source: record.data_source.clone(),
            outliers: record.split.outliers,
            command: command(config, self.id, record.root.is_some()),
        }
    }
}

/// The paper's name of the method and what it learned, for example "SimSiam(n) on synth-digits, class 3".
fn title(config: &TrainConfig, classes: &[String]) -> String {
    let method = config.objective.with_norm(config.norm);
    let pollution =
        if config.pollution > 0.0 { format!(", {:.0} % polluted", 100.0 * config.pollution) } else { String::new() };
    let class = classes.get(config.id_class).cloned().unwrap_or_else(|| config.id_class.to_string());
    // Names of folders may have tabs and line breaks in them; a title is one line.
    format!("{method} on {}, class {class}{pollution}", config.dataset).replace(char::is_control, " ")
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

//! `nsa eval`: the paper's tables 6-8 for a run, on the whole test set.

use super::{choose, print, print_json};
use crate::bundles;
use crate::cli::EvalArgs;
use crate::data;
use crate::device::{Device, DeviceJob, on_device};
use crate::error::NsaError;
use crate::evaluate::features;
use crate::evaluation::{EnsembleRow, Evaluation, LayerRow, ScoreRow};
use crate::images::{FittedOn, Images};
use crate::lock::FolderLock;
use crate::output::tell;
use crate::progress::Progress;
use crate::run::RunFolder;
use crate::tables::{Request, compute};
use crate::trained::Trained;
use burn::tensor::backend::Backend;
use nsa_core::bundle::{MODEL_FILE, Manifest, sha256};
use nsa_core::data::{ImageSet, SIZE, Sides, Split};
use nsa_core::eval::summarize;
use nsa_core::model::Layer;
use nsa_core::score::Scorer;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Prints the table, or JSON.
pub fn run(args: &EvalArgs) -> Result<(), NsaError> {
    if bundles::is_bundle(&args.run) {
        let scorers = args.scorers.as_deref().map_or(Ok(Scorer::ANGULAR.to_vec()), choose_scorers)?;
        if let Some(other) = scorers.iter().find(|scorer| !Scorer::ANGULAR.contains(scorer)) {
            return Err(NsaError::Usage(format!("a bundle's banks have angular scores only, found {other}")));
        }
        let asked = on_device(args.device, OfBundle { args, scorers: &scorers })?;
        return if args.json { print_json(&asked) } else { print(&table(&asked)) };
    }
    if !args.id.is_empty() {
        return Err(NsaError::Usage("--id and --ood are for a bundle: a run has a test set".into()));
    }
    let network = RunFolder::open(&args.run)?.config.network();
    let request = match &args.scorers {
        None if args.layers == "all" => Request::of_the_paper(&network),
        scorers => {
            let own = network.layers().into_iter().map(|(layer, _)| layer);
            let said = network.own_row().map(|(layer, _)| layer);
            let rows: Vec<Layer> = own.chain(said).chain([Layer::Pixels]).collect();
            let chosen = choose("layers", &args.layers, &rows)?;
            let scorers = match scorers {
                None => Scorer::ANGULAR.to_vec(),
                Some(list) => choose_scorers(list)?,
            };
            Request::chosen(&chosen, &scorers)
        }
    };
    let (whole, kept) = evaluate(&args.run, args.root.as_deref(), args.device, &request)?;
    let asked = only(whole, &request);
    // What was computed is said in any case; that a read-only disk does not keep it is no failure.
    if args.json {
        print_json(&asked)?
    } else {
        print(&table(&asked))?
    }
    match kept {
        Err(NsaError::Io { path, source, .. })
            if matches!(source.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) =>
        {
            tell!("warning: this result is not kept in {}: {source}", path.display());
            Ok(())
        }
        kept => kept,
    }
}

/// What the paper would report of a run: see [`Request::of_the_paper`].
pub fn evaluate_as_the_paper(run: &Path, root: Option<&Path>, device: Device) -> Result<Evaluation, NsaError> {
    let request = Request::of_the_paper(&RunFolder::open(run)?.config.network());
    let (evaluation, kept) = evaluate(run, root, device, &request)?;
    kept.map(|()| evaluation)
}

/// Evaluates the run's checkpoint and keeps the result in the run's `eval.json`; what stands there already of this
/// checkpoint is not computed again. Besides the result, whether it could be kept.
fn evaluate(
    run: &Path,
    root: Option<&Path>,
    device: Device,
    request: &Request,
) -> Result<(Evaluation, Result<(), NsaError>), NsaError> {
    let checkpoint = RunFolder::checkpoint(run)?.map(|bytes| sha256(&bytes));
    let known = Evaluation::read(run)?.filter(|known| Some(&known.checkpoint) == checkpoint.as_ref());
    let missing = known.as_ref().map_or_else(|| request.clone(), |known| request.without(known));
    if let (true, Some(known)) = (missing.is_empty(), known.clone()) {
        // What is known is of the images that the run had. Of a run of an earlier version nobody can tell.
        let folder = RunFolder::open(run)?;
        if root.is_some() || folder.record.data.is_some() {
            folder.data(root)?;
        }
        return Ok((known, Ok(())));
    }
    let trained = Trained::open(run, root)?;
    let mut evaluation = on_device(device, Job { trained: &trained, request: &missing })?;
    // Other processes may have evaluated it meanwhile.
    let _lock = FolderLock::wait(run).ok();
    let latest = Evaluation::read(run);
    let mut merge = |known: Option<Evaluation>| {
        if let Some(known) = known.filter(|known| known.checkpoint == evaluation.checkpoint) {
            evaluation.merge(known);
        }
    };
    merge(known);
    let kept = latest.map(merge).and_then(|()| evaluation.write(run));
    Ok((evaluation, kept))
}

struct Job<'a> {
    trained: &'a Trained,
    request: &'a Request,
}

impl DeviceJob for Job<'_> {
    type Output = Evaluation;

    fn run<B: Backend>(self, device: B::Device, name: &str) -> Result<Evaluation, NsaError> {
        let trained = self.trained;
        let (network, epoch) = trained.network_and_epoch::<B>(&device)?;
        let images = trained.sets.as_ref();
        let tables = compute(&network, images, self.request, &device)?;
        Ok(Evaluation {
            checkpoint: trained.checkpoint_sha256(),
            epoch,
            device: name.into(),
            train: images.train.len(),
            validation: images.validation.map_or([0, 0], |sides| [sides.id.len(), sides.ood.len()]),
            id: images.test.id.len(),
            ood: images.test.ood.len(),
            layers: tables.layers,
            ensembles: tables.ensembles,
            histogram: tables.histogram,
        })
    }
}

/// The same of a bundle, by its own banks.
struct OfBundle<'a> {
    args: &'a EvalArgs,
    scorers: &'a [Scorer],
}

impl DeviceJob for OfBundle<'_> {
    type Output = Evaluation;

    fn run<B: Backend>(self, device: B::Device, name: &str) -> Result<Evaluation, NsaError> {
        let detector = bundles::detector::<B>(&self.args.run, device.clone())?;
        let manifest = detector.manifest();
        // Of the layers that only a score of the objective's own authors needs there are no angles.
        let angles = |layer: &Layer| manifest.scores.iter().any(|score| score.layer == *layer && score.is_angle());
        let known: Vec<Layer> = manifest.layers.iter().map(|layer| layer.name).filter(angles).collect();
        let layers = choose("layers", &self.args.layers, &known)?;
        let (side, images) = (manifest.config.image_size, self.images(manifest)?);
        let (id, ood) = (images.id.shrunk(side)?, images.ood.shrunk(side)?);
        let mut progress = Progress::new("evaluating", layers.len() * (id.len() + ood.len()));
        let mut rows = Vec::new();
        for layer in layers {
            let mut embed = |images: &ImageSet| {
                features(detector.network(), images, &[layer], &device, |n| progress.advance(n))
                    .map(|mut f| f.remove(0))
            };
            let (id, ood) = (embed(&id)?, embed(&ood)?);
            let (_, bank) = detector.banks().iter().find(|(known, _)| *known == layer).expect("its layers have banks");
            let mut scores = Vec::new();
            for &scorer in self.scorers {
                let k = scorer.default_k();
                let reached = summarize(&bank.score(scorer, k, &id)?, &bank.score(scorer, k, &ood)?)?;
                scores.push(ScoreRow { scorer, validation: None, reached });
            }
            let (rank, failed) = (Some(bank.rank()), Vec::new());
            rows.push(LayerRow { layer, dim: id.dim(), rank, ensemble_rank: None, scores, failed });
        }
        progress.finish();
        let model = manifest.files.iter().find(|file| file.name == MODEL_FILE).expect("a checked manifest lists it");
        Ok(Evaluation {
            checkpoint: model.sha256.clone(),
            epoch: manifest.config.epochs,
            device: name.into(),
            train: manifest.normal.as_ref().map_or(manifest.provenance.train_images, |normal| normal.images),
            validation: [0, 0],
            id: id.len(),
            ood: ood.len(),
            layers: rows,
            ensembles: Vec::new(),
            histogram: None,
        })
    }
}

impl OfBundle<'_> {
    /// The images that the bundle is judged by, of 32 x 32.
    fn images(&self, manifest: &Manifest) -> Result<Sides<ImageSet>, NsaError> {
        if self.args.id.is_empty() {
            if manifest.normal.is_some() {
                let path = self.args.run.display();
                return Err(NsaError::Usage(format!(
                    "{path} has a person's own normal, so no data set tests it: name images by --id and --ood"
                )));
            }
            let mut test = data::open(&manifest.config.dataset, self.args.root.as_deref(), Split::Test, SIZE)?;
            let (id, ood) =
                (test.of_class(manifest.config.id_class, false), test.of_class(manifest.config.id_class, true));
            return Ok(Sides { id: test.read(&id)?.images, ood: test.read(&ood)?.images });
        }
        let fitted_on = FittedOn::read(&self.args.run)?;
        let read = |paths: &[PathBuf], what: &str| -> Result<ImageSet, NsaError> {
            let images = Images::read(paths)?;
            // A broken file would change what the figure is of.
            images.verdict()?;
            fitted_on.warn(&images.pixels);
            let n = images.names.len();
            Ok(ImageSet::new(images.pixels, vec![0; n], vec![what.into()])?)
        };
        Ok(Sides { id: read(&self.args.id, "normal")?, ood: read(&self.args.ood, "anomalous")? })
    }
}

/// The scorers of a list, in the order of [`Scorer::ALL`].
fn choose_scorers(list: &str) -> Result<Vec<Scorer>, NsaError> {
    let chosen = choose("scorers", list, &Scorer::ALL)?;
    Ok(Scorer::ALL.into_iter().filter(|scorer| chosen.contains(scorer)).collect())
}

/// The part of an evaluation that was asked for; the file may hold more.
fn only(mut evaluation: Evaluation, request: &Request) -> Evaluation {
    let asked = |layer| request.scorers.iter().find(|(known, _)| *known == layer).map(|(_, scorers)| scorers);
    evaluation.layers.retain(|row| asked(row.layer).is_some());
    for row in &mut evaluation.layers {
        let scorers = asked(row.layer).expect("the others are gone").clone();
        row.scores.retain(|score| scorers.contains(&score.scorer));
        row.failed.retain(|failed| scorers.contains(&failed.scorer));
    }
    if !request.ensembles {
        evaluation.ensembles.clear();
        evaluation.layers.iter_mut().for_each(|row| row.ensemble_rank = None);
        evaluation.histogram = None;
    }
    evaluation
}

fn table(evaluation: &Evaluation) -> String {
    let rows = &evaluation.layers;
    let has = |scorer: &Scorer| {
        rows.iter()
            .any(|r| r.scores.iter().any(|s| s.scorer == *scorer) || r.failed.iter().any(|f| f.scorer == *scorer))
    };
    let scorers: Vec<Scorer> = Scorer::ALL.into_iter().filter(has).collect();
    let mut table = format!("{:<12}{:>8}{:>8}", "layer", "dim", "rank");
    let width = |scorer: &Scorer| 2 + scorer.name().len().max(10);
    scorers.iter().for_each(|scorer| table += &format!("{scorer:>0$}", width(scorer)));
    table += "    AUROC in percent\n";
    let mut notes = String::new();
    for row in rows {
        let rank = row.rank.map_or("-".into(), |rank| rank.to_string());
        table += &format!("{:<12}{:>8}{rank:>8}", row.layer, row.dim);
        for scorer in &scorers {
            let cell = match row.scores.iter().find(|s| s.scorer == *scorer) {
                Some(score) => format!("{:.2}", 100.0 * score.reached.auroc),
                None if row.failed.iter().any(|f| f.scorer == *scorer) => "failed".into(),
                None => "-".into(),
            };
            table += &format!("{cell:>0$}", width(scorer));
        }
        table += "\n";
        row.failed.iter().for_each(|f| notes += &format!("{} on {}: {}\n", f.scorer, row.layer, f.why));
        if let Some(rank) = row.ensemble_rank {
            notes += &format!("{} joins the sums with {rank} directions in Mahalanobis space: see --help\n", row.layer);
        }
    }
    if !evaluation.ensembles.is_empty() {
        table += "\n";
    }
    for row in &evaluation.ensembles {
        let reached = row.reached.map_or("failed".into(), |reached| format!("{:.2}", 100.0 * reached.auroc));
        table += &format!("{reached:>8}  {}\n", sum_name(row));
        row.why.iter().for_each(|why| notes += &format!("{}: {why}\n", sum_name(row)));
    }
    if notes.is_empty() { table } else { table + "\n" + &notes }
}

/// For example `all conv blocks, k-cos + k-cos-mah`.
fn sum_name(row: &EnsembleRow) -> String {
    if row.name == "ens" {
        return "Ens.".into();
    }
    let scorers = row.parts.iter().flat_map(|part| &part.scorers).map(ToString::to_string);
    format!("{}, {}", row.name.replace('-', " "), scorers.collect::<Vec<_>>().join(" + "))
}

//! `nsa train`: a run from its settings or its checkpoint to its last epoch.

use crate::cli::TrainArgs;
use crate::data::{self, Opened};
use crate::device::{Device, DeviceJob, on_device, wait};
use crate::error::NsaError;
use crate::evaluate::watch;
use crate::files;
use crate::lock::RunLock;
use crate::memory;
use crate::output::tell;
use crate::progress::Progress;
use crate::run::{COMMIT, Data, Record, RunFolder, absolute, read_config};
use crate::weights::read_weights;
use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use nsa_core::bundle::sha256;
use nsa_core::config::{Norm, Objective, PixelNorm, TrainConfig};
use nsa_core::data::{ImageSet, OneClassSplit, Split};
use nsa_core::measure::{History, HistoryEntry};
use nsa_core::model::StateDict;
use nsa_core::score::Scorer;
use nsa_core::ssl::{Advance, Kept, Run, RunError, Trainer, TrainerError, TrainingSet, Watch};
use std::mem::take;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a kill may cost: an epoch of a small run takes less than saving it.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// Starts or continues a run.
pub fn run(args: TrainArgs) -> Result<(), NsaError> {
    let device = args.device;
    let job = match &args.resume {
        Some(path) => Job::resume(path, None)?,
        None => Job::start(args)?,
    };
    on_device(device, job)
}

/// Trains a run of these settings to its end, from the beginning (where its objective adapts weights, those of the file) or
/// from where its folder says. The caller holds the run's lock.
pub fn complete(
    _: &RunLock,
    path: &Path,
    config: &TrainConfig,
    weights: Option<&Path>,
    root: Option<&Path>,
    device: Device,
) -> Result<(), NsaError> {
    let job = if RunFolder::exists(path) {
        Job::resume(path, root)?
    } else {
        let mut config = config.clone();
        let weights = weights.filter(|_| config.objective.adapts_weights());
        let weights = weights.map(|file| given(file, &mut config)).transpose()?;
        Job { weights, ..Job::load(path.to_path_buf(), config, root.map(Path::to_path_buf))? }
    };
    on_device(device, Job { locked: true, ..job })
}

/// A run and where its images are.
struct Job {
    path: PathBuf,
    /// Whether the caller holds the run's lock; else it is taken when the work begins.
    locked: bool,
    config: TrainConfig,
    root: Option<PathBuf>,
    /// Whether the folder holds the run already.
    resumed: bool,
    /// Where it stands; none before the end of its first epoch.
    checkpoint: Option<Vec<u8>>,
    /// What it begins with, where that comes from elsewhere.
    weights: Option<(PathBuf, StateDict)>,
    train: Opened,
    test: Opened,
}

impl Job {
    fn start(args: TrainArgs) -> Result<Self, NsaError> {
        let mut config = settings(&args)?;
        let Some(path) = args.out else {
            return Err(NsaError::Usage("--out RUN is needed: the folder of the new run".into()));
        };
        RunFolder::check_new(&path)?;
        let weights = args.weights.as_deref().map(|file| given(file, &mut config)).transpose()?;
        let mut job = Self { weights, ..Self::load(path, config, args.root)? };
        if args.standardize {
            let split = job.config.split(job.train.labels(), job.train.classes().len())?;
            job.config.pixels = Some(PixelNorm::of(&job.train.read(&split.indices)?.images));
        }
        Ok(job)
    }

    fn resume(path: &Path, root: Option<&Path>) -> Result<Self, NsaError> {
        let run = RunFolder::open(path)?;
        let checkpoint = RunFolder::checkpoint(path)?;
        let (train, test) = run.data(root)?;
        let path = path.to_path_buf();
        Ok(Self { resumed: true, checkpoint, ..Self::new(path, run.config, run.record.root, train, test) })
    }

    fn load(path: PathBuf, config: TrainConfig, root: Option<PathBuf>) -> Result<Self, NsaError> {
        let open = |split| data::open(&config.dataset, root.as_deref(), split, config.image_size);
        let (train, test) = (open(Split::Train)?, open(Split::Test)?);
        Ok(Self::new(path, config, root, train, test))
    }

    fn new(path: PathBuf, config: TrainConfig, root: Option<PathBuf>, train: Opened, test: Opened) -> Self {
        Self { path, locked: false, config, root, resumed: false, checkpoint: None, weights: None, train, test }
    }

    /// What training is followed by; none where the test split has too few images for it.
    fn watch(&mut self, split: &OneClassSplit, images: &ImageSet) -> Result<Option<Watch>, NsaError> {
        if !measurable(&self.config, &self.test)? {
            return Ok(None);
        }
        watch(&self.config, split, images, &mut self.train, &mut self.test).map(Some)
    }

    /// The class's images, limited and polluted as the settings say; those that cannot be read are left out.
    fn record(&mut self, device: &str) -> Result<(Record, TrainingSet), NsaError> {
        let config = &self.config;
        let mut split = config.split(self.train.labels(), self.train.classes().len())?;
        let loaded = self.train.read(&split.indices)?;
        let first_outlier = split.indices.len() - split.outliers;
        split.outliers = split.indices[first_outlier..].iter().filter(|i| loaded.indices.contains(i)).count();
        split.indices = loaded.indices;
        let known = self.train.read(&split.known)?;
        split.known = known.indices;
        // Said before the folder is made.
        if split.indices.len() < 2 {
            return Err(NsaError::Usage(TrainerError::TooFew(split.indices.len()).to_string()));
        }
        let objective = self.config.objective;
        if objective.is_told_anomalies() && split.known.is_empty() {
            return Err(NsaError::Usage(TrainerError::Untold(objective).to_string()));
        }
        if (1..loaded.images.len()).all(|i| loaded.images.image(i) == loaded.images.image(0)) {
            return Err(NsaError::Usage(format!(
                "the {} training images are all the same picture: nothing can be learned from them",
                loaded.images.len()
            )));
        }
        let record = Record {
            commit: COMMIT.into(),
            device: device.into(),
            data_source: self.train.source.clone(),
            root: self.root.as_deref().map(absolute).transpose()?,
            classes: self.train.classes().to_vec(),
            split,
            epochs_done: 0,
            wall_seconds: 0.0,
            history: History::default(),
            settings: None,
            data: Some(Data::of(config, self.root.as_deref(), &mut self.train, &mut self.test)?),
        };
        Ok((record, TrainingSet { images: loaded.images, known: known.images }))
    }
}

/// Whether the test split has images enough to follow training by.
///
/// # Errors
/// It has none of the class, or none of any other: nothing could ever be measured of the run.
fn measurable(config: &TrainConfig, test: &Opened) -> Result<bool, NsaError> {
    let [of_class, others] = [false, true].map(|others| test.of_class(config.id_class, others).len());
    if of_class == 0 || others == 0 {
        return Err(NsaError::Usage(format!(
            "the test split must hold images of class {} and of others, found {of_class} and {others} in {}: nothing \
             could be measured of the run",
            config.id_class, test.source
        )));
    }
    if of_class == 1 || others == 1 {
        tell!(
            "warning: the test split has {of_class} images of the class and {others} of others: compactness and AUROC \
             need two of each and are not measured; training goes on without"
        );
    }
    Ok(of_class > 1 && others > 1)
}

/// An encoder's weights from elsewhere, which the settings then name.
fn given(file: &Path, config: &mut TrainConfig) -> Result<(PathBuf, StateDict), NsaError> {
    let found = sha256(&files::read(file)?);
    if let Some(must) = config.weights.replace(found.clone()).filter(|must| *must != found) {
        return Err(NsaError::File {
            path: file.into(),
            must: format!("have the SHA-256 that the settings name, {must}"),
            found,
        });
    }
    config.check()?;
    Ok((file.into(), read_weights(file, &config.network().encoder())?))
}

/// Settings from --config, then from the command line, then checked.
fn settings(args: &TrainArgs) -> Result<TrainConfig, NsaError> {
    let mut config = match &args.config {
        Some(path) => read_config(path)?,
        None => TrainConfig::default(),
    };
    let a = args;
    let objective = a.objective.unwrap_or(config.objective);
    let without_effect = [
        ("--temperature", a.temperature.is_some() && !objective.has_temperature()),
        ("--head-batch-norm", a.head_batch_norm.is_some() && !objective.projects_like_simclr()),
        ("--ema-momentum", a.ema_momentum.is_some() && objective != Objective::Byol),
        ("--svdd-biases", a.svdd_biases.is_some() && objective != Objective::DeepSvdd),
    ];
    if let Some((flag, _)) = without_effect.iter().find(|(_, given)| *given) {
        return Err(NsaError::Usage(format!("{flag} has no effect with objective {objective}: leave it out")));
    }
    if let Some(dataset) = &a.dataset {
        config.dataset.clone_from(dataset);
    }
    // A mirrored digit is another sign.
    if args.config.is_none() && !data::mirrors(&config.dataset) {
        config.augment.flip = 0.0;
    }
    // A folder's pictures may be of any size: there it is a choice.
    if args.config.is_none() || a.dataset.is_some() {
        config.image_size = data::side_of(&config.dataset);
    }
    config.image_size = a.image_size.unwrap_or(config.image_size);
    config.id_class = a.id_class.unwrap_or(config.id_class);
    config.objective = a.objective.unwrap_or(config.objective);
    // Other papers' methods are trained without this paper's norm.
    let plain = a.objective.is_some_and(Objective::is_rival).then_some(Norm::None);
    config.norm = a.norm.or(plain).unwrap_or(config.norm);
    config.pollution = a.pollution.unwrap_or(config.pollution);
    config.validation = a.validation.unwrap_or(config.validation);
    config.width = a.width.unwrap_or(config.width);
    config.head_batch_norm = a.head_batch_norm.unwrap_or(config.head_batch_norm);
    config.epochs = a.epochs.unwrap_or(config.epochs);
    config.batch = a.batch.unwrap_or(config.batch);
    config.lr = a.lr.unwrap_or(config.lr);
    config.schedule = a.schedule.unwrap_or(config.schedule);
    config.warmup = a.warmup.unwrap_or(config.warmup);
    config.temperature = a.temperature.unwrap_or(config.temperature);
    config.ema_momentum = a.ema_momentum.unwrap_or(config.ema_momentum);
    config.svdd_biases = a.svdd_biases.unwrap_or(config.svdd_biases);
    config.limit = a.limit.unwrap_or(config.limit);
    config.eval_every = a.eval_every.unwrap_or(config.eval_every);
    config.evaluations = a.evaluations.unwrap_or(config.evaluations);
    config.eval_limit = a.eval_limit.unwrap_or(config.eval_limit);
    config.seed = a.seed.unwrap_or(config.seed);
    config.check()?;
    Ok(config)
}

impl DeviceJob for Job {
    type Output = ();

    fn fits(&self) -> Result<(), NsaError> {
        let config = &self.config;
        let of_class = self.train.of_class(config.id_class, false).len();
        let images = if config.limit == 0 { of_class } else { of_class.min(config.limit) };
        // At most a quarter is held back.
        memory::check_training(config, config.batch.min(images - images / 4))
    }

    fn run<B: Backend>(mut self, device: B::Device, name: &str) -> Result<(), NsaError> {
        if self.config.objective.adapts_weights() && self.checkpoint.is_none() && self.weights.is_none() {
            let objective = self.config.objective;
            return Err(NsaError::Usage(format!(
                "{objective} begins with an encoder from elsewhere: begin the run with --weights FILE"
            )));
        }
        // What is wrong with the images is said before a folder is made.
        let new = if self.resumed {
            None
        } else {
            let (record, set) = self.record(name)?;
            let watch = self.watch(&record.split, &set.images)?;
            Some((record, set, watch))
        };
        let run_path = self.path.clone();
        let refused = |error: TrainerError| RunFolder::refused(&run_path, error);
        let begins = match (self.weights.take(), &new) {
            (Some((path, weights)), Some((_, set, _))) => {
                let (config, images) = (self.config.clone(), &set.images);
                let trainer = Trainer::<Autodiff<B>>::adapting(config, weights, images, device.clone());
                let trainer = trainer.map_err(|error| match error {
                    TrainerError::Weights(source) => NsaError::WeightsFile { path, source },
                    other => refused(other),
                })?;
                Some(wait(trainer.checkpoint())?)
            }
            _ => None,
        };
        let _lock = if self.locked { None } else { Some(RunLock::take(&self.path)?) };
        let (mut folder, set, watch) = match new {
            Some((record, set, watch)) => (RunFolder::create(&self.path, self.config.clone(), record)?, set, watch),
            None => {
                let folder = RunFolder::open(&self.path)?;
                let split = &folder.record.split;
                let [images, known] = [&split.indices, &split.known].map(|indices| self.train.read_again(indices));
                let set = TrainingSet { images: images?, known: known? };
                let watch = self.watch(split, &set.images)?;
                (folder, set, watch)
            }
        };
        let kept = Kept {
            checkpoint: self.checkpoint.as_deref().or(begins.as_deref()),
            history: take(&mut folder.record.history),
            frames: take(&mut folder.frames),
        };
        let begun = Run::<Autodiff<B>>::begin(self.config, set, watch, kept, device);
        let run = begun.map_err(|error| match error {
            RunError::Trainer(error) => refused(error),
            other => other.into(),
        })?;
        // What it begins with can be read again from nowhere else.
        if begins.is_some() {
            folder.save(&run)?;
        }
        train(run, folder, self.checkpoint.is_some())
    }
}

/// Trains a run to its end. `saved` says whether it stands at a checkpoint of its folder.
fn train<B: AutodiffBackend>(mut run: Run<B>, mut folder: RunFolder, saved: bool) -> Result<(), NsaError> {
    let mut saved = saved.then(|| run.position().0);
    let (epochs, started, seconds_before) = (run.config().epochs, Instant::now(), folder.record.wall_seconds);
    let seen = run.steps() * run.batch();
    let mut progress = Progress::new("training", epochs.saturating_sub(run.position().0) * run.steps());
    let mut save = |run: &Run<B>| {
        folder.record.wall_seconds = seconds_before + started.elapsed().as_secs_f64();
        folder.save(run)
    };
    let (mut last_save, mut epoch_started) = (Instant::now(), Instant::now());
    while let Some(done) = wait(run.advance(async |_| ()))? {
        let measured = matches!(done, Advance::Measured(_));
        match done {
            Advance::Measured(entry) => progress.log(&describe(&entry, run.config().objective)),
            Advance::Stepped { epoch, .. } => {
                progress.advance(1);
                let Some(loss) = epoch else { continue };
                let rate = seen as f64 / epoch_started.elapsed().as_secs_f64();
                progress.say(format!("epoch {}  loss {loss:.4}  {rate:.0} images/s", run.position().0));
            }
        }
        // Between two epochs. An untrained network is drawn again faster than it is read.
        epoch_started = Instant::now();
        if run.position().0 > 0 && (measured || last_save.elapsed() > SAVE_EVERY) && !run.wants_measure() {
            save(&run)?;
            (saved, last_save) = (Some(run.position().0), Instant::now());
        }
    }
    if saved != Some(run.position().0) {
        save(&run)?;
    }
    progress.finish();
    let (seconds, path) = (folder.record.wall_seconds, folder.path().display());
    tell!("{epochs} epochs in {seconds:.0} s: {path}");
    Ok(())
}

fn describe(entry: &HistoryEntry, objective: Objective) -> String {
    let rate = |scorer| entry.auroc.iter().find(|(s, _)| *s == scorer).map_or(f64::NAN, |(_, r)| 100.0 * r);
    let own = objective.own_scores().iter().map(|&(_, scorer)| format!("  {scorer} {:.1}", rate(scorer)));
    let own = own.collect::<String>();
    let quality = entry.quality.map_or(String::new(), |q| {
        format!("  probe {:.1}  kNN {:.1} {:.1}", 100.0 * q.linear_probe, 100.0 * q.knn_1, 100.0 * q.knn_20)
    });
    format!(
        "epoch {:>4}  loss {:>8}  kappa ID {:.1} OOD {:.1}  rank {:.1}  AUROC k-Cos (Mah) {:.1}  k-Cos {:.1}  c-Cos \
         {:.1}  GDE {:.1}{own}{quality}",
        entry.epoch,
        entry.loss.map_or("-".into(), |l| format!("{l:.4}")),
        entry.id.kappa,
        entry.ood.kappa,
        entry.id.effective_rank,
        rate(Scorer::KCosMah),
        rate(Scorer::KCos),
        rate(Scorer::CCos),
        rate(Scorer::Gde),
    )
}

//! `nsa sweep`: all runs of a plan, or one by its index.

use super::{eval, print, print_json, train};
use crate::device::Device;
use crate::error::NsaError;
use crate::evaluation::Evaluation;
use crate::lock::{RunLock, is_locked};
use crate::output::tell;
use crate::plan::{Plan, Planned};
use crate::run::{RunFolder, read_config};
use clap::Args;
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

pub const LONG_ABOUT: &str = "\
Train and evaluate all runs of a plan, or one of them by its index.

A plan is a TOML file that stands for many runs: settings, and axes whose values are combined (`train/plans/` has the \
paper's tables, `train/plans/cpu/` smaller ones). Every run gets a folder of its own in --out, is trained to its last \
epoch and evaluated as by `nsa eval`. A run that is done is skipped, one that was cut goes on from its last \
checkpoint, one that another process trains is left to it, and one that fails is reported at the end while the \
others go on. So the same command is right after any interruption, and several processes may share a plan.

--index does one run, for the job arrays of a cluster (docs/cluster.md): N is a position in --list, from 0.

  nsa sweep train/plans/cpu/grid.toml --root data --out runs/grid
  nsa sweep train/plans/table11.toml --list
  nsa sweep train/plans/table11.toml --root data --out runs/table11 --index $SLURM_ARRAY_TASK_ID

Exit status: 0 all asked for is done, 1 a run failed or (with --index) is being trained elsewhere, 2 a bad plan, \
index or data set.";

/// `nsa sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// The plan.
    #[arg(value_name = "PLAN.toml")]
    pub plan: PathBuf,
    /// Folder of the runs [default: runs/NAME for NAME.toml].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Say what the runs are and how far each has come, and train nothing.
    #[arg(long, conflicts_with = "index")]
    pub list: bool,
    /// Do this run only: its position in --list.
    #[arg(long, value_name = "N")]
    pub index: Option<usize>,
    /// The weights that runs of PANDA begin with; the plan names their SHA-256.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Folder with the data set's files, or with a folder for each data set.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
    /// JSON instead of a table, for --list.
    #[arg(long, requires = "list")]
    pub json: bool,
}

/// How far a run of a plan has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Trained and evaluated.
    Done,
    /// Another process trains it.
    Running,
    /// Stopped after so many epochs, or trained to the end and not evaluated.
    Cut(usize),
    /// Stopped after so many epochs, because of this.
    Failed(usize, String),
    /// Nothing of it is there.
    NotStarted,
    /// Its folder holds something else.
    Other(String),
}

impl Status {
    /// Of the run in `path`.
    pub fn of(path: &Path, run: &Planned) -> Self {
        if is_locked(path) { Self::Running } else { Self::at_rest(path, run) }
    }

    /// Of a run that nobody trains, or that is locked by us.
    fn at_rest(path: &Path, run: &Planned) -> Self {
        if !RunFolder::exists(path) {
            return Self::NotStarted;
        }
        let status = || -> Result<Self, NsaError> {
            if read_config(&path.join("config.toml"))? != run.config {
                return Ok(Self::Other("its folder holds a run with other settings than the plan's".into()));
            }
            if Evaluation::read(path)?.is_some_and(|evaluation| evaluation.epoch == run.config.epochs) {
                return Ok(Self::Done);
            }
            let epoch = RunFolder::open(path)?.record.epochs_done;
            Ok(RunFolder::failure(path).map_or(Self::Cut(epoch), |why| Self::Failed(epoch, why)))
        };
        status().unwrap_or_else(|error: NsaError| Self::Other(error.to_string()))
    }

    fn describe(&self) -> String {
        match self {
            Self::Done => "done".into(),
            Self::Running => "running".into(),
            Self::Cut(epoch) => format!("cut at epoch {epoch}"),
            Self::Failed(epoch, why) => format!("failed after epoch {epoch}: {why}"),
            Self::NotStarted => "not started".into(),
            Self::Other(why) => why.clone(),
        }
    }
}

/// What became of one run.
enum Outcome {
    Done,
    Elsewhere,
    Failed(NsaError),
}

/// Lists, or trains.
pub fn run(args: &SweepArgs) -> Result<(), NsaError> {
    let plan = Plan::read(&args.plan)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| Path::new("runs").join(args.plan.file_stem().unwrap_or(std::ffi::OsStr::new("plan"))));
    if args.list {
        return list(&plan, &out, args.json);
    }
    if let Some(index) = args.index {
        let Some(planned) = plan.runs.get(index) else {
            let last = plan.runs.len() - 1;
            return Err(NsaError::Usage(format!("--index must be 0 to {last}, the runs of the plan, found {index}")));
        };
        return match one(planned, &out, args, &format!("run {index}")) {
            Outcome::Done => Ok(()),
            Outcome::Elsewhere => Err(NsaError::Busy { path: out.join(&planned.name) }),
            Outcome::Failed(error) => Err(error),
        };
    }
    all(&plan, &out, args)
}

fn all(plan: &Plan, out: &Path, args: &SweepArgs) -> Result<(), NsaError> {
    let total = plan.runs.len();
    let (mut done, mut elsewhere, mut failed) = (0, 0, Vec::new());
    for (index, planned) in plan.runs.iter().enumerate() {
        match one(planned, out, args, &format!("run {index} of 0..{}", total - 1)) {
            Outcome::Done => done += 1,
            Outcome::Elsewhere => {
                tell!("{}: another process is training it", planned.name);
                elsewhere += 1;
            }
            Outcome::Failed(error) => {
                tell!("nsa: {}: {error}", planned.name);
                failed.push((&planned.name, error));
            }
        }
    }
    tell!("{done} of {total} runs are done in {}", out.display());
    if elsewhere > 0 {
        tell!("{elsewhere} are being trained by other processes");
    }
    // Said again at the end: the first may be days and thousands of lines ago.
    for (name, error) in &failed {
        tell!("failed: {name}: {error}");
    }
    match failed.iter().map(|(_, error)| error.exit_code()).min() {
        None => Ok(()),
        Some(status) => Err(NsaError::Some { status, failed: failed.len(), total, what: "runs" }),
    }
}

/// Brings one run to its end. Neither an error nor a panic in it stops the others.
fn one(planned: &Planned, out: &Path, args: &SweepArgs, number: &str) -> Outcome {
    let path = out.join(&planned.name);
    match Status::of(&path, planned) {
        Status::Done => return Outcome::Done,
        Status::Running => return Outcome::Elsewhere,
        _ => {}
    }
    let work = || -> Result<(), NsaError> {
        let lock = RunLock::take(&path)?;
        // Asked again under the lock: another process may have done it meanwhile.
        match Status::at_rest(&path, planned) {
            Status::Done => return Ok(()),
            Status::Other(why) => return Err(NsaError::Usage(format!("{why}: choose another --out"))),
            _ => tell!("{number}: {}", planned.name),
        }
        let steps = || {
            let (weights, root) = (args.weights.as_deref(), args.root.as_deref());
            train::complete(&lock, &path, &planned.config, weights, root, args.device)?;
            eval::evaluate_as_the_paper(&path, root, args.device)?;
            Ok(())
        };
        let done = catch_unwind(AssertUnwindSafe(steps)).unwrap_or(Err(NsaError::Panicked));
        // Kept for the list and the report: a run that cannot be trained is a result too.
        RunFolder::set_failure(&path, done.as_ref().err().map(ToString::to_string).as_deref())?;
        done
    };
    match work() {
        Ok(()) => Outcome::Done,
        Err(NsaError::Busy { .. }) => Outcome::Elsewhere,
        Err(error) => Outcome::Failed(error),
    }
}

fn list(plan: &Plan, out: &Path, as_json: bool) -> Result<(), NsaError> {
    let statuses: Vec<Status> = plan.runs.iter().map(|run| Status::of(&out.join(&run.name), run)).collect();
    if as_json {
        let rows = plan.runs.iter().zip(&statuses).enumerate().map(|(index, (run, status))| {
            json!({"index": index, "name": run.name, "status": status.describe(), "config": run.config})
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    let width = plan.runs.iter().map(|run| run.name.len()).max().unwrap_or(0);
    let mut table = format!("{}\n{} runs in {}\n\n", plan.about, plan.runs.len(), out.display());
    for (index, (run, status)) in plan.runs.iter().zip(&statuses).enumerate() {
        table += &format!("{index:>5}  {:<width$}  {}\n", run.name, status.describe());
    }
    let done = statuses.iter().filter(|status| **status == Status::Done).count();
    table += &format!("\n{done} of {} done\n", plan.runs.len());
    print(&table)
}

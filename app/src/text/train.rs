//! The view that trains.

use crate::state::OwnKind;
use crate::stats::{megabytes, percent};
use crate::text::duration;
use nsa_core::config::{Norm, Objective};
use nsa_core::data::{MIN_ODD, MIN_OWN};
use nsa_core::measure::HistoryEntry;
use nsa_core::score::Scorer;

pub const TITLE: &str = "Train";
/// Below it, of any recipe.
pub const LEAD: &str = "Watch the hypersphere form: small encoders learn one class in this tab, without a single label. The \
     code is that of nsa train.";

/// Below it, where two runs differ in the norm alone.
pub fn comparison(method: &str, subject: &str) -> String {
    format!(
        "Two small encoders learn {subject} in this tab by {method}, without a single label: same seed, same images, a \
         step of each in turn. One thing differs: run B divides the encoder's output by its length. Watch how \
         close together each keeps its class, and how well it tells the others apart: the AUROC."
    )
}

pub const RECIPE: &str = "Change the recipe";

/// How long the runs will take.
pub fn estimate(seconds: f64, runs: usize) -> String {
    let what = if runs == 2 { "both runs" } else { "the run" };
    format!("About {} for {what} on this machine.", duration(seconds))
}

/// The settings that both runs share.
pub const COMMON: &str = "Both runs";
/// The settings of one run.
pub const RUNS: [&str; 2] = ["Run A", "Run B"];
/// What is learned.
pub const SUBJECT: &str = "Learns";
pub const DIGITS: &str = "a digit";

pub fn own(kind: OwnKind) -> &'static str {
    match kind {
        OwnKind::Photos => "your photos",
        OwnKind::Drawings => "your drawings",
    }
}

pub const CLASS: &str = "Digit";
pub const SIZE: &str = "Pixels a side";
pub const WIDTH: &str = "Width";
pub const BATCH: &str = "Batch";
pub const IMAGES: &str = "Images";
pub const EPOCHS: &str = "Epochs";
pub const SEED: &str = "Seed";
pub const OBJECTIVE: &str = "Objective";
pub const NORM: &str = "Normalise";
/// Share of outliers.
pub const POLLUTION: &str = "Outliers";
/// What Deep SVDD's paper forbids.
pub const BIASES: &str = "With biases";
pub const RATE: &str = "Learning rate";
/// Whether there is a second run.
pub const COMPARE: &str = "Compare with a second run";

pub const PLAY: &str = "Train";
pub const GO_ON: &str = "Go on";
pub const PAUSE: &str = "Pause";
/// One step of each run.
pub const STEP: &str = "One step";
/// Forgets the runs and begins those of the settings.
pub const RESET: &str = "Start over";
/// The settings differ from those of the runs.
pub const CHANGED: &str = "These settings are for new runs: start over to train them.";
pub const TRANSPORT: &str = "Training";
pub const SCRUB: &str = "Epoch shown";
/// Back to the last epoch.
pub const LATEST: &str = "Follow";

pub const SPHERE: &str = "The hypersphere";
/// In the picture; short, because in the story the picture is small.
pub const SPHERE_CAPTION: &str = "Down from the pole: the true angle";
pub const HISTOGRAM: &str = "Angle to the ID mean (c-Cos)";
/// Heading of the curve of concentration.
pub const KAPPA: &str = "Concentration κ";
pub const LOSS: &str = "Loss";
pub const AUROC: &str = "AUROC on test images";
/// Which score the AUROC is of.
pub const AUROC_OF: &str = "Score";
/// Before there is anything to draw.
pub const EMPTY: &str = "Nothing is trained yet.";

/// Numbers of a run.
pub const KAPPA_ID: &str = "κ of the class";
/// Numbers of a run.
pub const KAPPA_OOD: &str = "κ of the others";
/// Numbers of a run.
pub const RANK: &str = "Effective rank";
/// Numbers of a run.
pub const MMD: &str = "MMD² to uniform";

pub const SAVE: &str = "Save the model";
/// The model becomes the encoder of one's own normal.
pub const USE: &str = "Use it in Yours";
pub const OPEN: &str = "Open a saved model";
pub const OPEN_HINT: &str =
    "A zip that was saved here; it is scored in the Score view, and nsa predict and nsa eval read it too.";
/// How to repeat a run natively.
pub const SETTINGS: &str = "Train the same natively";
pub const SETTINGS_LEAD: &str = "Save this as run.toml, then: nsa train --config run.toml --out RUN";
pub const LOSS_HEAD: [&str; 3] = ["Step", "Loss A", "Loss B"];
pub const AUROC_HEAD: [&str; 3] = ["Epoch", "AUROC A, %", "AUROC B, %"];
pub const STEPS_AXIS: &str = "steps";
pub const LOSS_AXIS: &str = "loss";

pub const HIDDEN: &str = "Training paused because this tab was hidden. Nothing is lost: go on whenever you like.";
/// WebGPU did not start.
pub const WEBGPU_TO_CPU: &str = "WebGPU did not start here, so the CPU trains: same numbers, less speed.";
/// The graphics processor is gone in the middle of a run.
pub fn webgpu_lost(epoch: usize) -> String {
    format!("WebGPU stopped, so the CPU goes on from epoch {epoch}: same numbers, less speed.")
}

pub const NO_ADAPTER: &str =
    "No graphics processor answers here through WebGPU, so the CPU trains: same numbers, less speed.";
/// The browser gave no download.
pub const NO_DOWNLOAD: &str = "The browser did not take the file: free some storage or memory, then save again.";

pub fn died(message: &str, epoch: usize) -> String {
    let kept = match epoch {
        0 => "The runs begin again".into(),
        epoch => format!("Everything up to epoch {epoch} is kept, and the runs go on from there"),
    };
    format!("{}. {kept} when you press Go on.", message.trim_end_matches('.'))
}

/// The browser has no room for what it keeps of the runs.
pub const STORAGE_FULL: &str = "Training paused because this browser's storage is full: the runs are here as long as \
     the tab is open, but closing it would lose them. Save the models or free some storage, then go on.";

/// The runs of an earlier visit are back.
pub fn taken_up(epoch: usize) -> String {
    format!("The runs of this address are back as this browser kept them after epoch {epoch}: go on, or start over.")
}

/// A run was handed to the browser.
pub fn saved(name: &str) -> String {
    format!("{name} is saved with your downloads.")
}

/// A run is being packed.
pub fn saving(done: usize, total: usize) -> String {
    format!("Scoring the whole test set for the bundle: {done} of {total} images")
}

/// Title of a saved run.
pub fn bundle_title(method: &str, subject: &str, epoch: usize) -> String {
    format!("{method} on {subject}, trained in a browser, epoch {epoch}")
}

pub fn objective(objective: Objective) -> String {
    match objective {
        Objective::SimclrRot => "SimCLR(-), rotations are negatives".into(),
        Objective::Elsa => "ELSA, told a few anomalies".into(),
        other => other.with_norm(Norm::None),
    }
}

pub fn norm(norm: Norm) -> &'static str {
    match norm {
        Norm::None => "nothing",
        Norm::F => "f (encoder)",
        Norm::G => "g (projector)",
        Norm::Both => "f and g",
    }
}

/// The trainer's program is on its way.
pub fn downloading(loaded: u64, total: u64) -> String {
    match total {
        0 if loaded == 0 => "Waking the trainer …".into(),
        0 => format!("Loading the trainer: {}", megabytes(loaded)),
        _ => format!("Loading the trainer: {} of {}", megabytes(loaded.min(total)), megabytes(total)),
    }
}

/// The runs are being prepared.
pub const PREPARING: &str = "Drawing the training images and looking at the untrained networks …";
pub const READY: &str = "Ready.";
pub const RESTING: &str = "Paused.";
pub const FINISHED: &str = "Done: every run has had its last epoch.";
pub const DEAD: &str = "The trainer has stopped.";

/// How far, how fast, how long yet.
pub fn progress(epoch: usize, epochs: usize, views: f64, left: Option<f64>) -> String {
    let left = left.map_or(String::new(), |seconds| format!(", about {} left", duration(seconds)));
    format!("Epoch {} of {epochs}, {views:.0} views a second{left}", (epoch + 1).min(epochs))
}

/// What the trainer runs on and how much memory it has.
pub fn machine(device: &str, memory: u64) -> String {
    if memory == 0 { device.into() } else { format!("{device}, {} of memory", megabytes(memory)) }
}

/// What was reached, for those who listen.
pub fn reached(name: &str, entry: &HistoryEntry, scorer: Scorer) -> String {
    let rate = entry.rate(scorer).map_or(String::new(), |rate| format!(", AUROC {} percent", percent(rate)));
    format!(
        "{name}, epoch {}: kappa {:.0} of the class, {:.0} of the others{rate}.",
        entry.epoch, entry.id.kappa, entry.ood.kappa
    )
}

pub fn loss_summary(steps: usize, last: [Option<f64>; 2]) -> String {
    match last {
        [Some(a), Some(b)] => format!("Loss after {steps} steps: {a:.3} in run A, {b:.3} in run B."),
        [Some(a), None] => format!("Loss after {steps} steps: {a:.3}."),
        _ => EMPTY.into(),
    }
}

pub fn auroc_summary(last: [Option<String>; 2]) -> String {
    match last {
        [Some(a), Some(b)] => format!("AUROC now: {a} percent in run A, {b} percent in run B."),
        [Some(a), None] => format!("AUROC now: {a} percent."),
        _ => EMPTY.into(),
    }
}

/// Too few images of a person's own.
pub fn wants_images(images: usize) -> String {
    let least = MIN_OWN;
    format!(
        "To learn from your own images it wants {least} of them or more, and there are {images}: give it more in the view \
         Yours. A quarter is held back to test with."
    )
}

pub const TO_YOURS: &str = "Go to Yours";

/// What the AUROC of one's own images means.
pub fn told_from(odd: usize) -> String {
    match odd {
        odd if odd >= MIN_ODD => {
            format!(
                "Tested with a quarter of your images, which it never trains on, and the {odd} that you marked as odd."
            )
        }
        odd => format!(
            "Tested with a quarter of your images, which it never trains on, against 150 drawn digits, which are easy to tell \
             from most things: mark {} more odd images in Yours, and it is tested against those.",
            MIN_ODD - odd
        ),
    }
}

/// What the same images give without training.
pub fn beside(encoder: &str, score: &str, rate: f64) -> String {
    format!(
        "Without training: a bank of the same training images behind \u{201c}{encoder}\u{201d} reaches {} % on the same \
         test images ({score}).",
        percent(rate)
    )
}

/// A file that is no bundle of ours.
pub fn too_large(megabytes: f64) -> String {
    format!("The file has {megabytes:.0} MB, more than any saved model has: choose a zip that was saved here.")
}

/// The browser does not read a file.
pub const UNREADABLE: &str = "The browser could not read the file: choose it again.";

//! The command line. Each command's help is written to be read on its own.

use crate::commands::bench::BenchArgs;
use crate::commands::report::ReportArgs;
use crate::commands::sweep::SweepArgs;
use crate::data::command::DataCommand;
use crate::device::Device;
use crate::help;
use clap::{Args, Parser, Subcommand};
use nsa_core::config::{Norm, Objective, Schedule};
use nsa_core::model::{Arch, Stem};
use nsa_core::score::{Coreset, Scorer};
use std::path::PathBuf;

/// Trains, evaluates and exports the models of "No Shifted Augmentations": one-class anomaly detectors whose
/// features are compact on the hypersphere.
#[derive(Debug, Parser)]
#[command(name = "nsa", version, long_about = help::NSA, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Data sets: list them, get them, look at them, export them as arrays.
    #[command(subcommand, long_about = help::DATA)]
    Data(DataCommand),
    /// Train an encoder on one class, or continue a run.
    #[command(long_about = help::TRAIN)]
    Train(Box<TrainArgs>),
    /// Make a person's own images the normal ones, behind the encoder of a bundle.
    #[command(long_about = help::FIT)]
    Fit(FitArgs),
    /// AUROC of a run by layer, scorer and ensemble, on the whole test set (the paper's tables 6-8), or of a bundle by
    /// its own banks.
    #[command(long_about = help::EVAL)]
    Eval(EvalArgs),
    /// Train and evaluate all runs of a plan, or one of them by its index.
    #[command(long_about = crate::commands::sweep::LONG_ABOUT)]
    Sweep(SweepArgs),
    /// Our numbers beside the paper's, as Markdown, CSV and plots.
    #[command(long_about = crate::commands::report::LONG_ABOUT)]
    Report(ReportArgs),
    /// Write a run as a bundle for the browser, and list it in the catalogue.
    #[command(long_about = help::EXPORT)]
    Export(ExportArgs),
    /// Check bundles byte for byte.
    #[command(long_about = help::VERIFY)]
    Verify(VerifyArgs),
    /// Score image files by a bundle, exactly as the browser does.
    #[command(long_about = help::PREDICT)]
    Predict(PredictArgs),
    /// Pack test images of a real data set for the page (kept out of git).
    #[command(long_about = help::GALLERY)]
    Gallery(GalleryArgs),
    /// Turn images into features by a pretrained ResNet, or by the weights of a run.
    #[command(long_about = help::EMBED)]
    Embed(EmbedArgs),
    /// Score query features against training features.
    #[command(long_about = help::SCORE)]
    Score(ScoreArgs),
    /// Score the same images by several layers or scorers, as one sum.
    #[command(long_about = help::ENSEMBLE)]
    Ensemble(EnsembleArgs),
    /// How compactly features lie on the hypersphere: kappa, MMD, effective rank.
    #[command(long_about = help::ANALYZE)]
    Analyze(AnalyzeArgs),
    /// AUROC, AUPR and FPR at 95 % TPR of two sets of scores.
    #[command(long_about = help::AUROC)]
    Auroc(AurocArgs),
    /// What can compute here: processor and GPUs, and which one `--device auto` takes.
    #[command(long_about = help::DEVICES)]
    Devices(DevicesArgs),
    /// How long the parts take on this machine.
    #[command(long_about = crate::commands::bench::LONG_ABOUT)]
    Bench(BenchArgs),
}

/// Of a command that writes a file.
#[derive(Debug, Clone, Copy, PartialEq, Args)]
pub struct Overwrite {
    /// Replace whatever file is at --out, also one that is no earlier result of this command (docs/files.md).
    #[arg(long)]
    pub force: bool,
}

/// A title: it goes into a line of a menu.
fn plain_text(text: &str) -> Result<String, String> {
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(format!("a title must be one line of plain text, found {c:?} in it")),
        None => Ok(text.into()),
    }
}

/// A count of which 0 would leave nothing.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1, found 0".into()),
        Ok(count) => Ok(count),
        Err(_) => Err(format!("must be a whole number, found '{text}'")),
    }
}

/// A share of images.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("must be a number, found '{text}'"))?;
    if rate > 0.0 && rate < 1.0 { Ok(rate) } else { Err(format!("must be above 0 and below 1, found {rate}")) }
}

/// `nsa train`. A setting given here wins over the same setting in --config.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Continue the run in this folder from its last checkpoint.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "out", "dataset", "id_class", "objective", "norm",
        "pollution", "validation", "image_size", "standardize", "width", "head_batch_norm", "epochs", "batch", "lr", "schedule", "warmup",
        "temperature", "ema_momentum", "svdd_biases", "weights", "limit", "eval_every", "evaluations", "eval_limit", "seed", "root"])]
    pub resume: Option<PathBuf>,
    /// Settings in TOML, as a run saves them in config.toml.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the new run.
    #[arg(long, value_name = "RUN", required_unless_present = "resume")]
    pub out: Option<PathBuf>,
    /// Data set; see `nsa data list`.
    #[arg(long)]
    pub dataset: Option<String>,
    /// Folder with the data set's files.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The in-distribution class, by number.
    #[arg(long)]
    pub id_class: Option<usize>,
    /// simsiam, byol, simclr or simclr-rot (each view in four rotations, which are negatives); or a method of another
    /// paper, which brings its own score: ssd, droc, deep-svdd, rotnet, rot-trans, geom, csi, goad, drocc, arnet,
    /// stoc, panda. See above.
    #[arg(long)]
    pub objective: Option<Objective>,
    /// Where features are l2-normalised: none, f (encoder), g (projector) or both.
    #[arg(long)]
    pub norm: Option<Norm>,
    /// Share of the training set that is outliers of other classes.
    #[arg(long)]
    pub pollution: Option<f32>,
    /// Images of the class held back to make choices on, at most a quarter of the class.
    #[arg(long)]
    pub validation: Option<usize>,
    /// Height and width of the images: a multiple of 8 from 16 to 128, or 224 with ImageNet's stem [default: the data
    /// set's, 32 for folders].
    #[arg(long)]
    pub image_size: Option<usize>,
    /// Scale pixels by the mean and spread of the training images, not by 0.5 and 0.25.
    #[arg(long)]
    pub standardize: bool,
    /// Base width of the ResNet-18 (64 in the paper).
    #[arg(long)]
    pub width: Option<usize>,
    /// Batch norm in SimCLR's projector: true or false.
    #[arg(long)]
    pub head_batch_norm: Option<bool>,
    /// Passes over the training images; 0 only measures the untrained encoder, to compare with.
    #[arg(long)]
    pub epochs: Option<usize>,
    /// Images a step.
    #[arg(long)]
    pub batch: Option<usize>,
    /// Peak learning rate of Adam.
    #[arg(long)]
    pub lr: Option<f64>,
    /// What becomes of the learning rate: cosine or constant.
    #[arg(long)]
    pub schedule: Option<Schedule>,
    /// Steps in which the learning rate rises to its peak.
    #[arg(long)]
    pub warmup: Option<usize>,
    /// SimCLR's temperature.
    #[arg(long)]
    pub temperature: Option<f32>,
    /// Share of itself that BYOL's target keeps in a step, at first; it rises to 1 by a cosine.
    #[arg(long)]
    pub ema_momentum: Option<f64>,
    /// Deep SVDD with the biases that its paper forbids, which lets it collapse: true or false.
    #[arg(long)]
    pub svdd_biases: Option<bool>,
    /// PANDA's: an encoder to begin with, as `nsa embed` reads it; --width and --image-size must be its own.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Use at most this many images of the class (0: all).
    #[arg(long)]
    pub limit: Option<usize>,
    /// Evaluate every so many epochs.
    #[arg(long)]
    pub eval_every: Option<usize>,
    /// Evaluate this often instead, evenly spaced in the logarithm of epochs.
    #[arg(long, conflicts_with = "eval_every")]
    pub evaluations: Option<usize>,
    /// Evaluate on at most this many images of each kind.
    #[arg(long)]
    pub eval_limit: Option<usize>,
    /// Seed of everything random.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
}

/// `nsa eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder of the run, or a bundle (its folder or zip): then by the banks that the bundle has.
    pub run: PathBuf,
    /// Feature maps, separated by commas, or `all`: conv1 (flat), conv1-1x1 (pooled), head1 and so on.
    #[arg(long, default_value = "all")]
    pub layers: String,
    /// Scorers, separated by commas, or `all` (the names of `nsa score --scorer`) [default: as the paper].
    #[arg(long)]
    pub scorers: Option<String>,
    /// Folder with the data set's files, if not where the run found them.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Of a bundle: normal images to judge by (folders, files or `.npy` arrays) instead of the data set's.
    #[arg(long, num_args = 1.., value_name = "PATH", requires = "ood", conflicts_with = "root")]
    pub id: Vec<PathBuf>,
    /// Anomalous images, likewise.
    #[arg(long, num_args = 1.., value_name = "PATH", requires = "id")]
    pub ood: Vec<PathBuf>,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
    /// JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `nsa export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Folder of the run; with --onnx also a bundle (folder or zip) or, with --arch, a file of weights.
    pub run: PathBuf,
    /// Folder of the bundle; its last part is the bundle's id, and `catalog.json` two levels up is rewritten. With --onnx
    /// the model's file.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    #[command(flatten)]
    pub overwrite: Overwrite,
    /// Write the encoder as an ONNX model instead: pixels in 0..1, N x 3 x H x W, to the features of `nsa embed`.
    #[arg(long, conflicts_with_all = ["title", "bank", "coreset", "default", "root"])]
    pub onnx: bool,
    /// Title for people; made from the settings if not given.
    #[arg(long, value_parser = plain_text)]
    pub title: Option<String>,
    /// Feature maps that get a bank, or with --onnx an output, separated by commas.
    #[arg(long, default_value = "conv1-1x1,conv2-1x1,conv3-1x1,conv4-1x1")]
    pub layers: String,
    /// Training features kept in each bank; where there are more, a coreset of them, which costs AUROC.
    #[arg(long, default_value = "6000", value_parser = at_least_one)]
    pub bank: usize,
    /// How they are chosen: hubs, k-centre or random; bundle.json says what each score lost.
    #[arg(long, default_value_t)]
    pub coreset: Coreset,
    /// Make this the bundle that the page opens first.
    #[arg(long)]
    pub default: bool,
    /// Folder with the data set's files, if not where the run found them.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
    /// Of a file of weights, as for `nsa embed`: resnet18, resnet50 or resnet152.
    #[arg(long, requires_all = ["onnx", "stem"])]
    pub arch: Option<Arch>,
    /// Likewise: cifar or imagenet.
    #[arg(long, requires = "arch")]
    pub stem: Option<Stem>,
    #[command(flatten)]
    pub weights: WeightsArgs,
}

/// What a file of weights does not say of them.
#[derive(Debug, Args)]
pub struct WeightsArgs {
    /// Base width of the weights [default: 64, torchvision's].
    #[arg(long)]
    pub width: Option<usize>,
    /// Subtracted from the pixels, for red, green and blue [default: for the imagenet stem 0.485,0.456,0.406 as
    /// torchvision's weights want it; for the cifar stem 0.5,0.5,0.5 as in our runs].
    #[arg(long, value_name = "R,G,B", value_delimiter = ',')]
    pub mean: Option<Vec<f32>>,
    /// Divides the pixels after that [default: for the imagenet stem 0.229,0.224,0.225; for the cifar stem
    /// 0.25,0.25,0.25].
    #[arg(long, value_name = "R,G,B", value_delimiter = ',')]
    pub std: Option<Vec<f32>>,
    /// Where the run that made the weights normalises: f and both l2-normalise what the projector sees [default: none].
    #[arg(long)]
    pub norm: Option<Norm>,
}

/// `nsa verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The folder that holds `catalog.json` and `bundles/`.
    pub assets: PathBuf,
}

/// Share of normal images that may be called anomalous, unless told otherwise.
pub const FALSE_ALARMS: f64 = 0.05;

/// `nsa fit`.
#[derive(Debug, Args)]
pub struct FitArgs {
    /// The bundle whose encoder is taken: its folder or zip.
    #[arg(long, value_name = "BUNDLE", required_unless_present = "weights", conflicts_with = "weights")]
    pub bundle: Option<PathBuf>,
    /// The encoder's weights instead, `.safetensors` or `.pth`, as for `nsa embed`.
    #[arg(long, value_name = "FILE", requires_all = ["arch", "stem"])]
    pub weights: Option<PathBuf>,
    /// Of a file of weights: resnet18, the one that bundles hold.
    #[arg(long, requires = "weights")]
    pub arch: Option<Arch>,
    /// Of a file of weights: cifar, the one that bundles of 32 x 32 images hold.
    #[arg(long, requires = "weights")]
    pub stem: Option<Stem>,
    #[command(flatten)]
    pub weights_are: WeightsArgs,
    /// Normal images: folders, files (PNG, JPEG, WebP, GIF or BMP) or `.npy` arrays (N x 3 x 32 x 32, f32 in 0..1).
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    pub normal: Vec<PathBuf>,
    /// Folder of the new bundle, or its zip; its last part is the bundle's id.
    #[arg(long, value_name = "BUNDLE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub overwrite: Overwrite,
    /// What the normal images show, for people [default: the id].
    #[arg(long, value_parser = plain_text)]
    pub title: Option<String>,
    /// Share of normal images that may be called anomalous.
    #[arg(long, value_name = "RATE", default_value_t = FALSE_ALARMS, value_parser = rate)]
    pub false_alarms: f64,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
    /// JSON instead of a line.
    #[arg(long)]
    pub json: bool,
}

/// `nsa predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// Folder of the bundle, or its zip as the page gives it for download.
    #[arg(long, value_name = "BUNDLE")]
    pub bundle: PathBuf,
    /// Image files (PNG, JPEG, WebP, GIF or BMP), folders of them, or `.npy` arrays of images (N x 3 x 32 x 32, f32 in
    /// 0..1).
    #[arg(required_unless_present = "watch", value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// Score the images of this folder, and each one that comes into it, until stopped; with --json a line an image.
    #[arg(long, value_name = "DIR", conflicts_with = "images")]
    pub watch: Option<PathBuf>,
    /// Share of normal images that may be called anomalous, of a bundle of `nsa fit` [default: 0.05].
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub false_alarms: Option<f64>,
    /// Say why: the nearest training images, the angle to their mean, the parts of the ensemble.
    #[arg(long)]
    pub explain: bool,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
    /// JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `nsa devices`.
#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `nsa gallery`.
#[derive(Debug, Args)]
pub struct GalleryArgs {
    /// Data set; see `nsa data list`.
    #[arg(long)]
    pub dataset: String,
    /// Folder with the data set's files.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Test images of each class.
    #[arg(long, default_value = "60", value_parser = at_least_one)]
    pub per_class: usize,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub overwrite: Overwrite,
}

/// `nsa embed`.
#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// Weights, `.safetensors` or `.pth`.
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// resnet18, resnet50 or resnet152.
    #[arg(long)]
    pub arch: Arch,
    /// cifar (one 3x3 convolution of stride 1) or imagenet (torchvision's: 7x7 of stride 2, max-pool).
    #[arg(long)]
    pub stem: Stem,
    /// Images, N x 3 x H x W `.npy`, f32 in 0..1; `nsa data export` writes them.
    #[arg(long, value_name = "X.npy")]
    pub images: PathBuf,
    /// conv1 to conv4 (flat), conv1-1x1 to conv4-1x1 (pooled), head1 and on (where
    /// the weights have a projector).
    #[arg(long)]
    pub layer: String,
    /// Where the features go, N x d `.npy`.
    #[arg(long, value_name = "F.npy")]
    pub out: PathBuf,
    #[command(flatten)]
    pub overwrite: Overwrite,
    #[command(flatten)]
    pub weights_are: WeightsArgs,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
}

/// `nsa score`.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// Training features, N x d `.npy`.
    #[arg(long, value_name = "FILE")]
    pub bank: PathBuf,
    /// Features to score, M x d `.npy`.
    #[arg(long, value_name = "FILE")]
    pub query: PathBuf,
    /// k-cos, k-cos-mah, k-cos-mah-raw, k-cos-mah-centred, c-cos, c-cos-mah, c-cos-mah-raw, kde, gde, gde-raw, oc-svm,
    /// knn-l2, mahalanobis, mahalanobis-shrunk, length, shift-log-prob, csi, goad, logit or restoration.
    #[arg(long)]
    pub scorer: Scorer,
    /// Which nearest neighbour counts (knn-l2: how many) [default: 1, for knn-l2 2].
    #[arg(long)]
    pub k: Option<usize>,
    /// Where the M scores go, `.npy`.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub overwrite: Overwrite,
}

/// `nsa ensemble`.
#[derive(Debug, Args)]
pub struct EnsembleArgs {
    /// Training features of a member, N x d `.npy`.
    #[arg(long, value_name = "FILE", required = true)]
    pub bank: Vec<PathBuf>,
    /// Features of the images to score by it, M x d `.npy`; M is the same for all members.
    #[arg(long, value_name = "FILE", required = true)]
    pub query: Vec<PathBuf>,
    /// Its scorer: k-cos, k-cos-mah, k-cos-mah-centred, c-cos or c-cos-mah.
    #[arg(long, required = true)]
    pub scorer: Vec<Scorer>,
    /// Where the M scores go, `.npy`.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub overwrite: Overwrite,
}

/// `nsa analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Features, N x d `.npy`.
    #[arg(long, value_name = "FILE")]
    pub features: PathBuf,
    /// Seed of the uniform samples that MMD compares with.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `nsa auroc`.
#[derive(Debug, Args)]
pub struct AurocArgs {
    /// Scores of ID samples, `.npy`.
    #[arg(long, value_name = "FILE")]
    pub id: PathBuf,
    /// Scores of OOD samples, `.npy`.
    #[arg(long, value_name = "FILE")]
    pub ood: PathBuf,
    /// JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

//! `nsa data`: what data sets there are, what is in them, fetching them, and handing them to other programs.

use super::catalog::{KNOWN, Known, find};
use super::download::{Fetched, Fetcher, OnProgress};
use super::error::Failure;
use super::export::{AT_ONCE, Wanted, export};
use super::transfer::Transfer;
use super::{DataSourceError, Opened, directory, open, side_of};
use crate::error::NsaError;
use crate::{files, help, output};
use clap::{Subcommand, ValueEnum};
use nsa_core::data::Split;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `nsa data ...`
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum DataCommand {
    /// The data sets that are known by name.
    #[command(long_about = help::DATA_LIST)]
    List {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Download a data set from its publisher; an interrupted download goes on where it stopped.
    #[command(long_about = help::DATA_GET)]
    Get {
        /// One of the names of `nsa data list`.
        name: String,
        /// Folder for the files [default: $NSA_DATA/NAME or data/NAME].
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
        /// Fetch the same files from another address: this followed by the file's name.
        #[arg(long)]
        url: Option<String>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// What a data set holds: images and classes of both splits, as found in its files.
    #[command(long_about = help::DATA_INFO)]
    Info {
        /// A name of `nsa data list`, `folder:PATH`, or a path.
        name: String,
        /// Folder with the published files [default: $NSA_DATA/NAME or data/NAME].
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Write a split as NumPy arrays: images N x 3 x S x S (f32 in 0..1) and labels (u8).
    #[command(long_about = help::DATA_EXPORT)]
    Export {
        /// A name of `nsa data list`, `folder:PATH`, or a path.
        name: String,
        /// Which images.
        #[arg(long, value_enum)]
        split: SplitArg,
        /// File for the images.
        #[arg(long, value_name = "X.npy")]
        out: PathBuf,
        /// File for the labels.
        #[arg(long, value_name = "Y.npy")]
        labels: Option<PathBuf>,
        /// Only the images of this class, by number; with --others, only those of all other classes.
        #[arg(long)]
        class: Option<usize>,
        /// All classes but the one given with --class.
        #[arg(long, requires = "class")]
        others: bool,
        /// S: 32, or 224 for networks with ImageNet's stem [default: the data set's, 32 for folders]. At 224 the
        /// shorter side is scaled to 256 and the middle cut out.
        #[arg(long, value_name = "S")]
        image_size: Option<usize>,
        /// Folder with the published files [default: $NSA_DATA/NAME or data/NAME].
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

/// A split on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    /// Images to learn from.
    Train,
    /// Images to be scored.
    Test,
}

impl From<SplitArg> for Split {
    fn from(split: SplitArg) -> Self {
        match split {
            SplitArg::Train => Self::Train,
            SplitArg::Test => Self::Test,
        }
    }
}

impl DataCommand {
    /// Does it and prints the result.
    pub fn run(self) -> Result<(), NsaError> {
        match self {
            Self::List { json } => print(json, &list(), list_table),
            Self::Get { name, root, url, json } => {
                print(json, &get(&name, root.as_deref(), url.as_deref())?, get_table)
            }
            Self::Info { name, root, json } => print(json, &info(&name, root.as_deref())?, info_table),
            Self::Export { name, split, out, labels, class, others, image_size, root, json } => {
                let wanted = Wanted { split: split.into(), class: class.map(|class| (class, others)), image_size };
                print(json, &export(&name, &wanted, &out, labels.as_deref(), root.as_deref())?, export_table)
            }
        }
    }
}

/// Prints a result as JSON or as its table.
fn print(as_json: bool, result: &Value, table: impl Fn(&Value) -> String) -> Result<(), NsaError> {
    if as_json { output::print_json(result) } else { output::print(&table(result)) }
}

fn list() -> Value {
    let one = |known: &Known| {
        json!({
            "name": known.name,
            "title": known.title,
            "classes": known.classes.len(),
            "train": known.train,
            "test": known.test,
            "format": known.format,
            "home": known.home,
        })
    };
    KNOWN.iter().map(one).collect()
}

fn list_table(sets: &Value) -> String {
    let mut text = format!("{:<14} {:>7} {:>7} {:>7}  {}\n", "name", "classes", "train", "test", "format");
    for set in sets.as_array().into_iter().flatten() {
        text += &format!(
            "{:<14} {:>7} {:>7} {:>7}  {}\n",
            word(&set["name"]),
            word(&set["classes"]),
            word(&set["train"]),
            word(&set["test"]),
            word(&set["format"])
        );
    }
    text +=
        "folder:PATH    any folder or zip with train/CLASS/*.png and test/CLASS/*.png (or .jpg, .webp, .gif, .bmp)\n";
    text
}

fn get(name: &str, root: Option<&Path>, url: Option<&str>) -> Result<Value, NsaError> {
    let Some(known) = find(name) else {
        return Err(DataSourceError::unknown(name).into());
    };
    if known.files.is_empty() {
        return Err(NsaError::Usage(if known.home.is_empty() {
            format!("{} is built in: there is nothing to download", known.name)
        } else {
            let (title, home) = (known.title, known.home);
            format!(
                "{title} cannot be fetched by a program: get it from {home}, and arrange it as train/CLASS/*.jpg and \
                 test/CLASS/*.jpg in {}",
                directory(name, root).display()
            )
        }));
    }
    let directory = directory(name, root);
    std::fs::create_dir_all(&directory).map_err(files::writing(&directory))?;
    let fetcher = Fetcher::new(Duration::from_secs(2));
    let mut files = Vec::new();
    for remote in known.files {
        let mut shown = Transfer::new(remote.name);
        let show: OnProgress<'_> = &mut |done, total| shown.show(done, total);
        let fetched = fetcher.fetch(url.unwrap_or(known.base_url), remote, &directory, show)?;
        shown.finish();
        let did = if fetched == Fetched::Already { "already there" } else { "downloaded" };
        files.push(json!({"file": remote.name, "md5": remote.md5, "result": did}));
    }
    Ok(json!({"name": name, "directory": directory, "files": files}))
}

fn get_table(result: &Value) -> String {
    let mut text = format!("{} in {}\n", word(&result["name"]), word(&result["directory"]));
    for file in result["files"].as_array().into_iter().flatten() {
        text += &format!("{:<30} {:<14} MD5 {}\n", word(&file["file"]), word(&file["result"]), word(&file["md5"]));
    }
    text
}

fn info(name: &str, root: Option<&Path>) -> Result<Value, NsaError> {
    let mut splits = serde_json::Map::new();
    let mut source = String::new();
    for split in [Split::Train, Split::Test] {
        let mut opened = open(name, root, split, side_of(name))?;
        let failures = if opened.may_fail() { failures(&mut opened)? } else { Vec::new() };
        let of =
            |labels: &mut dyn Iterator<Item = u8>, class| labels.filter(|&label| usize::from(label) == class).count();
        let classes = opened.classes().iter().enumerate().map(|(class, title)| {
            let all = of(&mut opened.labels().iter().copied(), class);
            let failed = of(&mut failures.iter().map(|(label, _)| *label), class);
            json!({"class": title, "images": all - failed, "failed": failed})
        });
        let named: Vec<Value> =
            failures.iter().map(|(_, failure)| json!({"image": failure.name, "why": failure.why})).collect();
        let remarks: Vec<Value> =
            opened.remarks().iter().map(|remark| json!({"name": remark.name, "why": remark.why})).collect();
        splits.insert(
            split_name(split).into(),
            json!({
                "images": opened.labels().len() - failures.len(),
                "failed": failures.len(),
                "classes": classes.collect::<Vec<_>>(),
                "failures": named,
                "remarks": remarks,
            }),
        );
        source = opened.source;
    }
    let known = find(name);
    Ok(json!({
        "name": name,
        "source": source,
        "home": known.map(|k| k.home),
        "mirrors": known.map(|k| k.mirrors),
        "image-size": side_of(name),
        "splits": splits,
    }))
}

/// The class of every image that cannot be read, and why it cannot. Every image is read once, but only a few are in
/// memory at a time.
fn failures(opened: &mut Opened) -> Result<Vec<(u8, Failure)>, DataSourceError> {
    let mut failed = Vec::new();
    let all = opened.labels().len();
    for batch in (0..all).collect::<Vec<_>>().chunks(AT_ONCE) {
        let (read, failures) = match opened.read(batch) {
            Ok(loaded) => (loaded.indices, loaded.failures),
            // All of a split is an error, all of a batch is not.
            Err(DataSourceError::AllFailed { failures, .. }) if batch.len() < all => (Vec::new(), failures),
            Err(error) => return Err(error),
        };
        // Both are in the order of the batch.
        let indices = batch.iter().filter(|index| read.binary_search(index).is_err());
        failed.extend(indices.map(|&index| opened.labels()[index]).zip(failures));
    }
    Ok(failed)
}

fn info_table(info: &Value) -> String {
    let (train, test) = (&info["splits"]["train"], &info["splits"]["test"]);
    let mut text = format!("{}\n", word(&info["source"]));
    if let Some(home) = info["home"].as_str().filter(|home| !home.is_empty()) {
        text += &format!("{home}\n");
    }
    let mut line = |i: &str, class: &str, [a, b, failed]: [String; 3]| {
        text += &format!("{i:>3}  {class:<32} {a:>7} {b:>7} {failed:>7}\n");
    };
    let numbers = |a: &Value, b: &Value| {
        let failed = a["failed"].as_u64().unwrap_or(0) + b["failed"].as_u64().unwrap_or(0);
        [word(&a["images"]), word(&b["images"]), failed.to_string()]
    };
    line("", "class", ["train", "test", "failed"].map(String::from));
    let both = train["classes"].as_array().into_iter().flatten().zip(test["classes"].as_array().into_iter().flatten());
    for (i, (a, b)) in both.enumerate() {
        line(&i.to_string(), &output::name(word(&a["class"])), numbers(a, b));
    }
    line("", "all", numbers(train, test));
    for (split, found) in [("train", train), ("test", test)] {
        for failure in found["failures"].as_array().into_iter().flatten() {
            text += &format!("{split}: {}: {}\n", output::name(word(&failure["image"])), word(&failure["why"]));
        }
    }
    text
}

fn export_table(result: &Value) -> String {
    let mut text = format!("{} images ({}) in {}\n", result["images"], word(&result["source"]), word(&result["out"]));
    if let Some(labels) = result["labels"].as_str() {
        text += &format!("their labels in {labels}\n");
    }
    text
}

pub(super) fn split_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Test => "test",
    }
}

/// A string without its quotes, or a number, for a table.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(subcommand)]
        command: DataCommand,
    }

    fn parse(line: &str) -> DataCommand {
        Cli::try_parse_from(["data"].into_iter().chain(line.split(' '))).unwrap().command
    }

    #[test]
    fn every_known_set_is_listed() {
        let table = list_table(&list());
        for known in KNOWN {
            assert!(table.contains(known.name), "{table}");
        }
        assert_eq!(parse("list --json"), DataCommand::List { json: true });
    }

    #[test]
    fn an_exported_split_can_be_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let (x, y) = (dir.path().join("x.npy"), dir.path().join("y.npy"));
        parse(&format!("export synth-digits --split test --out {} --labels {}", x.display(), y.display()))
            .run()
            .unwrap();
        let labels = npy::read_labels(&y).unwrap();
        assert_eq!((labels.shape.as_slice(), labels.values[13]), ([2000].as_slice(), 3));
        let every: Vec<usize> = (0..2000).collect();
        let images = open("synth-digits", None, Split::Test, 32).unwrap().read(&every).unwrap().images;
        assert_eq!(npy::read_images(&x).unwrap(), images.pixels());
    }

    #[test]
    fn a_class_and_the_others_make_up_the_split() {
        let dir = tempfile::tempdir().unwrap();
        let (x, y) = (dir.path().join("x.npy"), dir.path().join("y.npy"));
        let export = |rest: &str| {
            let line =
                format!("export synth-digits --split test --out {} --labels {} {rest}", x.display(), y.display());
            parse(&line).run().map(|()| npy::read_labels(&y).unwrap().values).map_err(|e| e.to_string())
        };
        assert_eq!(export("--class 3").unwrap(), vec![3; 200]);
        assert!(export("--class 3 --others").unwrap().iter().all(|&label| label != 3));
        assert_eq!(npy::ImageReader::open(&x).unwrap().n(), 1800);
        assert_eq!(export("--class 10").unwrap_err(), "--class must be 0 to 9 for synth-digits, found 10");
        assert!(export("--image-size 20").unwrap_err().contains("must be a multiple of 8 from 16 to 128, or 224"));
    }

    #[test]
    fn info_counts_both_splits() {
        let info = info("synth-digits", None).unwrap();
        assert_eq!(info["splits"]["train"]["classes"][9], json!({"class": "9", "images": 5000, "failed": 0}));
        assert!(info_table(&info).contains("50000    2000       0"), "{}", info_table(&info));
    }

    #[test]
    fn what_cannot_be_fetched_says_so() {
        assert!(get("synth-digits", None, None).unwrap_err().to_string().contains("built in"));
        assert!(get("imagenet30", None, None).unwrap_err().to_string().contains("hendrycks/ss-ood"));
        assert!(get("imagenet", None, None).unwrap_err().to_string().contains("no data set is called"));
    }
}

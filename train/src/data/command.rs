//! `nsa data`: what data sets there are, what is in them, fetching them, and handing them to other programs.

use super::catalog::{KNOWN, Known, find};
use super::download::{Fetched, Fetcher, OnProgress};
use super::error::Failure;
use super::export::{AT_ONCE, To, Wanted, export};
use super::listing::Remark;
use super::transfer::Transfer;
use super::{DataSourceError, Opened, directory, open, side_of};
use crate::cli::Overwrite;
use crate::error::NsaError;
use crate::{files, help, output};
use clap::Subcommand;
use nsa_core::data::Split;
use serde::Serialize;
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
        /// Which images: train or test.
        #[arg(long)]
        split: Split,
        /// File for the images.
        #[arg(long, value_name = "X.npy")]
        out: PathBuf,
        /// File for the labels.
        #[arg(long, value_name = "Y.npy")]
        labels: Option<PathBuf>,
        #[command(flatten)]
        overwrite: Overwrite,
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

impl DataCommand {
    /// Does it and prints the result.
    pub fn run(self) -> Result<(), NsaError> {
        match self {
            Self::List { json } => print(json, &list()),
            Self::Get { name, root, url, json } => print(json, &get(&name, root.as_deref(), url.as_deref())?),
            Self::Info { name, root, json } => print(json, &info(&name, root.as_deref())?),
            Self::Export { name, split, out, labels, overwrite, class, others, image_size, root, json } => {
                let wanted = Wanted { split, class: class.map(|class| (class, others)), image_size };
                let to = To { out: &out, labels: labels.as_deref(), force: overwrite.force };
                print(json, &export(&name, &wanted, &to, root.as_deref())?)
            }
        }
    }
}

/// What a command answers, as JSON and as a table.
pub(super) trait Answer: Serialize {
    fn table(&self) -> String;
}

fn print(as_json: bool, answer: &impl Answer) -> Result<(), NsaError> {
    if as_json { output::print_json(answer) } else { output::print(&answer.table()) }
}

#[derive(Serialize)]
#[serde(transparent)]
struct List(Vec<Listed>);

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    title: &'static str,
    classes: usize,
    train: usize,
    test: usize,
    format: &'static str,
    home: &'static str,
}

fn list() -> List {
    let one = |&Known { name, title, classes, train, test, format, home, .. }: &Known| {
        let classes = classes.len();
        Listed { name, title, classes, train, test, format, home }
    };
    List(KNOWN.iter().map(one).collect())
}

impl Answer for List {
    fn table(&self) -> String {
        let mut text = format!("{:<14} {:>7} {:>7} {:>7}  {}\n", "name", "classes", "train", "test", "format");
        for Listed { name, classes, train, test, format, .. } in &self.0 {
            text += &format!("{name:<14} {classes:>7} {train:>7} {test:>7}  {format}\n");
        }
        text += "folder:PATH    any folder or zip with train/CLASS/*.png and test/CLASS/*.png (or .jpg, .webp, .gif, .bmp)\n";
        text
    }
}

#[derive(Serialize)]
struct Got<'a> {
    name: &'a str,
    directory: PathBuf,
    files: Vec<GotFile>,
}

#[derive(Serialize)]
struct GotFile {
    file: &'static str,
    md5: &'static str,
    result: &'static str,
}

fn get<'a>(name: &'a str, root: Option<&Path>, url: Option<&str>) -> Result<Got<'a>, NsaError> {
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
    if let Some(url) = url.filter(|url| !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))) {
        return Err(NsaError::Usage(format!("--url must begin with http:// or https://, found '{url}'")));
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
        let result = if fetched == Fetched::Already { "already there" } else { "downloaded" };
        files.push(GotFile { file: remote.name, md5: remote.md5, result });
    }
    Ok(Got { name, directory, files })
}

impl Answer for Got<'_> {
    fn table(&self) -> String {
        let mut text = format!("{} in {}\n", self.name, self.directory.display());
        for GotFile { file, md5, result } in &self.files {
            text += &format!("{file:<30} {result:<14} MD5 {md5}\n");
        }
        text
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Info<'a> {
    name: &'a str,
    source: String,
    home: Option<&'static str>,
    mirrors: Option<bool>,
    image_size: usize,
    splits: Splits,
}

#[derive(Serialize)]
struct Splits {
    train: Found,
    test: Found,
}

#[derive(Serialize)]
struct Found {
    images: usize,
    failed: usize,
    classes: Vec<Class>,
    failures: Vec<Failure>,
    remarks: Vec<Remark>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Class {
    class: String,
    images: usize,
    failed: usize,
}

fn info<'a>(name: &'a str, root: Option<&Path>) -> Result<Info<'a>, NsaError> {
    let mut source = String::new();
    let mut found = |split| -> Result<Found, NsaError> {
        let mut opened = open(name, root, split, side_of(name))?;
        let (failed, failures): (Vec<u8>, Vec<Failure>) =
            if opened.may_fail() { failures(&mut opened)? } else { Vec::new() }.into_iter().unzip();
        let count = |labels: &[u8], class| labels.iter().filter(|&&label| usize::from(label) == class).count();
        let classes = opened.classes().iter().enumerate().map(|(class, title)| {
            let failed = count(&failed, class);
            Class { class: title.clone(), images: count(opened.labels(), class) - failed, failed }
        });
        let (classes, remarks) = (classes.collect(), opened.remarks().to_vec());
        let (images, failed) = (opened.labels().len() - failed.len(), failed.len());
        source = opened.source;
        Ok(Found { images, failed, classes, failures, remarks })
    };
    let splits = Splits { train: found(Split::Train)?, test: found(Split::Test)? };
    let (known, image_size) = (find(name), side_of(name));
    Ok(Info { name, source, home: known.map(|k| k.home), mirrors: known.map(|k| k.mirrors), image_size, splits })
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

impl Answer for Info<'_> {
    fn table(&self) -> String {
        let Splits { train, test } = &self.splits;
        let mut text = format!("{}\n", self.source);
        if let Some(home) = self.home.filter(|home| !home.is_empty()) {
            text += &format!("{home}\n");
        }
        text += &format!("{:>3}  {:<32} {:>7} {:>7} {:>7}\n", "", "class", "train", "test", "failed");
        let mut line = |i: &str, class: &str, [train, test]: [usize; 2], failed: usize| {
            text += &format!("{i:>3}  {class:<32} {train:>7} {test:>7} {failed:>7}\n");
        };
        for (i, (a, b)) in train.classes.iter().zip(&test.classes).enumerate() {
            line(&i.to_string(), &output::name(&a.class), [a.images, b.images], a.failed + b.failed);
        }
        line("", "all", [train.images, test.images], train.failed + test.failed);
        for (split, found) in [(Split::Train, train), (Split::Test, test)] {
            for Failure { name, why } in &found.failures {
                text += &format!("{split}: {}: {why}\n", output::name(name));
            }
        }
        text
    }
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
        let table = list().table();
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
        assert_eq!(info.splits.train.classes[9], Class { class: "9".into(), images: 5000, failed: 0 });
        assert!(info.table().contains("50000    2000       0"), "{}", info.table());
    }

    #[test]
    fn what_cannot_be_fetched_says_so() {
        let refused = |name| get(name, None, None).err().unwrap().to_string();
        assert!(refused("synth-digits").contains("built in"));
        assert!(refused("imagenet30").contains("hendrycks/ss-ood"));
        assert!(refused("imagenet").contains("no data set is called"));
    }
}

//! CIFAR-10 and CIFAR-100 in their binary version, unpacked or in the published `.tar.gz`.

use super::catalog::Known;
use super::error::DataSourceError;
use super::{Read, files};
use flate2::read::GzDecoder;
use nsa_core::data::{IMAGE_BYTES, ImageSet, Split};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use tar::Archive;

/// Bytes one batch may have: CIFAR-100's 50,000 images have 154 MB.
const CAP: u64 = 256 << 20;

/// How one of the two sets is laid out.
struct Layout {
    /// The published archive.
    archive: &'static str,
    /// The folder in it.
    folder: &'static str,
    /// Batches to learn from, in order.
    train: &'static [&'static str],
    /// Batches to be scored.
    test: &'static [&'static str],
    /// Label bytes before each image; the first is the one used (CIFAR-100: super-class, then fine class).
    labels: usize,
}

const CIFAR10: Layout = Layout {
    archive: "cifar-10-binary.tar.gz",
    folder: "cifar-10-batches-bin",
    train: &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
    test: &["test_batch.bin"],
    labels: 1,
};

const CIFAR100: Layout = Layout {
    archive: "cifar-100-binary.tar.gz",
    folder: "cifar-100-binary",
    train: &["train.bin"],
    test: &["test.bin"],
    labels: 2,
};

/// Reads a split of CIFAR-10 or (if `known` is that) CIFAR-100 from `root`; `None` if its files are not there.
pub(super) fn load(known: &Known, root: &Path, split: Split) -> Result<Option<Read>, DataSourceError> {
    let layout = if known.name == "cifar100" { CIFAR100 } else { CIFAR10 };
    let names = match split {
        Split::Train => layout.train,
        Split::Test => layout.test,
    };
    let batches = match unpacked(&layout, root, names)? {
        Some(batches) => batches,
        None => match packed(&layout, root, names)? {
            Some(batches) => batches,
            None => return not_binary(&layout, root).map_or(Ok(None), Err),
        },
    };
    let (mut pixels, mut labels, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for (path, batch) in batches {
        parse(&path, &batch, layout.labels, known.classes.len(), &mut pixels, &mut labels)?;
        files.push(path);
    }
    // Batches of an archive are named as lying in it.
    if files.iter().all(|file| file.starts_with(root.join(layout.archive))) {
        files = vec![root.join(layout.archive)];
    }
    let classes = known.classes.iter().map(|&name| name.to_string()).collect();
    let images = ImageSet::new(pixels, labels, classes)
        .map_err(|source| DataSourceError::Images { path: root.into(), source })?;
    Ok(Some(Read { images, files }))
}

/// The same images for Python or MATLAB, which are published beside the binary version and taken for it.
fn not_binary(layout: &Layout, root: &Path) -> Option<DataSourceError> {
    let stem = layout.archive.trim_end_matches("-binary.tar.gz");
    let others = ["-python", "-python.tar.gz", "-batches-py", "-matlab", "-matlab.tar.gz", "-batches-mat"];
    let path = others.iter().map(|end| root.join(format!("{stem}{end}"))).find(|path| path.exists())?;
    Some(DataSourceError::Format {
        path,
        must: format!("be the binary version, {}", layout.archive),
        found: "another one".into(),
        remedy: "fetch that from the same page, or run `nsa data get`",
    })
}

/// Where each batch was found, and its bytes; `None` where nothing was.
type Batches = Option<Vec<(PathBuf, Vec<u8>)>>;

/// The batches as files of their own, if the first of them is there.
fn unpacked(layout: &Layout, root: &Path, names: &[&str]) -> Result<Batches, DataSourceError> {
    let directories = [root.to_path_buf(), root.join(layout.folder)];
    let Some(first) = files::find(&directories, &names[..1]) else { return Ok(None) };
    let read = |name: &&str| {
        let path = first.with_file_name(name);
        files::read(&path, CAP).map(|batch| (path, batch))
    };
    names.iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// The batches inside the published archive, if that is there.
fn packed(layout: &Layout, root: &Path, names: &[&str]) -> Result<Batches, DataSourceError> {
    let path = root.join(layout.archive);
    if !path.is_file() {
        return Ok(None);
    }
    let broken = |e: std::io::Error| DataSourceError::format(&path, "be a whole tar.gz file", e.to_string());
    let file = File::open(&path).map_err(|source| DataSourceError::io(&path, source))?;
    let mut archive = Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut found: Vec<Option<Vec<u8>>> = vec![None; names.len()];
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let inner = entry.path().map_err(broken)?.into_owned();
        let Some(at) = names.iter().position(|name| inner == Path::new(layout.folder).join(name)) else { continue };
        if entry.size() > CAP {
            let must = format!("hold at most {CAP} bytes as {}", names[at]);
            return Err(DataSourceError::format(&path, must, entry.size().to_string()));
        }
        let mut batch = Vec::new();
        entry.by_ref().take(CAP).read_to_end(&mut batch).map_err(broken)?;
        found[at] = Some(batch);
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    let mut batches = Vec::new();
    for (name, batch) in names.iter().zip(found) {
        let inner = format!("{}/{name}", layout.folder);
        let batch = batch.ok_or_else(|| DataSourceError::format(&path, format!("contain {inner}"), "none"))?;
        batches.push((path.join(inner), batch));
    }
    Ok(Some(batches))
}

/// Appends the records of a batch: label bytes, then 3 x 32 x 32 bytes, the layout our images have.
fn parse(
    path: &Path,
    batch: &[u8],
    label_bytes: usize,
    classes: usize,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u8>,
) -> Result<(), DataSourceError> {
    let record = label_bytes + IMAGE_BYTES;
    if batch.is_empty() || !batch.len().is_multiple_of(record) {
        let must = format!("hold one or more whole records of {record} bytes");
        return Err(DataSourceError::format(path, must, format!("{} bytes", batch.len())));
    }
    for (i, record) in batch.chunks_exact(record).enumerate() {
        if usize::from(record[0]) >= classes {
            let found = format!("{} in record {i}", record[0]);
            return Err(DataSourceError::format(path, format!("have labels below {classes}"), found));
        }
        labels.push(record[0]);
        pixels.extend_from_slice(&record[label_bytes..]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalog;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    /// One record: labels, then pixels that tell which it is.
    fn record(labels: &[u8], value: u8) -> Vec<u8> {
        labels.iter().copied().chain([value; IMAGE_BYTES]).collect()
    }

    fn tar_gz(path: &Path, files: &[(&str, Vec<u8>)]) {
        let mut tar = tar::Builder::new(GzEncoder::new(File::create(path).unwrap(), Compression::fast()));
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
    }

    #[test]
    fn batches_come_in_their_order_whatever_the_archive_says() {
        let dir = tempfile::tempdir().unwrap();
        let known = catalog::find("cifar10").unwrap();
        let files: Vec<(String, Vec<u8>)> =
            [4, 2, 1, 5, 3].map(|i| (format!("cifar-10-batches-bin/data_batch_{i}.bin"), record(&[i], i * 10))).into();
        let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
        tar_gz(&dir.path().join("cifar-10-binary.tar.gz"), &files);
        let set = load(known, dir.path(), Split::Train).unwrap().unwrap().images;
        assert_eq!(set.labels(), [1, 2, 3, 4, 5]);
        assert_eq!(set.image(4)[3071], 50);
        let error = load(known, dir.path(), Split::Test).unwrap_err().to_string();
        assert!(error.contains("must contain cifar-10-batches-bin/test_batch.bin"), "{error}");
    }

    #[test]
    fn cifar100_is_labelled_by_super_class() {
        let dir = tempfile::tempdir().unwrap();
        let known = catalog::find("cifar100").unwrap();
        assert!(load(known, dir.path(), Split::Test).unwrap().is_none());
        std::fs::create_dir(dir.path().join("cifar-100-binary")).unwrap();
        let path = dir.path().join("cifar-100-binary/test.bin");
        std::fs::write(&path, record(&[19, 99], 7)).unwrap();
        let set = load(known, dir.path(), Split::Test).unwrap().unwrap().images;
        assert_eq!((set.labels(), set.image(0)[0]), ([19_u8].as_slice(), 7));
        assert_eq!(set.classes()[19], "vehicles_2");
        std::fs::write(&path, record(&[20, 0], 7)).unwrap();
        let error = load(known, dir.path(), Split::Test).unwrap_err().to_string();
        assert!(error.contains("must have labels below 20, found 20 in record 0"), "{error}");
    }

    #[test]
    fn cut_off_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let known = catalog::find("cifar10").unwrap();
        std::fs::write(dir.path().join("test_batch.bin"), &record(&[0], 0)[..3000]).unwrap();
        let error = load(known, dir.path(), Split::Test).unwrap_err().to_string();
        assert!(error.contains("whole records of 3073 bytes, found 3000 bytes"), "{error}");
        let archive = dir.path().join("cifar-10-binary.tar.gz");
        tar_gz(&archive, &[("cifar-10-batches-bin/data_batch_1.bin", record(&[0], 0))]);
        let bytes = std::fs::read(&archive).unwrap();
        std::fs::write(&archive, &bytes[..bytes.len() / 2]).unwrap();
        let error = load(known, dir.path(), Split::Train).unwrap_err().to_string();
        assert!(error.contains("must be a whole tar.gz file"), "{error}");
    }
}

//! What the fuzz targets in `fuzz/` call: every reader of files from elsewhere. None may panic, whatever the bytes, or
//! take memory that they do not account for; an error is the right answer to most.

use crate::plan::Plan;
use crate::{data, npy, weights};
use nsa_core::bundle::{Manifest, from_zip};
use nsa_core::data::Split;
use nsa_core::model::{Arch, EncoderConfig, Stem};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A folder of this process with a file of these bytes in it.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        // Memory, where there is one to write files in.
        let base =
            Some(Path::new("/dev/shm")).filter(|path| path.is_dir()).map_or(std::env::temp_dir(), Path::to_path_buf);
        let folder = base.join(format!("nsa-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the input");
        folder
    });
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the input as a file");
    path
}

/// An image file.
pub fn image(bytes: &[u8]) {
    if let Ok(planes) = data::decode_image(&file("image", bytes)) {
        assert_eq!(planes.len(), 3 * 32 * 32);
    }
}

/// A `.npy` file, read in every way.
pub fn npy(bytes: &[u8]) {
    let path = file("array.npy", bytes);
    let _ = npy::read_features(&path);
    let _ = npy::read_vector(&path);
    let _ = npy::read_images(&path);
    if let Ok(mut reader) = npy::ImageReader::open(&path) {
        while reader.next(7).is_ok_and(|images| !images.is_empty()) {}
    }
}

/// A weights file, of PyTorch or safetensors.
pub fn weights(bytes: &[u8]) {
    let config = EncoderConfig { arch: Arch::Resnet18, stem: Stem::Imagenet, width: 1 };
    let _ = weights::read_weights(&file("weights", bytes), &config);
}

/// A MATLAB file where SVHN's is expected.
pub fn mat(bytes: &[u8]) {
    let path = file("test_32x32.mat", bytes);
    let _ = data::open("svhn", path.parent(), Split::Test, 32);
}

/// Images and labels where Fashion-MNIST's are expected: the first byte says where they part.
pub fn idx(bytes: &[u8]) {
    let Some((&share, rest)) = bytes.split_first() else { return };
    let (images, labels) = rest.split_at(rest.len() * usize::from(share) / 255);
    file("t10k-labels-idx1-ubyte", labels);
    let path = file("t10k-images-idx3-ubyte", images);
    let _ = data::open("fashion-mnist", path.parent(), Split::Test, 32);
}

/// A zip of images.
pub fn zip(bytes: &[u8]) {
    let path = file("images.zip", bytes);
    for split in [Split::Train, Split::Test] {
        if let Ok(mut opened) = data::open(&format!("folder:{}", path.display()), None, split, 32) {
            let _ = opened.read(&(0..opened.labels().len().min(16)).collect::<Vec<_>>());
        }
    }
}

/// A plan of runs.
pub fn plan(bytes: &[u8]) {
    let _ = Plan::read(&file("plan.toml", bytes));
}

/// A bundle in a zip, and each of its files that is not weights.
pub fn bundle(bytes: &[u8]) {
    if let Ok(unpacked) = from_zip(bytes) {
        let [_, _, history, frames] = &unpacked.files;
        let _ = unpacked.manifest.read_history(history);
        let _ = unpacked.manifest.read_frames(frames);
        let _ = unpacked.normal.map(|images| unpacked.manifest.read_normal(&images));
    }
    let _ = Manifest::parse(bytes);
    static DIGITS: OnceLock<Manifest> = OnceLock::new();
    let digits = DIGITS.get_or_init(|| {
        let json = include_bytes!("../../assets/bundles/digits/bundle.json");
        Manifest::parse(json).expect("the bundle of the page")
    });
    let _ = digits.read_history(bytes);
    let _ = digits.read_frames(bytes);
}

//! What the tests of the binary share: a small data set, small runs, small arrays.

// Every test file is a crate of its own and uses only a part of this.
#![allow(dead_code)]

use nsa_core::Features;
use nsa_core::data::{IMAGE_BYTES, ImageSet, Split, synth_digits};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of one's own with a data set in it: three classes of digits as PNG files, which load in milliseconds.
pub struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub fn new() -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        for (split, name, per_class) in [(Split::Train, "train", 24), (Split::Test, "test", 12)] {
            let images = synth_digits::generate(synth_digits::SEED, split, per_class);
            for class in 0..3 {
                let folder = lab.path(&format!("data/{name}/class-{class}"));
                fs::create_dir_all(&folder).unwrap();
                for (i, &at) in images.of_class(class).iter().enumerate() {
                    png(&folder.join(format!("{i:02}.png")), &images, at);
                }
            }
        }
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `nsa` with these arguments, split at spaces, in this folder.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nsa"));
        command.args(line.split_whitespace()).current_dir(self.folder.path()).env_remove("NSA_DATA");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn nsa(&self, line: &str) -> Answer {
        Answer::of(line, self.command(line).output().unwrap())
    }

    /// Trains a run of three epochs, each measured.
    pub fn train(&self, run: &str, seed: usize) {
        self.nsa(&train_line(run, seed)).succeeds();
    }
}

/// The command for [`Lab::train`].
pub fn train_line(run: &str, seed: usize) -> String {
    format!(
        "train --dataset folder:data --id-class 1 --width 2 --batch 8 --epochs 3 --eval-every 1 --eval-limit 10 \
         --seed {seed} --device cpu --out {run}"
    )
}

/// What a command said.
pub struct Answer {
    line: String,
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    pub fn of(line: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(!stderr.contains("panicked"), "nsa {line}\n{stderr}");
        Self { line: line.into(), status: output.status.code().unwrap(), stdout, stderr }
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert_eq!(self.status, 0, "nsa {}\n{}{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Fails with this status, nothing on stdout, and a message with all of these words.
    #[track_caller]
    pub fn fails(self, status: i32, words: &[&str]) -> Self {
        assert_eq!(self.status, status, "nsa {}\n{}{}", self.line, self.stdout, self.stderr);
        assert_eq!(self.stdout, "", "nsa {}", self.line);
        for word in words {
            assert!(self.stderr.contains(word), "nsa {}: no '{word}' in\n{}", self.line, self.stderr);
        }
        self
    }

    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let answer = self.succeeds();
        serde_json::from_str(&answer.stdout).expect("stdout holds JSON and nothing else")
    }
}

/// One image of a set as a PNG file.
pub fn png(path: &Path, images: &ImageSet, at: usize) {
    let planes = &images.pixels()[at * IMAGE_BYTES..(at + 1) * IMAGE_BYTES];
    let pixel = |x, y| image::Rgb([0, 1, 2].map(|c| planes[c * 1024 + (y * 32 + x) as usize]));
    image::RgbImage::from_fn(32, 32, pixel).save(path).unwrap();
}

/// A folder's files by name.
pub fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Everything in a folder, by its path from there: a file's bytes, where a link leads, nothing of a folder.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_symlink() {
            found.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()).into_bytes());
        } else if kind.is_dir() {
            found.extend(tree(&path).into_iter().map(|(inside, bytes)| (format!("{name}/{inside}"), bytes)));
            found.insert(name + "/", Vec::new());
        } else if kind.is_file() {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

/// What `nsa` was writing and did not put in its place or remove.
pub fn left_behind(folder: &Path) -> Vec<String> {
    tree(folder).into_keys().filter(|name| name.contains(".nsa-")).collect()
}

/// Every command and its parts, as the help lists them: `data get`, `train` and so on.
pub fn commands(lab: &Lab) -> Vec<String> {
    let parts = |of: &str| -> Vec<String> {
        let help = lab.nsa(&format!("{of} --help")).succeeds().stdout;
        let listed = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
        let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        names.map(|name| format!("{of} {name}").trim_start().to_string()).collect()
    };
    let mut all = Vec::new();
    for command in parts("") {
        let inner = parts(&command);
        all.extend(if inner.is_empty() { vec![command] } else { inner });
    }
    assert!(all.len() > 20, "{all:?}");
    all
}

/// Copies a folder with all in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Writes a `.npy` file of `f32`, as NumPy does.
pub fn write_npy(path: &Path, shape: &str, values: &[f32]) {
    let values: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    write_npy_of(path, "<f4", shape, &values);
}

/// Writes a `.npy` file of any type: its code, and the values' bytes.
pub fn write_npy_of(path: &Path, code: &str, shape: &str, values: &[u8]) {
    let mut header = format!("{{'descr': '{code}', 'fortran_order': False, 'shape': ({shape}), }}");
    header += &" ".repeat((10 + header.len() + 1).next_multiple_of(64) - 10 - header.len() - 1);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    fs::write(path, bytes).unwrap();
}

/// The values of a `.npy` file of `f32`.
pub fn read_npy(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[start..].as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Writes features as `.npy`, and gives them.
pub fn features(path: &Path, n: usize, dim: usize, seed: u64) -> Features {
    let mut rng = nsa_core::rng::Rng::new(seed, "cli-test", &[]);
    let values: Vec<f32> = (0..n * dim).map(|i| if i % dim == 0 { 2.0 } else { 0.0 } + rng.normal() as f32).collect();
    write_npy(path, &format!("{n}, {dim}"), &values);
    Features::new(n, dim, values).unwrap()
}

/// `count` numbers of 0..1 that belong to `name`, as in `tests/golden/make_pretrained.py`.
pub fn uniform(name: &str, count: usize) -> Vec<f64> {
    let start = name.bytes().fold(2_166_136_261_u32, |x, byte| (x ^ u32::from(byte)).wrapping_mul(16_777_619));
    let number = |i: usize| {
        let mut x = start.wrapping_add((i as u32).wrapping_mul(0x9E37_79B9));
        x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from(x ^ (x >> 16)) / 4_294_967_296.0
    };
    (0..count).map(number).collect()
}

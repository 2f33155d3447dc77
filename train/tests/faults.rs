//! Faults that public reports tell of programs like this one, through the whole program.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, png, train_line, write_npy};
use nsa_core::data::{Split, synth_digits};
use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::process::Stdio;
use zip::ZipArchive;
use zip::write::{SimpleFileOptions, ZipWriter};

/// The bundle that comes with the page.
const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/bundles/digits");
/// Image files after public reports (`tests/golden/make_browser.py`).
const GOLDEN: &[u8] = include_bytes!("../../tests/golden/browser_images.zip");

fn golden(name: &str) -> Vec<u8> {
    let mut zip = ZipArchive::new(Cursor::new(GOLDEN)).unwrap();
    let mut bytes = Vec::new();
    zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// What a command takes: its status, and the most memory it had, in MiB.
#[cfg(target_os = "linux")]
fn memory(lab: &Lab, line: &str) -> (i32, u64) {
    let mut child = lab.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        most = most.max(peak.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1024);
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code().unwrap_or(-1), most);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Guards the kinds "image is rotated", "transparent becomes black" and "wrong frame": every command that decodes goes
/// the one way that is held to Chromium's pixels beside it.
#[test]
fn commands_see_what_the_browser_sees() {
    let lab = Lab::new();
    for class in ["train/a", "test/a"] {
        fs::create_dir_all(lab.path(&format!("seen/{class}"))).unwrap();
    }
    // Turned, see-through, animated: the pixels of the file and those that are shown differ.
    let names = ["turned-3.jpg", "turned-6.png", "rgba.png", "animated-after-another.png", "see-through.gif"];
    for (i, name) in names.iter().enumerate() {
        let end = name.rsplit_once('.').unwrap().1;
        for class in ["train/a", "test/a"] {
            fs::write(lab.path(&format!("seen/{class}/{i}.{end}")), golden(name)).unwrap();
        }
        fs::write(lab.path(name), golden(name)).unwrap();
        // The same pixels as a plain picture.
        let shown = golden(&format!("{name}.rgb"));
        let side = |at: usize| u32::from_le_bytes(shown[at..at + 4].try_into().unwrap());
        let picture = image::RgbImage::from_raw(side(0), side(4), shown[8..].to_vec()).unwrap();
        picture.save(lab.path(&format!("plain-{i}.png"))).unwrap();
    }
    let plain: Vec<String> = (0..names.len()).map(|i| format!("plain-{i}.png")).collect();
    let score = |files: &str| -> Vec<f64> {
        let found = lab.nsa(&format!("predict --bundle {DIGITS} --device cpu --json {files}")).json();
        found.as_array().unwrap().iter().map(|row| row["score"].as_f64().unwrap()).collect()
    };
    let (of_files, of_pixels) = (score(&names.join(" ")), score(&plain.join(" ")));
    for ((name, a), b) in names.iter().zip(&of_files).zip(&of_pixels) {
        assert!((a - b).abs() < 0.02, "{name}: {a}, the pixels that Chromium shows {b}");
    }
    let exported = lab.nsa("data export folder:seen --split test --out x.npy --json").json();
    assert_eq!((exported["images"].as_u64(), exported["failed"].as_u64()), (Some(5), Some(0)));
    assert_eq!(lab.nsa("data info folder:seen --json").json()["splits"]["train"]["images"], 5);
}

/// Guards the kind "image file is truncated": it is refused, counted and named.
#[test]
fn a_cut_image_is_refused_and_told() {
    let lab = Lab::new();
    fs::write(lab.path("cut.jpg"), golden("baseline-cut-third.jpg")).unwrap();
    lab.nsa(&format!("predict --bundle {DIGITS} --device cpu cut.jpg"))
        .fails(2, &["cut.jpg must be", "its end is missing"]);
    fs::write(lab.path("data/test/class-1/zz.jpg"), golden("progressive-zeros.jpg")).unwrap();
    let info = lab.nsa("data info folder:data --json").json();
    let test = &info["splits"]["test"];
    assert_eq!((test["images"].as_u64(), test["failed"].as_u64()), (Some(36), Some(1)));
    assert_eq!(test["classes"][1]["failed"], 1);
    assert_eq!(test["failures"][0]["image"], "test/class-1/zz.jpg");
    let table = lab.nsa("data info folder:data").succeeds().stdout;
    assert!(table.contains("test: test/class-1/zz.jpg: a file that is cut off: its end is missing\n"), "{table}");
}

/// Guards the kind "a small file takes all memory": 60,000,000 x 1 pixels in 7 kB, and a pickle that makes 830,000
/// classes of two texts.
#[test]
#[cfg(target_os = "linux")]
fn small_files_take_little_memory() {
    let lab = Lab::new();
    fs::write(lab.path("wide.png"), golden("wide.png")).unwrap();
    let line = format!("predict --bundle {DIGITS} --device cpu wide.png");
    lab.nsa(&line).fails(2, &["wide.png", "60000000 x 1"]);
    let (status, most) = memory(&lab, &line);
    assert!(status == 2 && most < 300, "status {status}, {most} MiB");
    fs::create_dir_all(lab.path("wide/train/a")).unwrap();
    fs::copy(lab.path("wide.png"), lab.path("wide/train/a/1.png")).unwrap();
    lab.nsa("data export folder:wide --split train --out x.npy").fails(2, &["60000000 x 1"]);

    let name = [b"\x8c\xfa".to_vec(), vec![b'n'; 250], b"\x940".to_vec()].concat();
    let pickle =
        [b"\x80\x04".to_vec(), name.clone(), name, b"h\x00h\x01\x930".repeat(830_000 / 2), b"}.".to_vec()].concat();
    let mut zip = ZipWriter::new(File::create(lab.path("large.pth")).unwrap());
    let packed = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("archive/data.pkl", packed).unwrap();
    zip.write_all(&pickle).unwrap();
    zip.finish().unwrap();
    write_npy(&lab.path("x.npy"), "1, 3, 32, 32", &[0.5; 3072]);
    let line = "embed --weights large.pth --arch resnet18 --stem cifar --images x.npy --layer conv4-1x1 --out f.npy";
    lab.nsa(line).fails(2, &["takes over 32 times its own size"]);
    let (status, most) = memory(&lab, line);
    assert!(status == 2 && most < 400, "status {status}, {most} MiB");
}

/// Guards the kind "panicked at failed printing to stderr: Broken pipe".
#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let lab = Lab::new();
    fs::write(lab.path("empty.png"), "").unwrap();
    let lines = [
        format!("predict --bundle {DIGITS} --device cpu empty.png"),
        "data info folder:data".into(),
        "data info folder:nowhere".into(),
        "data list --json".into(),
        "devices".into(),
        "verify nowhere".into(),
        "--help".into(),
        train_line("gone", 0).replace("--epochs 3", "--epochs 1"),
    ];
    for line in lines {
        let expected = lab.nsa(&line).status;
        fs::remove_dir_all(lab.path("gone")).ok();
        let mut child = lab.command(&line).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{line}");
    }
}

/// Guards the kind "escape sequences in file names reach the terminal".
#[test]
#[cfg(unix)]
fn names_are_shown_and_not_obeyed() {
    let lab = Lab::new();
    let images = synth_digits::generate(synth_digits::SEED, Split::Test, 1);
    let name = "red\u{1b}[31m\r.png";
    png(&lab.path("three.png"), &images, 3);
    fs::rename(lab.path("three.png"), lab.path(name)).unwrap();
    let answer = |name: &str| {
        let mut command = lab.command(&format!("predict --bundle {DIGITS} --device cpu"));
        let output = command.arg(name).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(answer(name).contains("red\\u{1b}[31m\\r.png\n"), "{}", answer(name));
    assert!(!answer("none\u{1b}[31m.png").contains('\u{1b}'));
    fs::create_dir_all(lab.path("data/test/class\u{1b}[2J")).unwrap();
    let said = lab.nsa("data info folder:data").succeeds();
    assert!(said.stderr.contains("class\\u{1b}[2J") && !said.stderr.contains('\u{1b}'), "{}", said.stderr);
}

/// Guards the kind "waits for ever": a pipe where a file is expected is refused by name.
#[test]
#[cfg(unix)]
fn a_pipe_is_refused_and_not_waited_for() {
    let lab = Lab::new();
    for name in ["pipe.npy", "pipe.png", "pipe.pth"] {
        let made = std::process::Command::new("mkfifo").arg(lab.path(name)).status().unwrap();
        assert!(made.success());
    }
    let words = ["must be a plain file, found a pipe or a device"];
    lab.nsa("analyze --features pipe.npy").fails(2, &words);
    lab.nsa(&format!("predict --bundle {DIGITS} --device cpu pipe.npy pipe.png")).fails(2, &words);
    write_npy(&lab.path("x.npy"), "1, 3, 32, 32", &[0.5; 3072]);
    lab.nsa("embed --weights pipe.pth --arch resnet18 --stem cifar --images x.npy --layer conv4-1x1 --out f.npy")
        .fails(2, &words);
}

/// Guards the kind "nan after training": a test split in which nothing can be measured is told before anything is made.
#[test]
fn a_test_split_without_the_class_or_any_other_is_refused_before_training() {
    let lab = Lab::new();
    let line = train_line("run", 0).replace("--epochs 3", "--epochs 1");
    let keep = |class: usize, images: usize| {
        for i in images..12 {
            fs::remove_file(lab.path(&format!("data/test/class-{class}/{i:02}.png"))).ok();
        }
    };
    // One image of the class: training goes on.
    keep(1, 1);
    let said = lab.nsa(&line).succeeds().stderr;
    assert!(said.contains("warning: the test split has 1 images of the class and 24 of others"), "{said}");
    assert!(lab.path("run/checkpoint.bin").exists());
    keep(1, 0);
    let words = ["the test split must hold images of class 1 and of others, found 0 and 24"];
    lab.nsa(&line.replace("--out run", "--out none")).fails(2, &words);
    assert!(!lab.path("none").exists());
}

/// Guards the kind "training collapses at once": no smaller rate helps where all images are one.
#[test]
fn identical_training_images_are_told_before_training() {
    let lab = Lab::new();
    for i in 1..24 {
        fs::copy(lab.path("data/train/class-1/00.png"), lab.path(&format!("data/train/class-1/{i:02}.png"))).unwrap();
    }
    lab.nsa(&train_line("run", 0)).fails(2, &["training images are all the same picture"]);
    assert!(!lab.path("run").exists());
}

/// Guards the kind "data set not found" of CIFAR's other versions, and "as published" said of anything with its names.
#[test]
fn what_has_the_names_of_a_published_set_is_not_taken_for_it() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("python/cifar-10-batches-py")).unwrap();
    lab.nsa("data info cifar10 --root python").fails(2, &["must be the binary version, cifar-10-binary.tar.gz"]);
    fs::create_dir_all(lab.path("few")).unwrap();
    for name in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"] {
        fs::write(lab.path(&format!("few/{name}.bin")), [3_u8].repeat(4 * 3073)).unwrap();
    }
    let source = lab.nsa("data info cifar10 --root few --json").json()["source"].clone();
    assert_eq!(source, "CIFAR-10, not the published files");
    // MNIST has the names of Fashion-MNIST.
    fs::create_dir_all(lab.path("mnist")).unwrap();
    let idx = |shape: &[u32], values: usize| {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
        bytes.resize(bytes.len() + values, 1);
        bytes
    };
    for (stem, n) in [("train", 60_000_u32), ("t10k", 10_000)] {
        fs::write(lab.path(&format!("mnist/{stem}-images-idx3-ubyte")), idx(&[n, 2, 2], 4 * n as usize)).unwrap();
        fs::write(lab.path(&format!("mnist/{stem}-labels-idx1-ubyte")), idx(&[n], n as usize)).unwrap();
    }
    let source = lab.nsa("data info fashion-mnist --root mnist --json").json()["source"].clone();
    assert_eq!(source, "Fashion-MNIST, not the published files");
    fs::write(lab.path("mnist/t10k-labels-idx1-ubyte"), "cut").unwrap();
    lab.nsa("data info fashion-mnist --root mnist")
        .fails(2, &["its checksum is not the publisher's: delete it and fetch it again"]);
}

/// Guards the kind "inf in features": numbers of f64 that f32 does not hold are named as they are.
#[test]
fn numbers_beyond_f32_are_told() {
    let lab = Lab::new();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }";
    let mut bytes =
        [b"\x93NUMPY\x01\x00".to_vec(), (header.len() as u16).to_le_bytes().to_vec(), header.into()].concat();
    bytes.extend([1.0_f64, 1e300].iter().flat_map(|v| v.to_le_bytes()));
    fs::write(lab.path("f.npy"), bytes).unwrap();
    lab.nsa("analyze --features f.npy").fails(2, &["f.npy must hold numbers that f32 holds", "1e300 at index 1"]);
}

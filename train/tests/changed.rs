//! Data, settings and checkpoints that are not what a run was trained with, names that were dropped, and settings without
//! effect: each is said, none gives another number in silence.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, features, train_line};
use std::fs;

/// The bundle that comes with the page.
const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/bundles/digits");

#[test]
fn a_run_says_that_its_images_have_changed() {
    let lab = Lab::new();
    lab.train("run", 0);
    lab.nsa("eval run --layers conv4-1x1 --scorers k-cos --device cpu").succeeds();
    let commands = [
        "train --resume run --device cpu",
        "eval run --layers conv4-1x1 --scorers k-cos --device cpu",
        "export run --out bundles/one --device cpu",
    ];
    let all_fail = |words: &[&str]| {
        for command in commands {
            lab.nsa(command).fails(2, words);
        }
    };
    let (first, added) = (lab.path("data/train/class-0/00.png"), lab.path("data/train/class-0/more.png"));
    fs::copy(&first, &added).unwrap();
    all_fail(&["images in data has changed since the run began", "its train split has 73 images, and had 72"]);
    fs::remove_file(&added).unwrap();

    let bytes = fs::read(&first).unwrap();
    fs::write(&first, [&bytes[..], b"more"].concat()).unwrap();
    all_fail(&["its train split has 72 images as then, but their names or sizes are others"]);
    fs::write(&first, bytes).unwrap();

    fs::remove_file(lab.path("data/test/class-2/11.png")).unwrap();
    all_fail(&["its test split has 35 images, and had 36"]);
}

#[test]
fn a_run_finds_its_images_from_any_folder_and_takes_no_others() {
    let lab = Lab::new();
    lab.train("run", 0);
    lab.nsa("eval run --layers conv4-1x1 --scorers k-cos --device cpu").succeeds();
    let elsewhere = lab.path("elsewhere");
    fs::create_dir_all(elsewhere.join("data/train/class-0")).unwrap();
    let run = lab.path("run");
    let line = format!("eval {} --layers conv3-1x1 --scorers k-cos --device cpu", run.display());
    let output = lab.command(&line).current_dir(&elsewhere).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));

    // What is known already is of the run's own images.
    let known = "eval run --layers conv4-1x1 --scorers k-cos --device cpu";
    lab.nsa(&format!("{known} --root nowhere")).fails(2, &["cannot read nowhere"]);
    fs::rename(lab.path("data"), lab.path("moved")).unwrap();
    lab.nsa(&format!("{known} --root moved")).succeeds();
}

#[test]
fn a_setting_that_was_edited_is_named() {
    let lab = Lab::new();
    lab.train("run", 0);
    let path = lab.path("run/config.toml");
    let settings = fs::read_to_string(&path).unwrap();
    for (was, becomes, name) in [
        ("id-class = 1", "id-class = 2", "id-class must be 1, as when the run began, found 2"),
        ("norm = \"both\"", "norm = \"none\"", "norm must be \"both\""),
        ("seed = 0", "seed = 7", "seed must be 0"),
        ("image-size = 32", "image-size = 16", "image-size must be 32"),
        ("epochs = 3", "epochs = 2", "epochs must be 3"),
    ] {
        assert!(settings.contains(was), "{was} in\n{settings}");
        fs::write(&path, settings.replace(was, becomes)).unwrap();
        for command in ["train --resume run", "eval run", "export run --out bundles/one"] {
            lab.nsa(&format!("{command} --device cpu")).fails(2, &["config.toml", name]);
        }
    }
    // As a run of an earlier version, which kept neither settings nor data.
    let record = lab.path("run/record.json");
    let mut old: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    let old_fields = old.as_object_mut().unwrap();
    assert!(old_fields.remove("settings").is_some() && old_fields.remove("data").is_some());
    fs::write(&record, old.to_string()).unwrap();
    fs::write(&path, &settings).unwrap();
    lab.nsa("eval run --layers conv4-1x1 --scorers k-cos --device cpu").succeeds();
}

#[test]
fn a_checkpoint_with_another_bit_is_refused() {
    let lab = Lab::new();
    lab.train("run", 0);
    let path = lab.path("run/checkpoint.bin");
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8], words: &[&str]| {
        fs::write(&path, bytes).unwrap();
        for command in ["train --resume run", "eval run", "export run --out bundles/one"] {
            lab.nsa(&format!("{command} --device cpu")).fails(2, words);
        }
    };
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    refused(&flipped, &["checkpoint.bin", "its checksum is not the one that it was written with"]);
    let mut zeros = whole.clone();
    zeros[1000..2000].fill(0);
    refused(&zeros, &["checkpoint.bin", "its checksum"]);
    refused(&vec![0; whole.len()], &["checkpoint.bin"]);
    // Earlier versions wrote no checksum.
    fs::write(&path, &whole[..whole.len() - b"\nSHA256 ".len() - 64]).unwrap();
    lab.nsa("train --resume run --device cpu").succeeds();
}

#[test]
fn what_is_left_out_of_a_folder_is_told() {
    let lab = Lab::new();
    let folder = lab.path("mine");
    fs::create_dir_all(folder.join("more")).unwrap();
    fs::create_dir_all(folder.join("@eaDir")).unwrap();
    let image = lab.path("data/test/class-1/00.png");
    fs::copy(&image, folder.join("a.png")).unwrap();
    for name in ["b.tif", "c.heic", "d.avif", "Thumbs.db"] {
        fs::write(folder.join(name), "nothing").unwrap();
    }
    let answer = lab.nsa(&format!("predict --bundle {DIGITS} --device cpu mine")).succeeds();
    for words in [
        "b.tif: ends in .tif, which is no image: left out",
        "c.heic: ends in .heic, which is no image: left out",
        "d.avif: ends in .avif, which is no image: left out",
        "more: a folder inside the folder: left out; name it, too",
    ] {
        assert!(answer.stderr.contains(words), "no '{words}' in\n{}", answer.stderr);
    }
    assert!(!answer.stderr.contains("@eaDir") && !answer.stderr.contains("Thumbs.db"), "{}", answer.stderr);
    assert_eq!(answer.stdout.lines().count(), 2);
}

/// A name of another time, in Latin-1, is read like any other, and a link that leads nowhere is a file that fails.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf_8_are_read_and_dangling_links_are_named() {
    use std::os::unix::ffi::OsStrExt;
    let lab = Lab::new();
    let folder = lab.path("mine");
    fs::create_dir_all(&folder).unwrap();
    let image = lab.path("data/test/class-1/00.png");
    fs::copy(&image, folder.join(std::ffi::OsStr::from_bytes(b"caf\xe9.png"))).unwrap();
    let rows = lab.nsa(&format!("predict --json --bundle {DIGITS} --device cpu mine")).json();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    std::os::unix::fs::symlink("nowhere.png", folder.join("link.png")).unwrap();
    let answer = lab.nsa(&format!("predict --bundle {DIGITS} --device cpu mine"));
    assert_eq!(answer.status, 2, "{}", answer.stderr);
    assert!(answer.stderr.contains("link.png") && answer.stderr.contains("1 of 2 files failed"), "{}", answer.stderr);
}

#[test]
fn settings_without_effect_are_refused() {
    let lab = Lab::new();
    features(&lab.path("a.npy"), 10, 3, 1);
    lab.nsa("score --bank a.npy --query a.npy --scorer gde --k 7 --out s.npy").fails(2, &["--k is for", "gde"]);
    for (flag, objective) in [
        ("--temperature 0.2", "simsiam"),
        ("--head-batch-norm false", "byol"),
        ("--ema-momentum 0.9", "simclr"),
        ("--svdd-biases true", "simsiam"),
    ] {
        let name = flag.split(' ').next().unwrap();
        lab.nsa(&format!("{} --objective {objective} {flag}", train_line("run", 0)))
            .fails(2, &[name, "has no effect with objective", objective]);
    }
    for flag in ["--width 64", "--mean 0.5,0.5,0.5", "--std 0.2,0.2,0.2", "--norm f"] {
        let name = flag.split(' ').next().unwrap();
        lab.nsa(&format!("fit --bundle {DIGITS} --normal data/test/class-1 --out mine {flag}"))
            .fails(2, &[name, "has no effect with --bundle"]);
        lab.nsa(&format!("export run --out bundles/one {flag}")).fails(2, &[name, "has no effect with a run"]);
    }
    lab.nsa(&format!("predict --bundle {DIGITS} --false-alarms 0.1 --device cpu data/test/class-1"))
        .fails(2, &["--false-alarms is for a bundle of `nsa fit`"]);
    lab.nsa("export run --out bundles/one --bank 0").fails(2, &["--bank", "must be at least 1"]);
    lab.nsa("gallery --dataset synth-digits --per-class 0").fails(2, &["--per-class", "must be at least 1"]);
}

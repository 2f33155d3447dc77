//! A run that is killed, at any moment, and resumed ends as one that was never stopped.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, Lab, contents, copy, train_line};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// What must be the same: weights, replayed frames, measurements.
#[derive(Debug, PartialEq)]
struct End {
    weights: Vec<u8>,
    frames: Vec<u8>,
    history: Value,
}

fn end(lab: &Lab, run: &str) -> End {
    lab.nsa(&format!("export {run} --out ends/{run} --device cpu")).succeeds();
    let read = |file: &str| fs::read(lab.path(&format!("ends/{run}/{file}"))).unwrap();
    End {
        weights: read("model.safetensors"),
        frames: read("frames.safetensors"),
        history: serde_json::from_slice(&read("history.json")).unwrap(),
    }
}

/// Starts a command and kills it (SIGKILL) after a while; whether it was still running.
fn kill_after(lab: &Lab, line: &str, delay: Duration) -> bool {
    let mut child = lab.command(line).spawn().unwrap();
    std::thread::sleep(delay);
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let killed = output.status.code().is_none();
    if !killed {
        Answer::of(line, output).succeeds();
    }
    killed
}

#[test]
fn a_killed_run_ends_like_one_that_was_never_stopped() {
    // BYOL has a target network besides.
    for objective in ["simsiam", "byol"] {
        kill_and_compare(objective);
    }
}

fn kill_and_compare(objective: &str) {
    let lab = Lab::new();
    let line = |run: &str| format!("{} --objective {objective}", train_line(run, 0));
    let started = Instant::now();
    lab.nsa(&line("whole")).succeeds();
    let whole_time = started.elapsed();
    let whole = end(&lab, "whole");
    assert_eq!(whole.history["epochs"].as_array().unwrap().len(), 4);

    // Nanoseconds of the clock are random enough to try other moments each time.
    let jitter = |i: u32| (Instant::now() - started).subsec_nanos().wrapping_mul(2 * i + 1) % 100;
    for i in 0..8 {
        let run = format!("killed-{i}");
        let delay = whole_time * (12 * i + jitter(i) / 8) / 100;
        let mut lives = u32::from(kill_after(&lab, &line(&run), delay));
        if !lab.path(&run).join("config.toml").exists() {
            lab.nsa(&format!("train --resume {run} --device cpu")).fails(2, &["holds no run"]);
            lab.nsa(&line(&run)).succeeds();
        }
        // Killed again while it is resumed, a little later each time.
        while lives < 3 && kill_after(&lab, &format!("train --resume {run} --device cpu"), whole_time * lives / 4) {
            lives += 1;
        }
        lab.nsa(&format!("train --resume {run} --device cpu")).succeeds();
        assert_eq!(end(&lab, &run), whole, "{objective}, killed after {delay:?} of {whole_time:?}");
        assert!(contents(&lab.path(&run)).iter().all(|(name, _)| !name.contains(".nsa-")));
    }
}

#[test]
fn a_run_killed_between_two_files_of_its_first_checkpoint_is_continued() {
    let lab = Lab::new();
    lab.train("whole", 0);
    let whole = end(&lab, "whole");
    let record = |run: &Path, edit: &dyn Fn(&mut Value)| {
        let mut record: Value = serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
        edit(&mut record);
        fs::write(run.join("record.json"), record.to_string()).unwrap();
    };
    // Frames are written first, then the record, then the checkpoint. Frames that the record did not know were once
    // kept, and epoch 0 measured twice.
    let no_history = |record: &mut Value| record["history"]["epochs"] = json!([]);
    let same = |_: &mut Value| {};
    for (run, edit) in [("frames-only", &no_history as &dyn Fn(&mut Value)), ("frames-and-record", &same)] {
        let path = lab.path(run);
        copy(&lab.path("whole"), &path);
        fs::remove_file(path.join("checkpoint.bin")).unwrap();
        record(&path, edit);
        lab.nsa(&format!("train --resume {run} --device cpu")).succeeds();
        assert_eq!(end(&lab, run), whole, "{run}");
    }
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let lab = Lab::new();
    lab.train("run", 0);
    let before = contents(&lab.path("run"));
    lab.nsa("train --resume run --device cpu").succeeds();
    assert_eq!(contents(&lab.path("run")), before);

    lab.nsa("train --resume run --epochs 9").fails(2, &["--resume", "--epochs"]);
    lab.nsa("train --resume run --seed 9").fails(2, &["--seed"]);
    lab.nsa(&train_line("run", 0)).fails(2, &["already holds a run", "--resume run"]);
    assert_eq!(contents(&lab.path("run")), before);

    let checkpoint = lab.path("run/checkpoint.bin");
    let bytes = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, &bytes[..bytes.len() / 2]).unwrap();
    lab.nsa("train --resume run --device cpu").fails(2, &["checkpoint.bin: the checkpoint cannot be read"]);
    lab.nsa("export run --out bundles/one --device cpu").fails(2, &["checkpoint.bin: the checkpoint cannot be read"]);
    assert!(!lab.path("bundles").exists());

    // As earlier versions wrote it, by burn's recorder.
    fs::write(&checkpoint, [&[0x93, 0x84, 0xa7], &b"encoder"[..]].concat()).unwrap();
    lab.nsa("train --resume run --device cpu")
        .fails(2, &["checkpoint.bin", "of an earlier version: train the run again"]);
}

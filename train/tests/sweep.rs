//! Plans: all runs or one, killed and continued, several processes at once, partial failure.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, Lab, contents, copy};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

const PLAN: &str = r#"
about = "a small plan"
[settings]
dataset = "folder:data"
width = 2
batch = 8
epochs = 2
eval-every = 1
eval-limit = 10
[[grid]]
axes.id-class = [0, 1]
axes.norm = ["none", "both"]
"#;

const NAMES: [&str; 4] = [
    "folder-data-0-simsiam-none-p0-w2-e2-b8-s0",
    "folder-data-0-simsiam-both-p0-w2-e2-b8-s0",
    "folder-data-1-simsiam-none-p0-w2-e2-b8-s0",
    "folder-data-1-simsiam-both-p0-w2-e2-b8-s0",
];

fn lab() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("plan.toml"), PLAN).unwrap();
    lab
}

fn statuses(lab: &Lab) -> Vec<String> {
    let rows = lab.nsa("sweep plan.toml --out runs --list --json").json();
    let rows = rows.as_array().unwrap();
    assert!(rows.iter().zip(NAMES).enumerate().all(|(i, (row, name))| row["index"] == i && row["name"] == name));
    rows.iter().map(|row| row["status"].as_str().unwrap().to_string()).collect()
}

fn evaluation(lab: &Lab, folder: &str) -> Value {
    serde_json::from_slice(&fs::read(lab.path(&format!("{folder}/eval.json"))).unwrap()).unwrap()
}

/// What is the same however often a run was interrupted: all but the order in which a checkpoint stores its tensors.
fn measured(lab: &Lab, folder: &str) -> Value {
    let mut evaluation = evaluation(lab, folder);
    evaluation.as_object_mut().unwrap().remove("checkpoint").unwrap();
    evaluation
}

#[test]
fn a_plan_is_listed_run_and_not_run_again() {
    let lab = lab();
    let table = lab.nsa("sweep plan.toml --out runs --list").succeeds().stdout;
    assert!(table.starts_with("a small plan\n4 runs in runs\n"), "{table}");
    assert!(
        table.contains(&format!("    2  {}  not started\n", NAMES[2])) && table.ends_with("0 of 4 done\n"),
        "{table}"
    );
    assert!(!lab.path("runs").exists(), "a list leaves nothing");

    let told = lab.nsa("sweep plan.toml --out runs --index 2 --device cpu").succeeds();
    assert_eq!(told.stdout, "");
    assert_eq!(statuses(&lab), ["not started", "not started", "done", "not started"]);
    let config = &lab.nsa("sweep plan.toml --out runs --list --json").json()[2]["config"];
    assert_eq!((config["id-class"].as_u64(), config["norm"].as_str()), (Some(1), Some("none")));

    let told = lab.nsa("sweep plan.toml --out runs --device cpu").succeeds().stderr;
    assert!(told.contains("4 of 4 runs are done in runs"), "{told}");
    assert!(told.contains(NAMES[3]) && !told.contains(NAMES[2]), "what is done is left alone: {told}");
    assert_eq!(statuses(&lab), ["done"; 4]);
    let before: Vec<_> = NAMES.iter().map(|name| contents(&lab.path(&format!("runs/{name}")))).collect();
    lab.nsa("sweep plan.toml --out runs --device cpu").succeeds();
    lab.nsa("sweep plan.toml --out runs --index 0 --device cpu").succeeds();
    let after: Vec<_> = NAMES.iter().map(|name| contents(&lab.path(&format!("runs/{name}")))).collect();
    assert!(before == after);

    // The evaluation is the one of `nsa eval`, which finds it there.
    let run = format!("runs/{}", NAMES[3]);
    assert_eq!(lab.nsa(&format!("eval {run} --json")).json(), evaluation(&lab, &run));
    assert_eq!(contents(&lab.path(&run)), before[3]);
}

#[test]
fn a_killed_sweep_goes_on_and_ends_the_same() {
    let lab = lab();
    let started = Instant::now();
    lab.nsa("sweep plan.toml --out whole --device cpu").succeeds();
    let whole_time = started.elapsed();
    let line = "sweep plan.toml --out runs --device cpu";
    let mut kills = 0;
    // Killed wherever it stands, each time a little later; no lock may be left that stops the next.
    while kills < 6 {
        let mut child = lab.command(line).spawn().unwrap();
        std::thread::sleep(whole_time * (kills + 1) / 8);
        child.kill().unwrap();
        if child.wait_with_output().unwrap().status.code().is_some() {
            break;
        }
        kills += 1;
        assert!(statuses(&lab).iter().all(|s| s == "done" || s == "not started" || s.starts_with("cut at epoch ")));
    }
    assert!(kills > 0);
    lab.nsa(line).succeeds();
    for name in NAMES {
        assert!(measured(&lab, &format!("runs/{name}")) == measured(&lab, &format!("whole/{name}")), "{name}");
    }
}

#[test]
fn two_processes_share_a_plan_and_never_a_run() {
    let lab = lab();
    let line = "sweep plan.toml --out runs --device cpu";
    let children: Vec<_> = (0..3).map(|_| lab.command(line).spawn().unwrap()).collect();
    let answers: Vec<_> =
        children.into_iter().map(|child| Answer::of(line, child.wait_with_output().unwrap()).succeeds()).collect();
    // Whoever came late left what was being trained to the others.
    lab.nsa(line).succeeds();
    assert_eq!(statuses(&lab), ["done"; 4]);
    for name in NAMES {
        let began = answers.iter().filter(|answer| answer.stderr.contains(&format!(": {name}\n"))).count();
        assert_eq!(began, 1, "{name}");
    }
}

#[test]
fn a_run_in_training_is_busy() {
    let lab = lab();
    fs::write(lab.path("long.toml"), PLAN.replace("epochs = 2", "epochs = 100000")).unwrap();
    let mut child = lab.command("sweep long.toml --out runs --index 1 --device cpu").spawn().unwrap();
    let name = NAMES[1].replace("-e2-", "-e100000-");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !lab.path(&format!("runs/{name}/checkpoint.bin")).exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let listed = lab.nsa("sweep long.toml --out runs --list").succeeds().stdout;
    assert!(listed.contains(&format!("{name}  running\n")), "{listed}");
    lab.nsa("sweep long.toml --out runs --index 1 --device cpu").fails(1, &["another process is training", &name]);
    lab.nsa(&format!("train --resume runs/{name} --device cpu")).fails(1, &["another process is training"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let listed = lab.nsa("sweep long.toml --out runs --list").succeeds().stdout;
    assert!(listed.contains(&format!("{name}  cut at epoch ")), "{listed}");
}

#[test]
fn one_failure_is_reported_and_the_others_go_on() {
    let lab = lab();
    // Class 3 is not there; the folder of run 0 holds another run.
    fs::write(lab.path("plan.toml"), PLAN.replace("id-class = [0, 1]", "id-class = [0, 3, 1]")).unwrap();
    lab.train("other", 0);
    copy(&lab.path("other"), &lab.path(&format!("runs/{}", NAMES[0])));
    let told = lab.nsa("sweep plan.toml --out runs --device cpu").fails(2, &["3 of 6 runs failed"]).stderr;
    assert!(told.contains("3 of 6 runs are done in runs"), "{told}");
    let failed: Vec<&str> = told.lines().filter(|line| line.starts_with("failed: ")).collect();
    assert_eq!(failed.len(), 3, "{told}");
    assert!(failed[0].contains(NAMES[0]) && failed[0].contains("choose another --out"), "{told}");
    assert!(failed[1].contains("folder-data-3-") && failed[1].contains("class must be one of 0..3, found 3"), "{told}");
    lab.nsa("sweep plan.toml --out runs --index 2 --device cpu").fails(2, &["class must be one of 0..3"]);
    let list = lab.nsa("sweep plan.toml --out runs --list").succeeds().stdout;
    assert!(list.contains("other settings") && list.ends_with("3 of 6 done\n"), "{list}");

    // A failure on the way is kept with the run, and forgotten when it is mended.
    let run = lab.path(&format!("runs/{}", NAMES[2]));
    let checkpoint = fs::read(run.join("checkpoint.bin")).unwrap();
    fs::remove_file(run.join("eval.json")).unwrap();
    fs::write(run.join("checkpoint.bin"), &checkpoint[..checkpoint.len() / 2]).unwrap();
    lab.nsa("sweep plan.toml --out runs --index 4 --device cpu").fails(2, &["checkpoint cannot be read"]);
    let list = lab.nsa("sweep plan.toml --out runs --list").succeeds().stdout;
    assert!(list.contains("failed after epoch 2: ") && list.contains("checkpoint cannot be read"), "{list}");
    fs::write(run.join("checkpoint.bin"), &checkpoint).unwrap();
    lab.nsa("sweep plan.toml --out runs --index 4 --device cpu").succeeds();
    assert!(!run.join("failed.txt").exists());
}

#[test]
fn wrong_questions_are_answered_before_anything_is_trained() {
    let lab = lab();
    lab.nsa("sweep plan.toml --out runs --index 4").fails(2, &["--index must be 0 to 3", "found 4"]);
    lab.nsa("sweep plan.toml --out runs --index -1").fails(2, &["-1"]);
    lab.nsa("sweep plan.toml --index 1 --list").fails(2, &["--index", "--list"]);
    lab.nsa("sweep none.toml").fails(2, &["cannot read none.toml"]);
    fs::write(lab.path("odd.toml"), "about = 'x'\n[[grid]]\naxes.norm = ['none', 'h']").unwrap();
    lab.nsa("sweep odd.toml").fails(2, &["odd.toml", "norm = \"h\""]);
    assert!(!lab.path("runs").exists());
}

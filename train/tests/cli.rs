//! The command line's contract: results on stdout, everything else on stderr, 2 for bad usage or input.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, commands, png, read_npy, train_line, write_npy};
use nsa_core::data::{Split, synth_digits};
use std::fs;
use std::path::Path;
use std::process::Stdio;

#[test]
fn bad_settings_are_told_before_a_run_begins() {
    let lab = Lab::new();
    let cases: [(&str, &[&str]); 13] = [
        ("--objective moco", &["simsiam, byol, simclr, simclr-rot", "moco"]),
        ("--norm h", &["none, f, g, both"]),
        ("--id-class 3", &["3"]),
        ("--width 0", &["width must be 1 to 256, found 0"]),
        ("--pollution 1.5", &["pollution must be at least 0 and below 1, found 1.5"]),
        ("--pollution NaN", &["pollution must be"]),
        ("--batch 1", &["batch must be"]),
        ("--lr 0", &["lr must be"]),
        ("--objective byol --ema-momentum 1.5", &["ema-momentum must be 0 to 1, found 1.5"]),
        ("--epochs 100001", &["epochs must be at most 100000, found 100001"]),
        ("--limit 1", &["at least 2 images, found 1"]),
        ("--dataset cifar11", &["no data set is called", "cifar10"]),
        ("--dataset cifar10 --root nowhere", &["no CIFAR-10 files in nowhere", "nsa data get cifar10"]),
    ];
    for (setting, words) in cases {
        let dataset = if setting.starts_with("--dataset") { "" } else { "--dataset folder:data" };
        let class = if setting.starts_with("--id-class") { "" } else { "--id-class 1" };
        lab.nsa(&format!("train {dataset} {class} {setting} --device cpu --out run")).fails(2, words);
        assert!(!lab.path("run").exists(), "{setting}");
    }
    lab.nsa("train --dataset folder:data").fails(2, &["--out"]);
    lab.nsa("train --resume nowhere").fails(2, &["nowhere holds no run"]);
    lab.nsa("").fails(2, &["Usage"]);
    lab.nsa("tarin").fails(2, &["tarin"]);
    fs::write(lab.path("odd.toml"), "epoch = 3").unwrap();
    lab.nsa("train --config odd.toml --out run").fails(2, &["odd.toml", "epoch"]);
    lab.nsa("train --config none.toml --out run").fails(2, &["none.toml"]);
    lab.nsa("eval nowhere").fails(2, &["nowhere holds no run"]);
}

#[test]
fn settings_of_a_run_repeat_it() {
    let lab = Lab::new();
    lab.train("run", 5);
    lab.nsa("train --config run/config.toml --device cpu --out again").succeeds();
    for run in ["run", "again"] {
        lab.nsa(&format!("export {run} --out bundles-of/{run} --device cpu")).succeeds();
    }
    let weights = |run: &str| fs::read(lab.path(&format!("bundles-of/{run}/model.safetensors"))).unwrap();
    assert_eq!(weights("run"), weights("again"));
    assert!(!lab.path("catalog.json").exists());
}

#[test]
fn every_objective_trains_evaluates_and_exports_all_its_layers() {
    let lab = Lab::new();
    for objective in ["simsiam", "byol", "simclr", "simclr-rot"] {
        let line = train_line(objective, 0).replace("--epochs 3", "--epochs 1");
        lab.nsa(&format!("{line} --objective {objective} --pollution 0.1")).succeeds();
        let evaluation = lab.nsa(&format!("eval {objective} --device cpu --json")).json();
        let rows = evaluation["layers"].as_array().unwrap();
        // The last is raw pixels.
        assert_eq!(rows.len(), if objective == "simsiam" { 12 } else { 11 });
        for row in rows {
            let scores = row["scores"].as_array().unwrap();
            // The densities are for pooled blocks.
            let expected = match row["layer"].as_str().unwrap() {
                // Beside the densities the raw readings.
                "conv4-1x1" => 12,
                layer if layer.ends_with("-1x1") => 10,
                "pixels" => 6,
                _ => 5,
            };
            assert_eq!(scores.len(), expected, "{row}");
            assert!(scores.iter().all(|s| (0.0..=1.0).contains(&s["auroc"].as_f64().unwrap())), "{row}");
        }
        let sums = evaluation["ensembles"].as_array().unwrap();
        assert_eq!((sums.len(), sums[0]["name"].as_str()), (12, Some("ens")));
        assert!(sums.iter().all(|s| (0.0..=1.0).contains(&s["reached"]["auroc"].as_f64().unwrap())), "{sums:?}");
        lab.nsa(&format!("export {objective} --layers all --out assets/bundles/{objective} --device cpu")).succeeds();
        let history = fs::read(lab.path(&format!("assets/bundles/{objective}/history.json"))).unwrap();
        let history: serde_json::Value = serde_json::from_slice(&history).unwrap();
        for epoch in history["epochs"].as_array().unwrap() {
            for probe in ["linear-probe", "knn-1", "knn-20"] {
                assert!((0.0..=1.0).contains(&epoch["quality"][probe].as_f64().unwrap()), "{probe}: {epoch}");
            }
            assert!(epoch["id"]["spread"].as_f64().unwrap() > 0.01, "{epoch}");
        }
    }
    let verified = lab.nsa("verify assets").succeeds();
    assert_eq!(verified.stdout.lines().filter(|line| line.starts_with("ok      ")).count(), 4);

    let table = lab.nsa("eval simclr --layers conv4-1x1,head2 --scorers c-cos,k-cos --device cpu").succeeds().stdout;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..5], ["layer", "dim", "rank", "k-cos", "c-cos"]);
    assert_eq!(
        (lines.len(), lines[1][..2].to_vec(), lines[2][..2].to_vec()),
        (3, vec!["conv4-1x1", "16"], vec!["head2", "4"])
    );
    lab.nsa("eval simclr --layers conv5").fails(2, &["--layers must be among", "'conv5'"]);
    lab.nsa("eval simclr --scorers cos").fails(2, &["--scorers must be among", "kde", "'cos'"]);

    // What stands in eval.json is not computed again, and what is added keeps the rest.
    let file = lab.path("simclr/eval.json");
    let before = fs::read_to_string(&file).unwrap();
    let rival = lab.nsa("eval simclr --layers head1 --scorers oc-svm,k-cos --device cpu --json").json();
    assert_eq!(rival["layers"].as_array().unwrap().len(), 1);
    assert_eq!(rival["layers"][0]["scores"].as_array().unwrap().len(), 2);
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let mut after = json(&fs::read_to_string(&file).unwrap());
    let row = after["layers"].as_array_mut().unwrap().iter_mut().find(|row| row["layer"] == "head1").unwrap();
    row["scores"].as_array_mut().unwrap().retain(|score| score["scorer"] != "oc-svm");
    assert_eq!(after, json(&before));
    let forged = before.replace("\"epoch\": 1", "\"epoch\": 77");
    fs::write(&file, &forged).unwrap();
    assert_eq!(lab.nsa("eval simclr --json").json()["epoch"], 77, "taken from the file");
    fs::write(&file, forged.replace("\"checkpoint\": \"", "\"checkpoint\": \"0")).unwrap();
    assert_eq!(lab.nsa("eval simclr --device cpu --json").json()["epoch"], 1, "of another checkpoint");
    assert_eq!(fs::read_to_string(&file).unwrap(), before, "the same to the last byte");
    fs::write(&file, "{").unwrap();
    lab.nsa("eval simclr --json").fails(2, &["eval.json"]);

    // A reader that has gone is no error.
    let mut child = lab.command("data list").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_run_that_loses_itself_stops_and_says_so() {
    let lab = Lab::new();
    let line = train_line("run", 0).replace("--epochs 3", "--epochs 40");
    let stopped = lab.nsa(&format!("{line} --lr 10 --objective simclr"));
    stopped.fails(1, &["training stopped in epoch", "the network has collapsed", "try a smaller lr", "checkpoint"]);
    // What was reached before stays as it was.
    let record: serde_json::Value = serde_json::from_slice(&fs::read(lab.path("run/record.json")).unwrap()).unwrap();
    let (saved, measured) = (lab.path("run/checkpoint.bin").exists(), &record["history"]["epochs"]);
    assert_eq!(saved, !measured.as_array().unwrap().is_empty());
}

/// `SCORER on LAYER` of the score that is best on validation images.
fn shown_first(manifest: &Path) -> String {
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    let scores = manifest["scores"].as_array().unwrap().iter();
    let best = scores.max_by(|a, b| {
        let rate = |score: &serde_json::Value| score["auroc-validation"].as_f64().unwrap();
        rate(a).total_cmp(&rate(b))
    });
    let best = best.unwrap();
    format!("{} on {}", best["scorer"].as_str().unwrap(), best["layer"].as_str().unwrap())
}

#[test]
fn images_are_scored_and_broken_ones_named() {
    let lab = Lab::new();
    lab.train("run", 0);
    lab.nsa("export run --out assets/bundles/one --device cpu").succeeds();
    let images = synth_digits::generate(synth_digits::SEED, Split::Test, 1);
    png(&lab.path("three.png"), &images, 3);
    let values: Vec<f32> = images.pixels().iter().map(|&p| f32::from(p) / 255.0).collect();
    write_npy(&lab.path("all.npy"), "10, 3, 32, 32", &values);
    fs::write(lab.path("broken.png"), "no image").unwrap();
    let predict = |rest: &str| lab.nsa(&format!("predict --bundle assets/bundles/one --device cpu {rest}"));

    let from_png = predict("three.png --json").json();
    let from_npy = predict("all.npy --json").json();
    assert_eq!(from_npy.as_array().unwrap().len(), 10);
    assert_eq!((from_npy[3]["image"].as_str(), from_png[0]["image"].as_str()), (Some("all.npy[3]"), Some("three.png")));
    let score = |row: &serde_json::Value| row["score"].as_f64().unwrap();
    // Alone or in a batch: the order of sums differs, no more.
    assert!((score(&from_npy[3]) - score(&from_png[0])).abs() < 1e-4);
    assert_eq!(from_png[0]["scores"].as_array().unwrap().len(), 20);

    let table = predict("three.png").succeeds().stdout;
    let first = shown_first(&lab.path("assets/bundles/one/bundle.json"));
    assert!(table.starts_with(&first) && table.contains("  three.png\n"), "{table}");
    let partly = predict("broken.png three.png none.png --json");
    assert_eq!(partly.status, 2);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&partly.stdout).unwrap(), from_png);
    let lines: Vec<&str> = partly.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{}", partly.stderr);
    assert!(
        lines[0].contains("broken.png") && lines[1].contains("none.png") && lines[2].contains("2 of 3 files failed")
    );
    predict("broken.png").fails(2, &["broken.png must be an image as browsers show it", "neither PNG, JPEG", "1 of 1"]);
    write_npy(&lab.path("wild.npy"), "1, 3, 32, 32", &[1.5; 3072]);
    predict("wild.npy").fails(2, &["wild.npy", "0 to 1"]);
    write_npy(&lab.path("empty.npy"), "0, 3, 32, 32", &[]);
    assert_eq!(predict("empty.npy --json").json(), serde_json::json!([]));
}

#[test]
fn data_sets_become_arrays_and_galleries() {
    let lab = Lab::new();
    let result = lab.nsa("data export folder:data --split test --out x.npy --labels y.npy --json").json();
    assert_eq!(result["images"], 36);
    let pixels = read_npy(&lab.path("x.npy"));
    assert_eq!(pixels.len(), 36 * 3072);
    let digits = synth_digits::generate(synth_digits::SEED, Split::Test, 12);
    let first = &digits.pixels()[..3072];
    assert!(pixels.iter().zip(first).all(|(value, byte)| *value == f32::from(*byte) / 255.0));
    assert!(fs::read(lab.path("y.npy")).unwrap().ends_with(&[2; 12]));
    assert_eq!(lab.nsa("data info folder:data --json").json()["splits"]["train"]["images"], 72);
    lab.nsa("data export folder:nowhere --split test --out x.npy").fails(2, &["nowhere"]);
    lab.nsa("data export folder:data --split valid --out x.npy").fails(2, &["valid", "train"]);

    lab.nsa("gallery --dataset folder:data --per-class 5 --out galleries/mine.safetensors").succeeds();
    let bytes = fs::read(lab.path("galleries/mine.safetensors")).unwrap();
    let classes = ["class-0", "class-1", "class-2"].map(String::from);
    let images = nsa_core::bundle::gallery_from_bytes(&bytes, &classes).unwrap();
    assert_eq!((images.len(), images.of_class(2).len()), (15, 5));
    assert_eq!(&images.pixels()[..3072], first);
}

/// `nsa COMMAND --help` is a manual page: what, an example, what the exit status means.
#[test]
fn every_command_explains_itself() {
    let lab = Lab::new();
    // What parts of `bench` have in common is said once.
    let all = commands(&lab).into_iter().filter(|command| !command.starts_with("bench "));
    for command in all.chain(["bench".into(), "data".into()]) {
        let help = lab.nsa(&format!("{command} --help")).succeeds().stdout;
        assert!(help.contains(&format!("\n  nsa {command} ")), "{command} has no example: {help}");
        assert!(help.contains("\nExit status: 0"), "{command} does not say its exit status: {help}");
    }
}

//! The methods of other papers: trained, evaluated, exported and asked of images, each by the score of its authors.

#![allow(clippy::unwrap_used)]

mod common;

use common::Lab;
use nsa_core::config::{Norm, Objective};
use nsa_core::eval::auroc;
use serde_json::Value;

/// What a JSON list of scores says of one of them.
fn of<'a>(scores: &'a Value, layer: &str, scorer: &str) -> &'a Value {
    let mut scores = scores.as_array().unwrap().iter();
    scores.find(|score| score["layer"] == layer && score["scorer"] == scorer).unwrap()
}

/// The images of the test split, of the run's class and of the others.
fn test_images(lab: &Lab) -> [String; 2] {
    let of_class = |class: usize| {
        let mut files: Vec<_> = std::fs::read_dir(lab.path(&format!("data/test/class-{class}"))).unwrap().collect();
        files.sort_by_key(|file| file.as_ref().unwrap().path());
        let path = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().path().display().to_string();
        files.into_iter().map(path).collect::<Vec<_>>().join(" ")
    };
    [of_class(1), of_class(0) + " " + &of_class(2)]
}

#[test]
fn every_method_of_another_paper_brings_its_own_score_along() {
    let lab = Lab::new();
    let images = test_images(&lab);
    for objective in Objective::ALL.into_iter().filter(|objective| objective.is_rival()) {
        // The first of them has weights for those that begin with some.
        let weights = if objective.adapts_weights() { "--weights assets/bundles/ssd/model.safetensors" } else { "" };
        lab.nsa(&format!(
            "train --dataset folder:data --id-class 1 --objective {objective} --width 2 --batch 8 --epochs 2 \
             --eval-every 1 --eval-limit 10 --lr 1e-3 --device cpu --out {objective} {weights}"
        ))
        .succeeds();
        let record: Value =
            serde_json::from_slice(&std::fs::read(lab.path(&format!("{objective}/record.json"))).unwrap()).unwrap();
        let evaluated = lab.nsa(&format!("eval {objective} --device cpu --json")).json();
        let bundle = format!("assets/bundles/{objective}");
        lab.nsa(&format!("export {objective} --out {bundle} --device cpu")).succeeds();
        let manifest: Value =
            serde_json::from_slice(&std::fs::read(lab.path(&format!("{bundle}/bundle.json"))).unwrap()).unwrap();
        let predict = |images: &str| lab.nsa(&format!("predict --bundle {bundle} --json --device cpu {images}")).json();
        let predicted = images.each_ref().map(|images| predict(images));

        assert!(!objective.own_scores().is_empty(), "{objective}");
        for (layer, scorer) in objective.own_scores() {
            let (layer, scorer) = (layer.to_string(), scorer.to_string());
            let what = format!("{objective}: {scorer} on {layer}");
            // Followed in training, before it and after each of the two epochs.
            for entry in record["history"]["epochs"].as_array().unwrap() {
                for followed in ["auroc", "validation"] {
                    let mut rates = entry[followed].as_array().unwrap().iter();
                    assert!(rates.any(|rate| rate[0] == scorer.as_str()), "{what}: {followed} in {entry}");
                }
            }
            // A row of the tables.
            let mut rows = evaluated["layers"].as_array().unwrap().iter();
            let row = rows.find(|row| row["layer"] == layer.as_str()).unwrap();
            let mut scores = row["scores"].as_array().unwrap().iter();
            let reached = scores.find(|score| score["scorer"] == scorer.as_str()).unwrap()["auroc"].as_f64().unwrap();
            // In the bundle, by weights in half precision; and what it says of itself is what it does.
            let entry = of(&manifest["scores"], &layer, &scorer);
            let full = entry["auroc-full"].as_f64().unwrap();
            assert!((full - reached).abs() < 0.02, "{what}: {full} in the bundle, {reached} in the tables");
            let scores = predicted.each_ref().map(|rows| {
                let score = |row: &Value| of(&row["scores"], &layer, &scorer)["score"].as_f64().unwrap() as f32;
                rows.as_array().unwrap().iter().map(score).collect::<Vec<_>>()
            });
            let (found, told) = (auroc(&scores[0], &scores[1]).unwrap(), entry["auroc-exported"].as_f64().unwrap());
            assert!((found - told).abs() < 1e-6, "{what}: images give {found}, the bundle tells {told}");
        }
    }
    lab.nsa("verify assets").succeeds();

    // And they stand beside each other in a report.
    let rivals: Vec<Objective> = Objective::ALL.into_iter().filter(|objective| objective.is_rival()).collect();
    let runs: Vec<&str> = rivals.iter().map(|objective| objective.name()).collect();
    lab.nsa(&format!("report {} --out report", runs.join(" "))).succeeds();
    let report = std::fs::read_to_string(lab.path("report/runs/folder-data.md")).unwrap();
    let table = report.split("## The methods of other papers").nth(1).unwrap().split("\n## ").next().unwrap();
    for objective in rivals {
        let row = format!("| {} | ", objective.with_norm(Norm::None));
        let own = objective.own_scores().iter().map(|(layer, scorer)| format!("{scorer} on {layer}: "));
        let line = table.lines().find(|line| line.starts_with(&row)).unwrap();
        assert!(own.into_iter().all(|own| line.contains(&own)) && !line.contains(": -"), "{line}");
    }
    // Two tables: from weights is another setting.
    assert_eq!(table.lines().filter(|line| line.starts_with("| raw pixels | ")).count(), 6, "{table}");
}

/// The weights that PANDA began with are the features of its epoch 0, and it is never begun or gone on with without them.
#[test]
fn panda_begins_where_another_run_ended() {
    let lab = Lab::new();
    let train = |line: &str| {
        lab.nsa(&format!(
            "train --dataset folder:data --id-class 1 --batch 8 --eval-every 1 --eval-limit 10 --device cpu {line}"
        ))
    };
    train("--objective ssd --width 2 --epochs 2 --out ssd").succeeds();
    lab.nsa("export ssd --out assets/bundles/ssd --device cpu").succeeds();
    let weights = "--weights assets/bundles/ssd/model.safetensors";
    train(&format!("--objective panda --width 2 --epochs 0 {weights} --out dn2")).succeeds();
    let reached = |run: &str| {
        let table = lab.nsa(&format!("eval {run} --layers conv4-1x1 --scorers knn-l2 --device cpu --json")).json();
        table["layers"][0]["scores"][0]["auroc"].as_f64().unwrap()
    };
    // The bundle has them in half precision.
    assert!((reached("dn2") - reached("ssd")).abs() < 0.02);

    train("--objective panda --epochs 1 --out none")
        .fails(2, &["panda begins with an encoder from elsewhere", "--weights"]);
    train(&format!("--objective ssd --epochs 1 {weights} --out none"))
        .fails(2, &["weights must be given with objective panda"]);
    train(&format!("--objective panda --epochs 1 {weights} --width 4 --out none")).fails(2, &["model.safetensors"]);
    // The settings of a run name its weights, and others are refused.
    lab.nsa(&format!("train --config dn2/config.toml --epochs 1 {weights} --device cpu --out again")).succeeds();
    let other = "--weights dn2/config.toml";
    lab.nsa(&format!("train --config dn2/config.toml {other} --out none"))
        .fails(2, &["SHA-256 that the settings name"]);
    std::fs::remove_file(lab.path("again/checkpoint.bin")).unwrap();
    lab.nsa("train --resume again --device cpu").fails(2, &["panda begins with an encoder from elsewhere"]);
}

#[test]
fn the_paper_s_norm_is_not_put_into_other_methods() {
    let line = "train --dataset synth-digits --objective ssd --norm f --out run";
    Lab::new().nsa(line).fails(2, &["norm must be none with an objective of another paper, found f"]);
}

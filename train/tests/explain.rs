//! `nsa predict --explain` names the right training images, also from a bank that was shrunk.

#![allow(clippy::unwrap_used)]

mod common;

use common::Lab;
use serde_json::Value;

/// The neighbours of training image 5 by plain k-Cos on the pooled output, as (position, angle).
fn neighbours(lab: &Lab, bundle: &str) -> Vec<(Option<u64>, f64)> {
    let line = format!("predict --bundle {bundle} data/train/class-1/05.png --explain --json --device cpu");
    let rows = lab.nsa(&line).json();
    let scores = rows[0]["scores"].as_array().unwrap();
    let score = scores.iter().find(|s| s["layer"] == "conv4-1x1" && s["scorer"] == "k-cos").unwrap();
    let near = score["neighbours"].as_array().unwrap();
    let pair = |n: &Value| (n["position"].as_u64(), n["angle"].as_f64().unwrap());
    assert_eq!(pair(&near[0]).1, score["score"].as_f64().unwrap(), "k-Cos is the angle to the nearest");
    near.iter().map(pair).collect()
}

#[test]
fn a_training_image_is_nearest_to_itself() {
    let lab = Lab::new();
    lab.train("run", 0);
    lab.nsa("export run --out assets/bundles/full --device cpu").succeeds();
    lab.nsa("export run --out assets/bundles/small --bank 8 --device cpu").succeeds();
    lab.nsa("verify assets").succeeds();

    let full = neighbours(&lab, "assets/bundles/full");
    // Zero but for the half precision of the bank.
    assert!(full[0].0 == Some(5) && full[0].1 < 2e-3, "{full:?}");
    assert_eq!(full.len(), 5);
    assert!(full.is_sorted_by(|a, b| a.1 <= b.1));

    // What a coreset keeps, it still calls by its number in the whole training set.
    let small = neighbours(&lab, "assets/bundles/small");
    assert!(small.iter().all(|(position, _)| position.is_some_and(|p| p < 24)), "{small:?}");
    for (position, angle) in &full {
        if let Some((_, found)) = small.iter().find(|(p, _)| p == position) {
            assert!((found - angle).abs() < 1e-6, "{small:?} and {full:?}");
        }
    }
    assert!(small[0].1 >= full[0].1);
}

#[test]
fn the_parts_of_the_ensemble_add_up() {
    let lab = Lab::new();
    lab.train("run", 0);
    lab.nsa("export run --out assets/bundles/one --layers conv3-1x1,conv4-1x1,head1 --device cpu").succeeds();
    let predict = "predict --bundle assets/bundles/one data/test/class-0/00.png --device cpu";
    let rows = lab.nsa(&format!("{predict} --explain --json")).json();
    let (parts, sum) = (rows[0]["ensemble"]["parts"].as_array().unwrap(), rows[0]["ensemble"]["sum"].as_f64().unwrap());
    // Two scores of each of two maps, and two of the head.
    assert_eq!(parts.len(), 6);
    let added: f64 = parts.iter().map(|part| part["value"].as_f64().unwrap()).sum();
    assert!((added - sum).abs() < 1e-4, "{parts:?} and {sum}");

    let table = lab.nsa(&format!("{predict} --explain")).succeeds().stdout;
    assert!(table.contains("degrees from training image") && table.contains("ensemble"), "{table}");
    let plain = lab.nsa(&format!("{predict} --json")).json();
    assert!(plain[0].get("ensemble").is_none() && plain[0]["scores"][0].get("neighbours").is_none());
}

//! A bundle in one zip, as the page gives it for download, is read like its folder.
#![allow(clippy::unwrap_used)]

mod common;

use common::Lab;
use nsa_core::bundle::{FILES, MANIFEST_FILE, to_zip};
use std::fs;

fn pack(lab: &Lab, bundle: &str, zip: &str) {
    let read = |name: &'static str| (name, fs::read(lab.path(bundle).join(name)).unwrap());
    let files: Vec<_> = FILES.into_iter().chain([MANIFEST_FILE]).map(read).collect();
    fs::write(lab.path(zip), to_zip(&files).unwrap()).unwrap();
}

#[test]
fn a_zip_scores_and_is_judged_as_its_folder() {
    let lab = Lab::new();
    lab.train("run", 0);
    lab.nsa("export run --out assets/bundles/mine --device cpu").succeeds();
    pack(&lab, "assets/bundles/mine", "mine.zip");

    let predict = |bundle: &str| {
        let line =
            format!("predict --bundle {bundle} data/test/class-1/00.png data/test/class-2/03.png --device cpu --json");
        lab.nsa(&line).succeeds().stdout
    };
    assert_eq!(predict("mine.zip"), predict("assets/bundles/mine"));

    // What the bundle's own banks reach on the test set is what its manifest announces.
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(lab.path("assets/bundles/mine").join(MANIFEST_FILE)).unwrap()).unwrap();
    let judged = lab.nsa("eval mine.zip --device cpu --json").succeeds().stdout;
    assert_eq!(judged, lab.nsa("eval assets/bundles/mine --device cpu --json").succeeds().stdout);
    let rows: serde_json::Value = serde_json::from_str(&judged).unwrap();
    let mut compared = 0;
    for row in rows["layers"].as_array().unwrap() {
        for score in row["scores"].as_array().unwrap() {
            let same = |e: &&serde_json::Value| e["layer"] == row["layer"] && e["scorer"] == score["scorer"];
            let told = manifest["scores"].as_array().unwrap().iter().find(same).unwrap();
            let (told, found) = (told["auroc-exported"].as_f64().unwrap(), score["auroc"].as_f64().unwrap());
            assert!((told - found).abs() < 1e-6, "{row}: {told}");
            compared += 1;
        }
    }
    assert_eq!(compared, 20);
}

#[test]
fn a_zip_that_is_none_is_refused_in_a_sentence() {
    let lab = Lab::new();
    fs::write(lab.path("bad.zip"), b"this is no zip").unwrap();
    for line in ["predict --bundle bad.zip data/test/class-1/00.png", "eval bad.zip"] {
        let answer = lab.nsa(line);
        assert_eq!(answer.status, 2, "{}", answer.stderr);
        assert!(answer.stderr.contains("bad.zip: the zip: "), "{}", answer.stderr);
    }
    assert_eq!(lab.nsa("eval nowhere").status, 2);
}

//! An export that is killed leaves the old bundle or the new one, whole, and a catalogue that lists it.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, Lab, contents, copy};
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// When to kill an export.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So many per cent of the time that it takes.
    Share(u32),
    /// So many microseconds after a file has appeared.
    After(&'static str, u64),
    /// So many microseconds after a file is gone again.
    Gone(&'static str, u64),
}

const MOMENTS: [Moment; 18] = [
    Moment::Share(10),
    Moment::Share(50),
    Moment::Share(80),
    Moment::Share(90),
    Moment::After("bundles/.one.nsa-*", 0),
    Moment::After("bundles/.one.nsa-*/bank.safetensors", 0),
    Moment::After("bundles/.one.nsa-*/bundle.json", 0),
    Moment::After(".catalog.json.nsa-*", 0),
    Moment::After(".catalog.json.nsa-*", 100),
    Moment::After(".catalog.json.nsa-*", 300),
    Moment::After(".catalog.json.nsa-*", 600),
    Moment::After(".catalog.json.nsa-*", 1000),
    Moment::After(".catalog.json.nsa-*", 2000),
    Moment::Gone(".catalog.json.nsa-*", 0),
    Moment::Gone("bundles/.one.nsa-*/bundle.json", 0),
    Moment::Gone("bundles/.one.nsa-*", 0),
    Moment::Gone("bundles/.one.nsa-*", 50),
    Moment::Gone("bundles/.one.nsa-*", 500),
];

/// Whether there is a file; a star stands for any end of a name.
fn is_there(assets: &Path, file: &str) -> bool {
    let Some((begins, rest)) = file.split_once('*') else { return assets.join(file).exists() };
    let begins = assets.join(begins);
    let name = begins.file_name().unwrap().to_str().unwrap();
    let entries = fs::read_dir(begins.parent().unwrap()).into_iter().flatten();
    let mut found = entries.map(|entry| entry.unwrap()).filter(|e| e.file_name().to_str().unwrap().starts_with(name));
    found.any(|entry| rest.is_empty() || entry.path().join(&rest[1..]).exists())
}

fn kill_at(mut child: Child, moment: Moment, whole: Duration, assets: &Path) {
    let mut wait_for = |file: &str, there: bool| {
        while child.try_wait().unwrap().is_none() && is_there(assets, file) != there {}
    };
    match moment {
        Moment::Share(percent) => std::thread::sleep(whole * percent / 100),
        Moment::After(file, delay) => {
            wait_for(file, true);
            std::thread::sleep(Duration::from_micros(delay));
        }
        Moment::Gone(file, delay) => {
            wait_for(file, true);
            wait_for(file, false);
            std::thread::sleep(Duration::from_micros(delay));
        }
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.code().is_some() {
        Answer::of("export", output).succeeds();
    }
}

#[test]
fn a_killed_export_leaves_a_whole_bundle() {
    let lab = Lab::new();
    lab.train("old", 0);
    lab.train("new", 1);
    let export = |run: &str, assets: &str| format!("export {run} --out {assets}/bundles/one --device cpu");
    lab.nsa(&export("old", "before")).succeeds();
    let started = Instant::now();
    lab.nsa(&export("new", "after")).succeeds();
    let whole = started.elapsed();
    let (old, new) = (contents(&lab.path("before/bundles/one")), contents(&lab.path("after/bundles/one")));
    assert_ne!(old, new);

    for (i, moment) in MOMENTS.into_iter().enumerate() {
        for replaces in [true, false] {
            let name = format!("assets-{i}-{replaces}");
            let (assets, what) = (lab.path(&name), format!("{moment:?}, over an old one: {replaces}"));
            fs::create_dir_all(&assets).unwrap();
            if replaces {
                copy(&lab.path("before"), &assets);
            }
            kill_at(lab.command(&export("new", &name)).spawn().unwrap(), moment, whole, &assets);

            let verify = lab.nsa(&format!("verify {name}"));
            let bundle = assets.join("bundles/one");
            if bundle.exists() {
                let found = contents(&bundle);
                assert!(found == new || (replaces && found == old), "{what}: neither the old bundle nor the new one");
                assert_eq!(verify.status, 0, "{what}\n{}{}", verify.stdout, verify.stderr);
            } else {
                assert!(!replaces, "{what}: the old bundle is gone");
                assert!(verify.status == 2 || verify.stdout.is_empty(), "{what}");
            }

            lab.nsa(&export("new", &name)).succeeds();
            assert_eq!(contents(&bundle), new, "{what}");
            let left: Vec<_> = fs::read_dir(assets.join("bundles")).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, ["one"], "{what}");
            let catalog: Vec<_> = fs::read_dir(&assets).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(catalog.len(), 2, "{what}: {catalog:?}");
            assert_eq!(lab.nsa(&format!("verify {name}")).succeeds().stderr, "", "{what}");
        }
    }
}

#[test]
fn the_moment_between_bundle_and_catalogue_is_bridged() {
    let lab = Lab::new();
    lab.train("old", 0);
    lab.nsa("export old --out assets/bundles/one --device cpu").succeeds();
    lab.nsa("export old --out assets/bundles/two --title Another --device cpu").succeeds();
    // As if `two` were in its place and its catalogue not yet.
    lab.nsa("export old --out assets/bundles/three --device cpu").succeeds();
    let listed = fs::read(lab.path("assets/catalog.json")).unwrap();
    let staged = lab.path("assets/.catalog.json.nsa-0123456789abcdef");
    fs::write(&staged, &listed).unwrap();
    let mut stale: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    stale["bundles"].as_array_mut().unwrap().retain(|bundle| bundle["id"] != "two");
    fs::write(lab.path("assets/catalog.json"), stale.to_string()).unwrap();
    let verify = lab.nsa("verify assets").succeeds();
    assert!(verify.stderr.contains("the export of two was stopped"), "{}", verify.stderr);
    // Without that trace it is simply a wrong catalogue.
    fs::remove_file(&staged).unwrap();
    let verify = lab.nsa("verify assets");
    assert_eq!(verify.status, 2);
    assert!(verify.stderr.contains("two/bundle.json must be listed in catalog.json as it is, found no entry"));
    assert!(verify.stdout.contains("ok      one") && verify.stdout.contains("ok      three"));
}

#[test]
fn export_keeps_its_hands_off_what_is_not_a_bundle() {
    let lab = Lab::new();
    lab.train("run", 0);
    fs::create_dir_all(lab.path("assets/bundles/photos")).unwrap();
    fs::write(lab.path("assets/bundles/photos/me.jpg"), "dear to me").unwrap();
    lab.nsa("export run --out assets/bundles/photos --device cpu").fails(2, &["photos is there already"]);
    assert!(lab.path("assets/bundles/photos/me.jpg").exists());
    lab.nsa("export run --out assets/bundles/Bad_Id --device cpu").fails(2, &["--out must end in", "'Bad_Id'"]);
    lab.nsa("export run --out assets/bundles/one --layers conv9 --device cpu").fails(2, &["conv9"]);

    // A slash at the end once put what was being written into the bundle; a folder without a manifest once stopped all exports.
    let export = lab.nsa("export run --out assets/bundles/one/ --layers all --device cpu").succeeds();
    assert!(export.stderr.contains("catalog.json leaves out photos"), "{}", export.stderr);
    lab.nsa("export run --out assets/bundles/one/ --layers all --device cpu").succeeds();
    fs::remove_dir_all(lab.path("assets/bundles/photos")).unwrap();
    assert_eq!(fs::read_dir(lab.path("assets/bundles")).unwrap().count(), 1);
    lab.nsa("verify assets").succeeds();
}

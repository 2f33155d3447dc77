//! `nsa fit`: a person's own normal, from folders to scores.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, png};
use nsa_core::data::{ImageSet, Split, synth_digits};
use nsa_core::rng::Rng;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/bundles/digits");

/// Folders `normal` (24 pictures of a seven), `more` (12 others) and `odd` (12 of a nought).
fn lab() -> Lab {
    let lab = Lab::new();
    for (folder, digit, range) in [("normal", 7, 0..24), ("more", 7, 24..36), ("odd", 0, 0..12)] {
        fs::create_dir(lab.path(folder)).unwrap();
        let images = synth_digits::generate(synth_digits::SEED, Split::Test, 40);
        let of_digit = images.of_class(digit);
        range.for_each(|i| png(&lab.path(&format!("{folder}/{i:02}.png")), &images, of_digit[i]));
    }
    lab
}

fn scores(rows: &Value) -> Vec<f64> {
    rows.as_array().unwrap().iter().map(|row| row["score"].as_f64().unwrap()).collect()
}

#[test]
fn a_folder_becomes_a_bundle_that_tells_others_apart() {
    let lab = lab();
    let fitted = lab.nsa(&format!("fit --bundle {DIGITS} --normal normal --out sevens.zip --json --device cpu")).json();
    assert_eq!((fitted["id"].as_str(), fitted["images"].as_u64()), (Some("sevens"), Some(24)));
    let default = &fitted["scores"][fitted["default"].as_u64().unwrap() as usize];
    // Of 24 scores the 24th is exceeded by one image in 25, the 23rd by two: 0.05 allows one.
    assert_eq!(default["expected"].as_f64(), Some(0.04));

    let predict = |what: &str| lab.nsa(&format!("predict --bundle sevens.zip {what} --device cpu --json")).json();
    let (more, odd) = (predict("more"), predict("odd"));
    let alarms = |rows: &Value| rows.as_array().unwrap().iter().filter(|row| row["anomalous"] == true).count();
    assert_eq!(more[0]["threshold"], default["threshold"]);
    assert!(alarms(&more) <= 3 && alarms(&odd) > 2 * alarms(&more), "{} and {}", alarms(&more), alarms(&odd));

    // The AUROC is that of the scores.
    let told = lab.nsa("eval sevens.zip --id more --ood odd --device cpu --json").json();
    let (id, ood) = (scores(&more), scores(&odd));
    let wins: f64 = id
        .iter()
        .flat_map(|a| ood.iter().map(move |b| if a < b { 1.0 } else { 0.5 * f64::from(u8::from(a == b)) }))
        .sum();
    let (layer, scorer) = (&default["layer"], &default["scorer"]);
    let row = told["layers"].as_array().unwrap().iter().find(|row| row["layer"] == *layer).unwrap();
    let entry = row["scores"].as_array().unwrap().iter().find(|entry| entry["scorer"] == *scorer).unwrap();
    assert!((entry["auroc"].as_f64().unwrap() - wins / 144.0).abs() < 1e-9, "{entry}, {wins}");
}

#[test]
fn a_fitted_bundle_is_listed_checked_and_fitted_again() {
    let lab = lab();
    lab.train("run", 0);
    lab.nsa("export run --out assets/bundles/encoder --device cpu").succeeds();
    let line = "fit --bundle assets/bundles/encoder --normal normal more --title Sevens --out assets/bundles/sevens --device cpu";
    assert!(lab.nsa(line).succeeds().stdout.starts_with("36 normal images; "));
    let verified = lab.nsa("verify assets").succeeds().stdout;
    assert!(verified.contains("ok      sevens") && verified.contains("a person's own normal by"), "{verified}");
    // From the fitted bundle's own encoder, and with a file that is no image.
    fs::write(lab.path("odd/broken.png"), "none").unwrap();
    let again = lab.nsa("fit --bundle assets/bundles/sevens --normal odd --out noughts.zip --device cpu");
    assert_eq!(again.status, 2);
    assert!(
        again.stdout.starts_with("12 normal images; ") && again.stderr.contains("1 of 13 files failed"),
        "{}",
        again.stderr
    );
    lab.nsa("eval noughts.zip").fails(2, &["person's own normal", "--id and --ood"]);
    lab.nsa("eval run --id more --ood odd").fails(2, &["for a bundle"]);
}

#[test]
fn weights_of_a_file_fit_as_the_bundle_that_they_are_of() {
    let lab = lab();
    let fit = |what: &str| lab.nsa(&format!("fit {what} --normal normal --json --device cpu"));
    let known = fit(&format!("--bundle {DIGITS} --out known.zip")).json();
    let weights = format!("--weights {DIGITS}/model.safetensors --arch resnet18");
    let found = fit(&format!("{weights} --stem cifar --width 8 --out found.zip")).json();
    assert_eq!(found["scores"], known["scores"]);
    let of = |bundle: &str| scores(&lab.nsa(&format!("predict --bundle {bundle} odd --device cpu --json")).json());
    assert_eq!(of("found.zip"), of("known.zip"));

    fit(&format!("{weights} --stem imagenet --out none.zip")).fails(2, &["resnet18 and cifar", "nsa embed"]);
    fit(&format!("{weights} --stem cifar --out none.zip")).fails(2, &["for width 64"]);
    fit(&format!("{weights} --out none.zip")).fails(2, &["--stem"]);
    fit("--out none.zip").fails(2, &["--bundle"]);
}

#[test]
fn too_few_and_equal_images_say_so_and_leave_nothing() {
    let lab = lab();
    fs::create_dir(lab.path("same")).unwrap();
    for i in 0..9 {
        fs::copy(lab.path("odd/03.png"), lab.path(&format!("same/{i}.png"))).unwrap();
    }
    fs::create_dir(lab.path("none")).unwrap();
    let fit = |what: &str| lab.nsa(&format!("fit --bundle {DIGITS} --normal {what} --out out --device cpu"));
    fit("normal/01.png normal/02.png").fails(2, &["8 to 1000 images, found 2"]);
    fit("same").fails(2, &["these images give no bank", "all 9 are the same"]);
    fit("none").fails(2, &["none must hold images", "found none"]);
    assert!(!lab.path("out").exists());
    let named = format!("fit --bundle {DIGITS} --normal normal --out Sevens --device cpu");
    lab.nsa(&named).fails(2, &["a-z, 0-9", "'Sevens'"]);
    lab.nsa(&format!("fit --bundle {DIGITS} --normal normal --out normal --device cpu"))
        .fails(2, &["holds no bundle.json"]);
}

#[test]
fn a_folder_named_twice_counts_once() {
    let lab = lab();
    let fit =
        |what: &str| lab.nsa(&format!("fit --bundle {DIGITS} --normal {what} --out sevens.zip --json --device cpu"));
    let once = fit("normal").json();
    let twice = fit("normal ./normal");
    assert!(twice.stderr.contains("24 of the 48 images are copies of others, pixel for pixel"), "{}", twice.stderr);
    let twice = twice.json();
    assert_eq!(
        (twice["images"].as_u64(), twice["copies"].as_u64(), twice["views"].as_u64()),
        (Some(48), Some(24), Some(24))
    );
    assert_eq!((once["copies"].as_u64(), once["views"].as_u64()), (Some(0), Some(24)));
    let default = once["default"].as_u64().unwrap() as usize;
    assert_eq!(twice["scores"][default], once["scores"][default], "threshold and promise are those of 24 images");
    assert_eq!(twice["groups"].as_array().unwrap()[24..], once["groups"].as_array().unwrap()[..]);
}

#[test]
fn images_that_were_fitted_are_told_when_they_are_judged() {
    let lab = lab();
    lab.nsa(&format!("fit --bundle {DIGITS} --normal normal --out sevens.zip --device cpu")).succeeds();
    let judged = lab.nsa("predict --bundle sevens.zip normal more --device cpu --json");
    assert!(
        judged.stderr.contains("24 of the 36 images are among those that the bundle was fitted on"),
        "{}",
        judged.stderr
    );
    let rows = judged.json();
    let fitted = rows.as_array().unwrap().iter().map(|row| row["fitted"].as_bool().unwrap());
    assert_eq!(fitted.collect::<Vec<_>>(), [[true; 24].as_slice(), &[false; 12]].concat());
    let table = lab.nsa("predict --bundle sevens.zip normal/03.png more/30.png --device cpu").succeeds().stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[2].ends_with("normal/03.png  (it was fitted)") && lines[3].ends_with("more/30.png"), "{table}");
    let told = lab.nsa("eval sevens.zip --id normal --ood odd --device cpu").succeeds().stderr;
    assert!(told.contains("24 of the 24 images are among those"), "{told}");
    assert!(!lab.nsa("predict --bundle sevens.zip more --device cpu").succeeds().stderr.contains("fitted on"));
    // A bundle with a test set of its own has no such images.
    let plain = lab.nsa(&format!("predict --bundle {DIGITS} more --device cpu --json")).json();
    assert!(plain[0].get("fitted").is_none());
}

/// `scenes` pictures of a seven, five frames of each: one pixel farther right at most, a little lighter, with noise.
fn bursts(lab: &Lab, folder: &str, scenes: usize) {
    fs::create_dir(lab.path(folder)).unwrap();
    let mut rng = Rng::new(1, folder, &[]);
    for scene in 0..scenes {
        let picture = synth_digits::image(0, Split::Test, 7, scene);
        for frame in 0..5 {
            let (right, light) = (frame % 2, 0.97 + 0.06 * rng.unit());
            let value = |at: usize| f32::from(picture[if at.is_multiple_of(32) { at } else { at - right }]) * light;
            let noisy = (0..picture.len()).map(|at| value(at) + 3.0 * rng.normal() as f32);
            let pixels = noisy.map(|v| v.round().clamp(0.0, 255.0) as u8).collect();
            let image = ImageSet::new(pixels, vec![0], vec!["seven".into()]).unwrap();
            png(&lab.path(&format!("{folder}/{scene:02}-{frame}.png")), &image, 0);
        }
    }
}

#[test]
fn bursts_are_counted_as_views_and_more_variety_is_asked_for() {
    let lab = lab();
    bursts(&lab, "eight", 8);
    bursts(&lab, "two", 2);
    let fit =
        |what: &str| lab.nsa(&format!("fit --bundle {DIGITS} --normal {what} --out of-{what}.zip --json --device cpu"));
    let eight = fit("eight").json();
    let views = eight["views"].as_u64().unwrap();
    assert!((8..=11).contains(&views), "{views} views of 8 scenes");
    let default = |fitted: &Value| fitted["scores"][fitted["default"].as_u64().unwrap() as usize].clone();
    assert_eq!(default(&eight)["expected"].as_f64(), Some(1.0 / (views + 1) as f64), "and not 1/41");
    // Other pictures of a seven: most are called normal. Image by image the threshold called all of them anomalous.
    let rows = lab.nsa("predict --bundle of-eight.zip more normal/20.png normal/21.png --device cpu --json").json();
    let anomalous = rows.as_array().unwrap().iter().filter(|row| row["anomalous"] == true).count();
    assert!(anomalous <= 6, "{anomalous} of 14");

    let two = fit("two");
    assert!(
        two.stderr.contains("the 10 images show about 2 different views")
            && two.stderr.contains("promises nothing")
            && two.stderr.contains("add images of other views, 8 at least"),
        "{}",
        two.stderr
    );
    assert_eq!(two.json()["views"].as_u64(), Some(2));
    let table = lab.nsa("predict --bundle of-two.zip odd/00.png --device cpu").succeeds().stdout;
    assert!(
        table.contains("\n10 normal images, about 2 different views; anomalous from ")
            && table.contains("00.png  anomalous"),
        "{table}"
    );
}

#[test]
fn a_title_with_a_tab_is_refused_before_the_work() {
    let lab = lab();
    let mut command = lab.command(&format!("fit --bundle {DIGITS} --normal normal --out sevens.zip --device cpu"));
    let refused = command.args(["--title", "My\tsevens\n"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("a title must be one line of plain text, found '\\t' in it")
    );
    assert!(!lab.path("sevens.zip").exists());
}

#[test]
fn images_are_scored_as_they_come() {
    let lab = lab();
    lab.nsa(&format!("fit --bundle {DIGITS} --normal normal --out sevens.zip --device cpu")).succeeds();
    fs::create_dir(lab.path("camera")).unwrap();
    fs::copy(lab.path("more/24.png"), lab.path("camera/first.png")).unwrap();
    let mut watching = lab.command("predict --bundle sevens.zip --watch camera --json --device cpu").spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["image"], "camera/first.png");
    // What is no image is passed over, whatever its name ends in.
    fs::write(lab.path("camera/notes.txt"), "hello").unwrap();
    fs::write(lab.path("camera/broken.png"), "none").unwrap();
    fs::copy(lab.path("odd/03.png"), lab.path("camera/second.png")).unwrap();
    let second = next();
    // The same name with another picture in it.
    fs::copy(lab.path("more/25.png"), lab.path("camera/first.png")).unwrap();
    let third = next();
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert_eq!(
        (second["image"].as_str(), third["image"].as_str()),
        (Some("camera/second.png"), Some("camera/first.png"))
    );
    let direct = lab.nsa("predict --bundle sevens.zip odd/03.png more/25.png --json --device cpu").json();
    for (row, expected) in [(&second, &direct[0]), (&third, &direct[1])] {
        assert!((row["score"].as_f64().unwrap() - expected["score"].as_f64().unwrap()).abs() < 1e-5);
    }
}

//! Bundles that are broken or hostile: one sentence names the file, the others are still checked, nothing panics.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, copy};
use nsa_core::bundle::{FILES, sha256};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// The bundle that is damaged, next to `good`.
const BAD: &str = "bundles/bad";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.train("run", 0);
    lab.nsa("export run --out whole/bundles/good --device cpu").succeeds();
    lab.nsa("export run --out whole/bundles/bad --device cpu").succeeds();
    lab
}

/// Damages a copy of the bundle and expects one sentence with these words.
#[track_caller]
fn expect(lab: &Lab, damage: impl Fn(&Path), words: &[&str]) {
    let assets = lab.path("assets");
    copy(&lab.path("whole"), &assets);
    damage(&assets);
    let verify = lab.nsa("verify assets");
    let what = format!("{}{}", verify.stdout, verify.stderr);
    assert_eq!(verify.status, 2, "{what}");
    assert!(verify.stdout.contains("ok      good") && verify.stdout.contains("FAILED  bad"), "{what}");
    let lines: Vec<&str> = verify.stderr.lines().collect();
    assert_eq!((lines.len(), lines[1]), (2, "nsa: 1 of 2 bundles failed"), "{what}");
    assert!(words.iter().all(|word| lines[0].contains(word)), "{words:?} in {what}");
    assert!(lines[0].len() < 500, "{what}");

    let predict = lab.nsa("predict --bundle assets/bundles/bad data/test/class-0/00.png --device cpu");
    let only_verified = ["history.json", "frames.safetensors"].iter().any(|file| words.contains(file));
    if !only_verified {
        predict.fails(2, words);
    }
    fs::remove_dir_all(assets).unwrap();
}

fn edit(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn edit_json(path: &Path, change: impl Fn(&mut Value)) {
    edit(path, |bytes| {
        let mut value = serde_json::from_slice(bytes).unwrap();
        change(&mut value);
        *bytes = serde_json::to_vec_pretty(&value).unwrap();
    });
}

/// Makes sizes, checksums and catalogue agree with what was changed: only the content is hostile.
fn agree(assets: &Path) {
    let bundle = assets.join(BAD);
    let mut total = 0;
    edit_json(&bundle.join("bundle.json"), |manifest| {
        for (i, file) in FILES.iter().enumerate() {
            let bytes = fs::read(bundle.join(file)).unwrap();
            manifest["files"][i] = json!({"name": file, "bytes": bytes.len(), "sha256": sha256(&bytes)});
        }
    });
    for entry in fs::read_dir(&bundle).unwrap() {
        total += entry.unwrap().metadata().unwrap().len();
    }
    edit_json(&assets.join("catalog.json"), |catalog| {
        let bundles = catalog["bundles"].as_array_mut().unwrap();
        bundles.iter_mut().find(|b| b["id"] == "bad").unwrap()["bytes"] = json!(total);
    });
}

/// Rewrites one tensor of a file.
fn edit_tensor(path: &Path, name: &str, change: impl Fn(&mut Vec<usize>, &mut Vec<u8>)) {
    edit(path, |file| {
        let tensors = SafeTensors::deserialize(file).unwrap();
        let mut all: Vec<_> = tensors
            .iter()
            .map(|(name, view)| (name.to_string(), view.dtype(), view.shape().to_vec(), view.data().to_vec()))
            .collect();
        let found = all.iter_mut().find(|tensor| tensor.0 == name).unwrap();
        change(&mut found.2, &mut found.3);
        let views = all
            .iter()
            .map(|(n, dtype, shape, data)| (n.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap()));
        *file = safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap();
    });
}

#[test]
fn damaged_files_are_named() {
    let lab = lab();
    for file in FILES {
        let at = |assets: &Path| assets.join(BAD).join(file);
        expect(&lab, |a| edit(&at(a), |bytes| bytes.truncate(bytes.len() / 2)), &["bad", file, "bytes"]);
        expect(&lab, |a| edit(&at(a), |bytes| bytes.clear()), &["bad", file, "found 0"]);
        expect(
            &lab,
            |a| {
                edit(&at(a), |bytes| {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 16;
                })
            },
            &["bad", file, "checksum"],
        );
        expect(&lab, |a| fs::remove_file(at(a)).unwrap(), &["bad", file, "cannot read"]);
        let sparse = |a: &Path| File::options().write(true).open(at(a)).unwrap().set_len(1 << 40).unwrap();
        expect(&lab, sparse, &["bad", file, "at most"]);
        let folder = |a: &Path| {
            fs::remove_file(at(a)).unwrap();
            fs::create_dir(at(a)).unwrap();
        };
        expect(&lab, folder, &["bad", file, "plain file"]);
    }
    let manifest = |a: &Path| a.join(BAD).join("bundle.json");
    expect(&lab, |a| fs::remove_file(manifest(a)).unwrap(), &["bad", "bundle.json", "cannot read"]);
    expect(&lab, |a| fs::write(manifest(a), "{\"format\": 1,").unwrap(), &["bad", "bundle.json", "JSON"]);
    expect(&lab, |a| fs::write(manifest(a), [0xff; 100]).unwrap(), &["bad", "bundle.json", "JSON"]);
    expect(&lab, |a| fs::write(manifest(a), "[".repeat(500_000)).unwrap(), &["bad", "bundle.json", "JSON"]);
    let sparse = |a: &Path| File::options().write(true).open(manifest(a)).unwrap().set_len(1 << 40).unwrap();
    expect(&lab, sparse, &["bad", "bundle.json", "at most"]);
}

#[test]
fn hostile_content_with_right_checksums_is_named() {
    let lab = lab();
    let bank = |a: &Path| a.join(BAD).join("bank.safetensors");
    let manifest = |a: &Path, change: &dyn Fn(&mut Value)| edit_json(&a.join(BAD).join("bundle.json"), change);
    let tensor = |file: &'static str, name: &'static str, change: fn(&mut Vec<usize>, &mut Vec<u8>)| {
        move |a: &Path| {
            edit_tensor(&a.join(BAD).join(file), name, change);
            agree(a);
        }
    };
    let nan =
        tensor("bank.safetensors", "conv4-1x1.features", |_, data| data[..4].copy_from_slice(&f32::NAN.to_le_bytes()));
    expect(&lab, nan, &["bad", "bank.safetensors", "conv4-1x1.features", "finite"]);
    let turned = tensor("bank.safetensors", "conv4-1x1.features", |shape, _| shape.reverse());
    expect(&lab, turned, &["bad", "bank.safetensors", "conv4-1x1.features", "shape"]);
    let infinite = tensor("model.safetensors", "conv1.weight", |_, data| data[..2].copy_from_slice(&[0x00, 0x7c]));
    expect(&lab, infinite, &["bad", "model.safetensors", "conv1.weight", "finite"]);
    let turned = tensor("model.safetensors", "conv1.weight", |shape, _| shape.reverse());
    expect(&lab, turned, &["bad", "model.safetensors", "conv1.weight"]);
    let label = tensor("frames.safetensors", "labels", |_, data| data[0] = 200);
    expect(&lab, label, &["bad", "frames.safetensors", "200"]);

    // A header that promises more than there is.
    let long = |a: &Path| {
        edit(&bank(a), |bytes| bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes()));
        agree(a);
    };
    expect(&lab, long, &["bad", "bank.safetensors"]);
    let nested = |a: &Path| {
        fs::write(a.join(BAD).join("history.json"), "{\"epochs\":".repeat(100_000)).unwrap();
        agree(a);
    };
    expect(&lab, nested, &["bad", "history.json"]);

    // A bank of one width, a network of another: once accepted, and then unable to score.
    let narrow = |a: &Path| {
        for part in ["features", "mean", "whitening"] {
            edit_tensor(&bank(a), &format!("conv1-1x1.{part}"), |shape, data| {
                *shape.last_mut().unwrap() /= 2;
                data.truncate(data.len() / 2);
            });
        }
        manifest(a, &|m| {
            m["layers"][0]["dim"] = json!(1);
        });
        agree(a);
    };
    expect(&lab, narrow, &["bad", "bundle.json", "conv1-1x1", "2 dimensions"]);
    let wide = |a: &Path| {
        manifest(a, &|m| {
            m["config"]["width"] = json!(256);
            for (i, layer) in m["layers"].as_array_mut().unwrap().iter_mut().enumerate() {
                layer["dim"] = json!(256 << i);
            }
        });
        agree(a);
    };
    expect(&lab, wide, &["bad", "bundle.json", "width 256"]);
    let settings = |pointer: &'static str, value: Value| {
        move |a: &Path| {
            edit_json(&a.join(BAD).join("bundle.json"), |m| *m.pointer_mut(pointer).unwrap() = value.clone());
            agree(a);
        }
    };
    expect(&lab, settings("/format", json!(99)), &["bad", "bundle.json", "99"]);
    expect(&lab, settings("/id", json!("../../x")), &["bad", "bundle.json", "../../x"]);
    expect(&lab, settings("/title", json!("a\u{1b}[2J")), &["bad", "bundle.json", "title"]);
    expect(&lab, settings("/config/width", json!(0)), &["bad", "bundle.json", "width"]);
    // The page scores 32 x 32: bundles of another size must not get that far.
    expect(
        &lab,
        settings("/config/image-size", json!(224)),
        &["bad", "bundle.json", "image-size must be at most 32", "224"],
    );
    expect(&lab, settings("/config/id-class", json!(77)), &["bad", "bundle.json", "class 77"]);
    expect(&lab, settings("/layers/0/bank", json!(u64::MAX)), &["bad"]);
    expect(&lab, settings("/layers/0/name", json!("head9")), &["bad", "bundle.json", "head9"]);
    expect(&lab, settings("/scores/0/auroc-full", json!(7.0)), &["bad", "bundle.json", "AUROC"]);
    expect(&lab, settings("/scores", json!([])), &["bad", "bundle.json", "score"]);
}

#[test]
fn a_hostile_catalogue_is_named() {
    let lab = lab();
    let catalog = lab.path("whole/catalog.json");
    let whole = fs::read(&catalog).unwrap();
    // An id becomes a path, and is printed.
    edit_json(&catalog, |c| {
        c["bundles"][0]["id"] = json!("../../../etc\nok      fake");
    });
    let verify = lab.nsa("verify whole");
    assert_eq!(verify.status, 2);
    assert!(verify.stdout.contains("ok      good") && !verify.stdout.contains("\nok      fake"), "{}", verify.stdout);
    assert!(verify.stderr.contains("catalog.json must list ids of") && verify.stderr.contains("bad/bundle.json"));

    for (content, word) in [
        (b"{".to_vec(), "EOF"),
        (b"[".repeat(100_000), "line 1"),
        (vec![0xff; 100], "line 1"),
        (String::from_utf8(whole.clone()).unwrap().replace("\"format\": 3", "\"format\": 4").into_bytes(), "format 3"),
    ] {
        fs::write(&catalog, content).unwrap();
        let verify = lab.nsa("verify whole").fails(2, &["catalog.json", word]);
        assert_eq!(verify.stderr.lines().count(), 1, "{}", verify.stderr);
    }
    File::options().write(true).open(&catalog).unwrap().set_len(1 << 40).unwrap();
    lab.nsa("verify whole").fails(2, &["catalog.json must have at most"]);
    fs::remove_file(&catalog).unwrap();
    lab.nsa("verify whole").fails(2, &["cannot read", "catalog.json"]);
    lab.nsa("verify nowhere").fails(2, &["cannot read", "nowhere/catalog.json"]);
}

/// Guards the kind reported as "checksum mismatch after git clone on Windows": bundles keep their bytes where Git turns
/// line feeds into pairs.
#[test]
fn a_clone_on_windows_has_the_same_bytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "core.autocrlf=true"];
        let done = Command::new("git").current_dir(folder.path()).args(identity).args(arguments).output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "--quiet"]);
    let files = [".gitattributes", "assets/catalog.json", "assets/bundles/digits/bundle.json"];
    let history = "assets/bundles/digits/history.json";
    for file in files.into_iter().chain([history]) {
        let to = folder.path().join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root.join(file), &to).unwrap();
    }
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "all"]);
    fs::remove_dir_all(folder.path().join("assets")).unwrap();
    git(&["checkout", "--quiet", "--", "."]);
    for file in files.into_iter().skip(1).chain([history]) {
        let (found, expected) = (fs::read(folder.path().join(file)).unwrap(), fs::read(root.join(file)).unwrap());
        assert!(found == expected, "{file} has {} bytes instead of {}", found.len(), expected.len());
    }
}

//! Which commit the program is built from: it is recorded in runs and bundles.

use std::path::Path;
use std::process::Command;

/// What the program is made of, from this package's folder.
const SOURCES: [&str; 6] =
    ["../Cargo.lock", "../Cargo.toml", "../core", "../train/Cargo.toml", "../train/src", "../train/torch"];

fn main() {
    SOURCES.iter().for_each(|path| println!("cargo::rerun-if-changed={path}"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=NSA_COMMIT={}", commit().unwrap_or_else(|| "unknown".into()));
}

/// The commit of the checkout that this package lies in, if that is its own: where it was copied into another project's
/// repository, that one's commit says nothing.
fn commit() -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let same = |a: &Path, b: &Path| Some(a.canonicalize().ok()? == b.canonicalize().ok()?);
    if !same(Path::new(&top), Path::new(".."))? {
        return None;
    }
    // Written at every commit and checkout; a work tree has one of its own.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&[&["status", "--porcelain", "--untracked-files=no", "--"][..], &SOURCES].concat())?;
    Some(if changed.is_empty() { commit } else { commit + "-dirty" })
}

/// What git answers, if there is a git. No program is run for it that a repository names.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(["-c", "core.fsmonitor=false"]).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

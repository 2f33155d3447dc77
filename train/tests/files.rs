//! What `nsa` promises about files (`docs/files.md`): it never deletes or replaces what it did not write, whatever it
//! is asked, and what it writes is whole or not there.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Answer, Lab, commands, features, left_behind, png, train_line, tree, write_npy};
use nsa_core::data::{Split, synth_digits};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The bundle that comes with the page.
const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/bundles/digits");

/// A command, twice what is run of it, and what it may write: files, and folders with all in them.
struct Case {
    command: &'static str,
    lines: [String; 2],
    writes: &'static [&'static str],
    status: i32,
}

/// Every command. A command that is not here fails the test below.
fn cases() -> Vec<Case> {
    let case = |command: &'static str, rest: &str, writes: &'static [&'static str]| {
        let line = format!("{command} {rest}").replace("BUNDLE", DIGITS);
        Case { command, lines: [line.clone(), line], writes, status: 0 }
    };
    let train = train_line("runs/new", 1);
    let weights = "--weights weights.safetensors --arch resnet18 --stem cifar --width 8 --norm f --device cpu";
    vec![
        case("data list", "--json", &[]),
        // The server has nothing.
        Case { status: 1, ..case("data get", "fashion-mnist --root got --url URL", &[]) },
        case("data info", "folder:data", &[]),
        case("data export", "folder:data --split test --out x.npy --labels y.npy", &["x.npy", "y.npy"]),
        Case { lines: [train, "train --resume runs/new --device cpu".into()], ..case("train", "", &["runs/new"]) },
        case("fit", "--bundle BUNDLE --normal photos --out mug --device cpu", &["mug"]),
        case("fit", "--bundle BUNDLE --normal photos --out mug.zip --device cpu", &["mug.zip"]),
        case("eval", "runs/old --device cpu", &["runs/old/eval.json"]),
        case("eval", "BUNDLE --id photos --ood photos --device cpu", &[]),
        case("sweep", "plan.toml --out swept --device cpu", &["swept"]),
        case("report", "runs/old --out paper --collect records", &["paper", "records"]),
        case(
            "export",
            "runs/old --out assets/bundles/mug --device cpu",
            &["assets/bundles/mug", "assets/catalog.json"],
        ),
        case("export", "BUNDLE --onnx --out mug.onnx", &["mug.onnx"]),
        case("verify", concat!(env!("CARGO_MANIFEST_DIR"), "/../assets"), &[]),
        case("predict", "--bundle BUNDLE photos --device cpu", &[]),
        case("gallery", "--dataset folder:data --per-class 2 --out mug.safetensors", &["mug.safetensors"]),
        case("embed", &format!("{weights} --images images.npy --layer head1 --out f.npy"), &["f.npy"]),
        case("score", "--bank a.npy --query b.npy --scorer k-cos --out s.npy", &["s.npy"]),
        case("ensemble", "--bank a.npy --query b.npy --scorer k-cos --out sum.npy", &["sum.npy"]),
        case("analyze", "--features a.npy", &[]),
        case("auroc", "--id low.npy --ood high.npy", &[]),
        case("devices", "", &[]),
        case("bench score", "--scorer k-cos --bank 20 --queries 20 --dim 4 --repeat 1", &[]),
        case("bench measure", "--features 20 --dim 4 --repeat 1", &[]),
        case("bench embed", "--width 2 --batch 4 --device cpu --repeat 1", &[]),
        case("bench train", "--width 2 --batch 4 --device cpu --repeat 1", &[]),
    ]
}

/// What stands beside everything that is written. Names of earlier versions and of other programs are among them.
const BYSTANDERS: [&str; 24] = [
    "notes.txt",
    "mug.old/letter.txt",
    "mug.part/letter.txt",
    "mug.zip.part",
    "mug.onnx.part",
    "mug.safetensors.part",
    "x.part",
    "x.npy.part",
    "y.npy~",
    "f.npy.part",
    "s.npy.part",
    "sum.npy.tmp",
    ".mug.nsa-mine/letter.txt",
    "photos/notes.txt",
    "got/train-images-idx3-ubyte.gz.part",
    "got/t10k-labels-idx1-ubyte.gz.old",
    "assets/notes.txt",
    "assets/catalog.json.part",
    "assets/bundles/mug.part/letter.txt",
    "assets/bundles/mug.old/letter.txt",
    "paper/notes.txt",
    "paper/plots/mine.svg",
    "runs/new/notes.txt",
    "swept/notes.txt",
];

/// A folder with all that the commands read, and bystanders.
fn lab() -> Lab {
    let lab = Lab::new();
    fs::create_dir(lab.path("photos")).unwrap();
    let images = synth_digits::generate(synth_digits::SEED, Split::Test, 12);
    images.of_class(7).iter().for_each(|&at| png(&lab.path(&format!("photos/{at:03}.png")), &images, at));
    write_npy(&lab.path("images.npy"), "2, 3, 32, 32", &[0.5; 2 * 3072]);
    features(&lab.path("a.npy"), 20, 4, 1);
    features(&lab.path("b.npy"), 9, 4, 2);
    write_npy(&lab.path("low.npy"), "3,", &[0.1, 0.2, 0.3]);
    write_npy(&lab.path("high.npy"), "2,", &[0.3, 0.4]);
    fs::copy(format!("{DIGITS}/model.safetensors"), lab.path("weights.safetensors")).unwrap();
    lab.nsa(&train_line("runs/old", 0).replace("--epochs 3", "--epochs 1")).succeeds();
    let plan = "about = 'one'\n[settings]\ndataset = 'folder:data'\nid-class = 1\nwidth = 2\nbatch = 8\nepochs = 1\n\
                eval-limit = 10\n[[grid]]\naxes.seed = [0]";
    fs::write(lab.path("plan.toml"), plan).unwrap();
    for name in BYSTANDERS {
        fs::create_dir_all(lab.path(name).parent().unwrap()).unwrap();
        fs::write(lab.path(name), "dear to me").unwrap();
    }
    lab
}

/// An address where every answer is that there is nothing.
fn empty_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    url
}

#[test]
fn every_command_leaves_alone_what_it_did_not_write() {
    let lab = lab();
    let cases = cases();
    let held: BTreeSet<&str> = cases.iter().map(|case| case.command).collect();
    let all = commands(&lab);
    assert_eq!(held, all.iter().map(String::as_str).collect(), "a command is missing here, or is no more");
    let url = empty_server();
    for Case { lines, writes, status, .. } in cases {
        for line in lines {
            let line = line.replace("URL", &url);
            let before = tree(&lab.path(""));
            let answer = lab.nsa(&line);
            assert_eq!(answer.status, status, "nsa {line}\n{}{}", answer.stdout, answer.stderr);
            let after = tree(&lab.path(""));
            let may = |name: &str| {
                let name = name.trim_end_matches('/');
                let inside = |folder: &&str| name.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
                !BYSTANDERS.contains(&name) && writes.iter().any(|one| *one == name || inside(one))
            };
            for (name, bytes) in before.iter().filter(|(name, _)| !may(name)) {
                assert!(after.get(name) == Some(bytes), "nsa {line} has changed or deleted {name}");
            }
            for name in after.keys().filter(|name| !may(name)) {
                assert!(before.contains_key(name), "nsa {line} has written {name}");
            }
            assert_eq!(left_behind(&lab.path("")), [".mug.nsa-mine/", ".mug.nsa-mine/letter.txt"], "nsa {line}");
        }
    }
    for name in BYSTANDERS {
        assert_eq!(fs::read_to_string(lab.path(name)).unwrap(), "dear to me", "{name}");
    }
}

#[test]
fn an_output_over_something_else_is_refused() {
    let lab = lab();
    let packed = nsa_core::bundle::to_zip(&[("one.png", b"a photo".to_vec())]).unwrap();
    fs::write(lab.path("photos.zip"), packed).unwrap();
    let digits = fs::read(format!("{DIGITS}/bundle.json")).unwrap();
    fs::create_dir_all(lab.path("site/bundles")).unwrap();
    fs::write(lab.path("site/catalog.json"), "{\"products\": []}").unwrap();
    common::copy(DIGITS.as_ref(), &lab.path("mine"));
    fs::create_dir_all(lab.path("kept")).unwrap();
    fs::write(lab.path("kept/bundle.json"), &digits).unwrap();
    fs::write(lab.path("kept/notes.txt"), "dear to me").unwrap();
    fs::create_dir_all(lab.path("web")).unwrap();
    fs::write(lab.path("web/bundle.json"), "{\"scripts\": []}").unwrap();
    fs::create_dir_all(lab.path("half")).unwrap();
    fs::write(lab.path("half/checkpoint.bin"), "dear to me").unwrap();
    fs::create_dir_all(lab.path("collected")).unwrap();
    fs::write(lab.path("collected/old.json"), "dear to me").unwrap();
    let weights = "--weights weights.safetensors --arch resnet18 --stem cifar --width 8 --norm f --device cpu";
    let fit = |rest: &str| format!("fit --bundle {DIGITS} --normal photos --device cpu {rest}");
    let score = |rest: &str| format!("score --bank a.npy --query b.npy --scorer k-cos {rest}");
    // With --force another file is replaced, but no folder and nothing that is read.
    let never: [(String, &str); 16] = [
        (score("--out a.npy"), "a.npy is what this command reads"),
        (score("--out data/../b.npy"), "b.npy is what this command reads"),
        ("ensemble --bank a.npy --query b.npy --scorer k-cos --out b.npy".into(), "b.npy is what this command reads"),
        (format!("embed {weights} --images images.npy --layer head1 --out images.npy"), "images.npy is what this"),
        (format!("embed {weights} --images images.npy --layer head1 --out weights.safetensors"), "is what this"),
        ("data export folder:data --split test --out a --labels a".into(), "a is what this command reads, or writes"),
        ("data export folder:data --split test --out data/test/class-0/00.png".into(), "lies among what this command"),
        ("data export photos.zip --split test --out photos.zip".into(), "photos.zip is what this command reads"),
        ("gallery --dataset folder:data --out data/test/class-0/00.png".into(), "lies among what this command reads"),
        (fit("--out photos"), "holds no bundle.json"),
        ("fit --bundle mine --normal photos --out mine --device cpu".into(), "mine is what this command reads"),
        (fit("--out kept"), "kept holds notes.txt, which is no part of a bundle"),
        ("export runs/old --out runs/old --device cpu".into(), "runs/old is there already and holds no bundle.json"),
        (score("--out photos"), "photos is a folder"),
        (train_line("half", 0), "half/checkpoint.bin is there already and belongs to no run"),
        ("report runs/old --out new --collect collected".into(), "old.json is there already and is no record"),
    ];
    let asked: [(String, &str); 9] = [
        (fit("--out photos.zip"), "photos.zip is there already and is no bundle"),
        (fit("--out web"), "its bundle.json is of no bundle"),
        (fit("--out site/bundles/mug"), "is no catalogue"),
        (score("--out notes.txt"), "notes.txt is there already and is no array of scores"),
        (score("--out images.npy"), "images.npy is there already and is no array of scores"),
        (
            format!("export {DIGITS} --onnx --out runs/old/checkpoint.bin"),
            "runs/old/checkpoint.bin is there already and is no ONNX model",
        ),
        ("data export folder:data --split test --out notes.txt".into(), "is no array of images"),
        ("data export folder:data --split test --out x.npy --labels notes.txt".into(), "is no array of labels"),
        ("gallery --dataset folder:data --out notes.txt".into(), "is no gallery"),
    ];
    let before = tree(&lab.path(""));
    let takes_force = |line: &str| !line.starts_with("train") && !line.starts_with("report");
    for (line, why) in never.iter().chain(&asked) {
        lab.nsa(line).fails(2, &[why]);
        assert!(tree(&lab.path("")) == before, "nsa {line} has changed something");
    }
    for (line, why) in never.iter().filter(|(line, _)| takes_force(line)) {
        lab.nsa(&format!("{line} --force")).fails(2, &[why]);
        assert!(tree(&lab.path("")) == before, "nsa {line} --force has changed something");
    }
    for (line, _) in asked {
        lab.nsa(&format!("{line} --force")).succeeds();
    }
    assert!(left_behind(&lab.path("")).iter().all(|name| name.starts_with(".mug.nsa-mine/")));
}

#[test]
#[cfg(unix)]
fn devices_and_pipes_are_written_to_and_links_followed() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let lab = lab();
    let score = |out: &str| format!("score --bank a.npy --query b.npy --scorer k-cos --out {out}");
    lab.nsa(&score("s.npy")).succeeds();
    let scores = fs::read(lab.path("s.npy")).unwrap();

    symlink("/dev/null", lab.path("nowhere")).unwrap();
    for line in [score("nowhere"), score("/dev/null"), "data export folder:data --split test --out /dev/null".into()] {
        lab.nsa(&line).succeeds();
    }
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());

    assert!(Command::new("mkfifo").arg(lab.path("pipe")).status().unwrap().success());
    let pipe = lab.path("pipe");
    let reader = std::thread::spawn(move || fs::read(pipe).unwrap());
    lab.nsa(&score("pipe")).succeeds();
    assert!(reader.join().unwrap() == scores, "a pipe's reader gets what a file has");
    assert!(lab.path("pipe").symlink_metadata().unwrap().file_type().is_fifo());
    let mut command = lab.command(&score("/dev/stdout"));
    assert!(command.stderr(Stdio::null()).output().unwrap().stdout == scores);

    fs::create_dir(lab.path("elsewhere")).unwrap();
    symlink("elsewhere/s.npy", lab.path("link.npy")).unwrap();
    symlink("elsewhere/mine", lab.path("linked")).unwrap();
    let fit = format!("fit --bundle {DIGITS} --normal photos --out linked --device cpu");
    for _ in 0..2 {
        lab.nsa(&score("link.npy")).succeeds();
        assert!(fs::read(lab.path("elsewhere/s.npy")).unwrap() == scores);
        lab.nsa(&fit).succeeds();
        assert!(lab.path("elsewhere/mine/bundle.json").exists());
        assert!(lab.path("link.npy").is_symlink() && lab.path("linked").is_symlink());
    }
}

/// A limit on the size of files stands for a full disk.
#[test]
#[cfg(unix)]
fn a_full_disk_leaves_what_was_there() {
    let lab = lab();
    let lines = [
        ("data export folder:data --split test --out x.npy --labels y.npy".to_string(), "x.npy"),
        (format!("fit --bundle {DIGITS} --normal photos --out mug.zip --device cpu"), "mug.zip"),
        (format!("fit --bundle {DIGITS} --normal photos --out mug --device cpu"), "mug"),
        ("export runs/old --out assets/bundles/mug --device cpu".to_string(), "assets/bundles/mug"),
        (format!("export {DIGITS} --onnx --out mug.onnx"), "mug.onnx"),
        ("gallery --dataset folder:data --out mug.safetensors".to_string(), "mug.safetensors"),
    ];
    for there in [false, true] {
        for (line, out) in &lines {
            if there {
                lab.nsa(line).succeeds();
            }
            let before = tree(&lab.path(""));
            let mut shell = Command::new("sh");
            let limited = format!("trap '' XFSZ; ulimit -f 16; exec \"$0\" {line}");
            shell.args(["-c", &limited, env!("CARGO_BIN_EXE_nsa")]).current_dir(lab.path(""));
            Answer::of(line, shell.output().unwrap()).fails(1, &["cannot write", out]);
            assert!(tree(&lab.path("")) == before, "nsa {line} on a full disk, over an earlier result: {there}");
        }
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_leaves_nothing() {
    use std::os::unix::process::ExitStatusExt;
    let lab = Lab::new();
    fs::create_dir(lab.path("out")).unwrap();
    // A shell starts what runs in the background so that Ctrl-C does not end it, and then it must not.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0").trim();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    for (name, signal) in
        [("-INT", 2), ("-TERM", 15)].into_iter().filter(|(_, signal)| ignored >> (signal - 1) & 1 == 0)
    {
        let line = "data export synth-digits --split train --class 1 --image-size 64 --out out/x.npy";
        let mut child = lab.command(line).spawn().unwrap();
        let started = Instant::now();
        while left_behind(&lab.path("out")).is_empty() {
            assert!(started.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        }
        assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().signal(), Some(signal), "it ends as if it had not looked");
        assert_eq!(fs::read_dir(lab.path("out")).unwrap().count(), 0);
    }
    // What a kill leaves goes with the next of the same name.
    let mut child = lab
        .command("data export synth-digits --split train --class 1 --image-size 64 --out out/x.npy")
        .spawn()
        .unwrap();
    while left_behind(&lab.path("out")).is_empty() {}
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(left_behind(&lab.path("out")).len(), 1);
    lab.nsa("data export folder:data --split test --out out/x.npy").succeeds();
    assert_eq!(tree(&lab.path("out")).into_keys().collect::<Vec<_>>(), ["x.npy"]);
}

/// Starts all of them, then waits for each.
fn at_once(lab: &Lab, lines: &[String]) {
    let started: Vec<_> = lines.iter().map(|line| lab.command(line).spawn().unwrap()).collect();
    for (child, line) in started.into_iter().zip(lines) {
        Answer::of(line, child.wait_with_output().unwrap()).succeeds();
    }
}

#[test]
fn eight_at_once_lose_nothing() {
    let lab = lab();
    let exports = (0..8).map(|i| format!("export runs/old --out together/bundles/b{i} --device cpu"));
    at_once(&lab, &exports.collect::<Vec<_>>());
    let verified = lab.nsa("verify together").succeeds().stdout;
    assert_eq!(verified.lines().filter(|line| line.starts_with("ok ")).count(), 8, "{verified}");

    let scorers = ["k-cos", "c-cos", "k-cos-mah", "c-cos-mah", "kde", "gde", "knn-l2", "mahalanobis"];
    let evals = scorers.map(|s| format!("eval runs/old --layers conv4-1x1 --scorers {s} --device cpu"));
    at_once(&lab, &evals);
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(lab.path("runs/old/eval.json")).unwrap()).unwrap();
    let scores = kept["layers"][0]["scores"].as_array().unwrap();
    let found: BTreeSet<&str> = scores.iter().map(|score| score["scorer"].as_str().unwrap()).collect();
    assert_eq!(found, BTreeSet::from(scorers));

    let fits = vec![format!("fit --bundle {DIGITS} --normal photos --out same --device cpu"); 8];
    at_once(&lab, &fits);
    lab.nsa("predict --bundle same photos --device cpu").succeeds();
    assert_eq!(left_behind(&lab.path("")).len(), 2, "the two bystanders");
}

#[test]
fn what_is_written_can_be_read_or_is_refused_before_the_work() {
    let lab = lab();
    let line = train_line("large-seed", 0).replace("--seed 0", "--seed 9223372036854775808");
    lab.nsa(&line).fails(2, &["seed must be at most 9223372036854775807, found 9223372036854775808"]);
    lab.nsa(&train_line("largest-seed", 0).replace("--seed 0", "--seed 9223372036854775807")).succeeds();
    lab.nsa("eval largest-seed --layers conv4-1x1 --scorers k-cos --device cpu").succeeds();

    // Names of folders with what a line of text has not; titles are refused with it.
    for command in [format!("fit --bundle {DIGITS} --normal photos"), "export runs/old".into()] {
        let mut command = lab.command(&format!("{command} --out tab --device cpu"));
        Answer::of("--title", command.args(["--title", "a\tb"]).output().unwrap())
            .fails(2, &["one line of plain text"]);
    }
    assert!(!lab.path("tab").exists());
    #[cfg(unix)]
    {
        let odd = "odd\tname\n";
        common::copy(&lab.path("data"), &lab.path(odd));
        for split in ["train", "test"] {
            fs::rename(
                lab.path(&format!("{odd}/{split}/class-1")),
                lab.path(&format!("{odd}/{split}/class\u{1b}-1\n")),
            )
            .unwrap();
        }
        let train = train_line("odd", 0).replace("--dataset folder:data", "").replace("--id-class 1", "--id-class 0");
        let mut command = lab.command(&train);
        let answer = Answer::of("train", command.args(["--dataset", &format!("folder:{odd}")]).output().unwrap());
        assert_eq!(answer.status, 0, "{}", answer.stderr);
        lab.nsa("export odd --out listed/bundles/odd --device cpu").succeeds();
        lab.nsa("verify listed").succeeds();
    }

    let wide =
        format!("fit --weights {DIGITS}/model.safetensors --arch resnet18 --stem cifar --normal photos --out wide");
    lab.nsa(&format!("{wide} --width 112 --device cpu")).fails(2, &["width must be at most 110, found 112"]);
    assert!(!lab.path("wide").exists());
}

/// Guards the kind "its commit is recorded as ours and its `core.fsmonitor` program is run".
#[test]
#[cfg(unix)]
fn the_recorded_commit_is_the_one_that_was_built_in() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
        let done = Command::new("git").current_dir(lab.path("")).args(identity).args(arguments).output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_string()
    };
    git(&["init", "--quiet"]);
    fs::write(lab.path("theirs"), "theirs").unwrap();
    git(&["add", "theirs"]);
    git(&["commit", "--quiet", "-m", "theirs"]);
    let theirs = git(&["rev-parse", "--short=12", "HEAD"]);
    fs::write(lab.path("monitor"), "#!/bin/sh\ntouch was-run\n").unwrap();
    fs::set_permissions(lab.path("monitor"), fs::Permissions::from_mode(0o755)).unwrap();
    git(&["config", "core.fsmonitor", &lab.path("monitor").display().to_string()]);
    lab.nsa(&train_line("run", 0).replace("--epochs 3", "--epochs 0")).succeeds();
    let record: serde_json::Value = serde_json::from_slice(&fs::read(lab.path("run/record.json")).unwrap()).unwrap();
    assert_eq!(record["commit"], env!("NSA_COMMIT"));
    assert_ne!(record["commit"].as_str(), Some(theirs.as_str()));
    assert!(!lab.path("was-run").exists(), "a program of the other repository was run");
}

/// Guards the kind "panicked where no thread could be started": a stack that no system has cannot be given to one.
#[test]
#[cfg(target_os = "linux")]
fn without_threads_it_computes_on_its_own() {
    let lab = lab();
    features(&lab.path("many.npy"), 600, 4, 3);
    let score = "score --bank a.npy --query many.npy --scorer k-cos --out s.npy";
    lab.nsa(score).succeeds();
    let scores = fs::read(lab.path("s.npy")).unwrap();
    for line in ["--version", score, "data info folder:data", &format!("predict --bundle {DIGITS} photos --device cpu")]
    {
        let mut command = lab.command(line);
        command.env("RUST_MIN_STACK", (1_u64 << 47).to_string()).env("RAYON_NUM_THREADS", "4");
        let answer = Answer::of(line, command.output().unwrap());
        assert_eq!(answer.stderr.contains("the system gives 1 threads of 4"), line != "--version", "{}", answer.stderr);
        answer.succeeds();
    }
    assert!(fs::read(lab.path("s.npy")).unwrap() == scores);
}

/// Guards the kind "aborted where memory was short".
#[test]
#[cfg(target_os = "linux")]
fn work_that_takes_too_much_memory_is_refused_in_a_sentence() {
    let lab = Lab::new();
    let file = fs::File::create(lab.path("large.npy")).unwrap();
    write_npy(&lab.path("small.npy"), "1, 2", &[1.0, 2.0]);
    // Announced and, as a file with a hole, there: 7 GB.
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (900000000, 2), }\n";
    let start = [b"\x93NUMPY\x01\x00".to_vec(), (header.len() as u16).to_le_bytes().to_vec(), header.into()].concat();
    (&file).write_all(&start).unwrap();
    file.set_len(start.len() as u64 + 4 * 1_800_000_000).unwrap();
    features(&lab.path("many.npy"), 20_000, 2, 1);
    let limited = |line: &str, kilobytes: u64| {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -v {kilobytes}; exec \"$0\" {line}");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_nsa")]).current_dir(lab.path(""));
        Answer::of(line, shell.output().unwrap())
    };
    let most = 3_000_000;
    limited("analyze --features large.npy", most).fails(2, &["large.npy: it takes 7.20 GB of memory, but there are "]);
    limited("score --bank many.npy --query small.npy --scorer oc-svm --out s.npy", 2_000_000)
        .fails(2, &["oc-svm of 20000 features: it takes 1.60 GB of memory"]);
    let train = train_line("run", 0).replace("--width 2", "--width 256");
    limited(&train, most).fails(2, &["training at width 256 with batches of 8 images of 32 x 32: it takes "]);
    assert!(!lab.path("run").exists());
}

/// Guards the kind "`nsa predict --watch D | head -1` never ends".
#[test]
#[cfg(unix)]
fn a_watch_ends_when_nobody_reads_it() {
    let lab = lab();
    let line = format!("predict --bundle {DIGITS} --watch photos --json --device cpu");
    let mut child = lab.command(&line).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    assert!(first.starts_with('{'), "{first}");
    drop(reader);
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(20), "nothing comes any more, and it still watches");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(child.wait().unwrap().success());
}

/// Guards the kind "an evaluation on a read-only disk computes and prints nothing".
#[test]
#[cfg(unix)]
fn an_evaluation_that_cannot_be_kept_is_still_printed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let lab = lab();
    let line = "eval runs/old --layers conv4-1x1 --scorers k-cos --device cpu --json";
    let folder = lab.path("runs/old");
    // A place that is not there.
    symlink("gone/eval.json", folder.join("eval.json")).unwrap();
    let answer = lab.nsa(line);
    assert!(answer.status == 1 && answer.stderr.contains("cannot write runs/old/eval.json"), "{}", answer.stderr);
    let printed: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(printed["layers"][0]["scores"].as_array().unwrap().len(), 1);
    fs::remove_file(folder.join("eval.json")).unwrap();

    let may = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    may(0o555);
    // Root writes all the same.
    let obeyed = fs::write(folder.join("probe"), "").is_err();
    let answer = lab.nsa(line);
    may(0o755);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&answer.stdout).unwrap()["layers"], printed["layers"]);
    assert_eq!((answer.status, answer.stderr.contains("warning: this result is not kept")), (0, obeyed));
}

/// Bad usage exits 2, whichever part finds it.
#[test]
fn bad_usage_exits_2_everywhere() {
    let lab = lab();
    let fit = format!("fit --bundle {DIGITS} --normal photos --out mug --device cpu");
    for (line, why) in [
        (format!("{fit} --false-alarms 2"), "must be above 0 and below 1, found 2"),
        (format!("predict --bundle {DIGITS} photos --false-alarms nan"), "must be above 0 and below 1, found NaN"),
        ("export runs/old --out one --bank 0".into(), "must be at least 1, found 0"),
        ("gallery --dataset folder:data --per-class 0 --out g".into(), "must be at least 1, found 0"),
        ("bench embed --width 0".into(), "width must be 1 to 256, found 0"),
        ("bench score --scorer k-cos --bank 0".into(), "found 0 x 512"),
        ("data get fashion-mnist --root got --url nowhere".into(), "--url must begin with http:// or https://"),
        ("predict --bundle nowhere photos".into(), "nowhere"),
        ("predict --bundle nowhere --watch none".into(), "nowhere"),
        ("eval runs/old --root nowhere --layers none".into(), "--layers must be among"),
        ("sweep plan.toml --out swept --index 9".into(), "--index must be 0 to 0"),
    ] {
        lab.nsa(&line).fails(2, &[why]);
    }
    assert!(!lab.path("mug").exists());
}

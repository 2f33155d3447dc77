//! Reports: ours beside the paper's, missing runs named, the same bytes from the same runs.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, contents, copy};
use std::fs;
use std::path::Path;

/// Runs on the built-in digits' folder, renamed to be of the paper's data set: a report does not look at images.
fn lab() -> Lab {
    let lab = Lab::new();
    let plan = r#"
        about = "three runs"
        [settings]
        dataset = "folder:data"
        width = 2
        batch = 8
        epochs = 2
        eval-every = 1
        eval-limit = 10
        id-class = 1
        [[grid]]
        axes.norm = ["none", "both", "f"]
    "#;
    fs::write(lab.path("plan.toml"), plan).unwrap();
    lab.nsa("sweep plan.toml --out runs --device cpu").succeeds();
    for entry in fs::read_dir(lab.path("runs")).unwrap() {
        let config = entry.unwrap().path().join("config.toml");
        let text = fs::read_to_string(&config).unwrap().replace("folder:data", "fashion-mnist");
        fs::write(config, text).unwrap();
    }
    lab
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

const NONE: &str = "folder-data-1-simsiam-none-p0-w2-e2-b8-s0";
const BOTH: &str = "folder-data-1-simsiam-both-p0-w2-e2-b8-s0";

#[test]
fn ours_stand_beside_the_paper_s_with_the_difference() {
    let lab = lab();
    lab.nsa("report runs --table 1 --table 11 --out out").succeeds();
    let names: Vec<String> = contents(&lab.path("out")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["table1.csv", "table1.md", "table11.csv", "table11.md"]);

    let auroc = 100.0
        * serde_json::from_str::<serde_json::Value>(&text(&lab.path(&format!("runs/{BOTH}/eval.json")))).unwrap()["layers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["layer"] == "conv4-1x1")
            .unwrap()["scores"]
            .as_array()
            .unwrap()
            .iter()
            .find(|score| score["scorer"] == "k-cos-mah")
            .unwrap()["auroc"]
            .as_f64()
            .unwrap();
    let csv = text(&lab.path("out/table1.csv"));
    let rows: Vec<&str> = csv.lines().filter(|line| line.starts_with("1,fashion-mnist,simsiam,both,0,")).collect();
    assert_eq!(rows.len(), 2, "both readings of k-Cos (Mah): {csv}");
    let ours = format!("1,fashion-mnist,simsiam,both,0,,k-cos-mah,95,done,{auroc:.4},{:.4},1,10,0,", auroc - 95.0);
    assert!(rows[0].starts_with(&ours), "{} is not {ours}", rows[0]);
    assert!(rows[0].ends_with(BOTH));
    // Every row of the paper is there; those without a run of ours say so.
    assert_eq!(csv.lines().count(), 1 + 2 * 48);
    assert_eq!(csv.lines().filter(|line| line.contains(",not run,")).count(), 2 * 46);

    let table = text(&lab.path("out/table1.md"));
    assert!(table.contains(&format!("**{auroc:.1}** ({:+.1})", auroc - 95.0)), "{table}");
    assert!(
        table.contains("class 1 (class-1) of 10, seed 0") && table.contains("width 2, 2 epochs, batch 8"),
        "{table}"
    );
    assert_eq!(table.matches("| ours | not run | not run |").count(), 46);
    let eleven = text(&lab.path("out/table11.csv"));
    assert_eq!(eleven.lines().filter(|line| line.contains(",done,")).count(), 18, "nine scores of two runs");
    // SimSiam with norm on f only is no row of table 11.
    assert!(!eleven.contains("simsiam-f-"));

    lab.nsa("report runs --table 5 --out methods").succeeds();
    let table = text(&lab.path("methods/table5.md"));
    let row = format!("| SS(n) | **ours** [a] | k-cos-mah | not run | not run | not run | **{auroc:.1}** (");
    let row = table.lines().find(|line| line.starts_with(&row)).unwrap();
    assert!(row.ends_with(", 1 of 10 classes) | not run | 2 | 1 | no |"), "{row}");
    // A method that was not run has its cost and no number, and one that we have not has neither.
    let row = |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(
        row("| Geom (Golan & El-Yaniv 2018) | ours | dirichlet on shifts | not run |").ends_with("| 4 | 72 | yes |")
    );
    assert!(row("| Pretrained ResNet18 (own run) | ours: no such objective |").ends_with("| - | - | - |"));
    let csv = text(&lab.path("methods/table5.csv"));
    assert_eq!(csv.lines().count(), 1 + 23 * 5);
    assert_eq!(csv.lines().filter(|line| line.contains(",done,")).count(), 1);
}

#[test]
fn a_run_that_is_missing_or_cut_is_never_hidden() {
    let lab = lab();
    fs::remove_file(lab.path(&format!("runs/{NONE}/eval.json"))).unwrap();
    let record = lab.path(&format!("runs/{BOTH}/record.json"));
    fs::write(&record, text(&record).replace("\"epochs-done\": 2", "\"epochs-done\": 1")).unwrap();
    fs::remove_file(lab.path(&format!("runs/{BOTH}/eval.json"))).unwrap();
    let more = text(&lab.path("plan.toml")).replace("\"f\"]", "\"f\", \"g\"]").replace("folder:data", "fashion-mnist");
    fs::write(lab.path("more.toml"), more).unwrap();
    lab.nsa("report runs --plan more.toml --out out").succeeds();
    let table = text(&lab.path("out/table11.md"));
    assert!(table.contains("ours, trained, not evaluated") && table.contains("ours, cut at epoch 1 of 2"), "{table}");
    let missing = text(&lab.path("out/runs/missing.md"));
    assert!(missing.contains(&format!("- {NONE}: trained, not evaluated\n- ")), "{missing}");
    assert!(missing.contains("plan `more.toml`: 1 of 4 runs are done"), "{missing}");
    assert!(missing.contains("  - not run: fashion-mnist-1-simsiam-g-p0-w2-e2-b8-s0"), "{missing}");
    let results = text(&lab.path("out/RESULTS.md"));
    assert!(results.contains("3 of 4 planned runs are missing; 2 were cut or failed."), "{results}");
    let page = text(&lab.path("out/runs/fashion-mnist-simsiam.md"));
    assert!(page.contains("| trained, not evaluated |") && page.contains("| cut at epoch 1 of 2 |"), "{page}");
    assert!(text(&lab.path("out/table1.csv")).contains(",cut at epoch 1 of 2,"));

    lab.nsa("report nowhere --out out").fails(2, &["cannot read nowhere"]);
    fs::create_dir(lab.path("empty")).unwrap();
    lab.nsa("report runs empty --out out").fails(2, &["empty must be a run, a record, or a folder of them"]);
    lab.nsa("report runs --table 2 --out out").fails(2, &["--table", "11"]);
    lab.nsa(&format!("report runs runs/{NONE} --out out")).fails(2, &["two are called", NONE]);
    fs::write(&record, "{").unwrap();
    lab.nsa("report runs --out out").fails(2, &["record.json"]);
}

#[test]
fn the_same_runs_give_the_same_bytes_also_from_their_records() {
    let lab = lab();
    let all =
        |folder: &str| ["", "/runs", "/plots"].map(|inside| contents_of_files(&lab.path(&format!("{folder}{inside}"))));
    lab.nsa("report runs --collect records --out a --plots a/plots").succeeds();
    lab.nsa("report records --out b --plots b/plots").succeeds();
    // In another order of arguments, over an older report with a page too many.
    copy(&lab.path("a"), &lab.path("c"));
    fs::write(lab.path("c/runs/old.md"), "<!-- Written by nsa report. -->\n\n# Old").unwrap();
    fs::write(lab.path("c/runs/mine.md"), "# Mine").unwrap();
    let mut runs: Vec<String> =
        contents_names(&lab.path("records")).iter().map(|name| format!("records/{name}")).collect();
    runs.reverse();
    lab.nsa(&format!("report {} --out c --plots c/plots", runs.join(" "))).succeeds();
    // A page that no report has written is not the report's.
    fs::remove_file(lab.path("c/runs/mine.md")).unwrap();
    assert!(all("a") == all("b"));
    assert!(all("a") == all("c"));
    let plots = contents(&lab.path("a/plots"));
    assert_eq!(plots.len(), 1, "one objective, one class");
    let svg = String::from_utf8(plots[0].1.clone()).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>") && !svg.contains("NaN"));
    assert!(
        svg.contains("#0072B2") && svg.contains("#D55E00") && svg.contains("SimSiam(n)"),
        "both colours, all names"
    );
    // Nothing of this machine is kept.
    for (file, bytes) in contents(&lab.path("records")) {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains(lab.path("").to_str().unwrap()), "{file}");
        assert!(text.len() < 16 << 10, "{file} has {} bytes", text.len());
    }
    // Records are written again as they are.
    lab.nsa("report records --collect again --out d").succeeds();
    assert!(contents(&lab.path("records")) == contents(&lab.path("again")));
}

/// Random weights are measured like a run, stand in no row of the paper, and have every run set beside them.
#[test]
fn untrained_encoders_are_beside_the_runs() {
    let lab = lab();
    let plan = text(&lab.path("plan.toml")).replace("epochs = 2", "epochs = 0").replace("axes.norm", "axes.seed");
    fs::write(lab.path("plan.toml"), plan.replace(r#"["none", "both", "f"]"#, "[0, 1]")).unwrap();
    lab.nsa("sweep plan.toml --out untrained --device cpu").succeeds();
    let mut reached = Vec::new();
    for entry in fs::read_dir(lab.path("untrained")).unwrap() {
        let path = entry.unwrap().path();
        let config = text(&path.join("config.toml")).replace("folder:data", "fashion-mnist");
        fs::write(path.join("config.toml"), config).unwrap();
        let eval: serde_json::Value = serde_json::from_str(&text(&path.join("eval.json"))).unwrap();
        assert_eq!(eval["epoch"], 0);
        let layers = eval["layers"].as_array().unwrap();
        let scores = layers.iter().find(|row| row["layer"] == "conv4-1x1").unwrap()["scores"].as_array().unwrap();
        reached.push(scores.iter().find(|s| s["scorer"] == "k-cos").unwrap()["auroc"].as_f64().unwrap());
    }
    lab.nsa("report runs untrained --out out").succeeds();
    let page = text(&lab.path("out/runs/fashion-mnist.md"));
    let (low, high) = (reached[0].min(reached[1]), reached[0].max(reached[1]));
    let mean = format!("{:.1} ± {:.1}", 50.0 * (low + high), 100.0 * (high - low) / 2.0_f64.sqrt());
    let start = page.find("## What costs no training").unwrap();
    let rows: Vec<&str> = page[start..].lines().filter(|line| line.starts_with("| 32 x 32, ")).collect();
    assert_eq!(rows.len(), 2, "{page}");
    assert!(rows[1].contains("| untrained encoder, width 2 | 1 | 2 |"), "{}", rows[1]);
    assert_eq!(rows[1].split(" | ").nth(4), Some(mean.as_str()), "{}", rows[1]);
    // Raw pixels stand beside them, by k-Cos, c-Cos, k-Cos (Mah), GDE and others.
    assert!(rows[0].contains("| raw pixels |"), "{}", rows[0]);
    assert!(rows[0].split(" | ").skip(4).filter(|cell| cell.contains(" ± ")).count() >= 6, "{}", rows[0]);
    assert!(!text(&lab.path("out/table1.csv")).contains("-e0-"));
}

/// The report that is committed is the one that its records give.
#[test]
fn the_committed_results_are_made_from_the_committed_records() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let results = root.join("results");
    let lab = Lab::new();
    let plans = fs::read_to_string(results.join("plans.txt")).unwrap();
    let plans: Vec<String> = plans.lines().map(|plan| format!("--plan {plan}")).collect();
    let out = lab.path("out");
    let filled = ["README.md", "docs/claims.md"];
    let copies = filled.map(|page| lab.path(page.rsplit('/').next().unwrap()));
    let fill = filled.iter().zip(&copies).map(|(page, copy)| {
        fs::copy(root.join(page), copy).unwrap();
        format!("--fill {}", copy.display())
    });
    let fill = fill.collect::<Vec<_>>().join(" ");
    let line = format!("report results/records {} --out {} {fill}", plans.join(" "), out.display());
    lab.command(&line).current_dir(root).output().map(|o| common::Answer::of(&line, o)).unwrap().succeeds();
    // Files that stand beside the report and are not part of it.
    let beside = ["plans.txt", "MODELS.md", "FIT.md", "fit.json"];
    let committed = contents_of_files(&results).into_iter().filter(|(name, _)| !beside.contains(&name.as_str()));
    assert!(committed.eq(contents_of_files(&out)));
    assert!(contents_of_files(&results.join("runs")) == contents_of_files(&out.join("runs")));
    for (page, copy) in filled.iter().zip(copies) {
        assert!(text(&root.join(page)) == text(&copy), "{page} is not what `nsa report --fill {page}` makes of it");
    }
    let words = text(&results.join("RESULTS.md")).split_whitespace().count();
    assert!(words <= 700, "RESULTS.md has {words} words");
    assert!(size_of(&results) <= 6 << 20, "results/ has {} bytes", size_of(&results));
}

/// The gains that were computed by hand, in another program, when the report's statistics were written: mean and standard
/// error over the 28 pairs that had been trained by then, and in how many of them the gain is above zero.
#[test]
fn the_gains_of_the_small_runs_are_those_computed_by_hand() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("results/records");
    let lab = Lab::new();
    fs::create_dir(lab.path("small")).unwrap();
    for (name, bytes) in contents(&records).into_iter().filter(|(name, _)| !name.starts_with("cifar10-")) {
        fs::write(lab.path(&format!("small/{name}")), bytes).unwrap();
    }
    lab.nsa("report small --out out").succeeds();
    let expected = [
        ("k-cos", 5.5, 1.0, 25),
        ("c-cos", 10.3, 2.3, 22),
        ("gde", 4.6, 0.9, 26),
        ("k-cos-mah", 5.2, 1.1, 23),
        ("c-cos-mah", 4.5, 0.9, 26),
        ("k-cos-mah-raw", -0.2, 0.9, 14),
        ("ens-raw", 0.4, 0.8, 17),
    ];
    let csv = text(&lab.path("out/gains.csv"));
    for (score, mean, error, above) in expected {
        let rows = csv.lines().filter_map(|line| line.strip_prefix(&format!("{score},")));
        let gains: Vec<f64> = rows
            .map(|row| {
                let cells: Vec<&str> = row.split(',').collect();
                cells[6].parse::<f64>().unwrap() - cells[5].parse::<f64>().unwrap()
            })
            .collect();
        let n = gains.len() as f64;
        let found = gains.iter().sum::<f64>() / n;
        let spread = (gains.iter().map(|gain| (gain - found).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        assert_eq!(gains.len(), 28, "{score}");
        assert!((found - mean).abs() <= 0.051, "{score}: {found} is not {mean}");
        assert!((spread / n.sqrt() - error).abs() <= 0.051, "{score}: {} is not {error}", spread / n.sqrt());
        assert_eq!(gains.iter().filter(|gain| **gain > 0.0).count(), above, "{score}");
    }
}

/// Bytes of all files in a folder.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| if e.path().is_dir() { size_of(&e.path()) } else { e.metadata().unwrap().len() }).sum()
}

fn contents_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Files of a folder, without those of folders in it.
fn contents_of_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

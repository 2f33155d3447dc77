//! `nsa score`, `ensemble`, `analyze` and `auroc` give the core's numbers, and name the file that is wrong.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, features, read_npy, write_npy, write_npy_of};
use nsa_core::eval::summarize;
use nsa_core::score::{Bank, Scorer, ensemble, score_all};
use nsa_core::sphere::compactness;

#[test]
fn scores_are_those_of_the_core() {
    let lab = Lab::new();
    let bank = features(&lab.path("a.npy"), 40, 4, 1);
    let query = features(&lab.path("q.npy"), 9, 4, 2);
    lab.nsa("score --bank a.npy --query q.npy --scorer csi --out s.npy").fails(2, &["csi takes rows of 4 (d + 1)"]);
    lab.nsa("score --bank a.npy --query q.npy --scorer goad --out s.npy").fails(2, &["goad takes rows of 36 d"]);
    for scorer in Scorer::ALL.into_iter().filter(|scorer| !Scorer::OF_ROWS.contains(scorer)) {
        let k = if scorer == Scorer::KnnL2 { 2 } else { 1 };
        let score = lab.nsa(&format!("score --bank a.npy --query q.npy --scorer {scorer} --out s.npy")).succeeds();
        assert_eq!(score.stdout, "");
        assert_eq!(read_npy(&lab.path("s.npy")), score_all(scorer, k, &bank, &query).unwrap(), "{scorer}");
    }
    lab.nsa("score --bank a.npy --query q.npy --scorer knn-l2 --k 3 --out s.npy").succeeds();
    assert_eq!(read_npy(&lab.path("s.npy")), score_all(Scorer::KnnL2, 3, &bank, &query).unwrap());
}

#[test]
fn an_ensemble_takes_its_members_in_order() {
    let lab = Lab::new();
    let banks = [features(&lab.path("a.npy"), 40, 4, 1), features(&lab.path("b.npy"), 30, 6, 3)];
    let queries = [features(&lab.path("a2.npy"), 9, 4, 2), features(&lab.path("b2.npy"), 9, 6, 4)];
    let scorers = [Scorer::KCos, Scorer::CCosMah];
    let members: Vec<_> = (0..2)
        .map(|i| {
            let bank = Bank::fit(&banks[i]).unwrap();
            (bank.score(scorers[i], 1, &queries[i]).unwrap(), bank.training_range(scorers[i]).unwrap())
        })
        .collect();
    let members_line = "--bank a.npy --query a2.npy --scorer k-cos --bank b.npy --query b2.npy --scorer c-cos-mah";
    lab.nsa(&format!("ensemble {members_line} --out s.npy")).succeeds();
    assert_eq!(read_npy(&lab.path("s.npy")), ensemble(&members).unwrap());

    lab.nsa("ensemble --out s.npy").fails(2, &["--bank"]);
    let line = "ensemble --bank a.npy --query a2.npy --scorer k-cos --bank b.npy --out s.npy";
    lab.nsa(line).fails(2, &["found 2, 1 and 1"]);
    lab.nsa("ensemble --bank a.npy --query a2.npy --scorer kde --out s.npy")
        .fails(2, &["k-cos, k-cos-mah", "found kde"]);
    lab.nsa("ensemble --bank a.npy --query b2.npy --scorer k-cos --out s.npy").fails(2, &["a.npy, b2.npy: queries"]);
    features(&lab.path("few.npy"), 5, 6, 4);
    let line =
        "ensemble --bank a.npy --query a2.npy --scorer k-cos --bank b.npy --query few.npy --scorer k-cos --out s.npy";
    lab.nsa(line).fails(2, &["few.npy", "member 1 has 5 scores, member 0 has 9"]);
}

#[test]
fn measures_are_those_of_the_core() {
    let lab = Lab::new();
    let measured = compactness(&features(&lab.path("f.npy"), 50, 5, 1), 0).unwrap();
    let json = lab.nsa("analyze --features f.npy --json").json();
    assert_eq!((json["n"].as_u64(), json["dim"].as_u64()), (Some(50), Some(5)));
    for (name, value) in [
        ("mean_resultant_length", measured.mean_resultant_length),
        ("kappa", measured.kappa),
        ("mmd2", measured.mmd2),
        ("effective_rank", measured.effective_rank),
    ] {
        assert!((json[name].as_f64().unwrap() - value).abs() <= 1e-12 * value.abs(), "{name}");
    }
    assert!(lab.nsa("analyze --features f.npy").succeeds().stdout.contains("effective rank"));

    let (id, ood) = ([0.1, 0.2, 0.3, 0.4], [0.35, 0.5, 0.6]);
    write_npy(&lab.path("id.npy"), "4,", &id);
    write_npy(&lab.path("ood.npy"), "3, 1", &ood);
    let summary = summarize(&id, &ood).unwrap();
    let json = lab.nsa("auroc --id id.npy --ood ood.npy --json").json();
    for (name, value) in [
        ("auroc", summary.auroc),
        ("aupr_in", summary.aupr_in),
        ("aupr_out", summary.aupr_out),
        ("fpr95", summary.fpr95),
    ] {
        assert!((json[name].as_f64().unwrap() - value).abs() <= 1e-12, "{name}");
    }
    assert!(lab.nsa("auroc --id id.npy --ood ood.npy").succeeds().stdout.starts_with("AUROC"));
}

/// Scores of f64 that are the same in f32 are told apart.
#[test]
fn auroc_does_not_round_scores() {
    let lab = Lab::new();
    let write = |name: &str, values: &[f64]| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        write_npy_of(&lab.path(name), "<f8", &format!("{},", values.len()), &bytes);
    };
    let auroc = || lab.nsa("auroc --id id.npy --ood ood.npy --json").json()["auroc"].as_f64().unwrap();
    write("id.npy", &[0.3]);
    write("ood.npy", &[0.1 + 0.2]);
    assert_eq!(auroc(), 1.0);
    let near_one: Vec<f64> = (0..50).map(|n| 1.0 - 1e-9 * f64::from(n)).collect();
    write("id.npy", &near_one[25..]);
    write("ood.npy", &near_one[..25]);
    assert_eq!(auroc(), 1.0);
}

#[test]
fn bad_arrays_exit_2_and_results_that_cannot_be_written_1() {
    let lab = Lab::new();
    features(&lab.path("a.npy"), 10, 4, 1);
    let score = |rest: &str| lab.nsa(&format!("score --bank a.npy {rest}"));
    score("--query none.npy --scorer k-cos --out s.npy").fails(2, &["none.npy"]);
    score("--query a.npy --scorer cosine --out s.npy").fails(2, &["k-cos-mah", "found 'cosine'"]);
    score("--query a.npy --scorer k-cos --k 0 --out s.npy").fails(2, &["a.npy", "k must be 1 to 10", "found 0"]);
    score("--query a.npy --scorer k-cos --out no/such/folder/s.npy").fails(1, &["cannot write no/such/folder/s.npy"]);
    std::fs::write(lab.path("cut.npy"), &std::fs::read(lab.path("a.npy")).unwrap()[..150]).unwrap();
    score("--query cut.npy --scorer k-cos --out s.npy").fails(2, &["cut.npy", "160 bytes"]);
    write_npy(&lab.path("nan.npy"), "1, 4", &[1.0, f32::NAN, 0.0, 0.0]);
    score("--query nan.npy --scorer k-cos --out s.npy").fails(2, &["nan.npy"]);
    write_npy(&lab.path("huge.npy"), "99999999999, 99999999999", &[]);
    score("--query huge.npy --scorer k-cos --out s.npy").fails(2, &["huge.npy", "at most"]);
    write_npy(&lab.path("none.npy"), "0,", &[]);
    lab.nsa("auroc --id none.npy --ood none.npy --json").fails(2, &["none.npy"]);
    lab.nsa("analyze --features nan.npy --json").fails(2, &["nan.npy"]);
}

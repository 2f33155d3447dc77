//! Scores, measures and metrics against NumPy, SciPy and scikit-learn (`tests/golden/make_golden.py`).

// clippy.toml allows it in tests, but does not see that these helpers are part of them.
#![allow(clippy::unwrap_used)]

use nsa_core::Features;
use nsa_core::eval::{LinearProbe, auroc, linear_probe, roc, summarize, weighted_knn};
use nsa_core::score::{Bank, Kde, Mahalanobis, Scorer, ensemble, score_all};
use nsa_core::sphere::{AngleMap, Pca3, Vmf, effective_rank, exact_angles, log_normalizer, mean_cosine, mmd2};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Matrix {
    n: usize,
    dim: usize,
    values: Vec<f32>,
}

impl Matrix {
    fn features(&self) -> Features {
        Features::new(self.n, self.dim, self.values.clone()).unwrap()
    }
}

/// Every value within `tolerance`, absolute for small values and relative for large ones.
fn assert_close(found: impl IntoIterator<Item = f64>, expected: &[f64], tolerance: f64, what: &str) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{what}, value {i}: {f}, reference {e}");
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

#[derive(Deserialize)]
struct ScoreCase {
    name: String,
    train: Matrix,
    queries: Matrix,
    rank: usize,
    gamma: f64,
    scores: BTreeMap<String, Vec<f64>>,
    training_range: BTreeMap<String, [f64; 2]>,
    ensemble: Ensemble,
}

#[derive(Deserialize)]
struct Ensemble {
    members: Vec<Scorer>,
    scores: Vec<f64>,
}

fn score_cases() -> Vec<ScoreCase> {
    serde_json::from_str(include_str!("../../tests/golden/scores.json")).unwrap()
}

#[test]
fn every_score_agrees_with_scikit_learn() {
    for case in score_cases() {
        let (train, queries) = (case.train.features(), case.queries.features());
        for (key, expected) in &case.scores {
            // "k-cos-3" is k-cos with k = 3.
            let numbered = key.rsplit_once('-').and_then(|(name, k)| Some((name, k.parse().ok()?)));
            let (name, k) = numbered.unwrap_or((key, 1));
            let scorer: Scorer = name.parse().unwrap();
            let found = score_all(scorer, k, &train, &queries).unwrap();
            // The SVMs stop within a tolerance of the optimum; the Gaussian's density has 1e6 in it.
            let tolerance = match scorer {
                Scorer::OcSvm => 1e-3,
                Scorer::Gde | Scorer::GdeRaw => 1e-4,
                _ => 1e-5,
            };
            assert_close(wide(&found), expected, tolerance, &format!("{}: {key}", case.name));
        }
        let gamma = Kde::fit(&train).unwrap().gamma();
        assert!((gamma / case.gamma - 1.0).abs() < 1e-6, "{}: gamma {gamma}", case.name);
    }
}

#[test]
fn banks_agree_in_rank_range_and_ensemble() {
    for case in score_cases() {
        let (train, queries) = (case.train.features(), case.queries.features());
        let bank = Bank::fit(&train).unwrap();
        assert_eq!(bank.rank(), case.rank, "{}", case.name);
        for (key, expected) in &case.training_range {
            let found = bank.training_range(key.parse().unwrap()).unwrap();
            assert_close(wide(&found), expected, 1e-5, &format!("{}: training range of {key}", case.name));
        }
        let member =
            |&scorer: &Scorer| (bank.score(scorer, 1, &queries).unwrap(), bank.training_range(scorer).unwrap());
        let members: Vec<_> = case.ensemble.members.iter().map(member).collect();
        // Ranges are narrow where the class is compact, which magnifies rounding.
        assert_close(wide(&ensemble(&members).unwrap()), &case.ensemble.scores, 1e-4, &case.name);
    }
}

#[derive(Deserialize)]
struct CloseCase {
    name: String,
    train: Matrix,
    queries: Matrix,
    scores: BTreeMap<String, Vec<f64>>,
}

/// Where f32, or a difference of large terms, has no digits left: each case is a kind of fault that public reports of
/// outlier scorers have. The tolerance is relative: small angles must keep their digits.
#[test]
fn features_close_to_each_other_or_of_unequal_size_keep_their_digits() {
    let cases: Vec<CloseCase> = serde_json::from_str(include_str!("../../tests/golden/close.json")).unwrap();
    for case in cases {
        let (train, queries) = (case.train.features(), case.queries.features());
        for (key, expected) in &case.scores {
            let numbered = key.strip_suffix("-2").map(|name| (name, 2));
            let (name, k) = numbered.unwrap_or((key, 1));
            let scorer: Scorer = name.parse().unwrap();
            let found = score_all(scorer, k, &train, &queries).unwrap();
            assert_eq!(found.len(), expected.len());
            let tolerance = if scorer == Scorer::OcSvm { 1e-3 } else { 1e-5 };
            // The machine's decision is a difference, and so zero somewhere; whitening has the rounding of its matrix.
            let least = if scorer == Scorer::OcSvm { expected.iter().fold(0.0, |m, e| e.abs().max(m)) } else { 1e-9 };
            for (i, (f, e)) in found.iter().zip(expected).enumerate() {
                let error = (f64::from(*f) - e).abs();
                assert!(error <= tolerance * e.abs().max(least), "{}: {key}, query {i}: {f}, reference {e}", case.name);
            }
        }
    }
}

/// A copy of a training feature is at angle 0, not at the 3.5e-4 that arccos makes of a rounded cosine.
#[test]
fn copies_of_training_features_score_zero() {
    let case = score_cases().into_iter().find(|c| c.name.contains("compact")).unwrap();
    let (train, queries) = (case.train.features(), case.queries.features());
    for scorer in [Scorer::KCos, Scorer::KCosMah, Scorer::KCosMahCentred] {
        let last = *Bank::fit(&train).unwrap().score(scorer, 1, &queries).unwrap().last().unwrap();
        assert!(last < 1e-6, "{scorer}: {last}");
    }
}

/// After a change of its covariance, a Mahalanobis score of AUROC 50.2 went out (pytorch-ood#81).
#[test]
fn a_mahalanobis_score_that_sees_nothing_is_noticed() {
    let case = score_cases().swap_remove(0);
    let train = case.train.features();
    let mirrored = Features::new(train.n(), train.dim(), train.values().iter().map(|x| -x).collect()).unwrap();
    let fitted = Mahalanobis::fit(&train).unwrap();
    let (id, ood) = (fitted.score(&train).unwrap(), fitted.score(&mirrored).unwrap());
    assert!(auroc(&id, &ood).unwrap() > 0.6);
}

#[derive(Deserialize)]
struct Sphere {
    bessel: Vec<BesselCase>,
    vmf: Vec<VmfCase>,
    mmd: Vec<MmdCase>,
    shape: Vec<ShapeCase>,
}

#[derive(Deserialize)]
struct BesselCase {
    dim: usize,
    kappa: f64,
    a: f64,
    log_c: f64,
}

#[derive(Deserialize)]
struct VmfCase {
    features: Matrix,
    mean_direction: Vec<f64>,
    kappa: f64,
    mean_resultant_length: f64,
}

#[derive(Deserialize)]
struct MmdCase {
    x: Matrix,
    y: Matrix,
    sigma_root_2: f64,
    sigma_half: f64,
}

#[derive(Deserialize)]
struct ShapeCase {
    features: Matrix,
    effective_rank: f64,
    angles: Vec<f64>,
    across: Vec<f64>,
    pca: Vec<f64>,
    explained: Vec<f64>,
}

fn sphere() -> Sphere {
    serde_json::from_str(include_str!("../../tests/golden/sphere.json")).unwrap()
}

#[test]
fn bessel_ratios_and_normalisers_agree_up_to_8192_dimensions() {
    for BesselCase { dim, kappa, a, log_c } in sphere().bessel {
        let (found_a, found_c) = (mean_cosine(dim, kappa), log_normalizer(dim, kappa));
        assert!((found_a / a - 1.0).abs() < 1e-12, "A_{dim}({kappa}) = {found_a}, reference {a}");
        let error = (found_c - log_c).abs() / log_c.abs().max(1.0);
        assert!(error < 1e-12, "ln C_{dim}({kappa}) = {found_c}, reference {log_c}");
    }
}

#[test]
fn von_mises_fisher_fits_agree() {
    for case in sphere().vmf {
        let fit = Vmf::fit(&case.features.features()).unwrap();
        assert_close(fit.mean_direction, &case.mean_direction, 1e-9, "mean direction");
        assert_close([fit.mean_resultant_length], &[case.mean_resultant_length], 1e-12, "R");
        assert!((fit.kappa / case.kappa - 1.0).abs() < 1e-9, "kappa {}, reference {}", fit.kappa, case.kappa);
    }
}

#[test]
fn mmd_agrees() {
    for case in sphere().mmd {
        let (x, y) = (case.x.features(), case.y.features());
        assert_close([mmd2(&x, &y, 0.5).unwrap()], &[case.sigma_half], 1e-5, "sigma 0.5");
        assert_close([mmd2(&x, &y, 2.0_f64.sqrt()).unwrap()], &[case.sigma_root_2], 1e-5, "sigma sqrt(2)");
    }
}

#[test]
fn effective_rank_and_projections_agree() {
    for case in sphere().shape {
        let features = case.features.features();
        assert_close([effective_rank(&features).unwrap()], &[case.effective_rank], 1e-6, "effective rank");
        let map = AngleMap::fit(&features).unwrap();
        let points = map.place(&features).unwrap();
        assert_close(exact_angles(&features, &map.mean_direction).unwrap(), &case.angles, 1e-9, "angle");
        assert_close(points.iter().map(|p| p.angle), &case.angles, 1e-9, "angle of a point");
        for (point, across) in points.iter().zip(case.across.chunks_exact(2)) {
            // Up to the signs of the components, which are free.
            let found = point.azimuth.sin().abs().atan2(point.azimuth.cos().abs());
            assert_close([found], &[across[1].atan2(across[0])], 1e-4, "azimuth");
        }
        let pca = Pca3::fit(&features).unwrap();
        let drawn = pca.place(&features).unwrap().into_iter().flatten().map(f64::abs);
        assert_close(drawn, &case.pca, 1e-5, "principal components");
        assert_close(pca.explained, &case.explained, 1e-6, "explained variance");
    }
}

#[derive(Deserialize)]
struct Eval {
    roc: Vec<RocCase>,
    probe: Vec<ProbeCase>,
}

#[derive(Deserialize)]
struct RocCase {
    name: String,
    id: Vec<f32>,
    ood: Vec<f32>,
    fpr: Vec<f64>,
    tpr: Vec<f64>,
    thresholds: Vec<f64>,
    auroc: f64,
    aupr_in: f64,
    aupr_out: f64,
    fpr95: f64,
}

#[derive(Deserialize)]
struct ProbeCase {
    train: Matrix,
    train_labels: Vec<usize>,
    test: Matrix,
    test_labels: Vec<usize>,
    linear: Vec<usize>,
    linear_accuracy: f64,
    knn: BTreeMap<usize, Vec<usize>>,
}

fn eval() -> Eval {
    serde_json::from_str(include_str!("../../tests/golden/eval.json")).unwrap()
}

#[test]
fn curves_and_summaries_agree_ties_included() {
    for case in eval().roc {
        let curve = roc(&case.id, &case.ood).unwrap();
        assert_eq!(curve.thresholds[0], f64::INFINITY);
        assert_close(curve.thresholds[1..].to_vec(), &case.thresholds, 1e-7, &case.name);
        assert_close(curve.fpr, &case.fpr, 1e-15, &format!("{}: FPR", case.name));
        assert_close(curve.tpr, &case.tpr, 1e-15, &format!("{}: TPR", case.name));
        let summary = summarize(&case.id, &case.ood).unwrap();
        let found = [summary.auroc, summary.aupr_in, summary.aupr_out, summary.fpr95];
        assert_close(found, &[case.auroc, case.aupr_in, case.aupr_out, case.fpr95], 1e-12, &case.name);
        assert_eq!(auroc(&case.id, &case.ood).unwrap(), summary.auroc);
    }
}

#[test]
fn probes_agree() {
    for case in eval().probe {
        let (train, test) = (case.train.features(), case.test.features());
        let probe = LinearProbe::fit(&train, &case.train_labels, 1.0).unwrap();
        assert_eq!(probe.predict(&test).unwrap(), case.linear);
        let accuracy = linear_probe(&train, &case.train_labels, &test, &case.test_labels).unwrap();
        assert!((accuracy - case.linear_accuracy).abs() < 1e-12);
        for (&k, expected) in &case.knn {
            assert_eq!(&weighted_knn(&train, &case.train_labels, &test, k).unwrap(), expected, "k = {k}");
        }
    }
}

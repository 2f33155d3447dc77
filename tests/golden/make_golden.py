#!/usr/bin/env python3
"""Reference values for core/tests/golden.rs, from NumPy, SciPy and scikit-learn.

    python -m venv venv && venv/bin/pip install numpy scipy scikit-learn mpmath
    venv/bin/python tests/golden/make_golden.py

Writes scores.json, close.json, sphere.json and eval.json beside this file. Inputs are float32 values of few digits, so that the
files are small and hold exactly what both sides compute with; all reference arithmetic is float64 or better.
"""

import json
from pathlib import Path

import mpmath
import numpy as np
import scipy.spatial.distance
import scipy.special
import scipy.stats
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from sklearn.metrics.pairwise import cosine_distances
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler, normalize
from sklearn.svm import OneClassSVM

# Of nsa_core::score::RELATIVE_TOLERANCE.
TOLERANCE = 1e-6


def f32(values, digits=4):
    """Float32 values of few decimal digits, as float64."""
    return np.round(np.asarray(values), digits).astype(np.float32).astype(np.float64)


def matrix(values):
    # The shortest decimal that reads back as the same float32.
    text = [float(str(np.float32(v))) for v in values.ravel()]
    return {"n": values.shape[0], "dim": values.shape[1], "values": text}


# Scores ---------------------------------------------------------------------------------------------------------


def angle(cosine_distance):
    return np.arccos(np.clip(1 - cosine_distance, -1, 1))


def kth_angle(train, queries, k):
    found = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(train).kneighbors(queries)[0]
    return angle(found[:, k - 1])


def leave_one_out(train):
    # Without an argument, scikit-learn leaves each sample out of its own neighbours, by index.
    return angle(NearestNeighbors(n_neighbors=1, metric="cosine", algorithm="brute").fit(train).kneighbors()[0][:, 0])


def whitening(train):
    values, vectors = np.linalg.eigh(np.cov(train, rowvar=False))
    keep = values > TOLERANCE * values[-1]
    return (vectors[:, keep] / np.sqrt(values[keep])).T


def scores(name, train, queries):
    unit_train, unit_queries = normalize(train), normalize(queries)
    mean, white = unit_train.mean(0), whitening(unit_train)
    u, v = (unit_train - mean) @ white.T, (unit_queries - mean) @ white.T
    raw = whitening(train)
    gamma = 10 / (unit_train.var() * unit_train.shape[1])
    n = len(train)
    ours = {
        "k-cos": kth_angle(train, queries, 1),
        "k-cos-3": kth_angle(train, queries, 3),
        "k-cos-mah-centred": kth_angle(u, v, 1),
        "k-cos-mah-centred-3": kth_angle(u, v, 3),
        "k-cos-mah": kth_angle(unit_train @ white.T, unit_queries @ white.T, 1),
        "k-cos-mah-raw": kth_angle(train @ raw.T, queries @ raw.T, 1),
        "c-cos": angle(cosine_distances(queries, mean[None])[:, 0]),
        "c-cos-mah": angle(cosine_distances(unit_queries @ white.T, (white @ mean)[None])[:, 0]),
        "c-cos-mah-raw": angle(cosine_distances(queries @ raw.T, (raw @ train.mean(0))[None])[:, 0]),
        "kde": -scipy.special.logsumexp(2 * gamma * unit_queries @ unit_train.T, axis=1) / gamma,
        "gde": -GaussianMixture(1, reg_covar=1e-6).fit(unit_train).score_samples(unit_queries),
        "gde-raw": -GaussianMixture(1, reg_covar=1e-6).fit(train).score_samples(queries),
        "oc-svm": -OneClassSVM(kernel="rbf", nu=0.5, gamma=gamma, tol=1e-9)
        .fit(unit_train)
        .decision_function(unit_queries),
        "knn-l2-2": (NearestNeighbors(n_neighbors=2, algorithm="brute").fit(train).kneighbors(queries)[0] ** 2).sum(1),
        # EmpiricalCovariance divides by n, ours by n - 1.
        "mahalanobis": np.sqrt(EmpiricalCovariance().fit(unit_train).mahalanobis(unit_queries) * (n - 1) / n),
        "mahalanobis-shrunk": np.sqrt(LedoitWolf().fit(train).mahalanobis(queries)),
    }
    training = {
        "k-cos": leave_one_out(train),
        "k-cos-mah-centred": leave_one_out(u),
        "k-cos-mah": leave_one_out(unit_train @ white.T),
        "c-cos": angle(cosine_distances(train, mean[None])[:, 0]),
        "c-cos-mah": angle(cosine_distances(unit_train @ white.T, (white @ mean)[None])[:, 0]),
    }
    members = ["k-cos", "c-cos-mah"]
    scaled = [MinMaxScaler().fit(training[m][:, None]).transform(ours[m][:, None])[:, 0] for m in members]
    return {
        "name": name,
        "train": matrix(train),
        "queries": matrix(queries),
        "rank": len(white),
        "gamma": gamma,
        "scores": {key: value.tolist() for key, value in ours.items()},
        "training_range": {key: [value.min(), value.max()] for key, value in training.items()},
        "ensemble": {"members": members, "scores": np.sum(scaled, axis=0).tolist()},
    }


def score_cases(rng):
    def draw(n, dim, centre=0.0, spread=1.0):
        shared = rng.normal(size=(n, 1))
        return f32(centre + spread * (rng.normal(size=(n, dim)) * np.linspace(0.5, 2, dim) + 0.7 * shared))

    train = draw(60, 8, 0.5)
    train[17] = train[3]  # an exact copy in the training set
    queries = np.vstack([draw(12, 8, 0.5), train[[3, 40]], -train[[5]]])
    yield scores("more features than dimensions", train, queries)

    train = draw(20, 40, 0.3)
    queries = np.vstack([draw(8, 40, 0.3), train[[0]], 2 * train[[1]]])
    yield scores("fewer features than dimensions", train, queries)

    # The mean is 20 times the spread: all cosines are near 1, where arccos of a float32 has no digits left.
    train = draw(40, 16, 3.0, 0.15)
    yield scores("a compact class far from the origin", train, np.vstack([draw(10, 16, 3.0, 0.15), train[[7]]]))

    # An epsilon beside a norm would show (OpenOOD divides and then adds 1e-10).
    train = draw(30, 6, 1.0)
    case = scores("tiny features", f32(train * 1e-9, 13), f32(draw(8, 6, 1.0) * 1e-9, 13))
    del case["scores"]["gde-raw"]  # its 1e-6 on the diagonal is absolute
    yield case

    # The last value is a copy of the first, the fifth never changes: two directions without variance.
    train, queries = draw(30, 7, 0.5), draw(8, 7, 0.5)
    for f in (train, queries):
        f[:, 6], f[:, 4] = f[:, 0], 0.25
    case = scores("directions without variance", train, queries)
    # Zero eigenvalues are 1e-17 or so, which scikit-learn's pseudo-inverse may or may not drop in normalised features.
    del case["scores"]["mahalanobis"]
    yield case


def half_chord(train, queries):
    """Angles of all pairs: exact also where the cosine is near 1, as arccos is not."""
    difference = normalize(queries)[:, None] - normalize(train)[None]
    return 2 * np.arcsin(np.minimum(np.linalg.norm(difference, axis=2) / 2, 1))


def squared_distances(train, queries):
    return ((queries[:, None] - train[None]) ** 2).sum(2)


def close_cases(rng):
    """Where float32, or a difference of large terms, has no digits left: faults of scorers in public reports."""
    def case(name, train, queries, **scores):
        return {
            "name": name,
            "train": matrix(train),
            "queries": matrix(queries),
            "scores": {key.replace("_", "-"): value.tolist() for key, value in scores.items()},
        }

    # Angles of a ten-thousandth, and copies.
    train = f32(1 + 1e-4 * rng.normal(size=(120, 16)), 7)
    queries = np.vstack([f32(1 + 1e-4 * rng.normal(size=(12, 16)), 7), train[[5, 70]]])
    mean, white = normalize(train).mean(0), whitening(normalize(train))
    from_mean = lambda x: (normalize(x) - mean) @ white.T
    from_origin = lambda x: normalize(x) @ white.T
    yield case(
        "features within 1e-3 rad",
        train,
        queries,
        k_cos=half_chord(train, queries).min(1),
        k_cos_mah=half_chord(from_origin(train), from_origin(queries)).min(1),
        k_cos_mah_centred=half_chord(from_mean(train), from_mean(queries)).min(1),
        c_cos=half_chord(mean[None], queries)[:, 0],
        c_cos_mah=half_chord((white @ mean)[None], from_origin(queries))[:, 0],
        knn_l2=np.sort(squared_distances(train, queries), 1)[:, :1].sum(1),
    )

    # Nearest of all among features that lie in every direction.
    train = f32(rng.normal(size=(80, 12)))
    tilted = f32(train[:8] + 1e-5 * rng.normal(size=(8, 12)), 7)
    yield case("a query within 1e-5 rad of one of many", train, tilted, k_cos=half_chord(train, tilted).min(1))

    train = f32(rng.normal(size=(200, 16)))
    train[117] = 1e6
    queries = f32(rng.normal(size=(10, 16)))
    nearest = np.sort(squared_distances(train, queries), 1)
    yield case("one row far away", train, queries, knn_l2=nearest[:, 0], knn_l2_2=nearest[:, :2].sum(1))

    train, queries = (f32(1e4 + rng.normal(size=(n, 8)), 2) for n in (90, 10))
    unit_train, unit_queries = normalize(train), normalize(queries)
    gamma = 10 / (unit_train.var() * unit_train.shape[1])
    svm = OneClassSVM(kernel="rbf", nu=0.5, gamma=gamma, tol=1e-10).fit(unit_train)
    yield case(
        "features at offset 1e4",
        train,
        queries,
        oc_svm=-svm.decision_function(unit_queries),
        # Along their mean unit vectors spread by less than the tolerance; EmpiricalCovariance would keep that direction.
        mahalanobis=np.linalg.norm((unit_queries - unit_train.mean(0)) @ whitening(unit_train).T, axis=1),
        knn_l2=squared_distances(train, queries).min(1),
    )

    train, queries = (f32(rng.normal(size=(n, 8))) for n in (200, 10))
    for f in (train, queries):
        f[:, 3] = f32(f[:, 3] * 1e5, 0)
    yield case(
        "a column 1e5 times larger",
        train,
        queries,
        gde_raw=-GaussianMixture(1, reg_covar=1e-6).fit(train).score_samples(queries),
    )


# The sphere -----------------------------------------------------------------------------------------------------


def bessel_cases():
    mpmath.mp.dps = 40
    bessel = lambda order, kappa: mpmath.besseli(order, kappa, maxterms=10**6)
    for dim in (2, 3, 16, 128, 512, 2048, 8192):
        for kappa in (1e-6, 0.01, 1.0, 10.0, 300.0, 1e4, 1e5):
            order = mpmath.mpf(dim) / 2 - 1
            low, high = bessel(order, kappa), bessel(order + 1, kappa)
            log_c = order * mpmath.log(kappa) - (order + 1) * mpmath.log(2 * mpmath.pi) - mpmath.log(low)
            case = {"dim": dim, "kappa": kappa, "a": float(high / low), "log_c": float(log_c)}
            # SciPy agrees wherever its scaled Bessel function is in range.
            scaled = scipy.special.ive(float(order), kappa), scipy.special.ive(float(order) + 1, kappa)
            if min(scaled) > 1e-290:
                assert abs(scaled[1] / scaled[0] / case["a"] - 1) < 1e-11, case
            yield case


def vmf_cases(rng):
    for dim, kappa, n in ((3, 5.0, 40), (16, 2.0, 40), (64, 400.0, 30), (128, 3000.0, 12)):
        mu = normalize(rng.normal(size=(1, dim)))[0]
        sample = scipy.stats.vonmises_fisher(mu, kappa).rvs(n, random_state=rng)
        # Lengths must not matter.
        sample = f32(sample * rng.uniform(0.5, 4, size=(n, 1)), 5)
        length = float(np.linalg.norm(normalize(sample).mean(0)))
        direction, fitted = scipy.stats.vonmises_fisher.fit(normalize(sample))
        ratio = lambda k: mpmath.besseli(dim / 2, k, maxterms=10**6) / mpmath.besseli(dim / 2 - 1, k, maxterms=10**6)
        exact = float(mpmath.findroot(lambda k: ratio(k) - length, (0.9 * kappa, 1.1 * kappa), solver="secant"))
        # SciPy's fit leaves the range of its Bessel functions at kappa = 3000 and returns 1e-8.
        assert kappa > 1000 or abs(fitted / exact - 1) < 1e-6, (fitted, exact)
        yield {
            "features": matrix(sample),
            "mean_direction": direction.tolist(),
            "kappa": exact,
            "mean_resultant_length": length,
        }


def mmd2(x, y, sigma):
    kernel = lambda a, b: np.exp(-scipy.spatial.distance.cdist(a, b, "sqeuclidean") / (2 * sigma**2))
    n, m = len(x), len(y)
    within = lambda z: (kernel(z, z).sum() - len(z)) / (len(z) * (len(z) - 1))
    return within(x) + within(y) - 2 * kernel(x, y).sum() / (n * m)


def mmd_cases(rng):
    for n, m, dim, shift in ((30, 30, 5, 0.0), (25, 40, 12, 1.5), (20, 20, 3, 8.0)):
        x = rng.normal(size=(n, dim))
        x[:, 0] += shift
        x, y = f32(normalize(x), 6), f32(normalize(rng.normal(size=(m, dim))), 6)
        x_unit, y_unit = normalize(x), normalize(y)
        yield {
            "x": matrix(x),
            "y": matrix(y),
            "sigma_root_2": mmd2(x_unit, y_unit, np.sqrt(2)),
            "sigma_half": mmd2(x_unit, y_unit, 0.5),
        }


def shape_cases(rng):
    for n, dim in ((50, 6), (8, 20)):
        features = f32(rng.normal(size=(n, dim)) * np.linspace(2, 0.1, dim) + 1)
        singular = np.linalg.svd(features, compute_uv=False)
        units = normalize(features)
        direction = normalize(units.mean(0)[None])[0]
        across = units - np.outer(units @ direction, direction)
        frame = PCA(2, svd_solver="full").fit(across)
        pca = PCA(3, svd_solver="full").fit(units)
        yield {
            "features": matrix(features),
            "effective_rank": float(np.exp(scipy.stats.entropy(singular))),
            "angles": np.arccos(units @ direction).tolist(),
            # Signs are free.
            "across": np.abs(across @ frame.components_.T).ravel().tolist(),
            "pca": np.abs(pca.transform(units)).ravel().tolist(),
            "explained": pca.explained_variance_ratio_.tolist(),
        }


# Evaluation -----------------------------------------------------------------------------------------------------


def roc_case(name, id_scores, ood_scores):
    labels = np.r_[np.zeros(len(id_scores)), np.ones(len(ood_scores))]
    both = np.r_[id_scores, ood_scores]
    fpr, tpr, thresholds = roc_curve(labels, both, drop_intermediate=False)
    return {
        "name": name,
        "id": [float(str(np.float32(s))) for s in id_scores],
        "ood": [float(str(np.float32(s))) for s in ood_scores],
        "fpr": fpr.tolist(),
        "tpr": tpr.tolist(),
        "thresholds": thresholds[1:].tolist(),  # the first is infinity, which JSON has no word for
        "auroc": roc_auc_score(labels, both),
        "aupr_out": average_precision_score(labels, both),
        "aupr_in": average_precision_score(1 - labels, -both),
        "fpr95": float(fpr[np.argmax(tpr >= 0.95)]),
    }


def roc_cases(rng):
    yield roc_case("distinct", f32(rng.normal(size=40)), f32(rng.normal(1, 1, size=25)))
    yield roc_case("many ties", np.round(rng.normal(size=60)), np.round(rng.normal(0.7, 1, size=45)))
    yield roc_case("all equal", np.full(5, 0.5), np.full(7, 0.5))
    yield roc_case("perfect", np.arange(20.0), np.arange(20.0, 30))
    yield roc_case("exactly 95 percent", f32(rng.normal(size=30)), f32(np.r_[rng.normal(1, 1, size=19), -9]))
    yield roc_case("unbalanced", f32(rng.normal(size=100)), f32(rng.normal(size=2)))


def probe_cases(rng):
    for dim, classes, noise in ((6, 3, 0.8), (10, 4, 1.5), (5, 2, 1.0)):
        centres = rng.normal(size=(classes, dim))
        draw = lambda n: (labels := rng.integers(0, classes, n), f32(centres[labels] + noise * rng.normal(size=(n, dim)), 3))
        (train_labels, train), (test_labels, test) = draw(90), draw(30)
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, tol=1e-10, max_iter=10000))
        probe.fit(train, train_labels)
        knn = {}
        for k in (1, 20):
            weights = lambda distance: np.exp((1 - distance) / 0.07)
            vote = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=weights).fit(train, train_labels)
            knn[str(k)] = vote.predict(test).tolist()
        yield {
            "train": matrix(train),
            "train_labels": train_labels.tolist(),
            "test": matrix(test),
            "test_labels": test_labels.tolist(),
            "linear": probe.predict(test).tolist(),
            "linear_accuracy": probe.score(test, test_labels),
            "knn": knn,
        }


def main():
    here = Path(__file__).parent
    rng = np.random.default_rng(20220)
    files = {
        "scores": list(score_cases(rng)),
        "close": list(close_cases(np.random.default_rng(20221))),
        "sphere": {
            "bessel": list(bessel_cases()),
            "vmf": list(vmf_cases(rng)),
            "mmd": list(mmd_cases(rng)),
            "shape": list(shape_cases(rng)),
        },
        "eval": {"roc": list(roc_cases(rng)), "probe": list(probe_cases(rng))},
    }
    for name, content in files.items():
        path = here / f"{name}.json"
        path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

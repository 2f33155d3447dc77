#!/usr/bin/env python3
"""Reference values for train/src/report/stats.rs, from SciPy: writes statistics.json beside this file.

    venv/bin/python tests/golden/make_statistics.py     # the environment of make_golden.py
"""

import json
from pathlib import Path

import numpy as np
import scipy.stats

FREEDOM = [1, 2, 3, 4, 5, 9, 10, 23, 27, 120]
T = [0.0, 0.3, 1.0, 2.1, 4.5]
SHARES = [0.6, 0.9, 0.95, 0.975, 0.995]


def mean(values):
    test = scipy.stats.ttest_1samp(values, 0.0)
    interval = test.confidence_interval(0.95)
    expected = [np.mean(values), scipy.stats.sem(values), interval.low, interval.high, test.pvalue]
    return {"values": values, "expected": [float(v) for v in expected]}


def spearman(a, b):
    return {"a": a, "b": b, "expected": float(scipy.stats.spearmanr(a, b).statistic)}


def main():
    t = [
        [df, t, 2 * scipy.stats.t.sf(t, df), share, scipy.stats.t.ppf(share, df)]
        for df in FREEDOM
        for t, share in zip(T, SHARES)
    ]
    means = [[1.0, 2.5], [8.2, 5.4, 10.5], [-3.1, 0.4, 2.2, -0.7, -1.9, 0.1], [5.5, 5.1, 5.9, 4.8, 5.2]]
    ranks = [
        ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]),
        ([3.0, 1.0, 1.0, 2.0, 5.0], [2.0, 2.0, 1.0, 0.0, 2.0]),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [9.0, 8.0, 8.0, 5.0, 6.0, 1.0]),
    ]
    golden = {"t": [[float(v) for v in row] for row in t], "mean": [mean(v) for v in means]}
    golden["spearman"] = [spearman(a, b) for a, b in ranks]
    Path(__file__).with_name("statistics.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()

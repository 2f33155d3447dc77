#!/usr/bin/env python3
"""Times `nsa bench` and the programs that one would pick instead, in turns on the same cores, and writes the results.

    tests/bench/native.py --nsa PATH --out tests/bench/native.json [--rounds 5] [--only WORDS]

Every round of a case runs ours and then each rival, with its warm-up, so that whatever else the machine does falls on all
alike. Times are wall-clock and, because other programs may share the machine, of the processor in all threads.
"""

import argparse
import datetime
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import sklearn
import torch
from sklearn.neighbors import NearestNeighbors

sys.path.insert(0, str(Path(__file__).parent.parent / "golden"))
from make_torch import Network, nt_xent, simsiam  # noqa: E402

THREADS = os.cpu_count()
torch.set_num_threads(THREADS)
faiss.omp_set_num_threads(THREADS)


def features(n, dim, seed):
    return (0.5 + np.random.default_rng(seed).standard_normal((n, dim))).astype(np.float32)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def whitening(train):
    """Mean and whitening by the covariance, or by the Gram matrix where there are fewer rows than dimensions."""
    mean = train.mean(0, dtype=np.float64)
    centred = train - mean
    n, dim = train.shape
    if dim < n:
        values, vectors = np.linalg.eigh(centred.T @ centred / (n - 1))
        keep = values > values[-1] * 1e-6
        return mean, vectors[:, keep] / np.sqrt(values[keep])
    values, vectors = np.linalg.eigh(centred @ centred.T / (n - 1))
    keep = values > values[-1] * 1e-6
    return mean, centred.T @ (vectors[:, keep] / (values[keep] * np.sqrt(n - 1)))


def sklearn_cosine(train, query):
    found = NearestNeighbors(n_neighbors=1, metric="cosine", algorithm="brute").fit(train)
    return np.arccos(1 - found.kneighbors(query)[0][:, 0].clip(0, 2))


def faiss_cosine(train, query):
    index = faiss.IndexFlatIP(train.shape[1])
    index.add(unit(train).astype(np.float32))
    return np.arccos(index.search(unit(query).astype(np.float32), 1)[0][:, 0].clip(-1, 1))


def score(scorer, bank, queries, dim):
    train, query = features(bank, dim, 1), features(queries, dim, 2)

    def whitened(nearest):
        def work():
            mean, matrix = whitening(train)
            return nearest((train - mean) @ matrix, (query - mean) @ matrix)
        return work

    ours = ["score", "--scorer", scorer, "--bank", bank, "--queries", queries, "--dim", dim]
    name = f"{scorer}, {queries:,} x {bank:,} x {dim:,}"
    if scorer == "k-cos":
        return name, ours, {"scikit-learn": lambda: sklearn_cosine(train, query), "faiss": lambda: faiss_cosine(train, query)}
    return name, ours, {"NumPy + scikit-learn": whitened(sklearn_cosine), "NumPy + faiss": whitened(faiss_cosine)}


def measure(n, dim):
    x = features(n, dim, 1)

    def work():
        y = unit(x).astype(np.float64)
        r = np.linalg.norm(y.mean(0))
        u = unit(np.random.default_rng(0).standard_normal((n, dim)))
        both = np.concatenate([y, u])
        squared = np.maximum(2 - 2 * both @ both.T, 0)
        sigma2 = np.median(squared[np.triu_indices(2 * n, 1)])
        kernel = np.exp(-squared / (2 * sigma2))
        np.fill_diagonal(kernel, 0)
        mmd2 = (kernel[:n, :n].sum() + kernel[n:, n:].sum()) / (n * (n - 1)) - 2 * kernel[:n, n:].mean()
        spectrum = np.linalg.eigvalsh(np.cov(x.T.astype(np.float64)))
        p = spectrum[spectrum > 0] / spectrum[spectrum > 0].sum()
        return r * (dim - r * r) / (1 - r * r), mmd2, np.exp(-(p * np.log(p)).sum())

    return f"kappa, MMD and rank, {n:,} x {dim:,}", ["measure", "--features", n, "--dim", dim], {"NumPy": work}


def embed(width, batch):
    network = Network("simsiam", width).eval()
    images = torch.rand(batch, 3, 32, 32)

    def work():
        with torch.inference_mode():
            return network.encoder((images - 0.5) / 0.25)[-1].mean((2, 3))

    ours = ["embed", "--width", width, "--batch", batch, "--device", "cpu"]
    return f"inference, width {width}, batch {batch}", ours, {"PyTorch": work}


def train(objective, width, batch):
    network = Network(objective, width).train()
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-4, eps=1e-8)
    first, second = torch.rand(batch, 3, 32, 32), torch.rand(batch, 3, 32, 32)

    def work():
        a, b = network(first, "none"), network(second, "none")
        loss = simsiam(a["p"], a["z"], b["p"], b["z"]) if objective == "simsiam" else nt_xent(a["z"], b["z"], 0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    ours = ["train", "--objective", objective, "--width", width, "--batch", batch, "--device", "cpu"]
    # Ours draws its views in the step; PyTorch's are drawn before.
    return f"training step, {objective}, width {width}, batch {batch}", ours, {"PyTorch": work}


# How cost grows with the bank.
BANKS = [1000, 10_000, 100_000]

CASES = [
    lambda: score("k-cos", 5000, 10_000, 512),
    lambda: score("k-cos-mah", 5000, 10_000, 512),
    lambda: score("k-cos", 50_000, 10_000, 512),
    lambda: score("k-cos", 5000, 100_000, 512),
    lambda: score("k-cos-mah", 5000, 10, 8192),
    *(partial(score, "k-cos", bank, 1000, 512) for bank in BANKS),
    lambda: measure(2000, 512),
    lambda: embed(16, 1),
    lambda: embed(16, 16),
    lambda: embed(16, 64),
    lambda: embed(64, 16),
    *(partial(train, objective, width, batch)
      for objective in ("simsiam", "simclr") for width in (8, 16, 32, 64) for batch in (64, 256)),
]


def timed(work):
    started, before = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - before


def run(case, nsa, rounds):
    name, ours, rivals = case()
    seconds = {who: [] for who in ["nsa", *rivals]}
    processor = {who: [] for who in ["nsa", *rivals]}
    memory = 0
    for _ in range(rounds):
        line = [nsa, "bench", *map(str, ours), "--repeat", "1", "--json"]
        found = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
        seconds["nsa"] += found["seconds"]
        processor["nsa"] += found["processor-seconds"]
        memory = max(memory, found["peak-memory-bytes"])
        for who, work in rivals.items():
            work()
            wall, of_processor = timed(work)
            seconds[who].append(wall)
            processor[who].append(of_processor)
    gc.collect()
    print(name, {who: round(statistics.median(values), 4) for who, values in seconds.items()}, file=sys.stderr)
    return {"case": name, "seconds": seconds, "processor-seconds": processor, "nsa-peak-memory-bytes": memory}


def processor_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nsa", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="only cases whose names have these words")
    args = parser.parse_args()
    # A case's name is known when its inputs are made; they are small beside the work.
    cases = [case for case in CASES if not args.only or args.only in case()[0]]
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{processor_name()}, {THREADS} threads",
        "load-before": round(os.getloadavg()[0], 2),
        "versions": {"scikit-learn": sklearn.__version__, "faiss-cpu": faiss.__version__, "numpy": np.__version__,
                     "torch": torch.__version__},
        "rounds": args.rounds,
        "cases": [],
    }
    # Written after every case: what was measured is kept if a later one fails.
    for case in cases:
        result["cases"].append(run(case, args.nsa, args.rounds))
        args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

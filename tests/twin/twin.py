#!/usr/bin/env python3
"""A training twin of `nsa train` in PyTorch: same settings, same training images, other random numbers.

    tests/twin/run.sh RUN [RUN ...]        (makes the arrays and calls this script)

Takes runs of `nsa train` that differ in nothing but their seed, trains the same configuration by plain torch and
torchvision for as many seeds, and compares the AUROC over seeds. The encoder and the losses are those of
tests/golden/make_torch.py, which share no code with ours; SimCLR's head is built from the description of Sohn et al.
(2021): a linear layer, batch norm, ReLU, a last linear layer, with PyTorch's own first weights; views are torchvision's
transforms, image by image; the scorers are NumPy. Exit status 1 where the mean AUROC by any scorer differs by more than the spread allows: the two
means must lie within 2.78 standard errors of their difference (Welch's t at 4 degrees of freedom, 95 %).
"""

import argparse
import json
import math
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torchvision.transforms import v2

sys.path.insert(0, str(Path(__file__).parent.parent / "golden"))
from make_torch import Network, nt_xent, simsiam  # noqa: E402

CRITICAL = 2.78
AUGMENT = {"crop-min": 0.2, "flip": 0.5, "jitter": 0.8, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4,
           "hue": 0.1, "grayscale": 0.2}


def views(config):
    a = AUGMENT | config.get("augment", {})
    jitter = v2.ColorJitter(a["brightness"], a["contrast"], a["saturation"], a["hue"])
    return v2.Compose([
        v2.RandomResizedCrop(config["image-size"], (a["crop-min"], 1.0), antialias=True),
        v2.RandomHorizontalFlip(a["flip"]),
        v2.RandomApply([jitter], a["jitter"]),
        v2.RandomGrayscale(a["grayscale"]),
    ])


def rotations(x):
    return torch.cat([torch.rot90(x, k, (2, 3)) for k in range(4)])


class SohnHead(torch.nn.Sequential):
    """Gives the outputs of its layers, as make_torch.py's heads do."""

    def __init__(self, y, z):
        nn = torch.nn
        super().__init__(nn.Sequential(nn.Linear(y, y, bias=False), nn.BatchNorm1d(y), nn.ReLU()), nn.Linear(y, z))

    def forward(self, x):
        hidden = self[0](x)
        return [hidden, self[1](hidden)]


def rate(config, step, steps):
    warm = min(1, (step + 1) / max(config["warmup"], 1))
    return config["lr"] * warm * (1 if config["schedule"] == "constant" else 0.5 * (1 + math.cos(math.pi * step / steps)))


def train(config, images, seed):
    """A network trained on `images` (N x 3 x S x S in 0..1) by the settings of `config`."""
    torch.manual_seed(1000 + seed)
    objective, width = config["objective"], config["width"]
    network = Network("simsiam" if objective == "simsiam" else "simclr", width)
    if objective != "simsiam":
        network.projector = SohnHead(8 * width, 2 * width)
    initialise(network)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=config["lr"], eps=1e-8)
    steps = max(len(images) // config["batch"], 1)
    total, done = config["epochs"] * steps, 0
    view = views(config)
    network.train()
    for _ in range(config["epochs"]):
        for batch in torch.randperm(len(images)).split(config["batch"])[:steps]:
            for group in optimizer.param_groups:
                group["lr"] = rate(config, done, total)
            first, second = (torch.stack([view(images[i]) for i in batch]) for _ in range(2))
            if objective == "simclr-rot":
                first, second = rotations(first), rotations(second)
            a, b = network(first, config["norm"]), network(second, config["norm"])
            if objective == "simsiam":
                loss = simsiam(a["p"], a["z"], b["p"], b["z"])
            else:
                loss = nt_xent(a["z"], b["z"], config["temperature"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += 1
    return network.eval()


def initialise(network):
    """Convolutions by He's normal rule on fan-out, as torchvision's ResNet; linear layers keep PyTorch's own draw."""
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


@torch.no_grad()
def embed(network, images, norm):
    return np.concatenate([network(part, norm)["conv4-1x1"].numpy() for part in images.split(256)]).astype(np.float64)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def scores(train, query):
    """The angular scores (section 2.5 and docs/method.md), by name."""
    train, query = unit(train), unit(query)
    mean = train.mean(0)
    values, vectors = np.linalg.eigh(np.cov(train.T))
    keep = values > values.max() * 1e-6
    whiten = vectors[:, keep] / np.sqrt(values[keep])
    angle = lambda cosines: np.arccos(np.clip(cosines, -1, 1))
    return {
        "k-cos": angle((query @ train.T).max(1)),
        "k-cos-mah": angle((unit(query @ whiten) @ unit(train @ whiten).T).max(1)),
        "k-cos-mah-centred": angle((unit((query - mean) @ whiten) @ unit((train - mean) @ whiten).T).max(1)),
        "c-cos": angle(query @ unit(mean[None])[0]),
        "c-cos-mah": angle(unit(query @ whiten) @ unit((mean @ whiten)[None])[0]),
    }


def rates(network, config, images, split, test, labels):
    bank = embed(network, images[split], config["norm"])
    found = scores(bank, embed(network, test, config["norm"]))
    return {name: roc_auc_score(labels != config["id-class"], score) for name, score in found.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="folder with train-x.npy, test-x.npy, test-y.npy")
    parser.add_argument("--ours", type=Path, required=True, help="JSON: for each run its AUROC by scorer")
    parser.add_argument("runs", type=Path, nargs="+")
    args = parser.parse_args()
    load = lambda name: np.load(args.data / name)
    images, test = torch.from_numpy(load("train-x.npy")), torch.from_numpy(load("test-x.npy"))
    labels = load("test-y.npy").astype(int)
    ours = json.loads(args.ours.read_text())
    twins = []
    for run in args.runs:
        config = tomllib.loads((run / "config.toml").read_text())
        split = json.loads((run / "record.json").read_text())["split"]["indices"]
        started = time.time()
        network = train(config, images[split], config["seed"])
        twins.append(rates(network, config, images, split, test, labels))
        print(f"seed {config['seed']}: PyTorch {twins[-1]} in {time.time() - started:.0f} s", file=sys.stderr)
    agree = True
    rows = []
    for name in twins[0]:
        a, b = (np.array([100 * row[name] for row in rows]) for rows in (ours, twins))
        error = math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        holds = abs(a.mean() - b.mean()) <= CRITICAL * error
        agree &= holds
        rows.append({"scorer": name, "nsa": a.round(2).tolist(), "pytorch": b.round(2).tolist(),
                     "difference": round(a.mean() - b.mean(), 2), "allowed": round(CRITICAL * error, 2), "holds": holds})
    print(json.dumps({"config": {k: v for k, v in config.items() if k != "seed"}, "scores": rows}, indent=1, default=bool))
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Reference values for the methods of other papers, from PyTorch: core/src/ssl/trainer/against_torch.rs.

    venv/bin/python tests/golden/make_rivals.py [NAME ...]

Writes rivals.json and the state dicts it was computed from. Networks are written as in make_torch.py, whose images are
used; what a method shows its network, its loss and its score are written here from its paper, in plain PyTorch and NumPy.
"""

import copy
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import multivariate_normal

from make_torch import BATCH, HERE, MOMENTUM, Head, Network, nt_xent, numbers, randomize, steady, training

WIDTH = 2


class Rival(Network):
    """Encoder and head of a method; `loss` is what it learns of images in 0..1."""

    # Of the weights.
    seed = 2018
    # Whether three steps can be compared: see `Drocc`.
    steps = True

    def __init__(self):
        super().__init__("simclr", WIDTH)

    def scaled(self, images):
        return (images - 0.5) / 0.25

    def embed(self, images):
        return self.encoder(self.scaled(images))[-1].mean((2, 3))

    def logits(self, images):
        return self.projector(self.embed(images))[-1]

    def clear(self):
        """Takes back what was drawn but is never random."""

    def prepare(self, images):
        """What happens before the first step, and what is to be told of it."""
        return {}


class DeepSvdd(Rival):
    """Ruff et al. 2018: no bias but minus the centre, no affine batch norm, images without their contrast."""

    def __init__(self):
        super().__init__()
        self.projector = Head([8 * WIDTH, 2 * WIDTH], False, False)
        self.projector.layers[0].linear.bias.requires_grad = False
        for name, parameter in self.encoder.named_parameters():
            if parameter.dim() == 1:
                parameter.requires_grad = False

    def scaled(self, images):
        centred = images - images.mean((1, 2, 3), keepdim=True)
        # The lab adds 1e-6 to a contrast of pixels that are scaled already, four times as large.
        return centred / (centred.abs().mean((1, 2, 3), keepdim=True) + 0.25e-6)

    def clear(self):
        with torch.no_grad():
            self.projector.layers[0].linear.bias.zero_()

    def prepare(self, images):
        """The centre is the mean of a first pass; entries near 0 are pushed away from it."""
        with torch.no_grad():
            self.eval()
            centre = self.logits(images).mean(0)
            centre[(centre.abs() < 0.1) & (centre < 0)] = -0.1
            centre[(centre.abs() < 0.1) & (centre >= 0)] = 0.1
            self.projector.layers[0].linear.bias.copy_(-centre)
        return {"centre": numbers(centre)}

    def loss(self, first, second, norm, temperature, target):
        distance = torch.linalg.vector_norm(self.logits(first), dim=1)
        return (distance**2).mean()

    def scores(self, images, trained):
        return {"length": torch.linalg.vector_norm(self.logits(images), dim=1)}


class Rotnet(Rival):
    """Golan & El-Yaniv 2018 with rotations only: which of four? A move is a row of `moves`: mirrored, down, right."""

    moves = [(False, 0, 0)]
    questions = [4]

    def __init__(self):
        super().__init__()
        self.projector = Head([8 * WIDTH, sum(self.questions)], False, False)

    def answers(self, move, turns):
        return [turns]

    def log_probability(self, images, move, turns):
        """Of the right answers for images put through one transformation."""
        logits = self.logits(transformed(images, self.moves[move], turns)).split(self.questions, dim=1)
        pairs = zip(logits, self.answers(move, turns))
        return sum(F.log_softmax(question, dim=1)[:, answer] for question, answer in pairs)

    def loss(self, first, second, norm, temperature, target):
        """Image i in the four turns of one move. Batch norms see all of them together."""
        pictures, answers = [], []
        for i, image in enumerate(first):
            move = 5 * i % len(self.moves)
            for turns in range(4):
                pictures.append(transformed(image[None], self.moves[move], turns))
                answers.append(self.answers(move, turns))
        logits = self.logits(torch.cat(pictures)).split(self.questions, dim=1)
        answers = torch.tensor(answers).T
        return sum(F.cross_entropy(question, answer) for question, answer in zip(logits, answers))

    def scores(self, images, trained):
        every = [self.log_probability(images, move, turns) for move in range(len(self.moves)) for turns in range(4)]
        return {"shift-log-prob": -torch.stack(every).mean(0)}


def transformed(images, move, turns):
    """Mirrored, moved by quarters of the side with the image mirrored at its edge, and turned."""
    flip, down, right = move
    side = images.shape[-1]
    x = np.flip(images.numpy(), 3) if flip else images.numpy()
    pad = side // 4
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="symmetric")
    top, left = pad - down * pad, pad - right * pad
    x = x[:, :, top : top + side, left : left + side]
    return torch.rot90(torch.from_numpy(np.ascontiguousarray(x)), turns, (2, 3))


class RotTrans(Rotnet):
    """Hendrycks et al. 2019: turned, moved down, moved to the right by how much? Three questions."""

    moves = [(False, down, right) for down in (0, -1, 1) for right in (0, -1, 1)]
    questions = [4, 3, 3]

    def answers(self, move, turns):
        _, down, right = self.moves[move]
        return [turns, (0, -1, 1).index(down), (0, -1, 1).index(right)]


class Geom(Rotnet):
    """Golan & El-Yaniv 2018: which of 72?"""

    moves = [(flip, down, right) for flip in (False, True) for down in (0, -1, 1) for right in (0, -1, 1)]
    questions = [72]

    def answers(self, move, turns):
        return [4 * move + turns]

    def scores(self, images, trained):
        every = lambda x: torch.stack([
            F.log_softmax(self.logits(transformed(x, move, turns)), dim=1) for move in self.moves for turns in range(4)
        ])
        return super().scores(images, trained) | {"dirichlet": torch.tensor(dirichlet(every(trained), every(images)))}


def dirichlet(trained, asked):
    """Golan & El-Yaniv 2018, section 4.2, with SciPy: T x N x T log-probabilities of training images and of others."""
    score = 0
    for of_class, of_asked in zip(np.asarray(trained), np.asarray(asked)):
        score = score - of_asked @ (most_likely(of_class) - 1)
    return score


def most_likely(log_y):
    """Minka's fixed point, from the start of Wicker et al. 2008, until it rests; in the end Newton's steps on its sum."""
    means, y = log_y.mean(0), np.exp(log_y).mean(0)
    alpha = y * (len(y) - 1) * -digamma(1) / (y @ np.log(y) - y @ means)
    for _ in range(1000):
        alpha = inverse_digamma(digamma(alpha.sum()) + means)
    excess = lambda total: inverse_digamma(digamma(total) + means).sum() - total
    total = brentq(excess, alpha.sum() / 100, alpha.sum() * 100, xtol=1e-14, rtol=1e-14)
    return inverse_digamma(digamma(total) + means)


def inverse_digamma(y):
    x = np.where(y >= -2.22, np.exp(y) + 0.5, -1 / (y - digamma(1)))
    for _ in range(20):
        x = x - (digamma(x) - y) / polygamma(1, x)
    return x


def answers_of_four():
    """Answers to four transformations, of 30 training images and of 5 others, and what those score."""
    generator = np.random.default_rng(2018)
    sure = 0.3 + 5 * np.eye(4)
    draw = lambda n: np.log(np.stack([generator.dirichlet(alpha, n) for alpha in sure])).astype(np.float32)
    trained, asked = draw(30), draw(5)
    scores = dirichlet(trained.astype(np.float64), asked.astype(np.float64))
    row = lambda log_y: numbers(torch.from_numpy(log_y.swapaxes(0, 1).copy()), 9)
    return {"trained": row(trained), "asked": row(asked), "scores": numbers(torch.from_numpy(scores))}


def stoc():
    """Yoon et al. 2021: features of 40 images and of 5 others; which of the 40 five Gaussians keep, and what the others score."""
    generator = np.random.default_rng(2021)
    spread = generator.normal(size=(4, 4))
    draw = lambda n: (2 + 0.5 * generator.normal(size=(n, 4)) @ spread).astype(np.float32)
    trained, asked = draw(40), draw(5)
    trained[36:] *= -1
    unit = lambda x: x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)

    def gaussian(x):
        return multivariate_normal(x.mean(0), np.cov(x.T, bias=True) + 1e-6 * np.eye(4))

    y, rejected = unit(trained), set()
    for part in range(5):
        rejected |= set(np.argsort(gaussian(y[part::5]).logpdf(y))[:4].tolist())
    kept = [i for i in range(40) if i not in rejected]
    scores = -gaussian(y[kept]).logpdf(unit(asked))
    numbers_of = lambda x: numbers(torch.from_numpy(x), 9)
    return {"trained": numbers_of(trained), "asked": numbers_of(asked), "kept": kept,
            "scores": numbers(torch.from_numpy(scores))}


class Csi(Rival):
    """Tack et al. 2020: rotated copies are negatives, and which rotation is it?"""

    def __init__(self):
        super().__init__()
        self.classifier = Head([8 * WIDTH, 4], False, False)

    def loss(self, first, second, norm, temperature, target):
        n, z, told = len(first), [], 0
        for view in (first, second):
            y = self.embed(torch.cat([torch.rot90(view, turns, (2, 3)) for turns in range(4)]))
            z.append(self.projector(y)[-1])
            told += F.cross_entropy(self.classifier(y)[-1], torch.arange(4).repeat_interleave(n)) / 2
        return nt_xent(*z, temperature) + told

    def scores(self, images, trained):
        score = 0
        for turns in range(4):
            y, of_trained = (self.embed(torch.rot90(x, turns, (2, 3))) for x in (images, trained))
            z, of_class = self.projector(y)[-1], self.projector(of_trained)[-1]
            nearest = F.cosine_similarity(z[:, None], of_class[None], dim=2).max(1).values
            score += nearest * z.norm(dim=1) / of_class.norm(dim=1).mean()
            score += self.classifier(y)[-1][:, turns] / self.classifier(of_trained)[-1][:, turns].mean()
        return {"csi": -score}


class Goad(RotTrans):
    """Bergman & Hoshen 2020: close to the centre of one's own transformation, far from the others'; and which is it?
    Centres are of embeddings."""

    seed = 2020

    def __init__(self):
        super().__init__()
        self.projector = Head([8 * WIDTH, 8 * WIDTH], False, False)
        self.projector.requires_grad_(False)
        self.classifier = Head([8 * WIDTH, 36], False, False)

    def clear(self):
        with torch.no_grad():
            self.projector.layers[0].linear.weight.copy_(torch.eye(8 * WIDTH))
            self.projector.layers[0].linear.bias.zero_()

    def loss(self, first, second, norm, temperature, target):
        pictures, which = [], []
        for i, image in enumerate(first):
            move = 5 * i % len(self.moves)
            for turns in range(4):
                pictures.append(transformed(image[None], self.moves[move], turns))
                which.append(4 * move + turns)
        z, which = self.logits(torch.cat(pictures)), torch.tensor(which)
        centres = {shift: z[which == shift].mean(0) for shift in which.unique().tolist()}
        distance = lambda i, shift: (z[i] - centres[shift]).square().sum()
        triplets = [
            (distance(i, own) + 1 - min(distance(i, other) for other in centres if other != own)).clamp(min=0)
            for i, own in enumerate(which.tolist())
        ]
        told = F.cross_entropy(self.classifier(z)[-1], which)
        return told + 0.1 * torch.stack(triplets).mean() + 10 * z.square().mean()

    def scores(self, images, trained):
        every = lambda x: torch.stack([self.logits(transformed(x, move, turns)) for move in self.moves for turns in range(4)])
        z, centres = every(images), every(trained).mean(1)
        log_likelihood = F.log_softmax(-(z[:, :, None] - centres).square().sum(3), dim=2)
        return {"goad": -torch.diagonal(log_likelihood, dim1=0, dim2=2).sum(1)}


class Drocc(Rival):
    """Goyal et al. 2020: images against the hardest points at a distance from them. The search begins at `second`.

    What it finds is compared by `ascent` below, on a smooth network. Behind rectifiers, rounding decides which way it goes:
    weights that differ by 1e-7 change the loss by up to 0.05. So of a whole network only the score is."""

    steps = False

    def __init__(self):
        super().__init__()
        self.projector = Head([8 * WIDTH, 1], False, False)

    def loss(self, first, second, norm, temperature, target):
        x, start = ((images - 0.5) / 0.25 for images in (first, second))
        # Batch norms see images and anomalies apart.
        logit = lambda pictures: self.projector(self.encoder(pictures)[-1].mean((2, 3)))[-1]
        of_class = F.softplus(-logit(x)).mean()
        return of_class + F.softplus(logit(x + hardest(x, start, logit))).mean()

    def scores(self, images, trained):
        return {"logit": -self.logits(images)[:, 0]}


def hardest(x, added, logit):
    """Gradient ascent from `added` on the sphere around `x`: radius 8 for 3,072 values, five steps of 0.01 there."""
    radius = 8 * (x[0].numel() / 3072) ** 0.5

    def onto_sphere(added):
        return added / torch.linalg.vector_norm(added, dim=(1, 2, 3), keepdim=True) * radius

    added = onto_sphere(added)
    for _ in range(5):
        added = added.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(F.softplus(logit(x + added)).mean(), added)
        direction = gradient / torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True)
        added = onto_sphere(added.detach() + 0.01 / 8 * radius * direction)
    return added


def ascent():
    """DROCC's search on a network of one hidden layer: images, start and weights, and where it ends."""
    generator = torch.Generator().manual_seed(2020)
    draw = lambda *shape: torch.randn(*shape, generator=generator).double()
    images, start, hidden, last = draw(3, 2, 2, 3), 3 * draw(3, 2, 2, 3), draw(12, 5) / 3, draw(5, 1)
    found = hardest(images, start, lambda x: torch.tanh(x.flatten(1) @ hidden) @ last)
    names = ("images", "start", "hidden", "last", "found")
    return {name: numbers(tensor, 9) for name, tensor in zip(names, (images, start, hidden, last, found))}


def n_pair():
    """DROC's contrastive loss of five pairs of four values: each of the first view must find its other view in the second."""
    generator = torch.Generator().manual_seed(2021)
    views = [torch.randn(5, 4, generator=generator).double().requires_grad_() for _ in range(2)]
    temperature = 0.2
    logits = F.normalize(views[0]) @ F.normalize(views[1]).T / temperature
    value = F.cross_entropy(logits, torch.arange(5))
    value.backward()
    return {"temperature": temperature, "views": [numbers(x, 9) for x in views], "value": value.item(),
            "gradients": [numbers(x.grad) for x in views]}


class Arnet(Rival):
    """Huang et al. 2019: images restored from grey and turned pictures."""

    def __init__(self):
        super().__init__()
        self.projector = Head([8 * WIDTH, 8 * WIDTH, 3 * 32 * 32], True, False)

    def picture(self, images, turns):
        """Grey and turned."""
        grey = torch.tensor([0.2989, 0.587, 0.114], dtype=images.dtype)
        return torch.rot90(torch.einsum("nchw,c->nhw", images, grey)[:, None].repeat(1, 3, 1, 1), turns, (2, 3))

    def loss(self, first, second, norm, temperature, target):
        # Grey in 0..1 is a little less than grey: the weights' sum is 0.9999. So it is made of scaled pixels.
        x = (first - 0.5) / 0.25
        pictures = torch.cat([self.picture(x, turns) for turns in range(4)])
        restored = self.projector(self.encoder(pictures)[-1].mean((2, 3)))[-1]
        return F.l1_loss(restored, x.flatten(1).repeat(4, 1))

    def scores(self, images, trained):
        x, errors = (images - 0.5) / 0.25, 0
        for turns in range(4):
            restored = self.projector(self.encoder(self.picture(x, turns))[-1].mean((2, 3)))[-1]
            errors += (restored - x.flatten(1)).abs().mean(1) / 4
        return {"restoration": errors}


class Panda(Rival):
    """Reiss et al. 2021: closeness to where another network puts the class; stem and two layers fixed, statistics too."""

    def __init__(self):
        super().__init__()
        self.projector = Head([8 * WIDTH, 8 * WIDTH], False, False)
        fixed = ("encoder.conv1", "encoder.bn1", "encoder.layer1", "encoder.layer2", "projector")
        for name, parameter in self.named_parameters():
            parameter.requires_grad = not name.startswith(fixed)

    def train(self, mode=True):
        return super().train(False)

    def clear(self):
        with torch.no_grad():
            self.projector.layers[0].linear.weight.copy_(torch.eye(8 * WIDTH))
            self.projector.layers[0].linear.bias.zero_()

    def prepare(self, images):
        with torch.no_grad():
            self.eval()
            centre = self.embed(images).mean(0)
            self.projector.layers[0].linear.bias.copy_(-centre)
        return {"centre": numbers(centre)}

    def loss(self, first, second, norm, temperature, target):
        return self.logits(first).square().sum(1).mean()

    def scores(self, images, trained):
        distances = (self.embed(images)[:, None] - self.embed(trained)).square().sum(2)
        return {"knn-l2": distances.sort(dim=1).values[:, :2].sum(1)}


class Elsa(Rival):
    """Han et al. 2021, fine-tuning: near prototypes of the class, known anomalies (the last two images) far from them."""

    def __init__(self):
        super().__init__()
        self.prototypes = torch.nn.ModuleDict({"linear": torch.nn.Linear(2 * WIDTH, 100, bias=False)})
        self.prototypes.requires_grad_(False)

    def clear(self):
        with torch.no_grad():
            weight = self.prototypes["linear"].weight
            weight.copy_(F.normalize(weight, dim=1))

    def nearness(self, images, temperature):
        cosines = F.normalize(self.logits(images), dim=1) @ self.prototypes["linear"].weight.T
        return torch.logsumexp(cosines / temperature, 1)

    def loss(self, first, second, norm, temperature, target):
        most, losses = np.log(100) + 1 / 0.5, []
        for view in (first, second):
            nearness = self.nearness(view, 0.5)
            losses.append(torch.cat([1 / nearness[:-2], 1 / (most - nearness[-2:])]).mean())
        return sum(losses) / 2

    def scores(self, images, trained):
        return {"energy": -self.nearness(images, 1)}


RIVALS = {"deep-svdd": DeepSvdd, "rotnet": Rotnet, "rot-trans": RotTrans, "geom": Geom, "csi": Csi, "goad": Goad,
          "drocc": Drocc, "arnet": Arnet, "panda": Panda, "elsa": Elsa}


def values(objective, first, second):
    """What one method is compared by; its weights are written beside."""
    network = RIVALS[objective]()
    generator = torch.Generator().manual_seed(network.seed)
    settings = first, second, "none", 0.5, MOMENTUM
    while True:
        randomize(network, generator)
        network.clear()
        double = copy.deepcopy(network).double()
        told = double.prepare(first)
        if not network.steps or steady(copy.deepcopy(double), *settings, trials=8):
            break
    weights = {name: tensor.contiguous() for name, tensor in network.named_state().items()}
    save_file(weights, HERE / f"rivals_{objective}.safetensors")
    with torch.no_grad():
        double.eval()
        asked = torch.stack([first[0], second[1]])
        scores = {name: numbers(score) for name, score in double.scores(asked, first).items()}
    learned = training(double, *settings, generator)
    if not network.steps:
        learned |= {"losses": [], "state": {}}
    return {"objective": objective, "width": WIDTH, **told, "scores": scores, "training": learned}


def main():
    torch.use_deterministic_algorithms(True)
    images = load_file(HERE / "torch_images.safetensors")["images"].double() / 255
    path = HERE / "rivals.json"
    chosen = sys.argv[1:] or list(RIVALS)
    known = json.loads(path.read_text())["networks"] if path.exists() else []
    made = {case["objective"]: case for case in known if case["objective"] not in chosen}
    made |= {objective: values(objective, images[:BATCH], images[BATCH:]) for objective in chosen}
    networks = [made[objective] for objective in RIVALS]
    content = {"torch": torch.__version__.split("+")[0], "networks": networks, "ascent": ascent(), "n-pair": n_pair(),
               "dirichlet": answers_of_four(), "stoc": stoc()}
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    for path in sorted(HERE.glob("rivals*")):
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

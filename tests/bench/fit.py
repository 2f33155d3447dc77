"""Which encoder, layer and scorer should a few normal images be fitted on? Measures it on ten small one-class problems.

Usage: python tests/bench/fit.py NSA DATA OUT [NAME=BUNDLE ...] [NAME=width:W ...]
  NSA     the binary        DATA  folder with fashion-mnist/
  OUT     folder for fit.json and FIT.md
  NAME=BUNDLE   an encoder out of a bundle's folder; NAME=width:W an untrained one of that base width

Needs NumPy, Pillow, scikit-learn and scikit-image (their packages ship the photographs and the handwritten digits). No
image here is a test image of a data set that any encoder was trained on: Fashion-MNIST and synth-digits give images of
their training splits, of classes that no encoder has seen alone. Everything follows from the seed.
"""
import itertools
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SEED = 20261126
COUNTS = [8, 16, 40, 100]
DRAWS = 5
POOL, NORMAL, ODD = 150, 150, 150
SCORERS = ["k-cos", "c-cos", "k-cos-mah", "c-cos-mah", "k-cos-mah-centred"]
LAYERS = ["conv1-1x1", "conv2-1x1", "conv3-1x1", "conv4-1x1", "conv3", "conv4"]


HEAD = """# Fitting a few normal images: which encoder, layer and scorer

AUROC in percent of `nsa fit`'s banks on eleven one-class problems that no encoder was trained on: digits and clothes (of the
training splits), handwritten digits, faces, drawn parts with faults, photographs. 8 to 100 normal images, five draws of each;
scored are about 150 other normal and 150 anomalous images. Made by `tests/bench/fit.py`, which says how; every value is in
`fit.json`. The first ten ways in the mean over problems and counts, and the best way of each encoder; conv3 and conv4 without
`-1x1` are flat maps, which bundles for the page do not have.
"""


# ---- problems: each gives POOL + NORMAL normal images and ODD anomalous ones, N x 3 x 32 x 32 in 0..1 ----

def planes(pictures):
    """PIL images as an array, resized as the page does it (a box filter)."""
    small = [p.convert("RGB").resize((32, 32), Image.BOX) for p in pictures]
    return np.stack([np.asarray(p, np.float32).transpose(2, 0, 1) / 255 for p in small])


def classes(nsa, dataset, data, normal, rng):
    with tempfile.TemporaryDirectory() as folder:
        x, y = Path(folder, "x.npy"), Path(folder, "y.npy")
        run(nsa, "data", "export", dataset, "--root", data, "--split", "train", "--out", x, "--labels", y)
        images, labels = np.load(x, mmap_mode="r"), np.load(y)
        inside = rng.permutation(np.flatnonzero(labels == normal))[: POOL + NORMAL]
        outside = rng.permutation(np.flatnonzero(labels != normal))[:ODD]
        return np.array(images[inside]), np.array(images[outside])


def handwritten(digit, rng):
    from sklearn.datasets import load_digits
    found = load_digits()
    grow = lambda i: Image.fromarray(np.uint8(found.images[i] * 15.9)).resize((32, 32), Image.BILINEAR)
    # 178 of a digit: the pool is what is left of them.
    inside = rng.permutation(np.flatnonzero(found.target == digit))
    outside = rng.permutation(np.flatnonzero(found.target != digit))[:ODD]
    return planes([grow(i) for i in inside]), planes([grow(i) for i in outside])


def faces(rng):
    import skimage
    found = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")
    grow = lambda i: Image.fromarray(np.uint8(found[i] * 255)).resize((32, 32), Image.BILINEAR)
    others = planes([grow(100 + i) for i in rng.permutation(100)])
    # What is all black has no direction, and no angle to anything.
    return planes([grow(i) for i in rng.permutation(100)]), others[others.any((1, 2, 3))]


def washer(rng, fault):
    """A turned metal ring with a hole, lit from somewhere; a fault is a scratch across it."""
    size = 128
    picture = Image.new("RGB", (size, size), tuple(int(v) for v in rng.normal(60, 6, 3).clip(0, 255)))
    draw = ImageDraw.Draw(picture)
    x, y = rng.normal(64, 3, 2)
    outer, inner = rng.normal(46, 1.5), rng.normal(20, 1)
    grey = int(rng.normal(170, 8))
    draw.ellipse([x - outer, y - outer, x + outer, y + outer], fill=(grey, grey, grey + 6))
    for i in range(3):
        shade = grey - 12 * (i + 1) % 30
        r = outer - 6 - 5 * i
        draw.ellipse([x - r, y - r, x + r, y + r], outline=(shade, shade, shade))
    draw.ellipse([x - inner, y - inner, x + inner, y + inner], fill=(50, 50, 54))
    if fault:
        angle, r, long = rng.uniform(0, 2 * np.pi), rng.uniform(25, 40), rng.uniform(14, 30)
        cx, cy, turn = x + r * np.cos(angle), y + r * np.sin(angle), rng.uniform(0, np.pi)
        dx, dy = long / 2 * np.cos(turn), long / 2 * np.sin(turn)
        draw.line([cx - dx, cy - dy, cx + dx, cy + dy], fill=(60, 55, 50), width=int(rng.integers(3, 6)))
    return light(picture, rng)


def plate(rng, fault):
    """A drilled plate with six holes, slightly turned; a fault is a hole that is missing."""
    size = 128
    picture = Image.new("RGB", (size, size), (38, 62, 84))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([14, 26, 114, 102], fill=(196, 188, 160))
    missing = rng.integers(6) if fault else None
    for i, (x, y) in enumerate(itertools.product((34, 64, 94), (46, 82))):
        if i != missing:
            jx, jy = rng.normal(0, 0.8, 2)
            draw.ellipse([x + jx - 8, y + jy - 8, x + jx + 8, y + jy + 8], fill=(44, 40, 36))
    return light(picture.rotate(rng.normal(0, 3), Image.BILINEAR, fillcolor=(38, 62, 84)), rng)


def light(picture, rng):
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.6)), np.float32)
    slope = np.linspace(-1, 1, pixels.shape[1])[None, :, None] * rng.normal(0, 8)
    pixels = pixels * rng.normal(1, 0.05) + slope + rng.normal(0, 4, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def photo(name):
    import skimage
    return Image.open(next((Path(skimage.__file__).parent / "data").glob(name + ".*"))).convert("RGB")


def view(picture, rng, share=(0.72, 0.85)):
    """What a hand-held camera sees of it: moved, nearer or farther, turned a little, in other light."""
    side = min(picture.size) * rng.uniform(*share)
    x, y = (rng.uniform(0, edge - side) for edge in picture.size)
    crop = picture.rotate(rng.normal(0, 4), Image.BILINEAR).crop((x, y, x + side, y + side)).resize((96, 96))
    return light(crop, rng)


def scene(name, rng, fault):
    """A camera on one thing; a fault is another thing in front of a fifth to a third of it."""
    picture = view(photo(name), rng)
    if fault:
        other = view(photo(rng.choice(["astronaut", "rocket", "chelsea"] if name == "coffee" else ["coffee", "ihc", "retina"])), rng)
        side = int(96 * np.sqrt(rng.uniform(0.2, 0.33)))
        mask = Image.new("L", (side, side), 0)
        ImageDraw.Draw(mask).ellipse([0, 0, side, side], fill=255)
        picture.paste(other.resize((side, side)), tuple(int(v) for v in rng.integers(0, 96 - side, 2)), mask)
    return picture


def texture(rng, fault):
    """Patches of a brick wall; a fault is a patch of grass or gravel. All are grey."""
    return view(photo(rng.choice(["grass", "gravel"]) if fault else "brick"), rng, (0.15, 0.2))


def drawn(make, rng):
    return planes([make(rng, False) for _ in range(POOL + NORMAL)]), planes([make(rng, True) for _ in range(ODD)])


def problems(nsa, data):
    rng = lambda name: np.random.default_rng([SEED, *name.encode()])
    yield "faces", faces(rng("faces"))
    yield "digit 0", classes(nsa, "synth-digits", data, 0, rng("digit 0"))
    yield "digit 7", classes(nsa, "synth-digits", data, 7, rng("digit 7"))
    yield "handwritten 3", handwritten(3, rng("handwritten 3"))
    yield "t-shirts", classes(nsa, "fashion-mnist", data, 0, rng("t-shirts"))
    yield "boots", classes(nsa, "fashion-mnist", data, 9, rng("boots"))
    yield "washers, scratched", drawn(washer, rng("washers"))
    yield "plates, hole missing", drawn(plate, rng("plates"))
    yield "brick, other texture", drawn(texture, rng("brick"))
    yield "cup, thing in front", drawn(lambda r, f: scene("coffee", r, f), rng("cup"))
    yield "cat, thing in front", drawn(lambda r, f: scene("chelsea", r, f), rng("cat"))


# ---- encoders ----

def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(str(c) for c in command)}: {done.stderr}")
    return done.stdout


def features(nsa, bundle, images, folder):
    """Every layer's features of the images by a bundle's encoder."""
    manifest = json.loads(Path(bundle, "bundle.json").read_text())
    config = manifest["config"]
    scale = [part for flag, key in (("--mean", "pixel-mean"), ("--std", "pixel-std"))
             for part in (flag, ",".join(str(v) for v in manifest[key]))]
    if config["image-size"] == 16:
        images = images.reshape(len(images), 3, 16, 2, 16, 2).mean((3, 5))
    x = Path(folder, "x.npy")
    np.save(x, np.ascontiguousarray(images, np.float32))
    for layer in LAYERS:
        out = Path(folder, "f.npy")
        run(nsa, "embed", "--weights", Path(bundle, "model.safetensors"), "--arch", "resnet18", "--stem", "cifar",
            "--width", config["width"], "--norm", config["norm"], *scale, "--images", x, "--layer", layer,
            "--device", "cpu", "--out", out)
        yield layer, np.load(out)


def untrained(nsa, width, folder):
    """The bundle of a run of no epochs."""
    name = f"untrained-{width}"
    run(nsa, "train", "--dataset", "synth-digits", "--id-class", 2, "--objective", "simclr", "--norm", "f", "--width", width,
        "--epochs", 0, "--limit", 200, "--eval-limit", 50, "--device", "cpu", "--out", Path(folder, name))
    run(nsa, "export", Path(folder, name), "--layers", "conv4-1x1", "--device", "cpu", "--out",
        Path(folder, "assets", "bundles", name))
    return Path(folder, "assets", "bundles", name)


# ---- scores ----

def auroc(normal, odd):
    order = np.sort(normal)
    below = np.searchsorted(order, odd, "left") + np.searchsorted(order, odd, "right")
    return below.mean() / (2 * len(order))


def fitted(nsa, values, cut, pool, draws, scorers, folder):
    """AUROC of every draw of normal images by every scorer: rows up to `pool` are drawn from, those up to `cut` are held
    out, the rest is anomalous."""
    queries, held = Path(folder, "q.npy"), cut - pool
    np.save(queries, values[pool:])
    for at, (_, _, rows) in enumerate(draws):
        np.save(Path(folder, f"b{at}.npy"), values[rows])

    def one(job):
        at, scorer = job
        out = Path(folder, f"s{at}-{scorer}.npy")
        run(nsa, "score", "--bank", Path(folder, f"b{at}.npy"), "--query", queries, "--scorer", scorer, "--out", out)
        scores = np.load(out)
        return at, scorer, auroc(scores[:held], scores[held:])

    with ThreadPoolExecutor(2) as pool_of_threads:
        return list(pool_of_threads.map(one, itertools.product(range(len(draws)), scorers)))


def main():
    nsa, data, out, *encoders = sys.argv[1:]
    file = Path(out, "fit.json")
    measured = {encoder.split("=")[0] for encoder in encoders} | {"pixels"}
    results = [row for row in json.loads(file.read_text()) if row[1] not in measured] if file.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        bundles = {}
        for encoder in encoders:
            name, what = encoder.split("=")
            bundles[name] = untrained(nsa, int(what[6:]), folder) if what.startswith("width:") else Path(what)
        for problem, (inside, outside) in problems(nsa, data):
            # Two of them have fewer images than wanted: a third of what there is is held out then.
            cut = len(inside)
            pool = min(POOL, cut - cut // 3)
            rng = np.random.default_rng([SEED, *problem.encode(), 1])
            counts = [count for count in COUNTS if count <= pool]
            draws = [(count, draw, rng.permutation(pool)[:count]) for count in counts for draw in range(DRAWS)]
            images = np.concatenate([inside, outside])
            sources = [("pixels", "pixels", images.reshape(len(images), -1), ["k-cos", "knn-l2"])]
            for name, bundle in bundles.items():
                sources += [(name, layer, found, SCORERS) for layer, found in features(nsa, bundle, images, folder)]
            for encoder, layer, values, scorers in sources:
                reached = defaultdict(list)
                for at, scorer, value in fitted(nsa, values, cut, pool, draws, scorers, folder):
                    reached[scorer, draws[at][0]].append(round(float(value), 4))
                results += [[problem, encoder, layer, *way, found] for way, found in reached.items()]
            print(problem, len(results), flush=True)
            Path(out).mkdir(parents=True, exist_ok=True)
            file.write_text("[" + ",\n".join(json.dumps(row) for row in results) + "]\n")
    Path(out, "FIT.md").write_text(table(results))


def table(results):
    """The best layer and scorer of each encoder, chosen over all problems, and what it reaches on each."""
    cells = {(encoder, layer, scorer, count, problem): 100 * np.array(values)
             for problem, encoder, layer, scorer, count, values in results}
    names = list(dict.fromkeys(row[0] for row in results))
    mean = lambda way, count: np.mean([np.mean(cells[(*way, count, p)]) for p in names if (*way, count, p) in cells])
    ways = sorted({key[:3] for key in cells}, key=lambda way: -np.mean([mean(way, count) for count in COUNTS]))
    best = [next(way for way in ways if way[0] == encoder) for encoder in dict.fromkeys(way[0] for way in ways)]
    lines = [HEAD, "| encoder | layer | scorer | " + " | ".join(f"{count} images" for count in COUNTS) + " |",
             "|---|---|---|" + "---:|" * len(COUNTS)]
    for way in ways[:10] + [way for way in best if way not in ways[:10]]:
        lines.append("| " + " | ".join([*way, *(f"{mean(way, count):.1f}" for count in COUNTS)]) + " |")
    lines += ["", "## Each problem, 40 images: mean and spread of five draws", "",
              "| | " + " | ".join(" ".join(way) for way in best) + " |", "|---|" + "---:|" * len(best)]
    for name in names:
        found = [cells[(*way, 40, name)] for way in best]
        lines.append(f"| {name} | " + " | ".join(f"{np.mean(f):.1f} ± {np.std(f, ddof=1):.1f}" for f in found) + " |")
    return "\n".join(lines) + "\n"


main()

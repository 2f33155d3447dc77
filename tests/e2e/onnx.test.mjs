// `nsa export --onnx`: onnxruntime gives the features of `nsa embed`, where Python has it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, nsa, temporaryFolder } from "./lab.mjs";

const python = process.env.PYTHON ?? "python3";
const missing = spawnSync(python, ["-c", "import numpy, onnxruntime"]).status !== 0 && "no Python with onnxruntime here";

// Every output against the file of `nsa embed`: the largest difference as a share of the largest feature.
const COMPARE = `
import json, sys, numpy, onnxruntime
model, images, files = sys.argv[1], numpy.load(sys.argv[2]), json.loads(sys.argv[3])
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
found = session.run(list(files), {"pixels": images})
wanted = [numpy.load(file) for file in files.values()]
assert [f.shape for f in found] == [w.shape for w in wanted]
print(json.dumps({
    "differences": {n: float(abs(f - w).max() / abs(w).max()) for n, f, w in zip(files, found, wanted)},
    "metadata": session.get_modelmeta().custom_metadata_map,
}))
`;

/** Features of `images` at `layers` by nsa and by onnxruntime; `embed` is what nsa embed wants to know. */
function compare(source, embed, exported, images, layers) {
  const folder = temporaryFolder();
  const model = join(folder, "encoder.onnx");
  nsa("export", source, "--onnx", "--out", model, "--layers", layers.join(","), ...exported);
  const files = {};
  for (const layer of layers) {
    files[layer] = join(folder, `${layer}.npy`);
    nsa("embed", ...embed, "--images", images, "--layer", layer, "--out", files[layer], "--device", "cpu");
  }
  const run = spawnSync(python, ["-c", COMPARE, model, images, JSON.stringify(files)], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  const { differences, metadata } = JSON.parse(run.stdout);
  for (const [layer, difference] of Object.entries(differences)) assert.ok(difference < 1e-4, `${source}, ${layer}: ${difference}`);
  assert.match(metadata.input, /pixels in 0\.\.1/);
}

/** Images of random pixels as `.npy`. */
function writeImages(path, n, side) {
  const pixels = Float32Array.from({ length: n * 3 * side * side }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 8) / 2 ** 24);
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${n}, 3, ${side}, ${side}), }`.padEnd(117) + "\n";
  const start = Buffer.from("\x93NUMPY\x01\x00\x76\x00", "latin1");
  writeFileSync(path, Buffer.concat([start, Buffer.from(header), Buffer.from(pixels.buffer)]));
  return path;
}

/** A ResNet-50 of this width with torchvision's names and weights by a formula, as safetensors. */
function writeResnet50(path, width) {
  const tensors = {};
  const draw = (name, shape, scale, offset = 0) => {
    const length = shape.reduce((a, b) => a * b, 1);
    const salt = [...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7);
    const value = (i) => offset + scale * ((Math.imul(i + salt, 2654435761) >>> 8) / 2 ** 23 - 1);
    tensors[name] = { shape, values: Float32Array.from({ length }, (_, i) => value(i)) };
  };
  const layer = (conv, norm, [output, input, side]) => {
    draw(`${conv}.weight`, [output, input, side, side], Math.sqrt(6 / (input * side * side)));
    draw(`${norm}.weight`, [output], 0.3, 1);
    draw(`${norm}.bias`, [output], 0.3);
    draw(`${norm}.running_mean`, [output], 0.3);
    draw(`${norm}.running_var`, [output], 0.3, 1);
  };
  layer("conv1", "bn1", [width, 3, 7]);
  let before = width;
  [3, 4, 6, 3].forEach((blocks, i) => {
    const inside = width << i;
    for (let block = 0; block < blocks; block++) {
      const name = `layer${i + 1}.${block}`;
      layer(`${name}.conv1`, `${name}.bn1`, [inside, before, 1]);
      layer(`${name}.conv2`, `${name}.bn2`, [inside, inside, 3]);
      layer(`${name}.conv3`, `${name}.bn3`, [4 * inside, inside, 1]);
      if (block === 0) layer(`${name}.downsample.0`, `${name}.downsample.1`, [4 * inside, before, 1]);
      before = 4 * inside;
    }
  });
  let at = 0;
  const header = {};
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, (at += values.byteLength)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, ...Object.values(tensors).map(({ values }) => Buffer.from(values.buffer))]));
  return path;
}

const MAPS = ["conv1", "conv4", "conv1-1x1", "conv2-1x1", "conv3-1x1", "conv4-1x1"];

test("the shipped encoders give onnxruntime the same features", { timeout: 120_000, skip: missing }, () => {
  for (const id of ["digits", "fmnist-bag-simclr-n"]) {
    const bundle = join(ROOT, "assets", "bundles", id);
    const { config } = JSON.parse(readFileSync(join(bundle, "bundle.json"), "utf8"));
    const embed = [
      "--weights", join(bundle, "model.safetensors"), "--arch", "resnet18", "--stem", "cifar", "--width", config.width,
      "--norm", config.norm, ...["mean", "std"].flatMap((part) => (config.pixels ? [`--${part}`, config.pixels[part].join()] : [])),
    ].map(String);
    const images = writeImages(join(temporaryFolder(), "x.npy"), 40, config["image-size"] ?? 32);
    compare(bundle, embed, [], images, [...MAPS, "head1", "head2"]);
  }
});

test("so does a bottleneck network behind the other stem, on images of another size", { timeout: 120_000, skip: missing }, () => {
  const folder = temporaryFolder();
  const shape = ["--arch", "resnet50", "--stem", "imagenet", "--width", "4"];
  const weights = writeResnet50(join(folder, "resnet50.safetensors"), 4);
  compare(weights, ["--weights", weights, ...shape], shape, writeImages(join(folder, "x.npy"), 6, 70), MAPS);
});

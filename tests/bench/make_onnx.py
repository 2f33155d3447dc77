#!/usr/bin/env python3
"""The encoder of a bundle as an ONNX model, for onnxruntime: normalised pixels (N x 3 x 32 x 32) to pooled conv4.

    tests/bench/make_onnx.py --nsa PATH --bundle DIR --width W --images X.npy --out model.onnx --features features.f32

It is written as the network is defined, every batch norm a node of its own: what can be folded is onnxruntime's to fold.
Before anything is written the model's features of the images must be those of `nsa embed`; these go into --features.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import load_file

TOLERANCE = 1e-3
# core/src/model/pixels.rs and batch_norm.rs.
PIXEL_MEAN, PIXEL_STD = 0.5, 0.25
EPSILON = 1e-5


class Graph:
    """Nodes one after the other. Each method adds some and gives the name of what they compute."""

    def __init__(self, weights):
        self.weights, self.nodes, self.used = weights, [], []

    def add(self, kind, inputs, **attributes):
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name):
        self.used.append(name)
        return name

    def convolution(self, name, x, stride):
        kernel = self.weights[f"{name}.weight"].shape[2:]
        pads = [side // 2 for side in kernel] * 2
        return self.add("Conv", [x, self.weight(f"{name}.weight")], kernel_shape=kernel, strides=[stride, stride], pads=pads)

    def batch_norm(self, name, x):
        parts = [self.weight(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        return self.add("BatchNormalization", [x, *parts], epsilon=EPSILON)

    def relu(self, x):
        return self.add("Relu", [x])

    def block(self, name, x, stride):
        """core/src/model/blocks.rs: two convolutions of 3x3 with a shortcut around them."""
        shortcut = x
        if f"{name}.downsample.0.weight" in self.weights:
            shortcut = self.batch_norm(f"{name}.downsample.1", self.convolution(f"{name}.downsample.0", x, stride))
        x = self.relu(self.batch_norm(f"{name}.bn1", self.convolution(f"{name}.conv1", x, stride)))
        x = self.batch_norm(f"{name}.bn2", self.convolution(f"{name}.conv2", x, 1))
        return self.relu(self.add("Add", [x, shortcut]))

    def encoder(self, x):
        """core/src/model/resnet.rs, ResNet-18 with the stem for 32 x 32 images."""
        x = self.relu(self.batch_norm("bn1", self.convolution("conv1", x, 1)))
        for layer in range(1, 5):
            for block in range(2):
                x = self.block(f"layer{layer}.{block}", x, 2 if layer > 1 and block == 0 else 1)
        return self.add("ReduceMean", [x], axes=[2, 3], keepdims=0)


def build(weights, width):
    graph = Graph(weights)
    features = graph.encoder("pixels")
    graph.nodes[-1].output[0] = features = "features"
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "encoder",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])],
            [helper.make_tensor_value_info(features, TensorProto.FLOAT, ["n", 8 * width])],
            [numpy_helper.from_array(weights[name], name) for name in graph.used],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def native_features(nsa, weights, width, images):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "features.npy"
        subprocess.run(
            [nsa, "embed", "--weights", weights, "--arch", "resnet18", "--stem", "cifar", "--width", str(width),
             "--images", images, "--layer", "conv4-1x1", "--out", out, "--device", "cpu"], check=True)
        return np.load(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nsa", required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--images", required=True, help="N x 3 x 32 x 32, f32 in 0..1")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--features", type=Path, required=True)
    args = parser.parse_args()

    file = args.bundle / "model.safetensors"
    weights = {name: value.astype(np.float32) for name, value in load_file(file).items()}
    model = build(weights, args.width)
    expected = native_features(args.nsa, file, args.width, args.images)
    # NumPy's evaluation is slow: a few images are enough to see a wrong model.
    few = (np.load(args.images)[:4] - PIXEL_MEAN) / PIXEL_STD
    found = ReferenceEvaluator(model).run(None, {"pixels": few.astype(np.float32)})[0]
    difference = np.abs(found - expected[:4]).max() / np.abs(expected).max()
    if not difference <= TOLERANCE:
        sys.exit(f"{file}: features of the ONNX model and of nsa differ by {difference} of the largest")
    onnx.save(model, args.out)
    expected.astype("<f4").tofile(args.features)
    print(f"{args.out}: features differ from those of nsa by {difference:.1e} of the largest", file=sys.stderr)


if __name__ == "__main__":
    main()

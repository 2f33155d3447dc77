#!/usr/bin/env python3
"""Reference values for core/tests/pretrained.rs and train/tests/embed.rs, from PyTorch and torchvision.

    python -m venv venv && venv/bin/pip install numpy torch torchvision
    venv/bin/python tests/golden/make_pretrained.py

Writes pretrained.json (some values and the moments of every named feature map of ResNet-18, 50 and 152 behind both
stems; pixels of pictures as torchvision crops them) and two tiny files of torch.save. No weights are stored: those and
the images follow from a formula that the tests know too. All reference arithmetic is float64. Storages have addresses
for names in the old format of torch.save, so that pretrained_legacy.pth differs at every run.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.models.resnet import BasicBlock, Bottleneck

HERE = Path(__file__).parent
ARCHS = {"resnet18": (BasicBlock, [2, 2, 2, 2]), "resnet50": (Bottleneck, [3, 4, 6, 3]),
         "resnet152": (Bottleneck, [3, 8, 36, 3])}
PIXELS = {"cifar": ([0.5] * 3, [0.25] * 3), "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])}


class ResNet(nn.Module):
    """torchvision's blocks behind either stem, at any base width (torchvision's own is always 64)."""

    def __init__(self, arch, stem, width):
        super().__init__()
        block, counts = ARCHS[arch]
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = nn.Conv2d(3, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if stem == "imagenet" else nn.Identity()
        channels = width
        for i, count in enumerate(counts):
            inner, blocks = width << i, []
            for n in range(count):
                stride = 2 if n == 0 and i > 0 else 1
                downsample = None
                if stride != 1 or channels != inner * block.expansion:
                    downsample = nn.Sequential(nn.Conv2d(channels, inner * block.expansion, 1, stride, bias=False),
                                               nn.BatchNorm2d(inner * block.expansion))
                # A bottleneck's width is a share of 64.
                blocks.append(block(channels, inner, stride, downsample))
                channels = inner * block.expansion
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
        self.channels = channels

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        maps = []
        for i in range(4):
            x = self.get_submodule(f"layer{i + 1}")(x)
            maps.append(x)
        return maps


# The formula ----------------------------------------------------------------------------------------------------


def uniform(name, count):
    """`count` numbers of [0, 1): the finaliser of MurmurHash3 on a hash of the name and the position."""
    with np.errstate(over="ignore"):
        x = np.uint32(2166136261)
        for byte in name.encode():
            x = (x ^ np.uint32(byte)) * np.uint32(16777619)
        x = x + np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        x = x ^ (x >> np.uint32(16))
    return x.astype(np.float64) / 2.0**32


def fill(network):
    """Weights of a plausible size, and running statistics that are not the identity."""
    state = network.state_dict()
    for name, tensor in state.items():
        u = torch.from_numpy(uniform(name, tensor.numel())).reshape(tensor.shape)
        if name.endswith("num_batches_tracked"):
            tensor.fill_(7)
        elif tensor.dim() > 1:
            tensor.copy_((2 * u - 1) * (6 / tensor[0].numel()) ** 0.5)
        elif name.endswith("running_mean"):
            tensor.copy_(0.6 * u - 0.3)
        elif name.endswith("running_var"):
            tensor.copy_(0.5 + 1.5 * u)
        elif name.endswith("weight"):
            tensor.copy_(0.5 + u)
        else:
            tensor.copy_(0.4 * u - 0.2)
    return network.eval()


def images(n, height, width):
    """Bytes, in 0..1."""
    shape = n, 3, height, width
    return torch.from_numpy(np.floor(256 * uniform("images", n * 3 * height * width)) / 255).reshape(shape)


# What is written ------------------------------------------------------------------------------------------------


def numbers(tensor):
    return [float(f"{x:.8g}") for x in tensor.tolist()]


def some(tensor, name, positions=24):
    flat = tensor.detach().flatten()
    at = np.unique((uniform(f"positions {name}", positions) * len(flat)).astype(int))
    return {"dim": tensor[0].numel(), "at": at.tolist(), "values": numbers(flat[at]),
            "mean": float(f"{flat.mean():.8g}"), "std": float(f"{flat.std(correction=0):.8g}")}


def case(arch, stem, width, height, breadth):
    # The weights are those that a file holds, in float32; the arithmetic is float64.
    network = fill(ResNet(arch, stem, width)).double()
    mean, std = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in PIXELS[stem])
    maps = network((images(2, height, breadth) - mean) / std)
    found = {f"conv{i + 1}": m.flatten(1) for i, m in enumerate(maps)}
    found |= {f"conv{i + 1}-1x1": m.mean((2, 3)) for i, m in enumerate(maps)}
    maps = {name: some(tensor, name) for name, tensor in found.items()}
    return {"arch": arch, "stem": stem, "width": width, "height": height, "breadth": breadth, "maps": maps}


def picture(height, width):
    """What torchvision shows its networks of a picture: bytes at some positions of 3 x 224 x 224."""
    pixels = np.floor(256 * uniform("picture", height * width * 3)).astype(np.uint8).reshape(height, width, 3)
    show = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.PILToTensor()])
    shown = show(Image.fromarray(pixels)).flatten()
    at = np.unique((uniform(f"positions {height} {width}", 100) * len(shown)).astype(int))
    return {"height": height, "width": width, "at": at.tolist(), "values": shown[at].tolist()}


def check_against_torchvision():
    """The twin above must be torchvision's network, where torchvision has one."""
    for arch in ARCHS:
        theirs, ours = getattr(torchvision.models, arch)(weights=None), ResNet(arch, "imagenet", 64)
        shapes = lambda network: {n: t.shape for n, t in network.state_dict().items() if not n.startswith("fc.")}
        assert shapes(theirs) == shapes(ours), arch
        if arch != "resnet152":
            fill(ours), fill(theirs)
            theirs.fc = nn.Identity()
            x = images(1, 64, 64).float()
            assert torch.allclose(theirs(x), ours(x)[3].mean((2, 3)), rtol=1e-4), arch


class WithClassifier(ResNet):
    def __init__(self):
        super().__init__("resnet18", "imagenet", 1)
        self.fc = nn.Linear(self.channels, 2)


def main():
    check_against_torchvision()
    cases = [case("resnet18", "cifar", 3, 32, 32), case("resnet18", "imagenet", 1, 40, 40),
             case("resnet18", "imagenet", 2, 75, 49), case("resnet50", "cifar", 2, 16, 16),
             case("resnet50", "imagenet", 2, 75, 49), case("resnet152", "cifar", 2, 16, 16),
             case("resnet152", "imagenet", 2, 64, 64)]
    content = {"torch": torch.__version__.split("+")[0], "torchvision": torchvision.__version__.split("+")[0],
               "cases": cases,
               "pictures": [picture(*size) for size in ((375, 500), (501, 375), (91, 120), (32, 32), (300, 257))]}
    (HERE / "pretrained.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")

    # As anyone saves one, with the parameters of training still in it; and as a training loop on several GPUs did
    # before PyTorch 1.6.
    network = fill(WithClassifier())
    torch.save(network.state_dict(keep_vars=True), HERE / "pretrained.pth")
    prefixed = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    # A view of another memory order, as channels-last training leaves it.
    prefixed["module.conv1.weight"] = network.conv1.weight.detach().to(memory_format=torch.channels_last)
    checkpoint = {"epoch": 3, "state_dict": prefixed, "best": 0.5}
    torch.save(checkpoint, HERE / "pretrained_legacy.pth", _use_new_zipfile_serialization=False)
    for path in sorted(HERE.glob("pretrained*")):
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

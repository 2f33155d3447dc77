#!/usr/bin/env python3
"""Reference values for core/tests/torch.rs and core/src/ssl/trainer/against_torch.rs, from PyTorch and torchvision.

    python -m venv venv && venv/bin/pip install numpy torch torchvision safetensors
    venv/bin/python tests/golden/make_torch.py

Writes torch.json and, beside it, the images and the state dicts it was computed from. The networks are written
here in plain torch.nn with torchvision's module names, and share no code with ours. Weights and images are stored in
float32 and bytes, all reference arithmetic is float64, so that what differs is our rounding alone.
"""

import copy
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TF

HERE = Path(__file__).parent
BATCH = 8
RATE = 1e-3
# Of BYOL's target: low, so that three steps show in it.
MOMENTUM = 0.6
# Three steps may enlarge rounding to so much in the losses. Where a rectifier or the sign of a gradient is about to change,
# they enlarge it a thousandfold, PyTorch's own in float32, too: nothing could be compared there.
STEADY = 1e-5


# Networks -------------------------------------------------------------------------------------------------------


class ResNet18(nn.Module):
    """torchvision's blocks behind the stem for 32 x 32 images."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        for i in range(4):
            output, stride = width << i, 1 if i == 0 else 2
            downsample = None
            if stride != 1:
                downsample = nn.Sequential(nn.Conv2d(channels, output, 1, stride, bias=False), nn.BatchNorm2d(output))
            blocks = BasicBlock(channels, output, stride, downsample), BasicBlock(output, output)
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
            channels = output

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        maps = []
        for i in range(4):
            x = self.get_submodule(f"layer{i + 1}")(x)
            maps.append(x)
        return maps


class HeadLayer(nn.Module):
    def __init__(self, inputs, outputs, norm, affine, activate):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=not norm)
        self.activate = activate
        if norm:
            self.bn = nn.BatchNorm1d(outputs)
            if not affine:
                # affine=False would leave weight and bias out of the state dict; ours has them there, fixed.
                self.bn.weight.requires_grad = self.bn.bias.requires_grad = False

    def forward(self, x):
        x = self.linear(x)
        if hasattr(self, "bn"):
            x = self.bn(x)
        return F.relu(x) if self.activate else x


class Head(nn.Module):
    def __init__(self, sizes, hidden_norm, output_norm):
        super().__init__()
        last = len(sizes) - 2
        self.layers = nn.ModuleList(
            HeadLayer(sizes[i], sizes[i + 1], hidden_norm if i < last else output_norm, i < last, i < last)
            for i in range(last + 1)
        )

    def forward(self, x):
        outputs = []
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        return outputs


class Network(nn.Module):
    def __init__(self, objective, width):
        super().__init__()
        self.objective = objective
        self.encoder = ResNet18(width)
        y, z = 8 * width, 32 * width
        if objective == "simsiam":
            self.projector = Head([y, z, z, z], True, True)
            self.predictor = Head([z, z // 4, z // 4, z], True, False)
        elif objective == "byol":
            hidden, z = 64 * width, 4 * width
            self.projector = Head([y, hidden, z], True, False)
            self.predictor = Head([z, hidden, z], True, False)
        else:
            self.projector = Head([y, y, 2 * width], True, False)

    def forward(self, images, norm):
        """Named outputs of images in 0..1."""
        maps = self.encoder((images - 0.5) / 0.25)
        found = {f"conv{i + 1}": m.flatten(1) for i, m in enumerate(maps)}
        found |= {f"conv{i + 1}-1x1": m.mean((2, 3)) for i, m in enumerate(maps)}
        y = found["conv4-1x1"]
        heads = self.projector(F.normalize(y) if norm in ("f", "both") else y)
        found |= {f"head{i + 1}": h for i, h in enumerate(heads)}
        found["z"] = F.normalize(heads[-1]) if norm in ("g", "both") else heads[-1]
        if hasattr(self, "predictor"):
            found["p"] = self.predictor(found["z"])[-1]
        return found

    def loss(self, first, second, norm, temperature, target):
        a, b = self(first, norm), self(second, norm)
        if self.objective == "simsiam":
            return simsiam(a["p"], a["z"], b["p"], b["z"])
        if self.objective == "byol":
            with torch.no_grad():
                t1, t2 = target(first, norm)["z"], target(second, norm)["z"]
            return byol(a["p"], t1, b["p"], t2)
        return nt_xent(a["z"], b["z"], temperature)

    def named_state(self):
        """The state dict with our names: the encoder's tensors stand at the top."""
        return {name.removeprefix("encoder."): tensor for name, tensor in self.state_dict().items()}


def randomize(network, generator):
    """Weights of a plausible size, and batch norms that are not the identity."""
    normal = lambda t, mean, std: t.normal_(mean, std, generator=generator)
    uniform = lambda t, low, high: t.uniform_(low, high, generator=generator)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                normal(module.weight, 0, (2 / module.weight[:, 0].numel()) ** 0.5)
            elif isinstance(module, nn.Linear):
                normal(module.weight, 0, module.in_features**-0.5)
                if module.bias is not None:
                    normal(module.bias, 0, 0.1)
            elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                normal(module.running_mean, 0, 0.3)
                uniform(module.running_var, 0.5, 2)
                module.num_batches_tracked.fill_(7)
                if module.weight.requires_grad:
                    uniform(module.weight, 0.5, 1.5)
                    normal(module.bias, 0, 0.2)


# Losses ---------------------------------------------------------------------------------------------------------


def simsiam(p1, z1, p2, z2):
    return -(F.cosine_similarity(p1, z2.detach()).mean() + F.cosine_similarity(p2, z1.detach()).mean()) / 2


def byol(p1, t1, p2, t2):
    unit = lambda x: x / x.norm(dim=1, keepdim=True)
    distance = lambda p, t: (unit(p) - unit(t.detach())).square().sum(1).mean()
    return distance(p1, t2) + distance(p2, t1)


def nt_xent(z1, z2, temperature):
    n = len(z1)
    z = torch.cat([z1, z2])
    logits = F.cosine_similarity(z[:, None], z[None], dim=2) / temperature
    logits = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=logits.device), -torch.inf)
    return F.cross_entropy(logits, torch.arange(2 * n, device=logits.device).roll(n))


def loss_cases(generator):
    for n, dim, scale in ((4, 3, 1.0), (6, 8, 1.0), (5, 4, 100.0), (3, 4, 0.01)):
        draw = lambda: (torch.randn(n, dim, generator=generator) * scale).double()
        inputs = [draw() for _ in range(4)]
        cases = [("simsiam", 0.0, simsiam, inputs), ("byol", 0.0, byol, inputs)]
        for t in (0.5, 0.2, 0.05):
            cases.append(("nt-xent", t, lambda a, b, t=t: nt_xent(a, b, t), inputs[:2]))
        for name, temperature, loss, inputs in cases:
            inputs = [x.clone().requires_grad_() for x in inputs]
            value = loss(*inputs)
            value.backward()
            yield {
                "loss": name,
                "temperature": temperature,
                "shape": [n, dim],
                "inputs": [numbers(x, 9) for x in inputs],
                "value": value.item(),
                # Nothing comes through the stop-grad.
                "gradients": [None if x.grad is None else numbers(x.grad) for x in inputs],
            }


# What is written ------------------------------------------------------------------------------------------------


def numbers(tensor, digits=8):
    return [float(f"{x:.{digits}g}") for x in tensor.detach().flatten().tolist()]


def some(tensor, generator, positions=32):
    """Values at random positions of the flat tensor, or all where they are few; and moments of all of them."""
    flat = tensor.detach().double().flatten()
    at = torch.randperm(len(flat), generator=generator)[:positions].sort().values
    return {
        "at": at.tolist(),
        "values": numbers(flat[at]),
        "mean": float(f"{flat.mean():.8g}"),
        "std": float(f"{flat.std(correction=0):.8g}"),
    }


def forward_cases(network, images, generator):
    network.eval()
    for norm in ("none", "f", "g", "both"):
        found = network(images, norm)
        # Convolution maps know nothing of the normalisation behind them.
        names = [name for name in found if norm == "none" or not name.startswith("conv")]
        yield {"norm": norm, "maps": {name: some(found[name], generator) for name in names}}


def training(network, first, second, norm, temperature, momentum, generator):
    network.train()
    # BYOL's target: what is learned follows by a moving average, batch norms keep statistics of their own.
    target = copy.deepcopy(network)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=RATE, eps=1e-8)
    losses = []
    for step in range(4):
        loss = network.loss(first, second, norm, temperature, target)
        losses.append(loss.item())
        if step == 3:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), network.parameters()):
                slow.mul_(momentum).add_(fast, alpha=1 - momentum)
        state = {name: tensor.clone() for name, tensor in network.named_state().items()}
    kept = {name: some(t, generator, 8) for name, t in state.items() if not name.endswith("num_batches_tracked")}
    return {"rate": RATE, "norm": norm, "temperature": temperature, "momentum": momentum, "losses": losses,
            "state": kept}


def steady(network, *settings, trials=20):
    """Whether training leads to the same losses from weights that differ by about float32's rounding."""
    noise = torch.Generator().manual_seed(1)
    losses = []
    for trial in range(1 + trials):
        nearby = copy.deepcopy(network)
        with torch.no_grad():
            for parameter in nearby.parameters() if trial else ():
                parameter.mul_(1 + 1e-7 * torch.randn(parameter.shape, generator=noise, dtype=parameter.dtype))
        losses.append(training(nearby, *settings, generator=torch.Generator())["losses"])
    losses = torch.tensor(losses, dtype=torch.float64)
    return (losses - losses[0]).abs().max().item() < STEADY


def draw_images(generator):
    """Blurred noise with detail on it: 2 * BATCH images of bytes, the second half other views of the first."""
    coarse = torch.rand(BATCH, 3, 5, 5, generator=generator)
    smooth = F.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False)
    first = smooth + 0.1 * torch.randn(smooth.shape, generator=generator)
    second = first.flip(3) * 0.8 + 0.1 + 0.1 * torch.randn(first.shape, generator=generator)
    images = (torch.cat([first, second]).clamp(0, 1) * 255).round().to(torch.uint8)
    # Where hue has no or more than one answer: grey, black, white, primary and secondary colours.
    for i, colour in enumerate([(90, 90, 90), (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255),
                                (255, 255, 0), (0, 200, 200), (180, 0, 180), (10, 10, 9)]):
        images[0, :, 0:3, 3 * i : 3 * i + 3] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    return images


KEEP = {"crop": [0, 0, 32, 32], "flip": False, "brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0,
        "grayscale": False}


def view(image, draw, order):
    x = TF.resized_crop(image, *draw["crop"], [32, 32], InterpolationMode.BILINEAR, antialias=True)
    x = TF.hflip(x) if draw["flip"] else x
    adjust = [("brightness", TF.adjust_brightness), ("contrast", TF.adjust_contrast),
              ("saturation", TF.adjust_saturation), ("hue", TF.adjust_hue)]
    for operation in order:
        name, function = adjust[operation]
        x = function(x, draw[name])
    return TF.rgb_to_grayscale(x, num_output_channels=3) if draw["grayscale"] else x


def view_cases(images, generator):
    changes = [{}, {"flip": True}, {"grayscale": True}]
    changes += [{name: factor} for name in ("brightness", "contrast", "saturation") for factor in (0.0, 0.6, 1.4, 2.0)]
    changes += [{"hue": turn} for turn in (0.1, -0.1, 0.5, -0.37)]
    changes += [{"crop": crop} for crop in ([0, 0, 17, 23], [9, 2, 23, 30], [31, 31, 1, 1], [4, 11, 28, 9])]
    changes += [{"crop": [5, 8, 20, 24], "flip": True, "brightness": 1.3, "contrast": 0.7, "saturation": 1.4, "hue": h,
                 "grayscale": grey} for h, grey in ((0.08, False), (-0.1, True), (0.0, False))]
    for change in changes:
        draw = KEEP | change
        orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] if len(change) > 1 else [[0, 1, 2, 3]]
        for order in orders:
            # Two images at once: each must get its own mean in contrast.
            found = torch.stack([view(images[i], draw, order) for i in (0, 5)])
            yield {"draw": draw, "order": order, "images": [0, 5], "view": some(found, generator)}


def main():
    torch.use_deterministic_algorithms(True)
    generator = torch.Generator().manual_seed(2022)
    pixels = draw_images(generator)
    save_file({"images": pixels}, HERE / "torch_images.safetensors")
    images = pixels.double() / 255
    networks = []
    for objective, width, norm, temperature in (("simclr", 3, "f", 0.5), ("simsiam", 2, "both", 0.5), ("byol", 2, "both", 0.5)):
        network = Network(objective, width)
        settings = images[:BATCH], images[BATCH:], norm, temperature, MOMENTUM
        randomize(network, generator)
        while not steady(copy.deepcopy(network).double(), *settings):
            randomize(network, generator)
        file = f"torch_{objective}.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in network.named_state().items()}, HERE / file)
        network.double()
        networks.append({
            "objective": objective,
            "width": width,
            "forward": list(forward_cases(network, images[[0, 9]], generator)),
            "training": training(network, *settings, generator),
        })
    content = {
        "torch": torch.__version__.split("+")[0],
        "networks": networks,
        "losses": list(loss_cases(generator)),
        "views": list(view_cases(images, generator)),
    }
    (HERE / "torch.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
    for path in sorted(HERE.glob("torch*")):
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A training step of SimCLR on an NVIDIA GPU, ours beside PyTorch's, and writes the results.

    tests/bench/gpu.py --nsa PATH --out tests/bench/gpu.json [--repeat 20]

Ours draws its views in the step and computes in float32; PyTorch's views are drawn before. PyTorch runs as it comes
(eager, float32), with TF32, in bfloat16 with channels last, and the last compiled.
"""

import argparse
import datetime
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "golden"))
from make_torch import Network, nt_xent  # noqa: E402

CASES = [(16, 512), (64, 512)]
WAYS = ["float32", "tf32", "bfloat16, channels last", "bfloat16, channels last, compiled"]


def ours(nsa, width, batch, repeat):
    line = [nsa, "bench", "train", "--objective", "simclr", "--width", width, "--batch", batch, "--device", "cuda",
            "--repeat", repeat, "--json"]
    found = subprocess.run([str(word) for word in line], check=True, capture_output=True, text=True)
    return json.loads(found.stdout)["seconds"]


def theirs(way, width, batch, repeat):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = way == "tf32"
    half, last = way.startswith("bfloat16"), "channels last" in way
    network = Network("simclr", width).cuda().train()
    views = torch.rand(2, batch, 3, 32, 32, device="cuda")
    if last:
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-4, fused=True)

    def loss():
        first, second = [view.contiguous(memory_format=torch.channels_last) if last else view for view in views]
        with torch.autocast("cuda", torch.bfloat16, enabled=half):
            a, b = network(first, "none"), network(second, "none")
        return nt_xent(a["z"].float(), b["z"].float(), 0.5)

    forward = torch.compile(loss) if "compiled" in way else loss

    def step():
        started = time.perf_counter()
        optimizer.zero_grad()
        value = forward()
        value.backward()
        optimizer.step()
        # Reading the loss waits for the device.
        value.item()
        return time.perf_counter() - started

    for _ in range(5):
        step()
    return [step() for _ in range(repeat)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nsa", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=20)
    args = parser.parse_args()
    result = {"date": datetime.date.today().isoformat(), "machine": torch.cuda.get_device_name(),
              "torch": torch.__version__, "cases": []}
    for width, batch in CASES:
        case = {"width": width, "batch": batch, "seconds": {}}
        result["cases"].append(case)
        for who in ["nsa", *WAYS]:
            try:
                seconds = (ours(args.nsa, width, batch, args.repeat) if who == "nsa"
                           else theirs(who, width, batch, args.repeat))
            except Exception as error:
                print(f"width {width}, {who}: {getattr(error, 'stderr', None) or error}", file=sys.stderr)
                continue
            case["seconds"][who] = seconds
            middle = sorted(seconds)[len(seconds) // 2]
            print(f"width {width}, {who}: {1000 * middle:.1f} ms, {2 * batch / middle:,.0f} views/s", flush=True)
            # Written after every way: what was measured is kept if a later one fails.
            args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

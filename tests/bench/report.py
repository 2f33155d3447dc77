#!/usr/bin/env python3
"""BENCHMARKS.md from the results of native.py and browser.mjs: tests/bench/report.py tests/bench > BENCHMARKS.md"""

import json
import statistics
import sys
from pathlib import Path


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def time(values):
    def short(seconds):
        return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"

    low, high = quartiles(values)
    return f"{short(statistics.median(values))} ({short(low)}-{short(high)})"


def ratio(ours, theirs):
    """Ours over theirs, of the medians: below 1 is faster."""
    return statistics.median(ours) / max(statistics.median(theirs), 1e-9)


def native(found):
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    print(f"## On the processor\n\n{found['machine']}; {found['date']}; {found['rounds']} rounds, ours and the others in turns; "
          f"load average before: {found['load-before']}. {versions}.\n\nMedian, and in parentheses the quartiles. Ratios are ours "
          "over theirs: below 1 is faster. The processor's time, of all threads, is less disturbed by other programs.\n")
    print("| what | ours | theirs | wall-clock ratio | processor ratio |\n|---|---:|---:|---:|---:|")
    for case in found["cases"]:
        seconds, processor = case["seconds"], case["processor-seconds"]
        for who in [who for who in seconds if who != "nsa"]:
            print(f"| {case['case']} | {time(seconds['nsa'])} | {who}: {time(seconds[who])} "
                  f"| {ratio(seconds['nsa'], seconds[who]):.2f} | {ratio(processor['nsa'], processor[who]):.2f} |")
    print("\n| what | our memory at most |\n|---|---:|")
    for case in found["cases"]:
        print(f"| {case['case']} | {case['nsa-peak-memory-bytes'] / 2**20:,.0f} MiB |")
    print()


def browser(found):
    print(f"## In the browser\n\n{found['machine']}; {found['date']}; {found['browser']}; onnxruntime-web {found['onnxruntime-web']}, "
          f"one thread; {found['rounds']} rounds in turns.\n\nThe same weights and images. Cold is from the start of the engine or "
          "session to the first result, its program's download from this machine and compilation included.\n")
    print("| what | ours | onnxruntime-web | ratio |\n|---|---:|---:|---:|")
    for case in found["cases"]:
        print(f"| {case['case']} | {time(case['ours'])} | {time(case['theirs'])} | {ratio(case['ours'], case['theirs']):.2f} |")
    print()


def loading(found):
    print(f"## Loading\n\n{found['date']}; sizes after Brotli at quality 11, times over an emulated link of 10 Mbit/s and 40 ms "
          "with Brotli at quality 5, headless Chromium.\n")
    print("| what | |\n|---|---:|")
    for name, value in found["rows"]:
        print(f"| {name} | {value} |")
    print()


def main():
    folder = Path(sys.argv[1])
    print("# Benchmarks\n\nMade by `make bench`; not edited by hand. What bounds the rows above 1, and what was tried: "
          "[docs/benchmarks.md](docs/benchmarks.md).\n")
    for name, part in (("native", native), ("browser", browser), ("loading", loading)):
        file = folder / f"{name}.json"
        if file.exists():
            part(json.loads(file.read_text()))
        else:
            print(f"## {name.capitalize()}\n\nNot run.\n")
    print("## On a GPU\n\nSkipped: these results are from a machine without one. `nsa bench train --device cuda` and "
          "`--device wgpu` time a step.")


if __name__ == "__main__":
    main()

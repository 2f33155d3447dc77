#!/usr/bin/env python3
"""BENCHMARKS.md from the results of the others in this folder, and the plot in it of how cost grows:

    tests/bench/report.py tests/bench docs/growth.svg > BENCHMARKS.md
"""

import json
import math
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
    """Ours over theirs, of the medians: below 1 is faster. None where the clock is too coarse for one of them."""
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    return ours / theirs if ours > 0 and theirs > 0 else None


def shown(value):
    return "-" if value is None else f"{value:.2f}"


def sentences(found):
    """What is faster and what is slower, by how much, from the wall-clock ratios."""
    groups = {"scoring": ("k-cos", "kappa"), "inference": ("inference",), "training": ("training",)}
    for name, starts in groups.items():
        rows = [(ratio(case["seconds"]["nsa"], case["seconds"][who]), case["case"], who) for case in found["cases"]
                if case["case"].startswith(starts) for who in case["seconds"] if who != "nsa"]
        rows = sorted(row for row in rows if row[0] is not None)
        if not rows:
            continue
        slower = [row for row in rows if row[0] > 1]
        print(f"- **{name.capitalize()} on the processor** takes {rows[0][0]:.2f} to {rows[-1][0]:.2f} of the others' time; "
              + (f"{len(slower)} of {len(rows)} rows are slower, most {slower[-1][1]} ({slower[-1][0]:.2f})." if slower
                 else f"all {len(rows)} rows are faster."))
    print()


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
                  f"| {shown(ratio(seconds['nsa'], seconds[who]))} | {shown(ratio(processor['nsa'], processor[who]))} |")
    print("\n| what | our memory at most |\n|---|---:|")
    for case in found["cases"]:
        print(f"| {case['case']} | {case['nsa-peak-memory-bytes'] / 2**20:,.0f} MiB |")
    print()


BACKENDS = {"cpu": "the processor, WebAssembly with SIMD, one thread", "webgpu": "WebGPU"}


def browser(found):
    print(f"## In the browser\n\n{found['machine']}; {found['date']}; load average before: {found['load-before']}; headless "
          f"{found['browser']}; onnxruntime-web {found['onnxruntime-web']} (`wasm` with one thread, `webgpu`). "
          f"WebGPU's adapter: {found.get('webgpu', 'none')}.\n\n"
          "Both in a Worker each, with the same weights, from the same server: image bytes are posted to it, timed is until its "
          "answer is back. Scaling the pixels is part of both; ours also scores the features. Medians and quartiles, ratios ours "
          "over theirs.\n")
    for backend in [backend for backend in BACKENDS if backend in found]:
        print(f"### Warm: one batch, {BACKENDS[backend]}\n\nOurs cuts a job into batches of about a tenth of a second; how many it "
              "made of this one stands beside it.\n\n"
              "| base width | images | ours | in batches | onnxruntime-web | ratio | rounds |\n|---:|---:|---:|---:|---:|---:|---:|")
        for case in (case for case in found["warm"] if case["backend"] == backend):
            start = f"| {case['width']} | {case['batch']} "
            if "not-run" in case:
                print(f"{start}| not run: {case['not-run']} | | | | |")
            else:
                print(f"{start}| {time(case['ours'])} | {case['batches']} | {time(case['theirs'])} "
                      f"| {shown(ratio(case['ours'], case['theirs']))} | {len(case['ours'])} |")
        print()
    print("### Cold: one image\n\nA browser just started, from the start of the program to the first result: its download from this "
          "machine, its compilation, the model, the device.\n\n"
          "| backend | base width | ours | onnxruntime-web | ratio | rounds |\n|---|---:|---:|---:|---:|---:|")
    for case in found["cold"]:
        start = f"| {case['backend']} | {case['width']} "
        if "not-run" in case:
            print(f"{start}| not run: {case['not-run']} | | | |")
        else:
            print(f"{start}| {time(case['ours'])} | {time(case['theirs'])} | {shown(ratio(case['ours'], case['theirs']))} "
                  f"| {len(case['ours'])} |")
    print()


def loading(found):
    link, visits = found["link"], [found["first-visits"], found["second-visits"]]
    print(f"## Loading\n\n{found['machine']}; {found['date']}; load average before: {found['load-before']}; headless "
          f"{found['browser']}; {len(visits[0])} rounds. A link of {8 * link['bytesPerSecond'] / 1e6:.0f} Mbit/s with "
          f"{link['latency']} ms before every answer and again for every new connection, Brotli at quality {link['quality']}, the "
          f"CPU engine (`{found['address']}`). The second visit asks the server whether files have changed: its bytes are those of "
          "files that came again.\n")
    print("| what | first visit | second visit |\n|---|---:|---:|")

    def row(name, cell):
        print(f"| {name} | {cell(visits[0])} | {cell(visits[1])} |")

    for name, key in [("first paint", "first-paint"), ("first contentful paint", "first-contentful-paint"),
                      ("lab usable: its controls are there", "lab-usable"), ("first score", "first-score"),
                      ("all scores", "all-scores")]:
        row(name, lambda visit: time([one["milliseconds"][key] / 1000 for one in visit]))
    for name, key in [("bytes before the first paint", "bytes-before-first-paint"),
                      ("bytes before the first score", "bytes-before-first-score"), ("bytes in all", "bytes"),
                      ("requests", "answers"), ("of them answered that nothing has changed", "not-changed")]:
        row(name, lambda visit: f"{statistics.median(one[key] for one in visit):,.0f}")
    print("\nThe programs:\n")
    sizes(found["sizes"])


def exponent(points):
    """Slope of the straight line through the logarithms: 1 where twice as much costs twice as much."""
    logs = [(math.log(size), math.log(seconds)) for size, seconds in points]
    x0, y0 = (statistics.mean(values) for values in zip(*logs))
    return sum((x - x0) * (y - y0) for x, y in logs) / sum((x - x0) ** 2 for x, _ in logs)


def growth(native, browser, plot):
    """How cost grows: banks natively, galleries in the browser."""
    lines = {}
    for case in (native or {"cases": []})["cases"]:
        words = case["case"].split(", ")
        if words[0] == "k-cos" and words[1].startswith("1,000 x "):
            bank = int(words[1].split(" x ")[1].replace(",", ""))
            for who in case["seconds"]:
                name = "ours" if who == "nsa" else who
                lines.setdefault(f"1,000 queries by a bank, {name}", []).append((bank, statistics.median(case["seconds"][who])))
    galleries = [case for case in (browser or {}).get("galleries", []) if "seconds" in case]
    if galleries:
        lines["a gallery in the browser, ours"] = [(case["images"], case["seconds"]) for case in galleries]
    if not lines:
        return
    draw(lines, plot)
    print("## How cost grows\n\nSeconds for banks of 512 values a feature, and for galleries by the CPU engine at width 16. The exponent is "
          f"the slope in the plot: 1 where twice as much costs twice as much.\n\n![Seconds over size]({plot})\n")
    print("| what | sizes | seconds | exponent |\n|---|---|---|---:|")
    for name, points in lines.items():
        print(f"| {name} | {', '.join(f'{size:,}' for size, _ in points)} | {', '.join(f'{seconds:.3g}' for _, seconds in points)} "
              f"| {exponent(points):.2f} |")
    if galleries:
        print("\nThe engine's memory after each gallery: "
              + ", ".join(f"{case['memory'] / 2**20:.0f} MiB ({case['images']:,})" for case in galleries) + ".")
    print()


def draw(lines, path):
    """The lines in logarithmic scales, as an SVG file."""
    width, height, left, bottom, right, top = 640, 360, 60, 40, 250, 12
    sizes, seconds = ([math.log10(point[axis]) for points in lines.values() for point in points] for axis in (0, 1))
    low, high = [math.floor(min(sizes)), math.floor(min(seconds))], [math.ceil(max(sizes)), math.ceil(max(seconds))]

    def at(size, taken):
        x = left + (math.log10(size) - low[0]) / (high[0] - low[0]) * (width - left - right)
        y = height - bottom - (math.log10(taken) - low[1]) / (high[1] - low[1]) * (height - bottom - top)
        return f"{x:.1f},{y:.1f}"

    colours = ["#0072b2", "#d55e00", "#00825f", "#9b3fb0"]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
             f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for power in range(low[0], high[0] + 1):
        x, y = at(10**power, 10.0**low[1]).split(",")
        parts.append(f'<path d="M{x} {top}V{y}" stroke="#dde1e8"/><text x="{x}" y="{height - bottom + 18}" '
                     f'text-anchor="middle">{10**power:,}</text>')
    for power in range(low[1], high[1] + 1):
        x, y = at(10**low[0], 10.0**power).split(",")
        parts.append(f'<path d="M{x} {y}H{width - right}" stroke="#dde1e8"/><text x="{left - 6}" y="{float(y) + 4:.1f}" '
                     f'text-anchor="end">{10.0**power:g} s</text>')
    for i, (name, points) in enumerate(lines.items()):
        colour, path_of = colours[i % len(colours)], " ".join(at(*point) for point in points)
        parts.append(f'<polyline points="{path_of}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in (at(*p).split(",") for p in points)]
        parts.append(f'<text x="{width - right + 12}" y="{top + 16 + 20 * i}" fill="{colour}">{name}</text>')
    Path(path).write_text("\n".join(parts) + "\n</svg>\n")


def sizes(programs):
    print("| program | bytes | Brotli 9 | Brotli 11 |\n|---|---:|---:|---:|")
    for program in programs:
        print(f"| {program['program']} | {program['bytes']:,} | {program['brotli-9']:,} | {program['brotli-11']:,} |")
    print()


def features(found):
    print(f"## What programs weigh\n\nWith one feature of a dependency more or less (`tests/bench/sizes.sh`, {found['date']}): whole programs, "
          "which the site takes apart.\n")
    sizes(found["features"])
    print("What the bytes are, by crate: a crate's share is what the code, packed by Brotli at quality 9, loses when the crate's "
          "functions are overwritten by zeros. \"data\" are texts and tables. The largest twelve:\n")
    print("| program | crate | functions | bytes | Brotli 9 |\n|---|---|---:|---:|---:|")
    for program in found["parts"]:
        for part in program["parts"]:
            print(f"| {program['program']} | {part['name']} | {part.get('functions', '')} | {part['bytes']:,} | {part['brotli-9']:,} |")
    print()


def main():
    folder = Path(sys.argv[1])
    print("# Benchmarks\n\nMade by `make bench`; not edited by hand. What bounds the rows above 1, and what was tried: "
          "[docs/benchmarks.md](docs/benchmarks.md).\n")
    parts = {"native": native, "browser": browser, "loading": loading, "sizes": features}
    found = {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}
    if "native" in found:
        sentences(found["native"])
    growth(found.get("native"), found.get("browser"), sys.argv[2])
    for name, part in parts.items():
        if name in found:
            part(found[name])
        else:
            print(f"## {name.capitalize()}\n\nNot run.\n")
    print("## On a GPU\n\nNot measured: [docs/benchmarks.md](docs/benchmarks.md) says how far a run on one came.")


if __name__ == "__main__":
    main()

// The lab's engines beside onnxruntime-web, in one page, from one server: the same weights, the same images.
//
//   node tests/bench/browser.mjs --python PATH --out tests/bench/browser.json [--rounds 20] [--backends cpu,webgpu]
//                                                                                     (needs the built site in dist/)
//
// Warm: one batch, ours and theirs in turns, for so many rounds or until a case has had its time. Cold: in a browser that has
// just been started, from the start of the program to the first result for one image.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { DIST, NSA, ROOT, installed, launch, nsa, temporaryFolder } from "../e2e/lab.mjs";
import { serve } from "../e2e/serve.mjs";

const { values: options } = parseArgs({
  options: {
    python: { type: "string" }, out: { type: "string" }, rounds: { type: "string", default: "20" },
    backends: { type: "string", default: "cpu,webgpu" },
  },
});
const BACKENDS = options.backends.split(",");
const WIDTHS = [16, 64];
const BATCHES = [1, 16, 64];
/** Images of a gallery: what the page shows, and more than anybody has given it yet. */
const GALLERIES = [72, 1000, 10_000];
/** Rounds of a case at most and at least, and the seconds after which no further one begins. */
const ROUNDS = { most: Number(options.rounds), least: 3, seconds: 30 };
const COLD_ROUNDS = { most: Math.min(5, ROUNDS.most), least: 1, seconds: 30 };
/** Of scores and features, against those of the native program. */
const TOLERANCE = 1e-3;

/** A folder with everything that the page asks for; answers with what the native program computes. */
function prepare(folder) {
  const at = (...parts) => join(folder, ...parts);
  const onnxruntime = dirname(installed("onnxruntime-web/wasm"));
  for (const [name, target] of [["lab", DIST], ["bench", join(ROOT, "tests/bench/page")], ["onnxruntime", onnxruntime]]) {
    symlinkSync(target, at(name));
  }
  const pixels = at("images.npy");
  nsa("data", "export", "synth-digits", "--split", "test", "--class", "2", "--out", pixels, "--labels", at("labels.npy"));
  const floats = npy(pixels);
  writeFileSync(at("images.bin"), Uint8Array.from(floats, (value) => Math.round(255 * value)));

  mkdirSync(at("models"));
  const expected = {};
  for (const width of WIDTHS) {
    const [run, bundle, features] = [at(`run-${width}`), at("bundles", `w${width}`), at(`features-${width}.bin`)];
    // Random weights take the time that trained ones take.
    nsa("train", "--dataset", "synth-digits", "--objective", "simclr", "--norm", "f", "--width", String(width),
      "--epochs", "0", "--limit", "64", "--eval-limit", "16", "--device", "cpu", "--out", run);
    nsa("export", run, "--layers", "conv4-1x1", "--device", "cpu", "--out", bundle);
    execFileSync(options.python, [
      join(ROOT, "tests/bench/make_onnx.py"), "--nsa", NSA, "--bundle", bundle, "--width", String(width),
      "--images", pixels, "--out", at("models", `w${width}.onnx`), "--features", features,
    ], { stdio: ["ignore", "inherit", "inherit"] });
    expected[width] = {
      features: new Float32Array(new Uint8Array(readFileSync(features)).buffer),
      scores: JSON.parse(nsa("predict", "--bundle", bundle, "--device", "cpu", "--json", pixels)).map((image) => image.scores),
    };
  }
  return expected;
}

/** The values of an array file of NumPy's, which end it. */
function npy(path) {
  const bytes = readFileSync(path);
  const header = 10 + bytes.readUInt16LE(8);
  return new Float32Array(new Uint8Array(bytes.subarray(header)).buffer);
}

/** Starts both in this page, as `ours` and `theirs`, and sees that they compute what the native program does. Says by what. */
async function start(page, backend, width, expected) {
  const found = await page.evaluate(async ({ backend, width }) => {
    const { Ours, Theirs, images } = await import("/bench/engines.mjs");
    globalThis.ours = new Ours(backend);
    globalThis.theirs = new Theirs(backend);
    await Promise.all([ours.load(width), theirs.load(width)]);
    const pixels = await images(4);
    const { scores } = await ours.run(pixels);
    const { features } = await theirs.run(pixels);
    const adapter = await navigator.gpu?.requestAdapter();
    const { vendor, architecture } = adapter?.info ?? {};
    return { scores, features: [...features], device: ours.device, adapter: `${vendor} ${architecture}` };
  }, { backend, width });
  agree(`our scores, ${backend}, width ${width}`, found.scores.flat(), expected.scores.slice(0, 4).flatMap((scores) => scores.map((s) => s.score)));
  agree(`features of onnxruntime-web, ${backend}, width ${width}`, found.features, [...expected.features.subarray(0, 32 * width)]);
  return backend === "webgpu" ? found.adapter : found.device;
}

function agree(what, found, expected) {
  const largest = Math.max(...expected.map(Math.abs));
  const difference = Math.max(...expected.map((value, i) => Math.abs(found[i] - value))) / largest;
  if (found.length !== expected.length || !(difference < TOLERANCE)) {
    throw new Error(`${what}: ${found.length} values, ${expected.length} expected; they differ by ${difference} of the largest`);
  }
}

/** Seconds of one batch in every round, and how many batches our engine made of it in the last. */
function warm(page, batch) {
  return page.evaluate(async ({ batch, rounds }) => {
    const { images, timed } = await import("/bench/engines.mjs");
    const pixels = await images(batch);
    let batches;
    const one = {
      ours: async () => ({ batches } = await ours.run(pixels)),
      theirs: () => theirs.run(pixels),
    };
    const begun = performance.now();
    const since = (start) => (performance.now() - start) / 1000;
    // The browser compiles what runs often once more, a graphics processor prepares its programs, and ours finds the size of
    // its batches: until that stays as it is, and for two seconds.
    for (let i = 0, before; i < 2 || since(begun) < 2 || (i < 5 && batches !== before); i++) {
      before = batches;
      await one.ours();
      await one.theirs();
    }
    const seconds = { ours: [], theirs: [] };
    const warmed = performance.now();
    while (seconds.ours.length < rounds.most && (seconds.ours.length < rounds.least || since(warmed) < rounds.seconds)) {
      seconds.ours.push(await timed(one.ours));
      seconds.theirs.push(await timed(one.theirs));
    }
    return { ...seconds, batches };
  }, { batch, rounds: ROUNDS });
}

/** Seconds from the start of one of them to its first result, in a browser of its own. */
async function cold(url, who, backend, width) {
  const browser = await launch();
  try {
    const page = await open(browser, url);
    return await page.evaluate(async ({ who, backend, width }) => {
      const { Ours, Theirs, images, timed } = await import("/bench/engines.mjs");
      const pixels = await images(1);
      return timed(async () => {
        const one = new { ours: Ours, theirs: Theirs }[who](backend);
        await one.load(width);
        await one.run(pixels);
      });
    }, { who, backend, width });
  } finally {
    await browser.close();
  }
}

/** Seconds that our engine takes for a whole gallery, and the memory that it holds then. */
function gallery(page, images) {
  return page.evaluate(async (n) => {
    const { images, timed } = await import("/bench/engines.mjs");
    const pixels = await images(n);
    let memory;
    const seconds = await timed(async () => ({ memory } = await ours.run(pixels, 120)));
    return { seconds, memory };
  }, images);
}

async function open(browser, url) {
  const page = await browser.newPage();
  await page.goto(`${url}bench/index.html`);
  return page;
}

/** What was measured, or why it was not. */
async function attempt(what, measure) {
  let found;
  try {
    found = await measure();
  } catch (error) {
    found = { "not-run": error.message.split("\n")[0].replace(/^page\.evaluate: (Error: )?/, "") };
  }
  console.error(JSON.stringify({ ...what, ...found }));
  return { ...what, ...found };
}

const folder = temporaryFolder();
const expected = prepare(folder);
const site = await serve(folder);
const result = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus()[0].model}, ${cpus().length} threads`,
  "load-before": Number(loadavg()[0].toFixed(2)),
  "onnxruntime-web": JSON.parse(readFileSync(join(dirname(installed("onnxruntime-web/wasm")), "../package.json"))).version,
  warm: [],
  galleries: [],
  cold: [],
};
// Written after every case: what was measured is kept if a later one fails.
const keep = () => writeFileSync(options.out, `${JSON.stringify(result, null, 1)}\n`);

for (const backend of BACKENDS) {
  for (const width of WIDTHS) {
    const browser = await launch();
    result.browser = `Chromium ${browser.version()}`;
    const page = await open(browser, site.url);
    let stopped;
    for (const batch of BATCHES) {
      const row = await attempt({ backend, width, batch }, async () => {
        // A Worker that did not answer is still at it, and a larger batch takes longer.
        if (stopped) throw new Error(stopped);
        if (batch === BATCHES[0]) result[backend] = await start(page, backend, width, expected[width]);
        return warm(page, batch);
      });
      stopped = row["not-run"];
      result.warm.push(row);
      keep();
    }
    if (backend === "cpu" && width === WIDTHS[0]) {
      for (const images of GALLERIES) result.galleries.push(await attempt({ width, images }, () => gallery(page, images)));
      keep();
    }
    await browser.close();
  }
}

for (const backend of BACKENDS) {
  for (const width of WIDTHS) {
    result.cold.push(await attempt({ backend, width }, async () => {
      const seconds = { ours: [], theirs: [] };
      const started = performance.now();
      const spent = () => (performance.now() - started) / 1000;
      while (seconds.ours.length < COLD_ROUNDS.most && (seconds.ours.length < COLD_ROUNDS.least || spent() < COLD_ROUNDS.seconds)) {
        for (const who of ["ours", "theirs"]) seconds[who].push(await cold(site.url, who, backend, width));
      }
      return seconds;
    }));
    keep();
  }
}
site.close();
rmSync(folder, { recursive: true });

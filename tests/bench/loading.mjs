// How long a visitor waits: the first visit over a slow link, the second one, and what the programs weigh.
//
//   node tests/bench/loading.mjs --out tests/bench/loading.json [--rounds 5]     (needs the built site in dist/)
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DIST, launch } from "../e2e/lab.mjs";
import { slowly } from "./link.mjs";
import { weigh } from "./weigh.mjs";

const { values: options } = parseArgs({ options: { out: { type: "string" }, rounds: { type: "string", default: "5" } } });
const LINK = { bytesPerSecond: 10e6 / 8, latency: 40, quality: 5 };
/** The view Score with the model that the page opens first. */
const ADDRESS = "?backend=cpu";
const PROGRAMS = ["nsa-app_bg", "split_rest", "engine-cpu_bg", "split_engine_cpu", "engine-webgpu_bg", "split_engine_webgpu", "trainer-cpu_bg", "trainer-webgpu_bg"];

/** Notes when each thing is first on the page, in milliseconds since the visit began. */
function watch() {
  globalThis.seen = {};
  const things = {
    "lab-usable": () => document.querySelector("select[name=model] option"),
    "first-score": () => document.querySelector("[data-testid=tile][data-score]:not([data-score=''])"),
    "all-scores": () => document.documentElement.dataset.state === "ready",
  };
  const look = () => {
    for (const [name, there] of Object.entries(things)) if (!(name in seen) && there()) seen[name] = performance.now();
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
}

/** One visit: milliseconds until each thing, and bytes of bodies that the server sent. */
async function visit(context, site) {
  const [sent, answers] = [site.log.sent.length, site.log.answers.length];
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(site.url + ADDRESS);
  await page.waitForFunction(() => seen["all-scores"], null, { timeout: 240_000 });
  const { origin, times } = await page.evaluate(() => {
    const paints = performance.getEntriesByType("paint").map((entry) => [entry.name, entry.startTime]);
    return { origin: performance.timeOrigin, times: { ...Object.fromEntries(paints), ...seen } };
  });
  // What is kept for the next visit comes after what this one waited for.
  await page.waitForFunction(() => document.documentElement.dataset.offline === "ready", null, { timeout: 240_000 });
  await page.close();
  const until = (name) => bytes(site.log.sent.slice(sent).filter(({ time }) => time < origin + times[name]));
  return {
    "milliseconds": times,
    "bytes-before-first-paint": until("first-paint"),
    "bytes-before-first-score": until("first-score"),
    "bytes": bytes(site.log.sent.slice(sent)),
    "answers": site.log.answers.slice(answers).length,
    "not-changed": site.log.answers.slice(answers).filter(({ status }) => status === 304).length,
  };
}

const bytes = (pieces) => pieces.reduce((sum, piece) => sum + piece.bytes, 0);

const result = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus()[0].model}, ${cpus().length} threads`,
  "load-before": Number(loadavg()[0].toFixed(2)),
  link: LINK,
  address: ADDRESS,
  "first-visits": [],
  "second-visits": [],
};
const keep = () => writeFileSync(options.out, `${JSON.stringify(result, null, 1)}\n`);
for (let i = 0; i < Number(options.rounds); i++) {
  const browser = await launch();
  result.browser = `Chromium ${browser.version()}`;
  const site = await slowly(DIST, LINK);
  const context = await browser.newContext();
  result["first-visits"].push(await visit(context, site));
  result["second-visits"].push(await visit(context, site));
  console.error(JSON.stringify([result["first-visits"].at(-1), result["second-visits"].at(-1)]));
  await browser.close();
  site.close();
  keep();
}
result.sizes = PROGRAMS.map((program) => weigh(join(DIST, `${program}.wasm`)));
keep();

// A long session in the browser: models are switched, galleries drawn anew, own images given, details opened, and
// images scored by the tens of thousands. Prints the memory's curve as CSV and says whether it is flat.
//
//   node tests/soak/memory.mjs MINUTES [BACKEND]        (`make soak`; needs the built site in dist/)
import { DIST, Lab, launch, png } from "../e2e/lab.mjs";
import { serve } from "../e2e/serve.mjs";

const minutes = Number(process.argv[2] ?? 10);
const backend = process.argv[3] ?? "cpu";
const IMAGES = 400;
/** Growth in the second half that still counts as flat: noise of the collector. */
const SLACK = 0.05;

const browser = await launch("--enable-precise-memory-info", "--js-flags=--expose-gc");
const site = await serve(DIST);
const lab = await Lab.open(browser, site.url, "?backend=cpu&n=4");
await lab.page.addInitScript(() => {
  // Every engine's answers pass here: images scored, and the engine's own memory.
  globalThis.soak = { scored: 0, engine: 0, engines: 0 };
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      soak.engines += 1;
      this.addEventListener("message", ({ data }) => {
        const { scored, done } = JSON.parse(data);
        if (scored) soak.scored += scored.scores.length;
        if (done) soak.engine = done.memory;
      });
    }
  };
});

const models = await lab.page.evaluate(async () => (await (await fetch("assets/catalog.json")).json()).bundles);
const drawn = models.filter((model) => model.dataset === "synth-digits");
await lab.page.goto(`${site.url}?backend=${backend}&n=${IMAGES}&model=${drawn[0].id}`);
await lab.until("ready", 600_000);
const cdp = await lab.page.context().newCDPSession(lab.page);

const rows = [];
async function sample() {
  await cdp.send("HeapProfiler.collectGarbage");
  const page = await lab.page.evaluate(() => ({ ...soak, heap: performance.memory.usedJSHeapSize, nodes: document.querySelectorAll("*").length }));
  const row = {
    seconds: Math.round((Date.now() - started) / 1000), switches, scored: page.scored, engines: page.engines,
    engine_mb: page.engine / 2 ** 20, page_heap_mb: page.heap / 2 ** 20, nodes: page.nodes,
  };
  rows.push(row);
  const cell = (v) => (Number.isInteger(v) ? v : v.toFixed(2));
  if (rows.length === 1) console.log(Object.keys(row).join(","));
  console.log(Object.values(row).map(cell).join(","));
}

/** A choice from the menu of models, as a person makes it; then all is scored again. */
async function choose(id) {
  await lab.page.selectOption("select[name=model]", id);
  await lab.page.waitForFunction(
    (model) => new URLSearchParams(location.search).get("model") === model && document.querySelector("select[name=scorer]")?.disabled === false,
    id, { timeout: 120_000 });
}

let switches = 0;
let seed = 0;
const started = Date.now();
await sample();
while (Date.now() - started < minutes * 60_000) {
  for (const model of models) {
    await choose(model.id);
    switches += 1;
    const pictures = Array.from({ length: 16 }, (_, i) => ({
      name: `${seed}-${i}.png`, mimeType: "image/png", buffer: png(40, 40, (x, y) => [(x * 6 + i) % 256, (y * 6 + seed) % 256, 16 * i]),
    }));
    await lab.page.setInputFiles("[data-testid=file-input]", pictures);
    await lab.page.waitForFunction(() => document.querySelectorAll("[data-testid=score-own-value]").length >= 16, null, { timeout: 120_000 });
    if (!drawn.includes(model)) continue;
    await lab.until("ready", 600_000);
    for (let k = 0; k < 3; k++) {
      seed += 1;
      await lab.page.evaluate(() => [...document.querySelectorAll("[data-part=toolbar] button.quiet")].at(0).click());
      await lab.until("loading", 30_000).catch(() => {});
      await lab.until("ready", 600_000);
    }
    await lab.page.locator(".tile-button").nth(seed % IMAGES).click();
    await lab.page.waitForSelector("[data-testid=detail-views] canvas", { timeout: 60_000 });
    await lab.page.locator("[data-testid=detail-close]").click();
  }
  await sample();
}

// The first third warms up; after that the last third may exceed the middle by noise only. The engine's memory never
// shrinks, so its largest value counts; of what is collected now and then, the median.
const third = Math.floor(rows.length / 3);
const peak = (values) => Math.max(...values);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const verdicts = [["engine_mb", peak], ["page_heap_mb", median], ["nodes", median]].map(([key, of]) => {
  const value = (part) => of(part.map((row) => row[key]));
  const [middle, last] = [value(rows.slice(third, 2 * third)), value(rows.slice(2 * third))];
  return { key, of: of.name, middle, last, flat: last <= middle * (1 + SLACK) };
});
for (const v of verdicts) console.log(`# ${v.key}: ${v.of} ${v.middle.toFixed(2)} in the middle third, ${v.last.toFixed(2)} in the last: ${v.flat ? "flat" : "GROWS"}`);
const { scored, engines } = rows.at(-1);
console.log(`# ${scored} images scored, ${switches} models opened, ${engines} engine(s), ${rows.at(-1).seconds} s, ${backend}`);
const complaints = lab.complaints;
console.log(`# errors: ${complaints.length === 0 ? "none" : complaints.join("; ")}`);
await browser.close();
site.close();
process.exitCode = verdicts.every((v) => v.flat) && scored >= 10_000 && complaints.length === 0 ? 0 : 1;

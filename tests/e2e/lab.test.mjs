// The main job on the real app: every tile's score, and that of a dropped image, equal to `nsa predict`.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, Lab, ROOT, launch, nsa, png, temporaryFolder } from "./lab.mjs";
import { serve } from "./serve.mjs";

const BUNDLE = join(ROOT, "assets", "bundles", "digits");
const TOLERANCE = 1e-3;
const folder = temporaryFolder();
// Not 32 x 32 and not square, so that the page and the program must also resize alike.
const drawing = png(47, 40, (x, y) => ((x - 20) ** 2 + (y - 20) ** 2 < 150 ? [240, 230, 90] : [30 + x, 60, 20 + 3 * y]));

let browser, site, native;

before(async () => {
  browser = await launch();
  site = await serve(DIST);
  const images = join(folder, "images.npy");
  nsa("data", "export", "synth-digits", "--split", "test", "--out", images, "--labels", join(folder, "labels.npy"));
  writeFileSync(join(folder, "drawing.png"), drawing);
  const predict = (...files) => JSON.parse(nsa("predict", "--bundle", BUNDLE, "--device", "cpu", "--json", ...files));
  native = { tiles: predict(images), drawing: predict(join(folder, "drawing.png"))[0] };
});

after(async () => {
  await browser?.close();
  site?.close();
});

for (const backend of ["cpu", "webgpu"]) {
  test(`every score on ${backend} is the native program's`, { timeout: 600_000 }, async () => {
    const lab = await Lab.open(browser, site.url, `?backend=${backend}&n=16`);
    await lab.until("ready");
    assert.equal(await lab.page.evaluate(() => document.documentElement.dataset.backend), backend);

    const tiles = await lab.tiles();
    assert.equal(tiles.length, 16);
    assert.deepEqual([...new Set(tiles.map((t) => t.split))].sort(), ["id", "ood"]);
    for (const tile of tiles) {
      // Image i of the test set shows digit i % 10 and is that digit's number i / 10.
      const expected = native.tiles[10 * Number(tile.index) + Number(tile.class)].score;
      assert.notEqual(tile.score, "", "a tile has no score");
      assert.ok(Math.abs(Number(tile.score) - expected) < TOLERANCE, `tile ${JSON.stringify(tile)}: native ${expected}`);
    }

    const path = join(folder, "drawing.png");
    await lab.page.setInputFiles("[data-testid=file-input]", path);
    const value = lab.page.locator("[data-testid=score-own-value]").first();
    await value.waitFor({ timeout: 120_000 });
    await lab.page.waitForFunction(
      () => document.querySelector("[data-testid=score-own-value]")?.dataset.score, null, { timeout: 120_000 });
    const own = Number(await value.getAttribute("data-score"));
    assert.ok(Math.abs(own - native.drawing.score) < TOLERANCE, `own image ${own}, native ${native.drawing.score}`);

    for (const chart of ["chart-histogram", "chart-kappa", "chart-roc"]) {
      assert.ok(await lab.page.locator(`[data-testid=${chart}]`).first().isVisible(), `${chart} is not there`);
    }
    assert.deepEqual(lab.complaints, []);
    await lab.close();
  });
}

test("a file that is no image gets its own sentence, the good one beside it its score", { timeout: 240_000 }, async () => {
  const broken = join(folder, "broken.png");
  writeFileSync(broken, "this is not a PNG");
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=8");
  await lab.until("ready");
  await lab.page.setInputFiles("[data-testid=file-input]", [broken, join(folder, "drawing.png")]);
  await lab.page.waitForFunction(() => document.querySelector("[data-testid=score-own-value]")?.dataset.score);
  const text = await lab.page.locator("[data-testid=score-own]").first().textContent();
  assert.match(text, /broken\.png/);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("a damaged bundle is named in one sentence, and the page goes on", { timeout: 240_000 }, async () => {
  const damaged = await serve(DIST, (path, bytes) => {
    if (!path.endsWith("/digits/bank.safetensors")) return bytes;
    const copy = Buffer.from(bytes);
    copy[copy.length >> 1] ^= 1;
    return copy;
  });
  const lab = await Lab.open(browser, damaged.url, "?backend=cpu&n=8");
  const error = lab.page.locator("[data-testid=error]").first();
  await error.waitFor({ timeout: 120_000 });
  const sentence = await error.textContent();
  assert.match(sentence, /digits/);
  assert.match(sentence, /bank\.safetensors/);
  assert.match(sentence, /checksum|damaged/);
  assert.equal(await lab.state(), "error");
  // The gallery is still there, without scores.
  const tiles = await lab.tiles();
  assert.ok(tiles.length > 0 && tiles.every((tile) => tile.score === ""));
  assert.deepEqual(lab.complaints, []);
  await lab.close();
  damaged.close();
});

test("settings live in the address", { timeout: 240_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=8&filter=id&nonsense=1");
  await lab.until("ready");
  const tiles = await lab.tiles();
  assert.ok(tiles.length > 0 && tiles.every((tile) => tile.split === "id"));
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("the page paints before any program arrives", { timeout: 60_000 }, async () => {
  const slow = await serve(DIST, (path, bytes) => {
    if (path.endsWith(".wasm")) throw new Error("not yet");
    return bytes;
  });
  const lab = await Lab.open(browser, slow.url);
  assert.match(await lab.page.locator("h1").textContent(), /\w+/);
  const html = readFileSync(join(DIST, "index.html"), "utf8");
  assert.match(html, /script-src 'self' 'wasm-unsafe-eval'/);
  assert.doesNotMatch(html, /<script(?![^>]*src)/, "an inline script");
  await lab.close();
  slow.close();
});

test("a panic of the page is a sentence with a way back, and the settings are kept", { timeout: 240_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=8&seed=7");
  await lab.until("ready");
  // The page cannot go on without elements: its next one is a panic.
  await lab.page.evaluate(() => {
    const refuse = () => { throw new Error("no element today"); };
    Document.prototype.createElement = refuse;
    Node.prototype.cloneNode = refuse;
  });
  await lab.page.locator("[data-testid=tile]").first().click();
  await lab.page.waitForSelector("#panic:not([hidden])");
  assert.match(await lab.page.textContent("#panic"), /The page stopped: .*no element today.*Reload the page/s);
  assert.equal(await lab.state(), "error");
  await lab.page.click("#panic a.button");
  await lab.until("ready");
  assert.equal(new URL(lab.page.url()).searchParams.get("seed"), "7");
  assert.ok(lab.complaints.some((line) => line.includes("panicked")), lab.complaints.join("; "));
  await lab.close();
});

// The views Score and Separate as a visitor uses them: details by keys, own images by every way in, the threshold by
// mouse, touch and keys, a device that is lost, an engine that stops, files that mean harm.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, Lab, ROOT, keepEngines, launch, nsa, png, temporaryFolder } from "./lab.mjs";
import { serve } from "./serve.mjs";

const BUNDLE = join(ROOT, "assets", "bundles", "digits");
const TOLERANCE = 1e-3;
const folder = temporaryFolder();
const picture = png(40, 40, (x, y) => ((x - 20) ** 2 + (y - 20) ** 2 < 150 ? [240, 230, 90] : [30 + x, 60, 20 + 3 * y]));
let browser, site;

before(async () => {
  browser = await launch("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream");
  site = await serve(DIST);
  writeFileSync(join(folder, "picture.png"), picture);
});

after(async () => {
  await browser?.close();
  site?.close();
});

const open = (query, options) => Lab.open(browser, site.url, query, options);
const threshold = async (lab) => Number(new URL(lab.page.url()).searchParams.get("threshold"));

test("details open, are walked through and closed by keys, and a link opens them", { timeout: 240_000 }, async () => {
  const lab = await open("?backend=cpu&n=16&scorer=conv4-1x1:k-cos-mah");
  await lab.until("ready");
  const { page } = lab;
  await page.locator(".tile-button[tabindex='0']").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const dialog = page.getByTestId("detail");
  await dialog.waitFor();
  await page.waitForSelector("[data-testid=detail-neighbours] canvas", { timeout: 60_000 });
  await page.waitForSelector("[data-testid=detail-views] canvas", { timeout: 60_000 });
  const link = page.url();
  const first = new URL(link).searchParams.get("image");
  assert.match(first, /^\d+\.\d+$/);

  // What the engine says is what the native program says.
  const [label, index] = first.split(".").map(Number);
  const images = join(folder, "test.npy");
  nsa("data", "export", "synth-digits", "--split", "test", "--out", images, "--labels", join(folder, "labels.npy"));
  const native = JSON.parse(nsa("predict", "--bundle", BUNDLE, "--device", "cpu", "--json", "--explain", images))[10 * index + label];
  const entry = native.scores.find((s) => s.layer === "conv4-1x1" && s.scorer === "k-cos-mah");
  assert.ok(Math.abs(Number(await page.getByTestId("detail-value").getAttribute("data-score")) - entry.score) < TOLERANCE);
  const near = await page.$$eval("[data-testid=detail-neighbours] li", (all) => all.map((li) => ({ ...li.dataset })));
  const expected = entry.neighbours;
  assert.equal(near.length, 6);
  for (const [i, neighbour] of expected.entries()) {
    assert.ok(Math.abs(Number(near[i].angle) - neighbour.angle) < TOLERANCE, `${i}: ${near[i].angle}, native ${neighbour.angle}`);
  }
  assert.equal(Number(near[0].position), expected[0].position);
  const parts = await page.$$eval("[data-part-value]", (all) => all.map((li) => Number(li.dataset.partValue)));
  native.ensemble.parts.forEach((part, i) => assert.ok(Math.abs(parts[i] - part.value) < 1e-2, `part ${i}: ${parts[i]}, native ${part.value}`));

  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((url) => location.href !== url, link);
  assert.notEqual(new URL(page.url()).searchParams.get("image"), first);
  // Other views, by the keyboard alone.
  const again = page.getByTestId("detail-again");
  await again.focus();
  const seed = () => page.getByTestId("detail-views").getAttribute("data-seed");
  const before = await seed();
  await page.keyboard.press("Enter");
  await page.waitForFunction((s) => document.querySelector("[data-testid=detail-views]").dataset.seed !== s, before);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await page.waitForFunction(() => !new URLSearchParams(location.search).has("image"));
  assert.match(await page.evaluate(() => document.activeElement.className), /tile-button/);
  assert.deepEqual(lab.complaints, []);
  await lab.close();

  const fresh = await Lab.open(browser, link);
  await fresh.page.waitForSelector("[data-testid=detail][open] [data-testid=detail-neighbours] canvas", { timeout: 120_000 });
  assert.equal(new URL(fresh.page.url()).searchParams.get("image"), first);
  await fresh.close();
});

test("own images come in by drop, paste, camera and pencil", { timeout: 300_000 }, async () => {
  const lab = await open("?backend=cpu&n=8", { permissions: ["camera"] });
  await lab.until("ready");
  const { page } = lab;
  const scored = async (name, n) => {
    await page.waitForFunction(([name, n]) => {
      const found = [...document.querySelectorAll(".result")].filter((r) => r.querySelector(".name").textContent === name);
      return found.length >= n && found.every((r) => r.querySelector("[data-testid=score-own-value]")?.dataset.score);
    }, [name, n], { timeout: 120_000 });
    return page.locator(".result", { hasText: name }).first().getByTestId("score-own-value").getAttribute("data-score");
  };
  const native = JSON.parse(nsa("predict", "--bundle", BUNDLE, "--device", "cpu", "--json", join(folder, "picture.png")))[0].score;

  // Dropped and pasted: the events that a browser would send, with the same file.
  for (const [kind, name] of [["drop", "dropped.png"], ["paste", "pasted.png"]]) {
    await page.evaluate(([kind, name, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
      const event = kind === "drop"
        ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
        : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }, [kind, name, [...picture]]);
    assert.ok(Math.abs(Number(await scored(name, 1)) - native) < TOLERANCE, `${kind}: native ${native}`);
  }

  await page.locator("[data-testid=camera] > button").click();
  await page.getByTestId("camera-take").waitFor();
  await page.waitForFunction(() => document.querySelector("video").videoWidth > 0);
  await page.getByTestId("camera-take").click();
  await scored("Camera", 1);
  await page.getByText("Camera off").click();
  assert.ok(await page.locator("video").isHidden());

  await page.locator("[data-testid=pad] summary").click();
  const pad = await page.getByTestId("pad-canvas").boundingBox();
  await page.mouse.move(pad.x + pad.width * 0.3, pad.y + pad.height * 0.2);
  await page.mouse.down();
  await page.mouse.move(pad.x + pad.width * 0.6, pad.y + pad.height * 0.8, { steps: 5 });
  await page.mouse.up();
  const drawn = await scored("Drawing", 1);
  await page.getByTestId("pad-canvas").focus();
  for (const key of ["ArrowLeft", "ArrowLeft", "Space", "Shift+ArrowDown", "Shift+ArrowDown"]) await page.keyboard.press(key);
  await page.waitForFunction((old) => {
    const result = [...document.querySelectorAll(".result")].find((r) => r.textContent.startsWith("Drawing"));
    const score = result?.querySelector("[data-testid=score-own-value]")?.dataset.score;
    return score && score !== old;
  }, drawn, { timeout: 60_000 });
  assert.equal(await page.locator("[data-testid=chart-histogram] path.own").count(), 4, "each has its mark in the histogram");
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("a camera that is refused is a sentence", { timeout: 120_000 }, async () => {
  const strict = await launch("--use-fake-device-for-media-stream", "--deny-permission-prompts");
  const lab = await Lab.open(strict, site.url, "?backend=cpu&n=4");
  await lab.page.locator("[data-testid=camera] > button").click();
  const sentence = lab.page.getByTestId("camera-error");
  await sentence.waitFor({ timeout: 30_000 });
  assert.match(await sentence.textContent(), /not allowed here.*drop a picture/);
  assert.deepEqual(lab.complaints, []);
  await strict.close();
});

test("the threshold moves by mouse, touch and keys, and every number with it", { timeout: 240_000 }, async () => {
  const lab = await open("?view=separate&backend=cpu&n=16", { hasTouch: true });
  await lab.until("ready");
  const { page } = lab;
  const moved = async (before) => {
    await page.waitForFunction((t) => Number(new URLSearchParams(location.search).get("threshold")) !== t, before, { timeout: 5_000 });
    return threshold(lab);
  };
  const chart = page.locator("[data-testid=chart-histogram] svg.plot");
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  const middle = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.4, middle);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, middle, { steps: 6 });
  await page.mouse.up();
  const byMouse = await moved(0);
  await page.touchscreen.tap(box.x + box.width * 0.75, middle);
  const byTouch = await moved(byMouse);
  assert.ok(byTouch > byMouse, `${byMouse}, then ${byTouch}`);
  await page.getByTestId("threshold").focus();
  await page.keyboard.press("PageDown");
  const byKeys = await moved(byTouch);
  assert.ok(byKeys < byTouch && byTouch - byKeys < byTouch - byMouse, `${byTouch}, then ${byKeys}`);

  // Numbers as counted from the tiles' scores.
  const cells = await page.$$eval("[data-testid=confusion] td b", (all) => all.map((b) => Number(b.textContent)));
  assert.equal(cells.reduce((a, b) => a + b), 16);
  await page.locator("nav.tabs a").first().click();
  const tiles = await lab.tiles();
  const count = (split, above) => tiles.filter((t) => t.split === split && (Number(t.score) >= byKeys) === above).length;
  assert.deepEqual(cells, [count("id", false), count("id", true), count("ood", false), count("ood", true)]);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("an engine that stops is started again, and the work goes on", { timeout: 300_000 }, async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await keepEngines(page);
  const lab = new Lab(page);
  await page.goto(`${site.url}?backend=cpu&n=400&filter=id`);
  // In the middle of its work.
  await page.waitForFunction(() => [...document.querySelectorAll("[data-testid=tile]")].filter((t) => t.dataset.score).length > 8, null, { timeout: 120_000 });
  await page.evaluate(() => {
    engines[0].terminate();
    engines[0].dispatchEvent(new ErrorEvent("error", { message: "RuntimeError: unreachable" }));
  });
  await page.waitForFunction(() => engines.length === 2, null, { timeout: 30_000 });
  const kept = (await lab.tiles()).filter((t) => t.score !== "").length;
  assert.ok(kept > 8, `scores that were there stay: ${kept}`);
  await lab.until("ready");
  assert.ok((await lab.tiles()).every((t) => t.score !== ""));
  assert.match(await page.locator(".status").textContent(), /started again; nothing on the page is lost/);
  assert.equal(new URL(page.url()).searchParams.get("filter"), "id");
  await context.close();
});

test("a lost WebGPU device is replaced by a fresh one", { timeout: 600_000 }, async () => {
  // The whole graphics process is crashed, as by a driver's fault: in a browser of its own.
  const own = await launch();
  const lab = await Lab.open(own, site.url, "?backend=webgpu&n=4");
  await lab.until("ready");
  const before = await lab.tiles();
  const cdp = await own.newBrowserCDPSession();
  await cdp.send("Browser.crashGpuProcess").catch(() => {});
  await lab.page.waitForFunction(() => document.querySelector(".status")?.textContent.includes("started again"), null, { timeout: 120_000 });
  await lab.until("ready");
  assert.deepEqual(await lab.tiles(), before, "what was scored stays");
  await lab.page.setInputFiles("[data-testid=file-input]", join(folder, "picture.png"));
  await lab.page.waitForFunction(() => document.querySelector("[data-testid=score-own-value]")?.dataset.score, null, { timeout: 120_000 });
  assert.ok(["webgpu", "cpu"].includes(await lab.page.evaluate(() => document.documentElement.dataset.backend)));
  await own.close();
});

test("where WebGPU is lost again the CPU engine goes on", { timeout: 600_000 }, async () => {
  const context = await browser.newContext({ serviceWorkers: "block" });
  const page = await context.newPage();
  // Each engine on WebGPU is lost: the first in the middle of its work, the next as soon as it is there.
  await page.addInitScript(() => {
    globalThis.engines = [];
    globalThis.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        engines.push(String(args[0]));
        const lost = () => {
          this.terminate();
          const message = "The engine stopped: its device was lost (unknown).";
          this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ crashed: { message } }) }));
        };
        const when = engines.length === 1 ? '{"scored"' : '{"ready"';
        if (String(args[0]).includes("engine-webgpu")) {
          this.addEventListener("message", ({ data }) => typeof data === "string" && data.startsWith(when) && setTimeout(lost));
        }
      }
    };
  });
  const lab = new Lab(page);
  await page.goto(`${site.url}?backend=webgpu&n=60`);
  await page.waitForFunction(() => document.documentElement.dataset.backend === "cpu", null, { timeout: 240_000 });
  await lab.until("ready");
  assert.ok((await lab.tiles()).every((tile) => tile.score !== ""));
  assert.match(await page.locator(".status").textContent(), /WebGPU stopped again, so the CPU engine goes on/);
  const engines = await page.evaluate(() => engines.map((url) => url.match(/engine-[a-z]+/)[0]));
  assert.deepEqual(engines, ["engine-webgpu", "engine-webgpu", "engine-cpu"]);
  await context.close();
});

test("no WebGPU is a calm line, and the CPU works", { timeout: 240_000 }, async () => {
  const without = await launch("--disable-features=WebGPU,WebGPUService", "--disable-gpu", "--disable-webgpu");
  const lab = await Lab.open(without, site.url, "?backend=webgpu&n=4");
  await lab.page.evaluate(() => navigator.gpu?.requestAdapter()).catch(() => {});
  await lab.until("ready");
  if ((await lab.page.evaluate(() => document.documentElement.dataset.backend)) === "cpu") {
    assert.match(await lab.page.locator(".status").textContent(), /CPU engine does the work/);
  }
  assert.ok((await lab.tiles()).every((t) => t.score !== ""));
  await without.close();
});

test("hostile files each get their own sentence, and a good one among them its score", { timeout: 240_000 }, async () => {
  const lab = await open("?backend=cpu&n=4");
  await lab.until("ready");
  const huge = Buffer.from(picture);
  huge.writeUInt32BE(60_000, 16);
  huge.writeUInt32BE(60_000, 20);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>globalThis.hacked = 1</script></svg>`;
  const files = [
    ["empty.png", "image/png", Buffer.alloc(0)],
    ["huge.png", "image/png", huge],
    ["cut.png", "image/png", picture.subarray(0, picture.length >> 1)],
    ["words.jpg", "image/jpeg", Buffer.from("these are words")],
    ["zip.gif", "image/gif", Buffer.from("PK\x03\x04 bomb")],
    ["script.svg", "image/svg+xml", Buffer.from(svg)],
    ["<img src=x onerror=hacked=1>.png", "image/png", Buffer.from("x")],
    ["good.png", "image/png", picture],
  ];
  await lab.page.setInputFiles("[data-testid=file-input]", files.map(([name, mimeType, buffer]) => ({ name, mimeType, buffer })));
  await lab.page.waitForFunction((n) => {
    const results = [...document.querySelectorAll(".result")];
    return results.length === n && results.every((r) => r.querySelector("[data-testid=error], [data-testid=score-own-value]"));
  }, files.length, { timeout: 120_000 });
  const results = await lab.page.$$eval(".result", (all) => all.map((r) => ({
    name: r.querySelector(".name").textContent, error: r.querySelector("[data-testid=error]")?.textContent,
    score: r.querySelector("[data-testid=score-own-value]")?.dataset.score,
  })));
  for (const { name, error, score } of results) {
    if (name === "good.png") assert.ok(Number.isFinite(Number(score)), name);
    // A browser may draw what there is of a cut file; an answer it must be either way.
    else if (name !== "cut.png") assert.match(error ?? `scored ${score}`, /choose|smaller/, name);
  }
  assert.equal(await lab.page.evaluate(() => globalThis.hacked), undefined);
  assert.equal(await lab.state(), "ready");
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

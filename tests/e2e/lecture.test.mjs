// In front of people: the lesson's links, an exhibition that walks by itself, a page around the lab.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, Lab, ROOT, launch } from "./lab.mjs";
import { serve } from "./serve.mjs";

let browser, site;
before(async () => {
  browser = await launch();
  site = await serve(DIST);
});
after(async () => {
  await browser?.close();
  site?.close();
});

const lesson = readFileSync(join(ROOT, "docs", "teaching.md"), "utf8");
const links = [...lesson.matchAll(/\]\(http:\/\/localhost:8080\/(\?[^)]*)\)/g)].map((match) => match[1]);

test("every link of the lesson opens what it says", { timeout: 600_000 }, async () => {
  assert.ok(links.length >= 12, `${links.length} links`);
  for (const link of links) {
    const lab = await Lab.open(browser, site.url, `${link}&backend=cpu`);
    const { page } = lab;
    await lab.until("ready");
    const wanted = Object.fromEntries(new URLSearchParams(link));
    const shown = await page.evaluate(() => ({ ...document.documentElement.dataset }));
    assert.equal(shown.view, wanted.view ?? "score", link);
    assert.equal(shown.present, wanted.present ?? "0", link);
    if (wanted.scene) assert.match(await page.getByTestId("scene-number").textContent(), new RegExp(`^Scene ${wanted.scene} `), link);
    if (wanted.scorer) assert.equal(await page.locator("select[name=scorer]").inputValue(), wanted.scorer, link);
    if (wanted.n && shown.view === "score") assert.equal((await lab.tiles()).length, Number(wanted.n), link);
    // What the page makes of the link says the same: nothing in it is unknown or clamped.
    await page.locator(".tabs a").first().evaluate((a) => a.href).then((href) => {
      const kept = Object.fromEntries(new URL(href).searchParams);
      for (const key of ["n", "scorer", "density", "train"]) if (wanted[key] && !(key === "n" && wanted.n === "72")) assert.equal(kept[key], wanted[key], link);
    });
    assert.deepEqual(lab.complaints, [], link);
    await lab.close();
  }
});

test("the answer of exercise 1 is what the page computes", { timeout: 120_000 }, async () => {
  const link = links.find((link) => link.includes("n=8&"));
  const lab = await Lab.open(browser, site.url, `${link}&backend=cpu`);
  await lab.until("ready");
  const tiles = await lab.tiles();
  const of = (split) => tiles.filter((t) => t.split === split).map((t) => Number(t.score));
  const pairs = of("ood").flatMap((a) => of("id").map((n) => a > n));
  assert.equal(pairs.length, 16);
  const won = pairs.filter(Boolean).length;
  assert.match(lesson, new RegExp(`\\*Answer:\\* ${won} of the 4 x 4 = 16 pairs, ${(100 * won / 16 + 1e-9).toFixed(1)} %`));
  const auroc = won / 16;
  assert.equal(await lab.page.getByTestId("auroc-live").textContent(), `${(100 * auroc + 1e-9).toFixed(1)}%`);
  await lab.close();
});

test("a kiosk walks by itself, waits for whoever touches it, and begins anew when they have gone", { timeout: 240_000 }, async () => {
  const context = await browser.newContext({ reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(`${site.url}?kiosk=1&backend=cpu&n=8`);
  const scene = () => page.getByTestId("scene-number").textContent().then((text) => Number(/\d+/.exec(text)[0]));
  const passes = async (seconds, until = async () => false) => {
    for (let i = 0; i < seconds; i += 1) {
      await page.clock.runFor(1000);
      if (await until()) return;
    }
  };
  const asks = () => page.getByTestId("scene-show").isVisible();
  await page.getByTestId("scene-number").waitFor();
  assert.equal(await scene(), 1);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.present), "1");
  await page.getByTestId("scene-show").waitFor();
  await passes(16, async () => !(await asks()));
  assert.equal(await scene(), 1, "first the answer");
  assert.ok(!(await asks()));
  await passes(16, async () => (await scene()) === 2);
  assert.equal(await scene(), 2);

  // Somebody comes, looks around, and is left alone as long as they touch it.
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  const theirs = await scene();
  assert.ok(theirs > 2);
  await passes(40);
  assert.equal(await scene(), theirs);
  await page.mouse.click(5, 5);
  await passes(40);
  assert.equal(await scene(), theirs);
  await passes(25, async () => (await scene()) === 1);
  assert.equal(await scene(), 1, "a minute after the last touch");
  assert.ok(await asks(), "as nobody has seen it yet");
  assert.match(page.url(), /kiosk=1/);
  await context.close();
});

const EXAMPLE = readFileSync(join(ROOT, "docs", "embedding-example.html"));
const state = (page) => page.locator("#state").textContent().then((text) => (text ? JSON.parse(text) : null));

/** The example page at an address, once it has heard from the lab. */
async function around(address) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(address);
  return { context, page, heard: () => page.waitForFunction(() => document.getElementById("state").textContent.includes('"ready"'), null, { timeout: 60_000 }) };
}

test("a page around the lab reads and sets its state", { timeout: 240_000 }, async () => {
  const { context, page, heard } = await around("about:blank");
  // As if it lay beside the lab.
  await page.route("**/around.html*", (route) => route.fulfill({ contentType: "text/html", body: EXAMPLE }));
  await page.goto(`${site.url}around.html?lab=${encodeURIComponent("./?backend=cpu&n=8&view=separate")}`);
  await heard();
  await page.waitForFunction(() => JSON.parse(document.getElementById("state").textContent).ready, null, { timeout: 120_000 });
  const first = await state(page);
  assert.equal(first.view, "separate");
  assert.equal(first.model, "digits");
  assert.ok(Number.isFinite(first.threshold) && first.select === null);

  await page.locator("#threshold").evaluate((slider) => {
    slider.value = 0.25;
    slider.dispatchEvent(new Event("input"));
  });
  await page.waitForFunction(() => JSON.parse(document.getElementById("state").textContent).threshold === 0.25);
  const lab = page.frameLocator("#lab");
  assert.equal(await lab.getByTestId("threshold-value").textContent(), "0.25");

  // What happens in the lab is heard outside.
  await lab.locator(".tabs a", { hasText: "Score" }).click();
  await lab.locator(".tile-button").first().click();
  await page.waitForFunction(() => /^\d+\.\d+$/.test(JSON.parse(document.getElementById("state").textContent).select ?? ""));

  // A key that there is not is named, and changes nothing.
  await page.evaluate(() => document.getElementById("lab").contentWindow.postMessage({ nsaLab: 1, set: { colour: "red" } }, "*"));
  await page.waitForFunction(() => document.getElementById("state").textContent.includes("no key 'colour'"));
  await context.close();
});

test("pages of other origins are heard only where the host lists them", { timeout: 240_000 }, async () => {
  const outside = await serve(join(ROOT, "docs"));
  const origin = new URL(outside.url).origin;
  const list = (path, bytes) => (path === "/" ? Buffer.from(String(bytes).replace('name="nsa-lab-origins" content=""', `name="nsa-lab-origins" content="https://a.example ${origin}"`)) : bytes);
  for (const [listed, house] of [[true, await serve(DIST, list)], [false, await serve(DIST)]]) {
    const lab = encodeURIComponent(`${house.url}?backend=cpu&n=4`);
    const { context, page, heard } = await around(`${outside.url}embedding-example.html?lab=${lab}`);
    if (listed) await heard();
    else {
      await page.frameLocator("#lab").locator("[data-testid=tile]").first().waitFor();
      await page.waitForTimeout(1500);
      assert.equal(await state(page), null, "an origin that is not listed was answered");
    }
    await context.close();
    house.close();
  }
  outside.close();
});

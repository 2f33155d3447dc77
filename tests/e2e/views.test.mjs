// Each view as a visitor meets it: the story by keys alone, links, back and forward, without a network, on a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DIST, Lab, launch } from "./lab.mjs";
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

const address = (lab) => lab.page.evaluate(() => location.search);
const title = (lab) => lab.page.locator("[data-testid=scene-title]").textContent();

test("the story is read by keys alone", { timeout: 240_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=8");
  const { page } = lab;
  await page.locator("[data-testid=tile]").first().waitFor();
  await page.keyboard.press("5");
  await page.locator("[data-testid=scene-title]").waitFor();
  const titles = [await title(lab)];
  for (let scene = 2; scene <= 11; scene++) {
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((n) => document.querySelector("[data-testid=scene-number]").textContent.startsWith(`Scene ${n} `), scene);
    titles.push(await title(lab));
  }
  assert.equal(new Set(titles).size, 11);
  await page.keyboard.press("ArrowRight");
  assert.equal(await title(lab), titles[10], "the story has an end");
  for (const scene of [10, 9, 8, 7]) {
    await page.keyboard.press("PageUp");
    await page.waitForFunction((n) => document.querySelector("[data-testid=scene-number]").textContent.startsWith(`Scene ${n} `), scene);
  }
  // From the scene into the lab, still by keys.
  await page.locator("[data-testid=scene-open]").focus();
  await page.keyboard.press("Enter");
  await page.locator("[data-testid=chart-roc]").waitFor();
  assert.match(await address(lab), /view=separate/);
  await page.keyboard.press("?");
  assert.ok(await page.locator("[data-testid=keys]").isVisible());
  await page.keyboard.press("Escape");
  assert.ok(!(await page.locator("[data-testid=keys]").isVisible()));
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("the list of keys opens by its key and closes by Escape", { timeout: 120_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=4&view=compact");
  await lab.page.locator(".tabs").waitFor();
  await lab.page.keyboard.press("?");
  await lab.page.locator("[data-testid=keys][open]").waitFor();
  await lab.page.keyboard.press("Escape");
  await lab.page.locator("[data-testid=keys]").waitFor({ state: "hidden" });
  await lab.close();
});

test("a shared link opens the same state in a fresh profile", { timeout: 240_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=8");
  await lab.page.locator(".tabs a", { hasText: "Sphere" }).click();
  const canvas = lab.page.locator("[data-testid=sphere] canvas");
  await canvas.focus();
  await lab.page.waitForFunction(() => /normal images/.test(document.querySelector("[data-testid=sphere] canvas").ariaLabel));
  for (const key of [".", ".", "Enter"]) await lab.page.keyboard.press(key);
  const slider = lab.page.locator("[data-testid=epoch]");
  await slider.focus();
  await lab.page.keyboard.press("ArrowLeft");
  await lab.page.waitForFunction(() => /epoch=\d+/.test(location.search));
  const [picked, epoch, link] = [
    await lab.page.locator("[data-testid=picked]").textContent(),
    await lab.page.locator("[data-testid=epoch-value]").textContent(),
    await address(lab),
  ];
  assert.match(link, /view=sphere/);
  assert.match(link, /select=\d+\.\d+/);

  const other = await Lab.open(browser, site.url, link);
  await other.page.waitForFunction((text) => document.querySelector("[data-testid=epoch-value]")?.textContent === text, epoch);
  await other.page.waitForFunction(() => document.querySelector("[data-testid=picked] dl"));
  const name = (text) => /(Normal|Anomaly), class “[^”]+”/.exec(text)[0];
  assert.equal(name(await other.page.locator("[data-testid=picked]").textContent()), name(picked));
  for (const one of [lab, other]) {
    assert.deepEqual(one.complaints, []);
    await one.close();
  }
});

test("back and forward walk the views", { timeout: 120_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=8");
  const { page } = lab;
  const shown = () => page.evaluate(() => document.documentElement.dataset.view);
  await page.locator(".tabs a").first().waitFor();
  for (const name of ["Compact", "Sphere", "Separate"]) await page.locator(".tabs a", { hasText: name }).click();
  const seen = [];
  for (const go of [() => page.goBack(), () => page.goBack(), () => page.goForward()]) {
    await go();
    await page.waitForTimeout(100);
    seen.push(await shown());
  }
  assert.deepEqual(seen, ["sphere", "compact", "sphere"]);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("after the first visit the lab works without a network", { timeout: 300_000 }, async () => {
  const server = await serve(DIST);
  const lab = await Lab.open(browser, server.url, "?backend=cpu&n=8");
  await lab.until("ready");
  await lab.page.waitForFunction(() => document.documentElement.dataset.offline === "ready", null, { timeout: 120_000 });
  const before = await lab.tiles();
  server.close();
  server.closeAll();
  await lab.page.context().setOffline(true);
  await lab.page.reload();
  await lab.until("ready");
  assert.deepEqual(await lab.tiles(), before, "the same scores, computed without a network");
  const caches = await lab.page.evaluate(() => caches.keys());
  assert.equal(caches.length, 1);
  assert.match(caches[0], /^nsa-lab-[0-9a-f]{16}$/, "the version of the build");
  await lab.page.keyboard.press("5");
  await lab.page.getByTestId("scene-title").waitFor();
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("a cache of another build is purged", { timeout: 120_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=4");
  await lab.page.evaluate(() => caches.open("nsa-lab-0000000000000000"));
  await lab.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.unregister();
  });
  await lab.page.reload();
  await lab.page.waitForFunction(async () => !(await caches.keys()).includes("nsa-lab-0000000000000000"), null, { polling: 200 });
  await lab.close();
});

for (const view of ["score", "separate", "compact", "sphere", "story"]) {
  test(`the view ${view} fits a phone of 360 px`, { timeout: 120_000 }, async () => {
    const lab = await Lab.open(browser, site.url, `?backend=cpu&n=8&view=${view}`, { viewport: { width: 360, height: 740 } });
    await lab.page.locator(".views > .card").first().waitFor();
    await lab.page.waitForTimeout(500);
    const wide = await lab.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `the page is ${wide} px wide`);
    assert.deepEqual(lab.complaints, []);
    await lab.close();
  });
}

test("parts can be hidden for a lecture's frame, and a presentation has no frame at all", { timeout: 120_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=8&view=compact&hide=header,tabs,controls,footer");
  await lab.page.locator("[data-testid=chart-kappa]").waitFor();
  for (const gone of [".hero", ".bar", ".controls", ".foot"]) assert.ok(!(await lab.page.locator(gone).isVisible()), gone);
  await lab.page.goto(`${site.url}?backend=cpu&n=8&view=story&scene=3&present=1`);
  await lab.page.locator("[data-testid=scene-title]").waitFor();
  for (const gone of [".hero", ".bar", ".controls", ".foot"]) assert.ok(!(await lab.page.locator(gone).isVisible()), gone);
  await lab.page.keyboard.press("Escape");
  await lab.page.locator(".bar").waitFor({ state: "visible" });
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("charts are saved as SVG, PNG and CSV", { timeout: 120_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=8&view=compact", { acceptDownloads: true });
  const chart = lab.page.locator("[data-testid=chart-kappa]");
  await lab.page.waitForFunction(() => document.querySelector("[data-testid=chart-kappa] .line.id"));
  await chart.locator("summary").click();
  const save = async (kind) => {
    const [download] = await Promise.all([
      lab.page.waitForEvent("download"),
      chart.locator("button", { hasText: kind }).click(),
    ]);
    const chunks = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    return [download.suggestedFilename(), Buffer.concat(chunks)];
  };
  const [csvName, csv] = await save("CSV");
  assert.equal(csvName, "kappa-digits.csv");
  assert.match(csv.toString(), /^Epoch,ID,OOD\r\n0,/);
  const [svgName, svg] = await save("SVG");
  assert.equal(svgName, "kappa-digits.svg");
  assert.match(svg.toString(), /^<svg xmlns=.*stroke="#0072b2"/s);
  assert.doesNotMatch(svg.toString(), /class=/);
  const [pngName, png] = await save("PNG");
  assert.equal(pngName, "kappa-digits.png");
  assert.equal(png.subarray(1, 4).toString(), "PNG");
  assert.ok(png.length > 3000, `${png.length} bytes`);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("principal components are computed from the gallery", { timeout: 240_000 }, async () => {
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=40&view=sphere&map=pca");
  await lab.page.waitForFunction(
    () => /20 normal images.*20 anomalies/s.test(document.querySelector("[data-testid=sphere-summary]")?.textContent ?? ""),
    null, { timeout: 200_000 });
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

/** A model without pictures, and what its frames hold. */
const MODEL = "fmnist-bag-simsiam-n";
const RECORDED = "k-cos-mah";

test("a model whose images may not be shown has its recorded scores in the histogram", { timeout: 240_000 }, async () => {
  // Where `make demo` could have the pictures, they are in the site.
  const site = await serve(DIST, (path, bytes) => {
    if (path.includes("/galleries/")) throw new Error("not there");
    return bytes;
  });
  const lab = await Lab.open(browser, site.url, `?view=separate&backend=cpu&model=${MODEL}&scorer=conv4-1x1:${RECORDED}`);
  await lab.until("ready");
  const { epochs } = await lab.page.evaluate(async (model) => (await fetch(`assets/bundles/${model}/history.json`)).json(), MODEL);
  const last = epochs.at(-1).epoch;
  const measured = (at) => epochs.find((e) => e.epoch === at).auroc.find(([scorer]) => scorer === RECORDED)[1];
  const shown = async () => Number.parseFloat(await lab.page.textContent("[data-testid=auroc-live]"));
  const near = async (at) => {
    const value = await shown();
    assert.ok(Math.abs(value - 100 * measured(at)) < 0.06, `epoch ${at}: ${value}, measured ${100 * measured(at)}`);
  };
  assert.match(await lab.page.textContent(".separate dl.numbers"), new RegExp(`recorded at epoch ${last}`));
  await near(last);
  await lab.page.goto(`${site.url}?view=separate&backend=cpu&model=${MODEL}&scorer=conv4-1x1:${RECORDED}&epoch=4`);
  await lab.until("ready");
  await near(4);
  // Other scores were not recorded, which is said.
  await lab.page.goto(`${site.url}?view=separate&backend=cpu&model=${MODEL}&scorer=conv4-1x1:k-cos`);
  await lab.until("ready");
  assert.match(await lab.page.textContent(".separate"), /recorded scores by k-Cos \(Mah\) on block 4 only/);
  assert.ok(Number.isNaN(await shown()));
  assert.deepEqual(lab.complaints, []);
  await lab.close();
  site.close();
});

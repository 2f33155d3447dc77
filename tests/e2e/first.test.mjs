// The first minute: what the first screen says and shows, words that explain themselves, scenes that ask before they tell
// and fit the wall of a lecture room, a line drawn around images.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DIST, Lab, launch, png } from "./lab.mjs";
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

const open = (query, options) => Lab.open(browser, site.url, query, { reducedMotion: "reduce", ...options });
const box = (page, selector) => page.locator(selector).first().evaluate((e) => {
  const { top, bottom, width } = e.getBoundingClientRect();
  return { top: top + scrollY, bottom: bottom + scrollY, width };
});

for (const [width, height] of [[360, 740], [390, 844], [768, 1024], [1280, 720], [1920, 1080]]) {
  test(`the first screen at ${width} x ${height} says what this is and shows images with scores`, { timeout: 240_000 }, async () => {
    const lab = await open("?backend=cpu", { viewport: { width, height } });
    await lab.until("ready");
    const { page } = lab;
    const heading = await box(page, "h1");
    const way = await box(page, "[data-tour]");
    assert.ok(heading.bottom < height && way.bottom < height, "headline and the one thing to press");
    const seen = await page.$$eval("[data-testid=tile]", (tiles, height) =>
      tiles.filter((t) => t.dataset.score && t.querySelector(".tile-score").getBoundingClientRect().bottom <= height).length, height);
    assert.ok(seen >= 12, `${seen} images with their scores`);
    assert.match(await page.textContent("#gallery-title"), /^Knows /);
    assert.ok(!(await page.locator("[data-testid=matrix]").isVisible()), "layers by scorers are folded");
    const hidden = await page.$$eval(".tabs a, .tools button", (all, width) =>
      all.filter((e) => e.getBoundingClientRect().right > width || e.clientHeight > 50).map((e) => e.textContent), width);
    assert.deepEqual(hidden, [], "every view and tool in sight, in one line each");
    const model = await box(page, ".model-head");
    assert.ok(model.width > 250, `the model's title has ${model.width} px`);
    if (width < 500) {
      const histogram = await box(page, "[data-testid=chart-histogram] svg");
      assert.ok(histogram.bottom <= 2 * height, `the histogram ends at ${histogram.bottom} px`);
    }
    assert.deepEqual(lab.complaints, []);
    await lab.close();
  });
}

test("the tour begins where the page is, and keeps its settings", { timeout: 120_000 }, async () => {
  const lab = await open("?backend=cpu&n=8");
  await lab.until("ready");
  await lab.page.evaluate(() => (globalThis.stayed = true));
  await lab.page.click("[data-tour]");
  await lab.page.getByTestId("scene-title").waitFor();
  assert.ok(await lab.page.evaluate(() => globalThis.stayed), "the page was loaded anew");
  assert.match(lab.page.url(), /backend=cpu.*view=story|view=story.*backend=cpu/);
  await lab.close();
});

test("terms explain themselves to mouse, touch and keys", { timeout: 240_000 }, async () => {
  const lab = await open("?backend=cpu&n=8&view=separate", { hasTouch: true });
  await lab.until("ready");
  const { page } = lab;
  const note = page.locator(".term-note:popover-open");
  const term = page.getByTestId("term").filter({ hasText: /^AUROC$/ }).first();
  await term.scrollIntoViewIfNeeded();

  await term.hover();
  await note.waitFor();
  assert.match(await note.textContent(), /random anomaly scores higher/);
  await page.mouse.move(2, 2);
  await note.waitFor({ state: "hidden" });

  await term.focus();
  await note.waitFor();
  assert.equal(await note.count(), 1);
  const { top, left, right, bottom } = await note.evaluate((e) => e.getBoundingClientRect().toJSON());
  const { width, height } = page.viewportSize();
  assert.ok(left >= 0 && top >= 0 && right <= width && bottom <= height, "inside the window");
  await page.keyboard.press("Escape");
  await note.waitFor({ state: "hidden" });
  // With the next term by the keyboard, and away with the focus.
  await page.keyboard.press("Tab");
  await page.evaluate(() => document.activeElement.blur());
  await note.waitFor({ state: "hidden" });

  await term.tap();
  await note.waitFor();
  await page.touchscreen.tap(5, 5);
  await note.waitFor({ state: "hidden" });
  // Those who cannot see get it with the word.
  assert.match(await term.getAttribute("aria-description"), /random anomaly scores higher/);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("every dotted term of every view has its explanation", { timeout: 240_000 }, async () => {
  const words = new Set();
  for (const query of ["score", "separate", "compact", "sphere", "train", ...[1, 2, 3, 4, 5, 6, 7].map((n) => `story&scene=${n}`)]) {
    const lab = await open(`?backend=cpu&n=8&view=${query}`);
    await lab.page.locator("[data-testid=term]").first().waitFor();
    if (query === "score") await lab.until("ready");
    await lab.page.waitForTimeout(400);
    const terms = await lab.page.$$eval("[data-testid=term]", (all) => all.map((e) => [e.textContent, e.getAttribute("aria-description")]));
    for (const [word, meaning] of terms) {
      words.add(word);
      assert.ok(meaning?.length > 20, `${word} in ${query}`);
    }
    assert.deepEqual(lab.complaints, []);
    await lab.close();
  }
  for (const word of ["κ", "AUROC", "k-Cos", "hypersphere", "OOD"]) assert.ok(words.has(word), `${word} among ${[...words]}`);
  assert.ok([...words].some((word) => /^block \d$/.test(word)), `a block among ${[...words]}`);
});

const heldBack = (page) => page.evaluate(() => ({
  facts: document.querySelectorAll("[data-testid=facts]").length,
  outcome: document.querySelector("[data-testid=scene-outcome]")?.textContent ?? null,
}));

test("the first scene asks which of two images scores higher, and the detector answers", { timeout: 240_000 }, async () => {
  const lab = await open("?view=story&backend=cpu");
  const { page } = lab;
  await page.getByTestId("scene-choice").nth(1).waitFor();
  await lab.until("ready");
  assert.equal((await lab.tiles()).length, 0, "the gallery would give it away");
  assert.deepEqual(await heldBack(page), { facts: 0, outcome: null });
  await page.getByTestId("scene-choice").first().click();
  await page.getByTestId("scene-outcome").waitFor();
  const told = await page.getByTestId("scene-outcome").textContent();
  const [, left, right, higher] = /Left ([\d.]+), right ([\d.]+): the (left|right) one scores higher/.exec(told);
  assert.equal(higher, Number(left) > Number(right) ? "left" : "right");
  assert.equal(told.startsWith("Right."), higher === "left", "the left one was chosen");
  const scores = (await lab.tiles()).map((t) => Number(t.score).toFixed(3));
  assert.ok(scores.includes(left) && scores.includes(right), "both numbers are those of the gallery");
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

for (const scene of [2, 4]) {
  test(`scene ${scene} lets one guess before it shows its curves`, { timeout: 240_000 }, async () => {
    const lab = await open(`?view=story&scene=${scene}&backend=cpu`);
    const { page } = lab;
    await page.getByTestId("scene-choice").first().waitFor();
    assert.equal(await page.locator(".story-stage svg.plot").count(), 0);
    assert.deepEqual(await heldBack(page), { facts: 0, outcome: null });
    await page.getByTestId("scene-choice").first().click();
    await page.locator(".story-stage svg.plot").first().waitFor();
    await page.waitForFunction(() => /^(Right|Not this time)\. /.test(document.querySelector("[data-testid=scene-outcome]")?.textContent ?? ""));
    assert.equal((await heldBack(page)).facts, 1);
    assert.deepEqual(lab.complaints, []);
    await lab.close();
  });
}

test("scenes wait for what the reader does, and say what came of it", { timeout: 240_000 }, async () => {
  const lab = await open("?view=story&scene=3&backend=cpu");
  const { page } = lab;
  await page.getByTestId("epoch").waitFor();
  assert.deepEqual(await heldBack(page), { facts: 0, outcome: null });
  await page.getByTestId("epoch").focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByTestId("scene-outcome").waitFor();
  assert.match(await page.getByTestId("scene-outcome").textContent(), /From epoch 0 to epoch \d+ κ goes from \d+ to \d+, and the cap from \d+° to \d+°/);

  await page.goto(`${site.url}?view=story&scene=7&backend=cpu`);
  await lab.until("ready");
  assert.equal((await heldBack(page)).outcome, null);
  const slider = page.getByTestId("threshold");
  await slider.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
  await page.getByTestId("scene-outcome").waitFor();
  const readout = await page.getByTestId("readout").textContent();
  const [caught, flagged] = [...readout.matchAll(/([\d.]+) %/g)].map((m) => m[1]);
  assert.equal(await page.getByTestId("scene-outcome").textContent(),
    `Here ${flagged} % of the normal images are flagged and ${caught} % of the anomalies caught.`);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("before a room the way on shows the answer first, then goes on", { timeout: 120_000 }, async () => {
  const lab = await open("?view=story&scene=2&present=1&backend=cpu");
  const { page } = lab;
  await page.getByTestId("scene-choice").first().waitFor();
  await page.keyboard.press("PageDown");
  await page.getByTestId("scene-outcome").waitFor();
  assert.match(await page.getByTestId("scene-number").textContent(), /^Scene 2 /);
  await page.keyboard.press("PageDown");
  await page.waitForFunction(() => document.querySelector("[data-testid=scene-number]").textContent.startsWith("Scene 3 "));
  await lab.close();
});

test("an image is turned, and each method says what it thinks of that", { timeout: 240_000 }, async () => {
  const lab = await open("?view=story&scene=10&backend=cpu");
  const { page } = lab;
  const judged = async () => {
    await page.waitForFunction(() => {
      const tiles = [...document.querySelectorAll("[data-testid=turned]")];
      return tiles.length === 4 && tiles.every((tile) => /^\d+°: -?\d+\.\d{3}, (normal|anomalous)$/.test(tile.textContent.trim()));
    }, null, { timeout: 60_000 });
    return page.$$eval("[data-testid=turned]", (tiles) => tiles.map((tile) => tile.textContent.trim()));
  };
  assert.equal(await page.getByTestId("turned-by").count(), 3);
  const first = await judged();
  assert.ok(first.slice(1).some((said) => said.endsWith("anomalous")), `RotNet: ${first}`);
  await page.getByTestId("turned-by").nth(2).click();
  await page.waitForFunction((before) => {
    const now = document.querySelector("[data-testid=turned]").textContent.trim();
    return now !== before && !now.endsWith("…");
  }, first[0]);
  assert.notDeepEqual(await judged(), first);
  await page.getByRole("button", { name: "Another image" }).click();
  await judged();
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

for (const [width, height] of [[1280, 720], [1920, 1080]]) {
  test(`every scene fits ${width} x ${height} before a room`, { timeout: 600_000 }, async () => {
    const lab = await open("?view=story&present=1&backend=cpu", { viewport: { width, height } });
    const { page } = lab;
    const fits = async (scene, when) => {
      await page.waitForTimeout(700);
      const over = await page.evaluate(() => {
        const low = (selector) => Math.max(0, ...[...document.querySelectorAll(selector)].map((e) => e.getBoundingClientRect().bottom));
        return { page: document.documentElement.scrollHeight - innerHeight, low: low(".story-text > *, .story-stage > *, .story-stage svg, .story-stage canvas") - innerHeight };
      });
      assert.ok(over.page <= 0 && over.low <= 0, `scene ${scene} ${when}: ${JSON.stringify(over)}`);
    };
    for (let scene = 1; scene <= 11; scene++) {
      await page.goto(`${site.url}?view=story&scene=${scene}&present=1&backend=cpu`);
      await page.getByTestId("scene-title").waitFor();
      await lab.until("ready");
      await fits(scene, "at first");
      if (await page.getByTestId("scene-show").isVisible()) {
        await page.getByTestId("scene-show").click();
        await page.getByTestId("scene-outcome").waitFor();
        await fits(scene, "answered");
      }
      if (scene !== 8) continue;
      // Own images are drawn, and dropped, where they are asked for.
      await page.getByTestId("pad-canvas").click();
      await page.getByTestId("score-own-value").waitFor();
      const image = png(40, 40, (x, y) => [6 * x, 6 * y, 90]).toString("base64");
      await page.evaluate((image) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([Uint8Array.from(atob(image), (c) => c.charCodeAt(0))], "dropped.png", { type: "image/png" }));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      }, image);
      await page.waitForFunction(() => document.querySelectorAll("[data-testid=score-own-value]").length === 2);
      assert.match(page.url(), /view=story/);
      await fits(scene, "with images");
    }
    assert.deepEqual(lab.complaints, []);
    await lab.close();
  });
}

test("a line drawn around points marks their images in every view", { timeout: 240_000 }, async () => {
  const lab = await open("?view=sphere&backend=cpu&n=40");
  await lab.until("ready");
  const { page } = lab;
  await page.waitForFunction(() => /images scored here/.test(document.querySelector(".sphere-side")?.textContent ?? ""), null, { timeout: 60_000 });
  await page.getByTestId("lasso").click();
  const picture = page.locator("[data-testid=sphere] canvas");
  await picture.evaluate((e) => e.scrollIntoView({ block: "center" }));
  const canvas = await picture.boundingBox();
  const at = (x, y) => page.mouse.move(canvas.x + x * canvas.width, canvas.y + y * canvas.height, { steps: 4 });
  await at(0.1, 0.05);
  await page.mouse.down();
  for (const [x, y] of [[0.9, 0.05], [0.9, 0.95], [0.1, 0.95]]) await at(x, y);
  await page.mouse.up();
  await page.waitForFunction(() => new URLSearchParams(location.search).has("marks"));
  const marks = new URL(page.url()).searchParams.get("marks").split(",");
  assert.ok(marks.length > 10, `${marks.length} marks`);
  assert.match(await page.getByTestId("marks").textContent(), new RegExp(`^${marks.length} images are marked`));

  // The same images in the gallery, and strokes in the histogram below their scores.
  await page.locator(".tabs a").first().click();
  const marked = await page.$$eval(".tile.marked", (tiles) => tiles.map((t) => `${t.dataset.class}.${t.dataset.index}`));
  assert.ok(marked.length > 0 && marked.every((name) => marks.includes(name)));
  assert.equal(await page.locator("[data-testid=chart-histogram] line.marked").count(), marked.length);
  await page.locator(".gallery [data-testid=marks] button").click();
  assert.equal(await page.locator(".tile.marked").count(), 0);
  assert.ok(!page.url().includes("marks"));
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("density draws contours on the ball", { timeout: 120_000 }, async () => {
  const lab = await open("?view=sphere&backend=cpu&n=8");
  const { page } = lab;
  await page.waitForFunction(() => /normal images/.test(document.querySelector("[data-testid=sphere] canvas")?.ariaLabel ?? ""));
  const picture = async () => {
    await page.waitForTimeout(800);
    return page.locator("[data-testid=sphere] canvas").evaluate((c) => c.toDataURL());
  };
  const before = await picture();
  await page.getByTestId("density").click();
  assert.match(page.url(), /density=1/);
  assert.notEqual(await picture(), before);
  await page.getByTestId("density").click();
  assert.equal(await picture(), before);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("HEIC is named, with what to do", { timeout: 120_000 }, async () => {
  const lab = await open("?backend=cpu&n=4");
  await lab.until("ready");
  const buffer = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from("ftypheic\0\0\0\0mif1heic"), Buffer.alloc(64)]);
  await lab.page.setInputFiles("[data-testid=file-input]", [{ name: "IMG_1234.HEIC", mimeType: "image/heic", buffer }]);
  const sentence = lab.page.locator(".result [data-testid=error]");
  await sentence.waitFor();
  assert.match(await sentence.textContent(), /HEIC.*JPEG/s);
  await lab.close();
});

// axe-core on every view, in light and dark, and on the open details: no serious or critical violation.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { DIST, Lab, installed, launch, png } from "./lab.mjs";
import { serve } from "./serve.mjs";

const AXE = readFileSync(installed("axe-core/axe.min.js"), "utf8");
let browser, site;

before(async () => {
  browser = await launch();
  site = await serve(DIST);
});

after(async () => {
  await browser?.close();
  site?.close();
});

/** What axe finds wrong, as lines that say where. */
async function violations(lab) {
  // Evaluated by the debugger, so that the page's own content security policy stays as it is.
  await lab.page.evaluate(AXE);
  return lab.page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    const bad = violations.filter((v) => ["serious", "critical"].includes(v.impact));
    return bad.flatMap((v) => v.nodes.map((n) => `${v.id} (${v.impact}): ${n.target.join(" ")}: ${n.failureSummary}`));
  });
}

for (const colorScheme of ["light", "dark"]) {
  test(`every view is accessible in ${colorScheme}`, { timeout: 600_000 }, async () => {
    const lab = await Lab.open(browser, site.url, "?backend=cpu&n=16", { colorScheme, reducedMotion: "reduce" });
    await lab.until("ready");
    const links = await lab.page.$$eval("nav.tabs a", (tabs) => tabs.map((a) => new URL(a.href).search));
    assert.ok(links.length >= 3, `views: ${links}`);
    // With an own image, so that its result is looked at too.
    await lab.page.setInputFiles("[data-testid=file-input]", [
      { name: "mine.png", mimeType: "image/png", buffer: png(32, 32, (x, y) => [8 * x, 8 * y, 99]) },
      { name: "broken.png", mimeType: "image/png", buffer: Buffer.from("no picture") },
    ]);
    await lab.page.waitForSelector("[data-testid=score-own-value]", { timeout: 120_000 });
    await lab.page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
    const found = [...(await violations(lab)).map((v) => `start: ${v}`)];

    for (const view of links) {
      await lab.page.goto(site.url + view);
      await lab.until("ready");
      await lab.page.evaluate(() => document.querySelectorAll("main details").forEach((d) => (d.open = true)));
      found.push(...(await violations(lab)).map((v) => `${view}: ${v}`));
    }

    await lab.page.goto(`${site.url}?backend=cpu&view=yours`);
    const normal = Array.from({ length: 9 }, (_, i) => (
      { name: `${i}.png`, mimeType: "image/png", buffer: png(32, 32, (x, y) => [8 * x, (8 * y + 20 * i) % 256, 99 + 9 * i]) }
    ));
    await lab.page.getByTestId("normal-input").setInputFiles([...normal, { name: "broken.png", mimeType: "image/png", buffer: Buffer.from("no") }]);
    await lab.page.waitForSelector("[data-testid=normal-fit][data-fit=fitted]", { timeout: 120_000 });
    await lab.page.getByTestId("try-input").setInputFiles(normal.slice(0, 2));
    await lab.page.waitForSelector("[data-testid=tried-one][data-score]", { timeout: 60_000 });
    await lab.page.evaluate(() => document.querySelectorAll("main details").forEach((d) => (d.open = true)));
    found.push(...(await violations(lab)).map((v) => `own normal: ${v}`));

    await lab.page.goto(`${site.url}?backend=cpu&n=16`);
    await lab.until("ready");
    await lab.page.locator(".tile-button").first().click();
    await lab.page.waitForSelector("[data-testid=detail-views] canvas", { timeout: 60_000 });
    found.push(...(await violations(lab)).map((v) => `details: ${v}`));
    assert.deepEqual(found, []);
    await lab.close();
  });
}

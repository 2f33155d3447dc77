// Faults that public reports tell of pages like this one: files that are cut or very wide, an image dragged over from
// another tab, a page framed without its origin, a new version of the site behind an old service worker.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, Lab, ROOT, launch, png } from "./lab.mjs";
import { serve } from "./serve.mjs";

const GOLDEN = join(ROOT, "tests", "golden", "browser_images.zip");
/** An image file of those that are compared with Chromium's pixels. */
const golden = (name) => execFileSync("unzip", ["-p", GOLDEN, name], { maxBuffer: 1 << 24 });
let browser, site;

before(async () => {
  browser = await launch();
  site = await serve(DIST);
});

after(async () => {
  await browser?.close();
  site?.close();
});

const open = (query) => Lab.open(browser, site.url, query);

/** Gives the page a file and waits for what it says of it. */
async function answer(lab, name, buffer, mimeType) {
  await lab.page.getByTestId("file-input").setInputFiles({ name, mimeType, buffer });
  const result = lab.page.locator(".result", { hasText: name });
  await result.locator("[data-testid=error], [data-testid=score-own-value]").first().waitFor({ timeout: 60_000 });
  return result;
}

// Reported of viewers as "half of the picture is grey": what nsa refuses, the page refuses too.
test("a cut JPEG is refused with a sentence", { timeout: 180_000 }, async () => {
  const lab = await open("?backend=cpu&n=4");
  await lab.until("ready");
  for (const name of ["baseline-cut-third.jpg", "progressive-zeros.jpg"]) {
    const result = await answer(lab, name, golden(name), "image/jpeg");
    assert.match(await result.getByTestId("error").textContent(), /cannot read this as an image/);
  }
  const whole = await answer(lab, "baseline.jpg", golden("baseline.jpg"), "image/jpeg");
  await whole.getByTestId("score-own-value").waitFor();
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

// Reported of canvases as "the picture is black": beyond a browser's largest canvas.
test("a panorama of 30,000 pixels is refused with its size", { timeout: 180_000 }, async () => {
  const lab = await open("?backend=cpu&n=4");
  await lab.until("ready");
  const result = await answer(lab, "panorama.png", png(30_000, 20, (x) => [x % 256, 90, 40]), "image/png");
  assert.match(await result.getByTestId("error").textContent(), /30000 x 20 pixels: make it smaller than 8192/);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

// Reported as "dropping a picture opens it instead of the app": from another tab comes an address, not always a file.
const LEAVES = "the page lets the browser open an address that is dropped";
test("an image dragged from another tab does not replace the page", { timeout: 180_000, todo: LEAVES }, async () => {
  const lab = await open("?backend=cpu&n=4");
  await lab.until("ready");
  const taken = await lab.page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/uri-list", "https://example.org/cat.png");
    data.setData("text/html", '<img src="https://example.org/cat.png">');
    return ["dragover", "drop"].map((kind) => {
      const event = new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
      return event.defaultPrevented;
    });
  });
  assert.deepEqual(taken, [true, true]);
  assert.deepEqual(lab.complaints, [], "and nothing is fetched from there");
  await lab.close();
});

// Reported of embedded pages as "blank": without an origin there is no storage, no service worker, no Worker.
test("a sandboxed frame without its origin shows the lab or says what is missing", { timeout: 180_000 }, async () => {
  const files = await serve(DIST);
  // As hosts of static sites do it: every origin may read the files.
  const host = createServer(async (request, response) => {
    if (request.url === "/frame") {
      response.writeHead(200, { "content-type": "text/html" });
      response.end('<!doctype html><iframe sandbox="allow-scripts" width="900" height="700" src="/?backend=cpu&n=4"></iframe>');
      return;
    }
    const answered = await fetch(new URL(request.url, files.url));
    response.writeHead(answered.status, { "content-type": answered.headers.get("content-type") ?? "", "access-control-allow-origin": "*" });
    response.end(Buffer.from(await answered.arrayBuffer()));
  });
  await new Promise((resolve) => host.listen(0, "127.0.0.1", resolve));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${host.address().port}/frame`);
  const [, frame] = page.frames();
  await frame.waitForFunction(() => ["ready", "error"].includes(document.documentElement.dataset.state), null, { timeout: 120_000 });
  if ((await frame.evaluate(() => document.documentElement.dataset.state)) === "error") {
    const said = await frame.evaluate(() => document.body.innerText);
    assert.match(said, /did not start|could not|cannot|not allowed/, "a sentence says why");
  }
  await page.close();
  host.close();
  files.close();
});

// Reported as "white page after an update": the old page, its old worker, and the files of the new build.
test("a new version of the site is not mixed with the old one", { timeout: 300_000 }, async () => {
  let version;
  const worker = readFileSync(join(DIST, "sw.js"), "utf8");
  const server = await serve(DIST, (path, bytes) => {
    if (!version) return bytes;
    if (path.endsWith("/sw.js")) return Buffer.from(worker.replace(/VERSION = "[^"]*"/, `VERSION = "${version}"`));
    // The new build's program: told by a comment at its end.
    return path.endsWith("/nsa-app.js") ? Buffer.concat([bytes, Buffer.from(`\n// ${version}\n`)]) : bytes;
  });
  const lab = await Lab.open(browser, server.url, "?backend=cpu&n=4");
  await lab.until("ready");
  await lab.page.waitForFunction(() => document.documentElement.dataset.offline === "ready", null, { timeout: 120_000 });
  const before = await lab.tiles();

  version = "00000000deadbeef";
  await lab.page.reload();
  await lab.until("ready");
  const program = await lab.page.evaluate(async () => (await fetch("nsa-app.js")).text());
  assert.ok(program.endsWith(`// ${version}\n`), "the old worker gives the new files");
  assert.deepEqual(await lab.tiles(), before);
  await lab.page.waitForFunction(
    async (name) => JSON.stringify(await caches.keys()) === JSON.stringify([name]),
    `nsa-lab-${version}`,
    { timeout: 60_000, polling: 500 },
  );
  // Without a network the page is whole, and all of it of the new build.
  await lab.page.waitForFunction(() => document.documentElement.dataset.offline === "ready", null, { timeout: 120_000 });
  server.close();
  server.closeAll();
  await lab.page.context().setOffline(true);
  await lab.page.reload();
  await lab.until("ready");
  const kept = await lab.page.evaluate(async () => (await fetch("nsa-app.js")).text());
  assert.ok(kept.endsWith(`// ${version}\n`));
  await lab.close();
});

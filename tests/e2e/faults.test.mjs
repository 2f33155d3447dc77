// Faults that public reports tell of pages like this one: files that are cut or very wide, an image dragged over from
// another tab, a page framed without its origin, a new version of the site behind an old service worker.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deflateSync } from "node:zlib";
import { DIST, Lab, ROOT, launch, nsa, png, pngChunk, temporaryFolder } from "./lab.mjs";
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
test("an image dragged from another tab does not replace the page", { timeout: 180_000 }, async () => {
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

// Reported as "RuntimeError: table index is out of bounds" of tabs that were open while a site was renewed: the rest of a program
// is of another build than the program. (A comment of WebAssembly makes it another file that would still run.)
for (const [part, view, said] of [
  ["split_rest.wasm", undefined, /did not arrive.*reload the page/],
  ["split_engine_cpu.wasm", "Sphere", /the rest of the engine did not arrive.*reload the page/],
]) {
  test(`${part} of another build is not mixed with the program`, { timeout: 180_000 }, async () => {
    const comment = Buffer.from([0, 5, 4, ...Buffer.from("next")]);
    const renewed = await serve(DIST, (path, bytes) => (path.endsWith(`/${part}`) ? Buffer.concat([bytes, comment]) : bytes));
    const lab = await Lab.open(browser, renewed.url, "?backend=cpu&n=4", { serviceWorkers: "block" });
    await lab.until("ready");
    if (view) await lab.page.locator(".tabs a", { hasText: view }).click();
    await lab.page.getByText(said).first().waitFor({ timeout: 60_000 });
    assert.ok((await lab.tiles()).every((tile) => tile.score !== ""), "what was there stays");
    assert.deepEqual(lab.complaints, []);
    await lab.close();
    renewed.close();
  });
}

/** An ICC profile of Display P3: its primaries at D50, a gamma of 2.2. */
function displayP3() {
  const fixed = (v) => { const b = Buffer.alloc(4); b.writeInt32BE(Math.round(v * 65536)); return b; };
  const xyz = (...v) => Buffer.concat([Buffer.from("XYZ \0\0\0\0", "latin1"), ...v.map(fixed)]);
  const gamma = Buffer.from([...Buffer.from("curv"), 0, 0, 0, 0, 0, 0, 0, 1, 2, 0x33, 0, 0]);
  const text = Buffer.concat([Buffer.from("desc\0\0\0\0\0\0\0\x0bDisplay P3\0", "latin1"), Buffer.alloc(79)]);
  const tags = [
    ["desc", text], ["wtpt", xyz(0.9642, 1, 0.8249)], ["rXYZ", xyz(0.5151, 0.2412, -0.0011)], ["gXYZ", xyz(0.292, 0.6922, 0.0419)],
    ["bXYZ", xyz(0.1571, 0.0666, 0.7841)], ["rTRC", gamma], ["gTRC", gamma], ["bTRC", gamma], ["cprt", Buffer.from("text\0\0\0\0none\0\0\0\0")],
  ];
  let at = 128 + 4 + 12 * tags.length;
  const table = Buffer.alloc(4 + 12 * tags.length);
  table.writeUInt32BE(tags.length, 0);
  const bodies = tags.map(([name, body], i) => {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    table.write(name, 4 + 12 * i, "latin1");
    table.writeUInt32BE(at, 8 + 12 * i);
    table.writeUInt32BE(body.length, 12 + 12 * i);
    at += padded.length;
    return padded;
  });
  const head = Buffer.alloc(128);
  head.writeUInt32BE(at, 0);
  head.writeUInt32BE(0x02100000, 8);
  head.write("mntrRGB XYZ ", 12, "latin1");
  head.write("acsp", 36, "latin1");
  xyz(0.9642, 1, 0.8249).copy(head, 68, 8);
  return Buffer.concat([head, table, ...bodies]);
}

// Reported as "the same photo scores differently on the phone": telephones write Display P3. Its values are taken as they are, by
// the page as by nsa, so that one file has one score.
test("a picture in Display P3 scores in the page as in nsa", { timeout: 180_000 }, async () => {
  const plain = png(40, 40, (x, y) => [250 - 2 * x, (x * y) % 90, 20 + 5 * y]);
  const profile = pngChunk("iCCP", Buffer.concat([Buffer.from("P3\0\0", "latin1"), deflateSync(displayP3())]));
  // After the header, which is 8 + 25 bytes.
  const wide = Buffer.concat([plain.subarray(0, 33), profile, plain.subarray(33)]);
  const lab = await open("?backend=cpu&n=4");
  await lab.until("ready");
  const score = async (name, buffer) => {
    const result = await answer(lab, name, buffer, "image/png");
    return Number(await result.getByTestId("score-own-value").getAttribute("data-score"));
  };
  // Chromium knows the profile: where it is asked to convert, the pixels change.
  const converted = await lab.page.evaluate(async (files) => {
    const pixels = await Promise.all(files.map(async (bytes) => {
      const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: "image/png" }));
      const context = new OffscreenCanvas(40, 40).getContext("2d");
      context.drawImage(bitmap, 0, 0);
      return [...context.getImageData(0, 0, 40, 40).data].join();
    }));
    return pixels[0] !== pixels[1];
  }, [[...plain], [...wide]]);
  assert.ok(converted, "the profile is read");
  const [here, there] = [await score("plain.png", plain), await score("wide.png", wide)];
  assert.equal(there, here);
  const path = join(temporaryFolder(), "wide.png");
  writeFileSync(path, wide);
  const [row] = JSON.parse(nsa("predict", "--bundle", "assets/bundles/digits", path, "--json", "--device", "cpu"));
  assert.ok(Math.abs(row.score - there) < 1e-3, `${row.score} and ${there}`);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

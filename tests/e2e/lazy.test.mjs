// The programs of page and engine come in two parts: what the first view needs, and the rest, once the link is free or somebody
// wants it. What the first view needs comes as early as it can.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { weigh } from "../bench/weigh.mjs";
import { DIST, Lab, launch } from "./lab.mjs";
import { serve } from "./serve.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

// One careless name of a late view in the first part brings all of that view along.
test("the first part stays small", () => {
  const [first, rest] = ["nsa-app_bg.wasm", "split_rest.wasm"].map((file) => weigh(join(DIST, file))["brotli-9"]);
  assert.ok(first < 390_000, `the first part weighs ${first} bytes`);
  assert.ok(rest > 250_000, `the rest weighs ${rest} bytes`);
});

// As one function of a scorer that is fitted brings linear algebra along.
test("the first part of the engine stays small", () => {
  const [first, rest] = ["engine-cpu_bg.wasm", "split_engine_cpu.wasm"].map((file) => weigh(join(DIST, file))["brotli-9"]);
  assert.ok(first < 300_000, `the first part weighs ${first} bytes`);
  assert.ok(rest > 150_000, `the rest weighs ${rest} bytes`);
});

test("the rest comes after what the first view waits for", { timeout: 120_000 }, async () => {
  const site = await serve(DIST);
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=4", { serviceWorkers: "block" });
  await lab.until("ready");
  await lab.page.getByTestId("file-input").waitFor({ state: "attached" });
  const at = (file) => site.requests.findIndex((path) => path.endsWith(file));
  assert.ok(at("/split_rest.wasm") > at("/engine-cpu_bg.wasm"), site.requests.join(" "));
  assert.ok(at("/split_rest.wasm") > at("/bundle.json"), site.requests.join(" "));
  assert.deepEqual(lab.complaints, []);
  await lab.close();
  site.close();
});

test("engine and first model come once, although they are asked for before the program can", { timeout: 120_000 }, async () => {
  const site = await serve(DIST);
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=4", { serviceWorkers: "block" });
  await lab.until("ready");
  const of = (file) => site.requests.filter((path) => path.endsWith(file));
  for (const file of ["/worker.js", "/engine-cpu_bg.wasm", "/bundle.json", "/history.json", "/model.safetensors", "/bank.safetensors"]) {
    assert.equal(of(file).length, 1, `${file}: ${site.requests.join(" ")}`);
  }
  await lab.close();
  // Another model's are not those.
  const other = await Lab.open(browser, site.url, "?backend=cpu&n=4&model=digits-rotnet", { serviceWorkers: "block" });
  await other.until("ready");
  assert.ok(of("/model.safetensors").at(-1).includes("/digits-rotnet/"));
  assert.equal(of("/digits/model.safetensors").length, 1);
  assert.deepEqual([...lab.complaints, ...other.complaints], []);
  await other.close();
  site.close();
});

test("where the rest does not arrive the first view works, and a sentence says what to do", { timeout: 120_000 }, async () => {
  let broken = true;
  const site = await serve(DIST, (path, bytes) => {
    if (broken && path.endsWith("/split_rest.wasm")) throw new Error("not there");
    return bytes;
  });
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=4", { serviceWorkers: "block" });
  const { page } = lab;
  await lab.until("ready");
  const error = page.getByTestId("error");
  await error.waitFor();
  assert.match(await error.textContent(), /did not arrive: check the connection and try again/);
  await page.locator(".tabs a", { hasText: "Story" }).click();
  await page.getByTestId("outline").waitFor();
  assert.equal(await page.getByTestId("scene-title").count(), 0);

  broken = false;
  await error.getByRole("button", { name: "Try again" }).click();
  await page.getByTestId("scene-title").waitFor();
  assert.equal(await page.getByTestId("outline").count(), 0);
  assert.equal(await error.count(), 0);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
  site.close();
});

test("where the rest of the engine does not arrive scores are there, and a sentence says what to do", { timeout: 120_000 }, async () => {
  let broken = true;
  const site = await serve(DIST, (path, bytes) => {
    if (broken && path.endsWith("/split_engine_cpu.wasm")) throw new Error("not there");
    return bytes;
  });
  const lab = await Lab.open(browser, site.url, "?backend=cpu&n=4", { serviceWorkers: "block" });
  const { page } = lab;
  await lab.until("ready");
  const open = (view) => page.locator(".tabs a", { hasText: view }).click();
  await open("Sphere");
  await page.getByText("the rest of the engine did not arrive: check the connection, then try again").waitFor();
  broken = false;
  await open("Score");
  await open("Sphere");
  await page.locator("[data-testid=sphere]").waitFor();
  await page.getByText("the rest of the engine did not arrive").waitFor({ state: "detached" });
  assert.deepEqual(lab.complaints, []);
  await lab.close();
  site.close();
});

/** A browser's word for its graphics processor, in place of the one that is there. */
const withAdapter = (adapter) => {
  const requestAdapter = async () => adapter;
  Object.defineProperty(navigator, "gpu", { value: { requestAdapter } });
};

for (const [adapter, engine, what] of [
  [{ info: { vendor: "nvidia", architecture: "hopper" } }, "engine-webgpu", "a graphics processor"],
  [{ info: { vendor: "apple", architecture: "metal-3" } }, "engine-webgpu", "another"],
  [{ info: { vendor: "google", architecture: "swiftshader" } }, "engine-cpu", "a program that plays one"],
  [{ info: { description: "llvmpipe (LLVM 19.1, 256 bits)" } }, "engine-cpu", "another program"],
  [{ info: { vendor: "microsoft", device: "Microsoft Basic Render Driver" } }, "engine-cpu", "a driver that draws by itself"],
  [{ info: { vendor: "intel", isFallbackAdapter: true } }, "engine-cpu", "one that is second choice"],
  [{ isFallbackAdapter: true }, "engine-cpu", "one that is second choice, said as it was before"],
  [{}, "engine-webgpu", "one without a name"],
  [null, "engine-cpu", "none"],
]) {
  test(`on ${what} ${engine} starts, before the page's program does`, { timeout: 60_000 }, async () => {
    const site = await serve(DIST);
    const context = await browser.newContext({ serviceWorkers: "block" });
    const page = await context.newPage();
    await page.addInitScript(withAdapter, adapter);
    // The page's program never starts: what is asked for is the choice of the script before it.
    await page.route("**/nsa-app.js", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace("export { initSync, __wbg_init as default }", "export default () => new Promise(() => {}); export { initSync }") });
    });
    await page.goto(site.url);
    const worker = page.workers()[0] ?? (await page.waitForEvent("worker"));
    assert.match(worker.url(), new RegExp(`engine=${engine}&`));
    await context.close();
    site.close();
  });
}

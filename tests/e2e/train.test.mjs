// Training in the page: both runs learn as `nsa train` does, are saved, opened again, and survive what happens to tabs.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, Lab, launch, nsa, temporaryFolder } from "./lab.mjs";
import { serve } from "./serve.mjs";
import { Training, unzip } from "./train.mjs";

// Narrow and few images, so that two runs of 25 epochs (200 steps each) take a minute on a processor.
const SMALL = "backend=cpu&train=c1-w2-b8-n64-e25-s0&a=simclr,none,0,0.001&b=simclr-rot,f,0,0.001";
const folder = temporaryFolder();
let browser, site;

before(async () => {
  browser = await launch();
  site = await serve(DIST);
});

after(async () => {
  await browser?.close();
  site?.close();
});

const close = (found, wanted, within, what) =>
  assert.ok(Math.abs(found - wanted) <= within, `${what}: found ${found}, wanted ${wanted}`);

test("two runs train, move as natively, are saved, opened again and scored", { timeout: 600_000 }, async () => {
  const training = await Training.open(browser, site.url, SMALL);
  const before = await training.panels();
  assert.equal(before.length, 2);
  await training.click("train-play");
  await training.until("finished", 300_000);
  const finished = await training.panels();
  assert.deepEqual(finished.map((run) => run.epoch), [25, 25]);

  // The same settings natively: the same images, batches and views, so the same course, until rounding has grown.
  const [aurocs, losses] = [await training.table("train-auroc"), await training.table("train-loss")];
  assert.equal(losses.length, 200);
  for (const [index, settings] of (await training.settings()).entries()) {
    const [config, run] = [join(folder, `${index}.toml`), join(folder, `run-${index}`)];
    writeFileSync(config, settings);
    nsa("train", "--config", config, "--device", "cpu", "--out", run);
    const native = JSON.parse(readFileSync(join(run, "record.json"), "utf8")).history.epochs;
    const kappas = await training.table("train-kappa", index);
    assert.deepEqual([kappas.length, native.length], [26, 26]);
    for (const [epoch, share, points] of [[0, 1e-3, 0.1], [1, 0.05, 3], [2, 0.05, 3]]) {
      const { id, ood, auroc } = native[epoch];
      close(kappas[epoch][1], id.kappa, share * id.kappa, `kappa, run ${index}, epoch ${epoch}`);
      close(kappas[epoch][2], ood.kappa, share * ood.kappa, `kappa OOD, run ${index}, epoch ${epoch}`);
      close(aurocs[epoch][1 + index], 100 * Object.fromEntries(auroc)["c-cos"], points, `AUROC, run ${index}, epoch ${epoch}`);
    }
    const mean = losses.slice(0, 8).reduce((sum, row) => sum + row[1 + index], 0) / 8;
    close(mean, native[1].loss, 3e-3, `loss of the first epoch, run ${index}`);
    // And they have moved, both ways of computing to the same side.
    const [start, end] = [native[0].id.kappa, native.at(-1).id.kappa];
    // By a third at least: epoch 0 is measured with calibrated batch norms, so it starts lower than weights alone would say.
    assert.ok(end < start / 1.5 && finished[index].kappa < before[index].kappa / 1.5, `kappa ${start} to ${end}`);
    close(Math.log(finished[index].kappa), Math.log(end), 0.4, `logarithm of the last kappa, run ${index}`);
    const moved = Math.max(...aurocs.map((row) => Math.abs(row[1 + index] - aurocs[0][1 + index])));
    assert.ok(moved > 1, `AUROC has moved by ${moved} points only`);
  }

  // Back through the epochs: everything shows the epoch looked at.
  const picture = training.page.locator("[data-testid=train-sphere] canvas").first();
  const last = await picture.getAttribute("aria-label");
  await training.scrub(0);
  assert.deepEqual(await training.panels(), before);
  assert.match(await picture.getAttribute("aria-label"), /half of them within/);
  assert.notEqual(await picture.getAttribute("aria-label"), last);

  // Saved, the model is a bundle for nsa: as the zip and as a folder.
  const zip = await training.save(1, folder);
  const images = join(folder, "images.npy");
  nsa("data", "export", "synth-digits", "--split", "test", "--out", images, "--labels", join(folder, "labels.npy"));
  const predict = (bundle) => JSON.parse(nsa("predict", "--bundle", bundle, "--device", "cpu", "--json", images));
  const native = predict(zip);
  const unpacked = unzip(zip);
  assert.deepEqual(predict(unpacked), native);
  assert.deepEqual(readdirSync(unpacked).sort(), [
    "bank.safetensors", "bundle.json", "frames.safetensors", "history.json", "model.safetensors"]);
  const told = JSON.parse(readFileSync(join(unpacked, "bundle.json"), "utf8")).scores;
  for (const row of JSON.parse(nsa("eval", zip, "--device", "cpu", "--json")).layers) {
    for (const { scorer, auroc } of row.scores) {
      const announced = told.find((entry) => entry.layer === row.layer && entry.scorer === scorer)["auroc-exported"];
      close(announced, auroc, 1e-3, `AUROC of ${scorer} on ${row.layer}`);
    }
  }

  // Opened in the page, it scores the gallery as nsa does.
  await training.page.setInputFiles("[data-testid=train-open]", zip);
  await training.page.waitForFunction(() => document.documentElement.dataset.view === "score");
  await training.lab.until("ready");
  const tiles = await training.lab.tiles();
  assert.ok(tiles.length > 8);
  for (const tile of tiles) {
    const wanted = native[10 * Number(tile.index) + Number(tile.class)].score;
    assert.notEqual(tile.score, "");
    close(Number(tile.score), wanted, 1e-3, `tile ${tile.class}.${tile.index}`);
  }
  assert.deepEqual(training.lab.complaints, []);
  await training.lab.close();
});

test("steps, pauses, another rate, and a link that brings the same recipe", { timeout: 240_000 }, async () => {
  const query = `${SMALL.replace("e25", "e100")}&a=simsiam,both,0,0.001&b=off`;
  const training = await Training.open(browser, site.url, query);
  assert.equal((await training.panels()).length, 1);
  await training.click("train-step");
  await training.until("resting");
  assert.equal((await training.table("train-loss")).length, 1);

  await training.click("train-play");
  await training.untilEpoch(2);
  await training.page.selectOption("select[name=train-rate-a]", "0.01");
  assert.match(training.page.url(), /a=simsiam,both,0,0\.01/);
  assert.match((await training.settings())[0], /lr = 0\.01\n/);
  await training.untilEpoch(3);
  await training.click("train-play");
  await training.until("resting");
  const [{ epoch }] = await training.panels();

  // Other settings wait for new runs; the old ones are not lost by looking at a menu.
  await training.page.selectOption("select[name=train-class]", "7");
  await training.page.getByText("start over to train them").waitFor();
  assert.equal((await training.panels())[0].epoch, epoch);
  await training.click("train-reset");
  await training.page.waitForFunction(() => document.querySelector("[data-testid=train-panel]")?.dataset.epoch === "0");

  const again = await Training.open(browser, site.url, new URL(training.page.url()).search.slice(1).replace("view=train&", ""));
  assert.deepEqual(await again.settings(), await training.settings());
  assert.match((await again.settings())[0], /id-class = 7\n/);
  assert.deepEqual([...training.lab.complaints, ...again.lab.complaints], []);
  await again.lab.close();
  await training.lab.close();
});

test("a hidden tab pauses, a dead trainer is replaced, and both go on where they were", { timeout: 240_000 }, async () => {
  const training = await Training.open(browser, site.url, SMALL.replace("e25", "e100"));
  const { page } = training;
  await training.click("train-play");
  await training.untilEpoch(1);
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await training.until("resting");
  assert.match(await training.text("train-note"), /paused because this tab was hidden/);
  await page.evaluate(() => delete document.hidden);
  await training.click("train-play");
  await training.untilEpoch(3);

  const trainer = page.workers().find((worker) => worker.url().includes("trainer"));
  await trainer.evaluate(() => setTimeout(() => { throw new Error("out of memory"); }));
  await training.until("dead");
  assert.match(await training.text("train-error"), /out of memory.*Everything up to epoch \d+ is kept/);
  const kept = await training.table("train-kappa");
  await training.click("train-play");
  await training.untilEpoch(kept.length + 1);
  const now = await training.table("train-kappa");
  assert.deepEqual(now.slice(0, kept.length), kept);
  assert.deepEqual(now.map((row) => row[0]), now.map((_, epoch) => epoch), "every epoch once");

  // A file that is no bundle is refused in one sentence, and the runs are still there.
  await training.click("train-play");
  await training.until("resting");
  const nonsense = join(folder, "nonsense.zip");
  writeFileSync(nonsense, "this is no zip");
  await page.setInputFiles("[data-testid=train-open]", nonsense);
  await page.locator("[data-testid=train-error]").waitFor();
  assert.match(await training.text("train-error"), /The bundle is refused: the zip/);
  assert.deepEqual(training.lab.complaints, []);
  await training.lab.close();
});

test("a reload goes on from what the browser kept, and starting over forgets it", { timeout: 240_000 }, async () => {
  const training = await Training.open(browser, site.url, SMALL.replace("e25", "e100"));
  const { page } = training;
  await training.click("train-play");
  await training.untilEpoch(3);
  await training.click("train-play");
  await training.until("resting");
  const [{ epoch }] = await training.panels();
  await training.untilKept(epoch);
  const before = await training.table("train-kappa");

  await page.reload();
  await training.until("resting");
  assert.match(await training.text("train-note"), new RegExp(`are back as this browser kept them after epoch ${epoch}:`));
  assert.deepEqual(await training.table("train-kappa"), before);
  await training.click("train-play");
  await training.untilEpoch(epoch + 1);
  const after = await training.table("train-kappa");
  assert.deepEqual(after.slice(0, before.length), before);
  assert.deepEqual(after.map((row) => row[0]), after.map((_, epoch) => epoch), "every epoch once");

  await training.click("train-play");
  await training.until("resting");
  await training.click("train-reset");
  await training.untilKept(null);
  await page.reload();
  await training.until("resting");
  assert.deepEqual((await training.panels()).map((run) => run.epoch), [0, 0]);
  assert.deepEqual(training.lab.complaints, []);
  await training.lab.close();
});

test("where the storage is full the runs pause, are still there, and go on", { timeout: 240_000 }, async () => {
  const training = await Training.open(browser, site.url, SMALL.replace("e25", "e100"));
  const debug = await training.page.context().newCDPSession(training.page);
  const origin = new URL(site.url).origin;
  await debug.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
  await training.click("train-play");
  await training.page.locator("[data-testid=train-error]").waitFor();
  assert.match(await training.text("train-error"), /paused because this browser's storage is full/);
  await training.until("resting");
  const [{ epoch }] = await training.panels();
  assert.ok(epoch >= 1);
  await debug.send("Storage.overrideQuotaForOrigin", { origin });
  await training.click("train-play");
  await training.untilEpoch(epoch + 2);
  await training.click("train-play");
  await training.until("resting");
  await training.untilKept((await training.panels())[0].epoch);
  assert.deepEqual(training.lab.complaints, []);
  await training.lab.close();
});

test("WebGPU trains as the processor does", { timeout: 400_000 }, async () => {
  // Five epochs of four steps; by a software adapter here, which proves correctness, not speed.
  const recipe = "train=c1-w2-b16-n64-e5-s0&a=simclr-rot,f,0,0.00001&b=off";
  const losses = [];
  const kappas = [];
  for (const backend of ["cpu", "webgpu"]) {
    const training = await Training.open(browser, site.url, `backend=${backend}&${recipe}`);
    await training.click("train-play");
    await training.until("finished");
    assert.equal(await training.page.evaluate(() => document.documentElement.dataset.trainer), backend);
    losses.push((await training.table("train-loss")).map((row) => row[1]));
    kappas.push((await training.table("train-kappa")).map((row) => row[1]));
    assert.deepEqual(training.lab.complaints, []);
    await training.lab.close();
  }
  assert.equal(losses[0].length, 20);
  losses[0].forEach((loss, step) => close(losses[1][step], loss, 1e-3, `loss of step ${step} by WebGPU`));
  kappas[0].forEach((kappa, epoch) => close(kappas[1][epoch], kappa, 0.01 * kappa, `kappa of epoch ${epoch} by WebGPU`));
});

test("the last scene of the story trains", { timeout: 240_000 }, async () => {
  const lab = await Lab.open(browser, site.url, `?view=story&scene=9&${SMALL}`);
  const training = new Training(lab);
  await training.until("resting");
  const before = await training.panels();
  await training.click("train-play");
  await training.untilEpoch(2);
  const after = await training.panels();
  assert.ok(after.every((run, index) => run.kappa < before[index].kappa), JSON.stringify([before, after]));
  // The view goes on with the same runs.
  await lab.page.locator("[data-testid=scene-open]").click();
  await lab.page.waitForFunction(() => document.documentElement.dataset.view === "train");
  await training.untilEpoch(after[0].epoch + 1);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("memory stays flat while it trains", { timeout: 240_000 }, async () => {
  const training = await Training.open(browser, site.url, SMALL.replace("e25", "e100") + "&b=off");
  const memory = () => training.page.locator("[data-testid=train-status]").getAttribute("data-memory").then(Number);
  await training.click("train-play");
  await training.untilEpoch(5);
  const early = await memory();
  await training.untilEpoch(40);
  const late = await memory();
  // The frames that are kept for the slider take their place: 35 times 300 samples here, never more than 256 times.
  assert.ok(early > 1e6 && late <= early + 1.5e6, `from ${early} to ${late} bytes in 280 steps`);
  await training.lab.close();
});

for (const scheme of ["light", "dark"]) {
  test(`nothing is cut off at 360 pixels, ${scheme}`, { timeout: 120_000 }, async () => {
    const training = await Training.open(browser, site.url, SMALL, {
      viewport: { width: 360, height: 800 }, colorScheme: scheme, reducedMotion: "reduce" });
    const wide = await training.page.evaluate(() =>
      [...document.querySelectorAll(".train *")].filter((e) =>
        e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, .visually-hidden")).length);
    assert.equal(wide, 0);
    const scrolls = await training.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(scrolls, false, "the page scrolls sideways");
    await training.lab.close();
  });
}

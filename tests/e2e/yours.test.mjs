// A person's own normal: photos and a camera, fitted, tried, saved, opened again, and the same in `nsa`.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { DIST, Lab, keepEngines, launch, nsa, png, temporaryFolder } from "./lab.mjs";
import { serve } from "./serve.mjs";
import { Training } from "./train.mjs";

let site, browser;
before(async () => {
  site = await serve(DIST);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  site?.close();
});

const open = (query, options) => Lab.open(browser, site.url, `?view=yours&backend=cpu${query}`, options);

/** A number that looks random, the same at every run. */
const noise = (seed) => {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return x - Math.floor(x);
};

/** A round part on a bench, each somewhere else and in other light; an odd one has a bite out of it. */
function part(i, odd = false) {
  const [cx, cy, light] = [24 + 4 * noise(i), 24 + 4 * noise(i + 0.3), 0.9 + 0.2 * noise(i + 0.6)];
  return png(52, 52, (x, y) => {
    const far = Math.hypot(x - cx, y - cy);
    const bite = odd && x > cx && y > cy - 8;
    const [r, g, b] = far < 17 && !bite ? (far < 6 ? [40, 40, 44] : [190, 190, 196]) : [70, 62, 54];
    return [r, g, b].map((v) => Math.min(255, Math.round(v * light + 6 * noise(i + x * 7.1 + y * 3.7))));
  });
}

const file = (name, buffer, mimeType = "image/png") => ({ name, mimeType, buffer });
const parts = (n) => Array.from({ length: n }, (_, i) => file(`part-${i}.png`, part(i)));

/** Waits until so many images are fitted. */
async function fitted(page, images) {
  await page.waitForFunction(
    (n) => document.querySelector("[data-testid=normal-count]")?.dataset.images === String(n)
      && document.querySelector("[data-testid=normal-fit]")?.dataset.fit === "fitted"
      && document.querySelector("[data-testid=normal-fit]").textContent.includes(`${n} images`),
    images, { timeout: 120_000 },
  );
}

/** What is said of every tried image, newest first, once all are judged. */
async function verdicts(page, n) {
  await page.waitForFunction(
    (n) => {
      const tried = [...document.querySelectorAll("[data-testid=tried-one]")];
      return tried.length === n && tried.every((one) => one.dataset.score);
    },
    n, { timeout: 60_000 },
  );
  return page.$$eval("[data-testid=tried-one]", (all) => all.map((one) => ({
    name: one.dataset.name, score: Number(one.dataset.score), call: one.querySelector("[data-testid=verdict]").dataset.call,
  })));
}

test("forty photos and an odd one: fitted, told apart, saved, opened here and natively with equal scores", { timeout: 400_000 }, async () => {
  const lab = await open("", { acceptDownloads: true });
  const { page } = lab;
  assert.match(await page.getByTestId("normal-count").textContent(), /No images yet: 8 are enough/);
  await page.getByTestId("normal-input").setInputFiles(parts(5));
  await page.waitForFunction(() => document.querySelector("[data-testid=normal-count]").dataset.images === "5");
  assert.match(await page.getByTestId("normal-count").textContent(), /3 more to start/);
  await page.getByTestId("normal-input").setInputFiles(parts(40).slice(5));
  await fitted(page, 40);
  assert.match(await page.getByTestId("normal-promise").textContent(), /Anomalous from .*° on/);

  const tries = [file("odd.png", part(99, true)), file("good-1.png", part(50)), file("good-2.png", part(51))];
  await page.getByTestId("try-input").setInputFiles(tries);
  const said = await verdicts(page, 3);
  const odd = said.find((one) => one.name === "odd.png");
  assert.equal(odd.call, "anomalous");
  for (const good of said.filter((one) => one !== odd)) {
    assert.ok(good.score < odd.score, `${JSON.stringify(said)}`);
  }

  // Saved, it scores in the program as it does here.
  await page.getByTestId("normal-title").fill("Round parts");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("normal-save").click()]);
  assert.equal(download.suggestedFilename(), "round-parts.zip");
  const folder = temporaryFolder();
  const zip = join(folder, "round-parts.zip");
  await download.saveAs(zip);
  const paths = tries.map(({ name, buffer }) => {
    writeFileSync(join(folder, name), buffer);
    return join(folder, name);
  });
  const rows = JSON.parse(nsa("predict", "--bundle", zip, ...paths, "--json", "--device", "cpu"));
  const threshold = Number(await page.getByTestId("normal-promise").getAttribute("data-threshold"));
  for (const [i, row] of rows.entries()) {
    const here = said.find((one) => one.name === tries[i].name);
    assert.ok(Math.abs(row.score - here.score) < 1e-3, `${row.score} and ${here.score}`);
    assert.ok(Math.abs(row.threshold - threshold) < 1e-3);
    assert.equal(row.anomalous, here.call === "anomalous");
  }
  const told = JSON.parse(nsa("eval", zip, "--id", paths[1], paths[2], "--ood", paths[0], "--json", "--device", "cpu"));
  assert.ok(told.layers.length > 0);

  // It opens here again, on a page that knows nothing, with its images.
  const other = await open("");
  await other.page.getByTestId("normal-open").setInputFiles(zip);
  await fitted(other.page, 40);
  assert.equal(await other.page.getByTestId("normal-title").inputValue(), "Round parts");
  await other.page.getByTestId("try-input").setInputFiles(tries);
  const again = await verdicts(other.page, 3);
  for (const one of again) {
    assert.ok(Math.abs(one.score - said.find((s) => s.name === one.name).score) < 1e-3);
  }
  assert.deepEqual([...lab.complaints, ...other.complaints], []);
  await other.close();
  await lab.close();
});

test("images are kept over a reload, taken out, brought back, and forgotten", { timeout: 300_000 }, async () => {
  const lab = await open("&alarms=20");
  const { page } = lab;
  assert.ok(await page.getByTestId("invited").isVisible());
  await page.getByTestId("normal-input").setInputFiles(parts(9));
  await fitted(page, 9);
  assert.ok(!(await page.getByTestId("invited").isVisible()));
  await page.waitForFunction(() => /keeps the 9 images/.test(document.querySelector("[data-testid=normal-kept]").textContent));
  await page.reload();
  await fitted(page, 9);

  await page.getByRole("button", { name: "Remove part-3.png" }).click();
  await fitted(page, 8);
  await page.getByRole("button", { name: "Remove part-4.png" }).click();
  await page.waitForFunction(() => document.querySelector("[data-testid=normal-fit]").dataset.fit === "waiting");
  await page.getByTestId("normal-undo").click();
  await fitted(page, 8);

  // What was tried and is normal after all joins the others.
  await page.getByTestId("try-input").setInputFiles([file("odd.png", part(99, true))]);
  await verdicts(page, 1);
  await page.getByTestId("tried-one").getByRole("button", { name: "This one is normal" }).click();
  await fitted(page, 9);

  await page.getByRole("button", { name: "Forget the images" }).click();
  await page.waitForFunction(() => document.querySelector("[data-testid=normal-count]").dataset.images === "0");
  await page.reload();
  await lab.page.getByTestId("normal-count").waitFor();
  await page.waitForTimeout(1500);
  assert.equal(await page.getByTestId("normal-count").getAttribute("data-images"), "0");
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("a network of their own: trained on 64 photos, tested on odd ones, kept, and used", { timeout: 600_000 }, async () => {
  const lab = await open("&train=c2-i16-w2-b16-n64-e3-s0-photos&a=simclr,f,0,0.003&b=off");
  const { page } = lab;
  await page.getByTestId("normal-input").setInputFiles(parts(63));
  await fitted(page, 63);
  assert.ok(await page.getByTestId("normal-train").isDisabled());
  // Whoever follows the link too early is told what is missing.
  await page.goto(page.url().replace("view=yours", "view=train"));
  await page.getByTestId("train-wants").filter({ hasText: "64 of them or more, and there are 63" }).waitFor();
  assert.ok(await page.getByTestId("train-play").isDisabled());
  await page.getByTestId("train-wants").getByRole("button").click();
  await page.getByTestId("normal-input").setInputFiles([file("last.png", part(63))]);
  await fitted(page, 64);

  await page.getByTestId("try-input").setInputFiles(Array.from({ length: 8 }, (_, i) => file(`odd-${i}.png`, part(100 + i, true))));
  await verdicts(page, 8);
  for (let left = 8; left > 0; left -= 1) {
    await page.getByRole("button", { name: "This one is odd" }).first().click();
    await page.waitForFunction((n) => document.querySelectorAll("[data-testid=tried-one]").length === n, left - 1);
  }
  assert.equal(await page.locator("[data-testid=odd-images] li").count(), 8);

  await page.getByTestId("normal-train").click();
  const training = new Training(lab);
  await training.until("resting");
  assert.match(await page.locator("body").textContent(), /and the 8 that you marked as odd/);
  // The bank of the same images without training.
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=train-beside]")?.dataset.auroc) > 0.5);
  await training.click("train-play");
  await training.until("finished");
  const [run] = await training.panels();
  assert.equal(run.epoch, 3);
  await training.untilKept(3);

  // The images and the run are there after a reload.
  await page.reload();
  await training.until("finished");
  assert.deepEqual(await training.panels(), [run]);

  await training.click("train-use");
  await page.waitForFunction(() => /live-a-simclr-f-own/.test(location.search) && /view=yours/.test(location.search));
  await fitted(page, 64);
  assert.match(await page.getByTestId("normal-encoder").evaluate((menu) => menu.selectedOptions[0].textContent), /^Knows your images/);
  assert.ok(await page.getByTestId("normal-seen").isVisible());
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

/** A zip of these files, every second one deflated. */
function zip(files) {
  const [locals, entries] = [[], []];
  let at = 0;
  files.forEach(({ name, buffer }, i) => {
    const [method, data] = i % 2 ? [8, deflateRawSync(buffer)] : [0, buffer];
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(data.length, 18);
    local.writeUInt32LE(buffer.length, 22);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    local.copy(entry, 10, 8, 30);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    locals.push(local, Buffer.from(name), data);
    entries.push(entry, Buffer.from(name));
    at += 30 + name.length + data.length;
  });
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}

test("five hundred images in a zip, one of them broken", { timeout: 400_000 }, async () => {
  const lab = await open("");
  const { page } = lab;
  const files = [...parts(499), file("parts/broken.png", Buffer.from("no image")), file("notes.txt", Buffer.from("hello"))];
  await page.getByTestId("normal-input").setInputFiles([file("all.zip", zip(files), "application/zip")]);
  await fitted(page, 499);
  const refused = await page.getByTestId("normal-refused").textContent();
  assert.match(refused, /parts\/broken\.png/);
  assert.doesNotMatch(refused, /notes/);
  await page.getByTestId("normal-input").setInputFiles([file("cut.zip", zip(files).subarray(0, 5000), "application/zip")]);
  await page.getByText("This is not a whole zip").waitFor();
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("by keyboard alone, at 360 pixels", { timeout: 300_000 }, async () => {
  const lab = await open("", { viewport: { width: 360, height: 740 } });
  const { page } = lab;
  await page.getByTestId("normal-input").setInputFiles(parts(10));
  await fitted(page, 10);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the screen");
  // Every control of the view is reached by Tab, in the order of the steps.
  await page.getByTestId("normal-input").focus();
  const reached = new Set();
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.dataset.testid ?? document.activeElement.textContent.trim()));
  }
  for (const name of ["normal-folder", "camera-on", "normal-encoder", "normal-score", "normal-alarms", "try-input", "normal-title", "normal-save"]) {
    assert.ok(reached.has(name), `${name} is not reached by Tab: ${[...reached].join(", ")}`);
  }
  // An image is taken out and brought back by keys.
  await page.getByRole("button", { name: "Remove part-0.png" }).focus();
  await page.keyboard.press("Enter");
  await fitted(page, 9);
  await page.getByTestId("normal-undo").focus();
  await page.keyboard.press("Space");
  await fitted(page, 10);
  // The false alarms move by arrow keys, and are in the address.
  await page.getByTestId("normal-alarms").focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => new URL(location).searchParams.get("alarms") === "6");
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

const [WIDTH, HEIGHT, RATE] = [64, 64, 10];
/** Seconds of the scene as it is, and with something in front. */
const [CALM, ODD] = [9, 4];

/** A moving scene as YUV4MPEG: a cup that turns; after a while something dark is in front of it. */
function scene() {
  const frames = [];
  for (let f = 0; f < RATE * (CALM + ODD); f++) {
    const odd = f >= RATE * CALM;
    const luma = Buffer.alloc(WIDTH * HEIGHT);
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const turn = 3 * Math.sin(f / 6);
        const cup = Math.abs(x - 32 - turn) < 14 && y > 16 && y < 52;
        const stripe = cup && Math.abs((x - turn) % 9) < 3;
        let value = cup ? (stripe ? 120 : 200) : 90 + (y >> 2);
        if (odd && Math.hypot(x - 40, y - 30) < 22) value = 22 + ((x * y) % 17);
        luma[y * WIDTH + x] = value + Math.round(6 * noise(f + x * 0.7 + y * 1.3));
      }
    }
    frames.push(Buffer.from("FRAME\n"), luma, Buffer.alloc((WIDTH * HEIGHT) / 2, 128));
  }
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${RATE}:1 Ip A1:1 C420jpeg\n`), ...frames]);
}

test("a camera: a burst is fitted, the score rises when the scene changes and falls when it is back", { timeout: 300_000 }, async () => {
  const film = join(temporaryFolder(), "scene.y4m");
  writeFileSync(film, scene());
  const filming = await launch("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${film}`);
  const lab = await Lab.open(filming, site.url, "?view=yours&backend=cpu", { permissions: ["camera"] });
  const { page } = lab;
  const step = (name) => page.getByTestId(name);
  await step("yours-normal").getByTestId("camera-on").click();
  await step("normal-hold").waitFor();
  // The film runs round and round: the burst begins as the calm part does.
  const dark = () => page.evaluate(() => {
    const video = document.querySelector("[data-testid=yours-normal] video");
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [8, 8];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 8, 8);
    const { data } = context.getImageData(0, 0, 8, 8);
    return data[4 * (3 * 8 + 5)] < 60;
  });
  const until = async (wanted) => {
    const end = Date.now() + 40_000;
    while ((await dark()) !== wanted) assert.ok(Date.now() < end, "the film does not change");
  };
  await until(true);
  await until(false);
  // Held down by mouse for some of them, then nothing more comes.
  await step("normal-hold").hover();
  await page.mouse.down();
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=normal-count]").dataset.images) >= 24, null, { timeout: 20_000 });
  await page.mouse.up();
  const images = Number(await step("normal-count").getAttribute("data-images"));
  await page.waitForTimeout(700);
  assert.equal(Number(await step("normal-count").getAttribute("data-images")), images);
  await step("yours-normal").getByTestId("camera-off").click();
  await fitted(page, images);

  await step("yours-try").getByTestId("camera-on").click();
  const call = (wanted) => page.waitForFunction(
    (wanted) => document.querySelector("[data-testid=live] [data-testid=verdict]")?.dataset.call === wanted,
    wanted, { timeout: 40_000 },
  );
  await call("normal");
  await call("anomalous");
  const high = Number(await step("live").getAttribute("data-score"));
  await call("normal");
  const low = Number(await step("live").getAttribute("data-score"));
  assert.ok(high > low, `${high} with something in front, ${low} without`);
  const rate = Number((await step("live-rate").textContent()).match(/(\d+) a second/)[1]);
  console.log(`# ${rate} looks a second`);
  assert.ok(rate >= 1);
  // Paused, nothing more is judged.
  await step("live-pause").click();
  await page.waitForTimeout(500);
  const before = await step("live-rate").textContent();
  await page.waitForTimeout(700);
  assert.equal(await step("live-rate").textContent(), before);

  // Unplugged in the middle.
  await page.evaluate(() => {
    const video = document.querySelector("[data-testid=yours-try] video");
    for (const track of video.srcObject.getTracks()) track.dispatchEvent(new Event("ended"));
  });
  await page.getByText("The camera is gone").waitFor();
  assert.deepEqual(lab.complaints, []);
  await filming.close();
});

/** A place of its own, of which a frame is almost the same: moved by half a pixel of the 32, with noise. */
function scenery(i, frame = 0) {
  const r = (k) => noise(i * 17 + k);
  const [back, disc, bar] = [0, 3, 6].map((k) => [1, 2, 3].map((c) => 40 + 190 * r(k + c / 4)));
  const [cx, cy, size, slant] = [12 + 40 * r(9), 12 + 40 * r(10), 6 + 14 * r(11), r(12)];
  return png(64, 64, (x, y) => {
    const left = x + (frame % 2);
    const colour = Math.hypot(left - cx, y - cy) < size ? disc : Math.abs(left - 64 * slant - (y - 32) * (r(13) - 0.5)) < 5 ? bar : back;
    return colour.map((v) => Math.min(255, Math.round(v + 4 * noise(frame + x * 3.1 + y * 7.7))));
  });
}

/** How many different views the page says that so many images show. */
async function viewsOf(page, images) {
  await fitted(page, images);
  return Number(await page.getByTestId("normal-views").getAttribute("data-views"));
}

test("copies and bursts are counted as views, and more variety is asked for", { timeout: 300_000 }, async () => {
  const lab = await open("");
  const { page } = lab;
  const scenes = (n) => Array.from({ length: n }, (_, i) => file(`scene-${i}.png`, scenery(i)));
  await page.getByTestId("normal-input").setInputFiles(scenes(12));
  assert.equal(await viewsOf(page, 12), 12);
  assert.equal(await page.getByTestId("normal-views").textContent(), "All 12 are different views.");
  const promise = page.getByTestId("normal-promise");
  const [threshold, said] = [await promise.getAttribute("data-threshold"), await promise.textContent()];
  // The same once more: the promise is the same, and not that of 24.
  await page.getByTestId("normal-input").setInputFiles(scenes(12));
  assert.equal(await viewsOf(page, 24), 12);
  assert.match(await page.getByTestId("normal-views").textContent(), /These 24 pictures are about 12 different views/);
  assert.equal(await promise.getAttribute("data-threshold"), threshold);
  assert.equal(await promise.textContent(), said);
  // What was fitted says nothing of the next image.
  await page.getByTestId("try-input").setInputFiles([file("again.png", scenery(3)), file("new.png", scenery(40))]);
  await verdicts(page, 2);
  const fittedNote = (name) => page.locator(`[data-testid=tried-one][data-name="${name}"] [data-testid=tried-fitted]`).isVisible();
  assert.deepEqual([await fittedNote("again.png"), await fittedNote("new.png")], [true, false]);

  await page.getByRole("button", { name: "Remove all" }).click();
  const burst = [0, 1, 2].flatMap((i) => Array.from({ length: 9 }, (_, frame) => file(`${i}-${frame}.png`, scenery(i, frame))));
  await page.getByTestId("normal-input").setInputFiles(burst);
  assert.equal(await viewsOf(page, 27), 3);
  assert.match(await page.getByTestId("normal-views").textContent(), /about 3 different views.*other sides.*8 views at least/);
  assert.match(await page.getByTestId("normal-count").textContent(), /40 different ones are good/);
  assert.match(await promise.textContent(), /25 % are expected there; with 3 views/);
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

test("a title with a tab is saved so that it opens again", { timeout: 300_000 }, async () => {
  const lab = await open("");
  const { page } = lab;
  await page.getByTestId("normal-input").setInputFiles(parts(8));
  await fitted(page, 8);
  await page.getByTestId("normal-title").fill("Round\tparts \u0007");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("normal-save").click()]);
  const zip = join(temporaryFolder(), "parts.zip");
  await download.saveAs(zip);
  const image = join(temporaryFolder(), "part.png");
  writeFileSync(image, part(20));
  assert.match(nsa("predict", "--bundle", zip, image, "--device", "cpu"), /\(Round parts\)/);
  await page.getByTestId("normal-open").setInputFiles(zip);
  await page.waitForFunction(() => document.querySelector("[data-testid=normal-title]").value === "Round parts");
  assert.deepEqual(lab.complaints, []);
  await lab.close();
});

for (const [what, spoil] of [
  ["full", () => { Cache.prototype.put = async () => { throw new DOMException("no room", "QuotaExceededError"); }; }],
  ["not there, as in some private windows", () => { Object.defineProperty(window, "caches", { value: undefined }); }],
]) {
  test(`where storage is ${what} the view goes on, and says that nothing is kept`, { timeout: 200_000 }, async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
    const page = await context.newPage();
    await page.addInitScript(spoil);
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${site.url}?view=yours&backend=cpu`);
    await page.getByTestId("normal-input").setInputFiles(parts(8));
    await fitted(page, 8);
    await page.getByTestId("normal-kept").filter({ hasText: /These images are not kept when you leave: .*save them as a bundle/ }).waitFor();
    await page.getByTestId("try-input").setInputFiles([file("odd.png", part(99, true))]);
    await verdicts(page, 1);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("normal-save").click()]);
    assert.equal(download.suggestedFilename(), "my-normal.zip");
    await page.reload();
    await page.getByTestId("normal-count").waitFor();
    assert.equal(await page.getByTestId("normal-count").getAttribute("data-images"), "0");
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test("two tabs add to what is kept, and neither overwrites the other's", { timeout: 300_000 }, async () => {
  const context = await browser.newContext();
  const address = `${site.url}?view=yours&backend=cpu`;
  // Both are open before anything is kept.
  const [one, other] = [await context.newPage(), await context.newPage()];
  for (const page of [one, other]) {
    await page.goto(address);
    await page.getByTestId("normal-count").waitFor();
  }
  const kept = (page, text) => page.getByTestId("normal-kept").filter({ hasText: text }).waitFor();
  await one.getByTestId("normal-input").setInputFiles(parts(9));
  await kept(one, /keeps the 9 images/);
  await other.getByTestId("normal-input").setInputFiles([0, 1, 2].map((i) => file(`other-${i}.png`, part(50 + i))));
  await kept(other, /keeps the 12 images .* 9 of them were added in another tab/);
  await one.getByRole("button", { name: "Remove part-3.png" }).click();
  await kept(one, /keeps the 11 images .* 3 of them were added in another tab/);
  await one.reload();
  await fitted(one, 11);
  const names = await one.locator("[data-testid=normal-images] button").evaluateAll((all) => all.map((button) => button.title));
  assert.ok(names.includes("Remove other-2.png") && !names.includes("Remove part-3.png"), names.join(", "));
  // At the same moment.
  await Promise.all([
    one.getByTestId("normal-input").setInputFiles([file("late.png", part(70))]),
    other.getByTestId("normal-input").setInputFiles([file("later.png", part(71))]),
  ]);
  await other.waitForTimeout(2000);
  await one.reload();
  await fitted(one, 13);
  // Forgotten is all of it.
  await one.getByRole("button", { name: "Forget the images" }).click();
  await one.waitForTimeout(500);
  await one.reload();
  await one.waitForTimeout(1500);
  assert.equal(await one.getByTestId("normal-count").getAttribute("data-images"), "0");
  await context.close();
});

/** A browser with so many cameras, which it films by itself. */
const withCameras = (n, ...flags) =>
  launch("--use-fake-ui-for-media-stream", `--use-fake-device-for-media-stream=device-count=${n}`, ...flags);

test("the page counts views while the camera takes a burst", { timeout: 200_000 }, async () => {
  const filming = await withCameras(1);
  const lab = await Lab.open(filming, site.url, "?view=yours&backend=cpu", { permissions: ["camera"] });
  const { page } = lab;
  await page.getByTestId("yours-normal").getByTestId("camera-on").click();
  await page.getByTestId("normal-burst").click();
  const told = await page.waitForFunction(() => {
    const views = document.querySelector("[data-testid=normal-views]");
    const left = document.querySelector("[data-testid=normal-burst]").textContent;
    return /^\d+$/.test(left) && views.dataset.views && { left, said: views.textContent };
  }, null, { timeout: 30_000 });
  const { left, said } = await told.jsonValue();
  assert.ok(Number(left) > 0, "the burst still goes on");
  assert.match(said, /view/);
  assert.deepEqual(lab.complaints, []);
  await filming.close();
});

test("another camera, one that another program takes, one that turns, and an engine that stops meanwhile", { timeout: 300_000 }, async () => {
  const filming = await withCameras(2);
  const context = await filming.newContext({ permissions: ["camera"] });
  const page = await context.newPage();
  await keepEngines(page);
  const lab = new Lab(page);
  await page.goto(`${site.url}?view=yours&backend=cpu`);
  await page.getByTestId("normal-input").setInputFiles(Array.from({ length: 12 }, (_, i) => file(`scene-${i}.png`, scenery(i))));
  await fitted(page, 12);
  const step = page.getByTestId("yours-try");
  // Pressed twice: the browser is asked once.
  await step.getByTestId("camera-on").dblclick();
  const looks = async () => Number((await page.getByTestId("live-rate").textContent()).match(/^\d+/)[0]);
  const goesOn = async (what) => {
    await page.getByTestId("live-rate").waitFor();
    const before = await looks();
    await page.waitForFunction(
      (before) => Number(document.querySelector("[data-testid=live-rate]")?.textContent.match(/^\d+/)[0]) > before, before, { timeout: 60_000 },
    ).catch(() => assert.fail(`${what}: no look after ${before}`));
  };
  await goesOn("switched on");
  const track = (what) => page.evaluate((what) => {
    const [track] = document.querySelector("[data-testid=yours-try] video").srcObject.getTracks();
    globalThis.before ??= track;
    if (what) {
      Object.defineProperty(track, "muted", { value: what === "mute", configurable: true });
      track.dispatchEvent(new Event(what));
    }
    return { id: track.getSettings().deviceId, firstIs: before.readyState };
  }, what);
  const menu = step.getByTestId("camera-which");
  const cameras = await menu.locator("option").evaluateAll((all) => all.map((option) => option.value));
  assert.equal(cameras.length, 2);
  const first = await track();
  assert.equal(await menu.inputValue(), first.id);
  const second = cameras.find((id) => id !== first.id);
  await menu.selectOption(second);
  await page.waitForFunction((id) =>
    document.querySelector("[data-testid=yours-try] video").srcObject?.getTracks()[0].getSettings().deviceId === id, second);
  assert.deepEqual(await track(), { id: second, firstIs: "ended" });
  await goesOn("the other camera");

  await track("mute");
  const problem = step.getByTestId("camera-error");
  await problem.filter({ hasText: /another program may have taken it/ }).waitFor();
  await page.waitForTimeout(500);
  const still = await looks();
  await page.waitForTimeout(700);
  assert.equal(await looks(), still, "a picture that stands still is not judged");
  await track("unmute");
  await goesOn("given back");
  assert.ok(!(await problem.isVisible()));

  await page.evaluate(() => document.querySelector("[data-testid=yours-try] video").srcObject.getTracks()[0].applyConstraints({ width: 240, height: 320 }));
  await goesOn("turned");

  const engines = await page.evaluate(() => {
    const live = engines.at(-1);
    live.terminate();
    live.dispatchEvent(new ErrorEvent("error", { message: "RuntimeError: unreachable" }));
    return engines.length;
  });
  await page.waitForFunction((n) => engines.length > n - 1 && document.querySelector("[data-testid=normal-fit]").dataset.fit === "fitted", engines, { timeout: 60_000 });
  await page.waitForTimeout(1000);
  await goesOn("after another engine has started");
  assert.deepEqual(lab.complaints, []);
  await filming.close();
});

test("a camera that is refused twice and then allowed", { timeout: 120_000 }, async () => {
  const strict = await launch("--use-fake-device-for-media-stream", "--deny-permission-prompts");
  const lab = await Lab.open(strict, site.url, "?view=yours&backend=cpu");
  const step = lab.page.getByTestId("yours-normal");
  const on = step.getByTestId("camera-on");
  const refused = step.getByTestId("camera-error").filter({ hasText: /not allowed here: allow it for this page/ });
  for (let i = 0; i < 2; i++) {
    await on.click();
    await refused.waitFor();
    assert.ok(await on.isVisible(), "it can be asked for again");
  }
  await lab.page.context().grantPermissions(["camera"], { origin: new URL(site.url).origin });
  await on.click();
  await step.getByTestId("normal-hold").waitFor();
  assert.ok(!(await step.getByTestId("camera-error").isVisible()));
  assert.deepEqual(lab.complaints, []);
  await strict.close();
});

test("a camera that is refused is a sentence, and the rest goes on", { timeout: 120_000 }, async () => {
  const strict = await launch("--use-fake-device-for-media-stream", "--deny-permission-prompts");
  const lab = await Lab.open(strict, site.url, "?view=yours&backend=cpu");
  await lab.page.getByTestId("yours-normal").getByTestId("camera-on").click();
  await lab.page.getByTestId("yours-normal").getByTestId("camera-error").filter({ hasText: /./ }).waitFor();
  await lab.page.getByTestId("normal-input").setInputFiles(parts(8));
  await fitted(lab.page, 8);
  await strict.close();
});

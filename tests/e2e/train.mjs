// The view that trains, as a visitor meets it; and zips that are stored, not compressed, as it gives them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Lab } from "./lab.mjs";

export class Training {
  /** Opens the view and waits until the untrained networks are measured. */
  static async open(browser, url, query, options) {
    const lab = await Lab.open(browser, url, `?view=train&${query}`, options);
    const training = new Training(lab);
    await training.until("resting");
    return training;
  }

  constructor(lab) {
    this.lab = lab;
    this.page = lab.page;
  }

  /** Waits for a status: downloading, preparing, resting, playing, finished, dead. */
  async until(status, timeout = 240_000) {
    await this.page.waitForFunction(
      (s) => document.querySelector("[data-testid=train-status]")?.dataset.status === s, status, { timeout });
  }

  /** Waits until every run has been measured after this many epochs. */
  async untilEpoch(epoch, timeout = 240_000) {
    await this.page.waitForFunction((wanted) => {
      const panels = [...document.querySelectorAll("[data-testid=train-panel]")];
      return panels.length > 0 && panels.every((panel) => Number(panel.dataset.epoch) >= wanted);
    }, epoch, { timeout });
  }

  click(testid) {
    return this.page.locator(`[data-testid=${testid}]`).first().click();
  }

  text(testid) {
    return this.page.locator(`[data-testid=${testid}]`).first().textContent();
  }

  /** Of each run: epoch and kappa of the frame shown. */
  panels() {
    return this.page.$$eval("[data-testid=train-panel]", (panels) =>
      panels.map((panel) => ({ epoch: Number(panel.dataset.epoch), kappa: Number(panel.dataset.kappa) })));
  }

  /** Waits until the browser keeps the runs as they stood after this epoch; null: until it keeps none. */
  async untilKept(epoch) {
    await this.page.waitForFunction(async (wanted) => {
      const kept = await (await caches.open("nsa-runs")).match("kept-runs");
      if (!kept) return wanted === null;
      const bytes = await kept.arrayBuffer();
      const head = new Uint8Array(bytes, 4, new DataView(bytes).getUint32(0, true));
      return JSON.parse(new TextDecoder().decode(head)).runs.every((run) => run.history.at(-1).epoch === wanted);
    }, epoch, { timeout: 30_000 });
  }

  /** The rows of a chart's table, as numbers. */
  async table(testid, index = 0) {
    const chart = this.page.locator(`[data-testid=${testid}]`).nth(index);
    const details = chart.locator("details");
    if (!(await details.evaluate((d) => d.open))) await details.locator("summary").click();
    await details.locator("tbody").waitFor();
    return details.locator("tbody tr").evaluateAll((rows) =>
      rows.map((row) => [...row.children].map((cell) => Number(cell.textContent))));
  }

  /** Settings of every run, as the page writes them for `nsa train --config`. */
  settings() {
    return this.page.locator("[data-testid=train-settings]").allTextContents();
  }

  /** Moves the slider of epochs. */
  async scrub(epoch) {
    await this.page.locator("[data-testid=train-epoch]").evaluate((slider, value) => {
      slider.value = value;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }, String(epoch));
  }

  /** Saves run `index` and gives the path of the download. */
  async save(index, folder) {
    const [download] = await Promise.all([
      this.page.waitForEvent("download", { timeout: 120_000 }),
      this.page.locator("[data-testid=train-save]").nth(index).click(),
    ]);
    const path = join(folder, download.suggestedFilename());
    await download.saveAs(path);
    return path;
  }
}

/** Unpacks a zip of stored files into a new folder, and gives the folder. */
export function unzip(path) {
  const bytes = readFileSync(path);
  const folder = path.replace(/\.zip$/, "");
  mkdirSync(folder);
  // The end record says where the central directory begins; its entries say where the files are.
  const end = bytes.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  let at = bytes.readUInt32LE(end + 16);
  for (let i = 0; i < bytes.readUInt16LE(end + 10); i++) {
    const [method, size] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 24)];
    const [name, extra, comment] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset));
    const header = bytes.readUInt32LE(at + 42);
    if (method !== 0) throw new Error("a compressed file");
    const start = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
    writeFileSync(join(folder, bytes.toString("utf8", at + 46, at + 46 + name)), bytes.subarray(start, start + size));
    at += 46 + name + extra + comment;
  }
  return folder;
}

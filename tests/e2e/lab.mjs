// The lab as a visitor meets it: a page object for the tests.
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const DIST = join(ROOT, "dist");

// playwright-core is installed outside the clone; NODE_PATH says where.
const load = createRequire(import.meta.url);
const { chromium } = load("playwright-core");

/** Where an installed package's file lies. */
export const installed = (file) => load.resolve(file);

/** Chromium with WebGPU by its software adapter: proves correctness, not speed. `flags` are added to its own. */
export function launch(...flags) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader",
      ...flags,
    ],
  });
}

export class Lab {
  /** Opens the page and collects what it must never do: errors, and requests to other origins. */
  static async open(browser, url, query = "", options = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const lab = new Lab(page);
    page.on("pageerror", (error) => lab.complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (/Content Security Policy|panicked/.test(message.text())) lab.complaints.push(message.text());
    });
    page.on("request", (request) => {
      const target = request.url();
      if (!target.startsWith(url) && !/^(blob|data):/.test(target)) lab.complaints.push(`request to ${target}`);
    });
    await page.goto(url + query);
    return lab;
  }

  constructor(page) {
    this.page = page;
    this.complaints = [];
  }

  state() {
    return this.page.evaluate(() => document.documentElement.dataset.state);
  }

  async until(state, timeout = 240_000) {
    await this.page.waitForFunction((s) => document.documentElement.dataset.state === s, state, { timeout });
  }

  /** Every tile: split, class, index, score. */
  tiles() {
    return this.page.$$eval("[data-testid=tile]", (tiles) => tiles.map((t) => ({ ...t.dataset })));
  }

  async close() {
    await this.page.context().close();
  }
}

/** Keeps the engines that a page starts in its `engines`, so that a test can end one. Called before the page opens. */
export const keepEngines = (page) =>
  page.addInitScript(() => {
    globalThis.engines = [];
    globalThis.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        engines.push(this);
      }
    };
  });

/** The native program. */
export const NSA = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "release", "nsa");

/** Runs the native program and returns what it printed. */
export function nsa(...args) {
  return execFileSync(NSA, args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28 });
}

export function temporaryFolder() {
  return mkdtempSync(join(tmpdir(), "nsa-lab-"));
}

/** A PNG of `width x height` pixels, `pixel(x, y)` giving [r, g, b]. */
export function png(width, height, pixel) {
  const raw = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) raw.set(pixel(x, y), y * (1 + 3 * width) + 1 + 3 * x);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, pngChunk("IHDR", header), pngChunk("IDAT", deflateSync(raw)), pngChunk("IEND", Buffer.alloc(0))]);
}

/** A piece of a PNG, with its length and checksum. */
export function pngChunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "ascii"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), body.length + 4);
  return out;
}

function crc(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}

// The cells of docs/notebook.ipynb, run as a notebook would where Python with NumPy is there.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Lab, NSA, ROOT, launch, temporaryFolder } from "./lab.mjs";

const python = process.env.PYTHON ?? "python3";
const has = (module) => spawnSync(python, ["-c", `import ${module}`]).status === 0;

test("the notebook shows the lab and reads features", { timeout: 600_000, skip: !has("numpy") && "no Python with NumPy here" }, async () => {
  const cells = JSON.parse(readFileSync(join(ROOT, "docs", "notebook.ipynb"), "utf8")).cells;
  const code = cells.filter((cell) => cell.cell_type === "code").map((cell) => cell.source.join(""));
  const folder = temporaryFolder();
  if (!has("IPython")) {
    // All that the notebook takes of it.
    mkdirSync(join(folder, "IPython"));
    writeFileSync(join(folder, "IPython", "__init__.py"), "");
    writeFileSync(join(folder, "IPython", "display.py"),
      "class IFrame:\n    def __init__(self, src, width, height):\n        self.src = src\n");
  }
  writeFileSync(join(folder, "cells.py"), [...code, 'print("FRAME", frame.src, flush=True)', "import time; time.sleep(300)"].join("\n\n"));
  const run = spawn(python, [join(folder, "cells.py")], { cwd: ROOT, env: { ...process.env, PYTHONPATH: folder, NSA } });
  let told = "";
  let failed = "";
  run.stderr.on("data", (bytes) => (failed += bytes));
  const address = await new Promise((resolve, reject) => {
    run.stdout.on("data", (bytes) => {
      told += bytes;
      const frame = /FRAME (\S+)/.exec(told);
      if (frame) resolve(frame[1]);
    });
    run.on("exit", () => reject(new Error(failed)));
  });
  const [, normal, others] = /digit 2: ([\d.]+) degrees for twos, ([\d.]+) for the others/.exec(told);
  assert.ok(Number(normal) < Number(others), told);

  const browser = await launch();
  const lab = await Lab.open(browser, new URL("/", address).href, `${new URL(address).search}&backend=cpu&n=8&model=digits`);
  await lab.until("ready");
  assert.equal(await lab.page.evaluate(() => document.documentElement.dataset.view), "separate");
  const bundles = readdirSync(join(ROOT, "assets", "bundles")).filter((id) => existsSync(join(ROOT, "assets", "bundles", id, "bundle.json")));
  const menu = await lab.page.$$eval("select[name=model] option", (options) => options.map((option) => option.value));
  assert.deepEqual(menu.sort(), bundles.sort(), "the folder's bundles are in the menu");
  assert.deepEqual(lab.complaints, []);
  await browser.close();
  run.removeAllListeners("exit");
  run.kill();
});

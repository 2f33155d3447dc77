// Trains two small runs for as many steps as asked and prints the trainer's memory after every tenth epoch:
//   . scripts/env.sh && NODE_PATH="$NSA_CACHE/node/node_modules" node tests/e2e/soak-train.mjs [STEPS] [QUERY]
import { DIST, launch } from "./lab.mjs";
import { serve } from "./serve.mjs";
import { Training } from "./train.mjs";

const steps = Number(process.argv[2] ?? 2000);
const query = process.argv[3] ?? `backend=cpu&train=c1-w4-b16-n256-e${Math.ceil(steps / 16)}-s0`;
const [browser, site] = [await launch(), await serve(DIST)];
const started = Date.now();
const training = await Training.open(browser, site.url, query);
console.log(`ready after ${((Date.now() - started) / 1e3).toFixed(1)} s`);
await training.click("train-play");
const played = Date.now();
await training.untilEpoch(1, 3_600_000);
console.log(`kappa of the first epoch after ${((Date.now() - played) / 1e3).toFixed(1)} s`);
for (let epoch = 1; ; epoch += 10) {
  await training.untilEpoch(epoch, 3_600_000);
  const status = training.page.locator("[data-testid=train-status]");
  const [memory, state] = [Number(await status.getAttribute("data-memory")), await status.getAttribute("data-status")];
  console.log(`epoch ${epoch}, ${((Date.now() - played) / 1e3).toFixed(0)} s: ${(memory / 1e6).toFixed(1)} MB; ${await status.textContent()}`);
  if (state === "finished" || epoch * 16 >= steps) break;
}
await browser.close();
site.close();

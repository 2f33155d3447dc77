// How many pictures of a camera a second the CPU engine judges, in the view "Yours" of the built site.
//
//   node tests/bench/camera.mjs [MODEL ...]      (needs the built site in dist/; Chromium plays a camera of 640 x 480)
import { DIST, Lab, launch } from "../e2e/lab.mjs";
import { serve } from "../e2e/serve.mjs";

const site = await serve(process.env.SITE ?? DIST);
const models = process.argv.length > 2 ? process.argv.slice(2) : ["digits", "general"];
for (const model of models) {
  const browser = await launch("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream");
  const { page } = await Lab.open(browser, site.url, `?view=yours&backend=cpu&model=${model}`, { permissions: ["camera"] });
  const step = (name) => page.getByTestId(name);
  await step("yours-normal").getByTestId("camera-on").click();
  await step("normal-burst").click();
  await page.waitForFunction(() => document.querySelector("[data-testid=normal-count]").dataset.images === "50", null, { timeout: 60_000 });
  await step("yours-normal").getByTestId("camera-off").click();
  await page.waitForFunction(() => document.querySelector("[data-testid=normal-fit]").dataset.fit === "fitted", null, { timeout: 120_000 });
  const fitted = await step("normal-fit").textContent();
  await step("yours-try").getByTestId("camera-on").click();
  await page.waitForTimeout(20_000);
  console.log(`${model}: ${await step("live-rate").textContent()} ${fitted}`);
  await browser.close();
}
site.close();

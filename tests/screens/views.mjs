// Pictures of every view for people to look at: light and dark, desktop and phone.
//
//   node tests/screens/views.mjs FOLDER [QUERY]       (`make screens`; needs the built site in dist/)
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DIST, Lab, launch } from "../e2e/lab.mjs";
import { serve } from "../e2e/serve.mjs";

const folder = process.argv[2] ?? "screens";
const query = process.argv[3] ?? "backend=cpu&n=200";
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

mkdirSync(folder, { recursive: true });
const browser = await launch();
const site = await serve(DIST);
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"]) {
    const lab = await Lab.open(browser, site.url, `?${query}`, {
      viewport, colorScheme, reducedMotion: "reduce", deviceScaleFactor: size === "phone" ? 2 : 1,
    });
    await lab.until("ready");
    const tabs = await lab.page.$$eval("nav.tabs a", (links) => links.map((a) => new URL(a.href).search));
    for (const search of tabs) {
      await lab.page.goto(site.url + search);
      await lab.until("ready");
      await lab.page.waitForTimeout(500);
      const view = new URLSearchParams(search).get("view") ?? "score";
      const path = join(folder, `${view}-${size}-${colorScheme}.png`);
      await lab.page.screenshot({ path, fullPage: size === "phone" });
      console.log(path);
    }
    for (const complaint of lab.complaints) console.error(complaint);
    await lab.close();
  }
}
await browser.close();
site.close();

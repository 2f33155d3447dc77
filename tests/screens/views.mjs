// Pictures of every view, and of every scene before a room, for people to look at.
//
//   node tests/screens/views.mjs FOLDER [QUERY]       (`make screens`; needs the built site in dist/)
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DIST, Lab, launch } from "../e2e/lab.mjs";
import { serve } from "../e2e/serve.mjs";

const folder = process.argv[2] ?? "screens";
const query = process.argv[3] ?? "backend=cpu";
const SIZES = {
  phone: { width: 360, height: 740 },
  tablet: { width: 768, height: 1024 },
  desktop: { width: 1280, height: 720 },
  wide: { width: 1920, height: 1080 },
};

mkdirSync(folder, { recursive: true });
const browser = await launch();
const site = await serve(DIST);
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"]) {
    const lab = await Lab.open(browser, site.url, `?${query}`, { viewport, colorScheme, reducedMotion: "reduce" });
    await lab.until("ready");
    const picture = async (name, fullPage) => {
      await lab.page.waitForTimeout(700);
      const path = join(folder, `${name}-${size}-${colorScheme}.png`);
      await lab.page.screenshot({ path, fullPage });
      console.log(path);
    };
    const tabs = await lab.page.$$eval("nav.tabs a", (links) => links.map((a) => new URL(a.href).search));
    for (const search of tabs) {
      await lab.page.goto(site.url + search);
      await lab.until("ready");
      const view = new URLSearchParams(search).get("view") ?? "score";
      if (view === "score") await picture("first", false);
      await picture(view, true);
    }
    for (let scene = 1; viewport.width >= 1280 && scene <= 9; scene++) {
      await lab.page.goto(`${site.url}?view=story&scene=${scene}&present=1&${query}`);
      await lab.until("ready");
      await picture(`scene-${scene}`, false);
      if (!(await lab.page.getByTestId("scene-show").isVisible())) continue;
      await lab.page.getByTestId("scene-show").click();
      await picture(`scene-${scene}-answered`, false);
    }
    for (const complaint of lab.complaints) console.error(complaint);
    await lab.close();
  }
}
await browser.close();
site.close();

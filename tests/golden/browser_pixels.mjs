// What Chromium shows of every file in a folder, written beside it as NAME.rgb; see make_browser.py.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { launch } from "../e2e/lab.mjs";

const folder = process.argv[2];
const names = readdirSync(folder);
const server = createServer((request, response) => {
  const name = decodeURIComponent(request.url.slice(1));
  const known = names.includes(name);
  response.setHeader("content-type", known ? "application/octet-stream" : "text/html");
  response.end(known ? readFileSync(join(folder, name)) : "<!doctype html>");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await launch();
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);

for (const name of names) {
  const shown = await page.evaluate(async (name) => {
    const file = new File([await (await fetch(`/${name}`)).blob()], name);
    let bitmap;
    try {
      bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
    } catch {
      return null;
    }
    const { width, height } = bitmap;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, rgb: [...data].filter((_, i) => i % 4 < 3) };
  }, name);
  if (!shown) continue;
  const size = Buffer.alloc(8);
  size.writeUInt32LE(shown.width, 0);
  size.writeUInt32LE(shown.height, 4);
  writeFileSync(join(folder, `${name}.rgb`), Buffer.concat([size, Buffer.from(shown.rgb)]));
}
await browser.close();
server.close();

// Serves the built site on a free local port, as any static server would.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

export const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** `change(path, bytes)` may answer with other bytes, to damage a file on its way. */
export async function serve(root, change = (_path, bytes) => bytes) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    requests.push(path);
    try {
      const bytes = change(path, await readFile(join(root, path === "/" ? "index.html" : path)));
      const type = TYPES[extname(path === "/" ? "index.html" : path)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "content-length": bytes.length, "cache-control": "no-store" });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, requests, close: () => server.close(), closeAll: () => server.closeAllConnections() };
}

// Serves a folder over a slow link: so many bytes a second for all connections together, and a delay before every answer.
//
// The browser could slow itself down, but not what its Workers and its service worker fetch; here all bytes wait alike. Like most
// static servers it compresses text and programs with Brotli (once, before anything is timed) and lets the browser ask whether
// a file has changed. Not emulated: TLS, and that a connection starts slowly.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TYPES } from "../e2e/serve.mjs";
import { brotli } from "./weigh.mjs";

/** Bytes that are sent at once: connections take turns. */
const PIECE = 8192;

/** Milliseconds since 1970, with fractions, as the page's `performance.timeOrigin` has them. */
export const now = () => performance.timeOrigin + performance.now();

/** `sent` collects the bytes of bodies with the time at which they went out, `answers` the statuses. */
export async function slowly(root, { bytesPerSecond, latency, quality }) {
  const files = new Map(readdirSync(root, { recursive: true })
    .map((name) => join(root, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => [`/${relative(root, path)}`, packed(path, quality)]));
  const log = { sent: [], answers: [] };
  let free = 0;
  const server = createServer(async (request, response) => {
    // A new connection costs one way to the server and back, the request another.
    await sleep(request.socket.greeted ? latency : 2 * latency);
    request.socket.greeted = true;
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const file = files.get(path === "/" ? "/index.html" : path);
    const status = !file ? 404 : request.headers["if-none-match"] === file.headers.etag ? 304 : 200;
    log.answers.push({ path, status });
    response.writeHead(status, file?.headers);
    if (status === 200) {
      for (let at = 0; at < file.body.length && !response.destroyed; at += PIECE) {
        const piece = file.body.subarray(at, at + PIECE);
        free = Math.max(free, now()) + (1000 * piece.length) / bytesPerSecond;
        await sleep(Math.max(0, free - now()));
        response.write(piece);
        log.sent.push({ time: now(), bytes: piece.length });
      }
    }
    response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, log, close: () => { server.close(); server.closeAllConnections(); } };
}

function packed(path, quality) {
  const bytes = readFileSync(path);
  const type = TYPES[extname(path)];
  const headers = {
    "content-type": type ?? "application/octet-stream",
    "cache-control": "no-cache",
    etag: `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`,
  };
  if (!type) return { body: bytes, headers: { ...headers, "content-length": bytes.length } };
  return { body: brotli(bytes, quality), headers: { ...headers, "content-encoding": "br" } };
}

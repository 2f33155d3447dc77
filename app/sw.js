// Keeps the lab for the time when there is no network.
//
// The network goes first, so that a page is never older than its server; what arrives is kept, and answers when the
// network does not. Each build has a cache of its own: scripts/seal-site.sh writes VERSION, a checksum of all files.
const VERSION = "unsealed";
const CACHE = `nsa-lab-${VERSION}`;

// What the page needs to paint and to show something real. Engines, bundles and the rest of the page are kept once the first
// view is ready.
const SHELL = [
  "./", "boot.js", "nsa-app.js", "nsa-app_bg.wasm", "icon.svg", "lab.css", "assets/catalog.json",
];
/** A file as the page has just fetched it, if the browser still has that: the server is not asked for it again. */
const asUsed = (url) => new Request(url, { cache: "force-cache" });

addEventListener("install", (event) => {
  const install = async () => {
    // Where another build was kept before, what the page has just fetched may be that one's.
    const first = !(await caches.keys()).some((name) => name.startsWith("nsa-lab-"));
    await (await caches.open(CACHE)).addAll(first ? SHELL.map(asUsed) : SHELL);
    await skipWaiting();
  };
  event.waitUntil(install());
});

addEventListener("activate", (event) => {
  const purge = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith("nsa-lab-") && name !== CACHE).map((name) => caches.delete(name)));
    await clients.claim();
  };
  event.waitUntil(purge());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  event.respondWith(answer(request));
});

// On the first visit the page and its engine loaded before this worker: the page names what they used.
addEventListener("message", (event) => {
  if (event.data?.type !== "keep") return;
  const keep = async () => {
    const cache = await caches.open(CACHE);
    for (const url of event.data.urls) {
      if (!url.startsWith(location.origin) || (await cache.match(key(url)))) continue;
      const response = await fetch(asUsed(url)).catch(() => undefined);
      if (response?.status === 200) await cache.put(key(url), response).catch(() => {});
    }
    event.source?.postMessage({ type: "kept" });
  };
  event.waitUntil(keep());
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    // A copy of a part (206) or of an error is not worth keeping.
    if (response.status === 200) calmly(cache.put(key(request.url), response.clone()));
    return response;
  } catch {
    const kept = await cache.match(key(request.url));
    // A kept response carries the address that it was kept under. Without one it gets that of the request, in whose
    // query a Worker is told which engine it is.
    return kept ? new Response(kept.body, kept) : Response.error();
  }
}

/** Settings in the query do not make another file. */
function key(url) {
  const bare = new URL(url, location.href);
  bare.search = "";
  bare.hash = "";
  if (bare.pathname.endsWith("/index.html")) bare.pathname = bare.pathname.slice(0, -"index.html".length);
  return bare.href;
}

/** A full disk is no reason to fail. */
function calmly(promise) {
  promise.catch(() => {});
}

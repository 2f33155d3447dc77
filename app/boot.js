// Starts the page's program. index.html is readable before it runs, and says so if it cannot.
import init from "./nsa-app.js";

init().catch((error) => {
  const banner = document.getElementById("panic");
  banner.querySelector("[data-message]").textContent =
    `The page's program did not start (${error?.message ?? error}). It needs a browser with WebAssembly SIMD: a current Chrome, Firefox, Edge or Safari.`;
  banner.hidden = false;
  document.documentElement.dataset.state = "error";
});

// What the engine is given of a model.
const modelFiles = ["bundle.json", "history.json", "model.safetensors", "bank.safetensors"];

// The link is idle while the browser compiles the page's program and starts the engine: the files of the model that is opened first
// come meanwhile. The program asks for them by the same addresses.
const { firstModel } = document.documentElement.dataset;
if (firstModel && !/[?&](model|view|scene)=/.test(location.search)) {
  document.querySelector("link[rel=preload][href$='nsa-app_bg.wasm']")?.addEventListener("load", () => {
    for (const file of modelFiles) {
      const href = `assets/bundles/${firstModel}/${file}`;
      document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "fetch", crossOrigin: "anonymous", href }));
    }
  });
}

// Works offline after the first visit: see sw.js. Without a service worker everything else works as before.
const root = document.documentElement;
const workers = (() => {
  try {
    return navigator.serviceWorker;
  } catch {
    // A frame without an origin of its own may not ask.
    return undefined;
  }
})();
if (workers) {
  workers.register("sw.js").catch(() => {});
  workers.addEventListener("message", (event) => {
    if (event.data?.type === "kept") root.dataset.offline = "ready";
  });
  const keep = async () => {
    if (root.dataset.state !== "ready") return;
    const { active } = await workers.ready;
    const { backend, trainer, model } = root.dataset;
    const files = [...modelFiles, "frames.safetensors"];
    const used = performance.getEntriesByType("resource").map((entry) => entry.name);
    // What Workers fetched is not on the page's own list.
    const programs = [backend && `engine-${backend}`, trainer && `trainer-${trainer}`].filter(Boolean);
    const engines = programs.flatMap((name) => [`worker.js?engine=${name}`, `${name}.js`, `${name}_bg.wasm`]);
    const urls = ["split_rest.wasm", ...engines, ...files.map((file) => `assets/bundles/${model}/${file}`)].map((file) => new URL(file, document.baseURI).href);
    active.postMessage({ type: "keep", urls: [...used, ...urls] });
  };
  new MutationObserver(keep).observe(root, { attributeFilter: ["data-state", "data-model", "data-trainer"] });
}

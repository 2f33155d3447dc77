// Starts the page's program, and what it will want first while it is on its way. index.html is readable before it runs, and says
// so if it cannot.
import init from "./nsa-app.js";

const root = document.documentElement;
const settings = new URLSearchParams(location.search);

// What the engine is given of a model.
const modelFiles = ["bundle.json", "history.json", "model.safetensors", "bank.safetensors"];

/** Words in the names of programs that play a graphics processor. */
const software = ["swiftshader", "llvmpipe", "lavapipe", "software", "basic render"];

/** Whether there is a real one. A played one is far slower than the CPU engine, so it is asked for, never the browser's name. */
async function hasHardwareAdapter() {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return false;
  const { isFallbackAdapter, vendor, architecture, device, description } = adapter.info ?? {};
  if (adapter.isFallbackAdapter ?? isFallbackAdapter) return false;
  const name = [vendor, architecture, device, description].join(" ").toLowerCase();
  return !software.some((word) => name.includes(word));
}

const hardware = hasHardwareAdapter().catch(() => false);
/** The engine that the page will ask for: its Worker, and what it has said before the page listens. */
let early;
/** Whether the page has asked for it. */
let asked = false;

// What the page's program asks of this script.
globalThis.nsaLab = {
  hasHardwareAdapter: () => hardware,
  /** The Worker that runs `engine`, if it was started here; nothing else does. It says once more what it has said. */
  takeWorker(engine) {
    asked = true;
    if (early?.engine !== engine) return undefined;
    const { worker, said } = early;
    early = undefined;
    queueMicrotask(() => said.forEach((data) => worker.dispatchEvent(new MessageEvent("message", { data }))));
    return worker;
  },
};

/** Starts it, and lets its program come once `there` is. */
async function startEngine(there) {
  const choice = settings.get("backend");
  const backend = ["cpu", "webgpu"].includes(choice) ? choice : (await hardware) ? "webgpu" : "cpu";
  // Who trains may want none.
  if (asked || settings.get("view") === "train") return;
  const engine = `engine-${backend}`;
  const worker = new Worker(`worker.js?engine=${engine}&held`, { type: "module" });
  const said = [];
  early = { worker, engine, said };
  // One that fails is forgotten: the page starts another, and hears for itself what is wrong.
  const forget = () => {
    worker.terminate();
    early = undefined;
  };
  worker.onerror = forget;
  worker.onmessage = ({ data }) => (data.startsWith('{"crashed"') ? forget() : said.push(data));
  await there;
  worker.postMessage("go");
}

/** The files of the model that is opened first. The program asks for them by the same addresses. */
function fetchModel() {
  const { firstModel } = root.dataset;
  if (!firstModel || ["model", "view", "scene"].some((name) => settings.has(name))) return;
  for (const file of modelFiles) {
    const href = `assets/bundles/${firstModel}/${file}`;
    document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "fetch", crossOrigin: "anonymous", href }));
  }
}

/** Waits for most of a response: what is asked for then follows it on the link without a gap. */
async function mostOf(response, bytes) {
  const reader = response.body.getReader();
  for (let here = 0; here < 0.85 * bytes; ) {
    const { done, value } = await reader.read();
    if (done) return;
    here += value.length;
  }
  await reader.cancel();
}

// The link would be idle while the browser starts the page's program: the engine and the model follow it at once.
const program = fetch(new URL("nsa-app_bg.wasm", import.meta.url));
const there = program.then((response) => mostOf(response.clone(), root.dataset.programBytes));
there.then(fetchModel).catch(() => {});
startEngine(there).catch(() => {});

init({ module_or_path: program }).catch((error) => {
  const banner = document.getElementById("panic");
  banner.querySelector("[data-message]").textContent =
    `The page's program did not start (${error?.message ?? error}). It needs a browser with WebAssembly SIMD: a current Chrome, Firefox, Edge or Safari.`;
  banner.hidden = false;
  root.dataset.state = "error";
});

// Works offline after the first visit: see sw.js. Without a service worker everything else works as before.
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
    const parts = ["rest", backend && `engine_${backend}`].filter(Boolean).map((part) => `split_${part}.wasm`);
    const engines = programs.flatMap((name) => [`worker.js?engine=${name}`, `${name}.js`, `${name}_bg.wasm`]);
    const urls = [...parts, ...engines, ...files.map((file) => `assets/bundles/${model}/${file}`)].map((file) => new URL(file, document.baseURI).href);
    active.postMessage({ type: "keep", urls: [...used, ...urls] });
  };
  new MutationObserver(keep).observe(root, { attributeFilter: ["data-state", "data-model", "data-trainer"] });
}

// Starts an engine inside a Web Worker: `worker.js?engine=engine-cpu` or `engine-webgpu`, or, to train, `trainer-cpu` or
// `trainer-webgpu`.
//
// With `&held` the program itself comes only after a first message, so that it leaves the link to the page's.
//
// The engine's program is streamed, so that the page can show bytes and percent while it compiles. Once it runs,
// the engine speaks for itself (app/engine/src/protocol.rs); this script adds the messages `download` and
// `crashed`.

const say = (event) => postMessage(JSON.stringify(event));
const crashed = (error) => say({ crashed: { message: `The engine stopped: ${error?.message ?? error}.` } });

addEventListener("error", (event) => {
  event.preventDefault();
  crashed(event.error ?? event.message);
});
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  crashed(event.reason);
});

/** A response whose bytes are counted as they pass. */
function counted(response) {
  // A compressed response announces its compressed size, but what passes here is unpacked.
  const packed = response.headers.has("content-encoding");
  const total = packed ? 0 : Number(response.headers.get("content-length") ?? 0);
  let loaded = 0;
  let told = 0;
  const counter = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      if (performance.now() - told > 50 || loaded === total) {
        told = performance.now();
        say({ download: { loaded, total } });
      }
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(counter), { headers: { "content-type": "application/wasm" } });
}

async function run(engine, held) {
  if (!["engine-cpu", "engine-webgpu", "trainer-cpu", "trainer-webgpu"].includes(engine)) throw new Error(`there is no engine named '${engine}'`);
  const program = async () => {
    if (held) await new Promise((resolve) => addEventListener("message", resolve, { once: true }));
    return fetch(new URL(`./${engine}_bg.wasm`, import.meta.url));
  };
  const [glue, response] = await Promise.all([import(`./${engine}.js`), program()]);
  if (!response.ok) throw new Error(`its program did not arrive (HTTP ${response.status})`);
  await glue.default({ module_or_path: counted(response) });
  await glue.start();
}

const settings = new URLSearchParams(location.search);
run(settings.get("engine"), settings.has("held")).catch(crashed);

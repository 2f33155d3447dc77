// What is compared, each in a Worker: image bytes are posted to it, and timed is until its answer is back.
//
// Both have the same three steps: the constructor starts the program, `load` brings a model of a base width, `run` puts a batch
// of images through it.

const IMAGE = 3 * 32 * 32;
/** Seconds after which an answer is no longer waited for. */
const PATIENCE = 30;
/** What the engine is given of a bundle. */
const FILES = ["bundle.json", "model.safetensors", "bank.safetensors", "history.json"];
const count = (pixels) => pixels.length / IMAGE;

/** The lab's engine, by the messages that the page sends it (app/engine/src/protocol.rs). */
export class Ours {
  #worker;
  #job = 0;
  /** What the engine says of itself. */
  device;

  constructor(backend) {
    this.#worker = new Worker(`/lab/worker.js?engine=engine-${backend}`, { type: "module" });
  }

  async load(width) {
    // Beside the program, as the page does it.
    const [files, { device }] = await Promise.all([
      Promise.all(FILES.map(async (file) => (await fetch(`/bundles/w${width}/${file}`)).blob())),
      this.#until("ready"),
    ]);
    this.device = device;
    const bytes = new Uint8Array(await new Blob(files).arrayBuffer());
    this.#post("open", { id: `w${width}`, sizes: files.map((file) => file.size) }, bytes);
    await this.#until("loaded");
  }

  /** Scores of every image, how many batches the engine made of them, and the bytes of memory that it holds then. */
  async run(pixels, patience) {
    const [scores, angles] = [[], []];
    let batches = 0;
    this.#post("score", { n: count(pixels) }, pixels);
    const { memory } = await this.#until("done", ({ scored }) => {
      if (!scored) return;
      scores.push(...scored.scores);
      angles.push(...scored.angles);
      batches += 1;
    }, patience);
    return { scores, angles, batches, memory };
  }

  stop() {
    this.#worker.terminate();
  }

  #post(request, fields, pixels) {
    this.#job += 1;
    this.#worker.postMessage([JSON.stringify({ [request]: { ...fields, job: this.#job } }), pixels]);
  }

  /** The next event of a name; `pass` sees every event on the way. */
  #until(name, pass = () => {}, patience = PATIENCE) {
    return answer("ours", this.#worker, patience, (resolve, reject) => {
      this.#worker.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        pass(event);
        if (event[name]) resolve(event[name]);
        const failure = event.failed ?? event.crashed;
        if (failure) reject(new Error(failure.message));
      };
    });
  }
}

/** onnxruntime-web with the same weights. */
export class Theirs {
  #worker;
  #job = 0;

  constructor(backend) {
    // Its name for the processor is that of what it runs on.
    this.#worker = new Worker(`/bench/onnxruntime.mjs?backend=${backend === "cpu" ? "wasm" : backend}`, { type: "module" });
  }

  load(width) {
    return this.#ask({ model: `/models/w${width}.onnx` });
  }

  async run(pixels) {
    return { features: await this.#ask({ pixels }) };
  }

  stop() {
    this.#worker.terminate();
  }

  #ask(message) {
    this.#job += 1;
    return answer("onnxruntime-web", this.#worker, PATIENCE, (resolve, reject) => {
      this.#worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.features));
      this.#worker.postMessage({ ...message, job: this.#job });
    });
  }
}

/** What `listen` makes of a Worker's answers, or an error if it stops or none comes. */
function answer(who, worker, patience, listen) {
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${who}: ${why}`));
    worker.onerror = (event) => fail(event.message ?? "its script did not load");
    const late = setTimeout(() => fail(`no answer within ${patience} s`), 1000 * patience);
    const over = (settle) => (value) => { clearTimeout(late); settle(value); };
    listen(over(resolve), over((error) => fail(error.message)));
  });
}

/** The first `n` of the images, or all of them again and again. */
export async function images(n) {
  const all = new Uint8Array(await (await fetch("/images.bin")).arrayBuffer());
  const pixels = new Uint8Array(n * IMAGE);
  for (let at = 0; at < pixels.length; at += all.length) pixels.set(all.subarray(0, pixels.length - at), at);
  return pixels;
}

/** Seconds that `work` takes. */
export async function timed(work) {
  const started = performance.now();
  await work();
  return Number(((performance.now() - started) / 1000).toFixed(4));
}

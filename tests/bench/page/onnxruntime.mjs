// A Worker around onnxruntime-web, as our engines are: `onnxruntime.mjs?backend=wasm` or `webgpu`. Image bytes come in, features
// go out.
const IMAGE = 3 * 32 * 32;
// core/src/model/pixels.rs
const [MEAN, STD] = [0.5, 0.25];

const backend = new URLSearchParams(location.search).get("backend");
const program = import(`/onnxruntime/ort.${backend}.min.mjs`);
let session;

/** One job after the other, each answered with its number. */
let last = Promise.resolve();
addEventListener("message", ({ data }) => {
  last = last.then(() => (data.model ? load(data.model) : run(data.pixels))).then(
    (features) => postMessage({ job: data.job, features }),
    (error) => postMessage({ job: data.job, error: String(error) }));
});

async function load(model) {
  const ort = await program;
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = "/onnxruntime/";
  session = await ort.InferenceSession.create(model, { executionProviders: [backend] });
}

async function run(bytes) {
  const { Tensor } = await program;
  const pixels = Float32Array.from(bytes, (byte) => (byte / 255 - MEAN) / STD);
  const { features } = await session.run({ pixels: new Tensor("float32", pixels, [bytes.length / IMAGE, 3, 32, 32]) });
  return features.data;
}

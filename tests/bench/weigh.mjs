// What programs weigh: `node tests/bench/weigh.mjs FILE.wasm ...` prints JSON.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

export function brotli(bytes, quality) {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
}

/** Bytes of a program as it is, and compressed as well as Brotli can and as a server in no hurry would. */
export function weigh(path) {
  const wasm = readFileSync(path);
  const [br9, br11] = [9, 11].map((quality) => brotli(wasm, quality).length);
  return { program: basename(path).replace(/(_bg)?\.wasm$/, ""), bytes: wasm.length, "brotli-9": br9, "brotli-11": br11 };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(process.argv.slice(2).map(weigh), null, 1));
}

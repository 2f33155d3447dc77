// What a program's bytes are: `node tests/bench/parts.mjs FILE.wasm ...` prints JSON. The files must have a name section, as
// sizes.sh links them.
//
// Compressed, repetitive code costs next to nothing and varied code much. A crate's share is therefore what the program, packed by
// Brotli, loses when the crate's functions are overwritten by zeros. Shares overlap a little, so they do not add up.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { brotli } from "./weigh.mjs";

const [CUSTOM, IMPORT, CODE, DATA] = [0, 2, 10, 11];
const FUNCTION_NAMES = 1;

/** Reads WebAssembly's numbers and strings one after the other. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  number() {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  piece() {
    const length = this.number();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  string() {
    return new TextDecoder().decode(this.piece());
  }

  limits() {
    const flags = this.byte();
    this.number();
    if (flags & 1) this.number();
  }
}

function* sections(bytes) {
  const reader = new Reader(bytes, 8);
  while (reader.at < bytes.length) yield { id: reader.byte(), content: reader.piece() };
}

/** How many functions come from outside: they are numbered first. */
function imported(content) {
  const reader = new Reader(content);
  let functions = 0;
  for (let left = reader.number(); left > 0; left -= 1) {
    reader.string();
    reader.string();
    const kind = reader.byte();
    if (kind === 0) reader.number(), (functions += 1);
    else if (kind === 1) reader.byte(), reader.limits();
    else if (kind === 2) reader.limits();
    else if (kind === 3) reader.at += 2;
    else throw new Error(`an import of the unknown kind ${kind}`);
  }
  return functions;
}

/** Names of functions by number, from the name section. */
function functionNames(reader) {
  const names = new Map();
  while (reader.at < reader.bytes.length) {
    const [id, part] = [reader.byte(), new Reader(reader.piece())];
    if (id !== FUNCTION_NAMES) continue;
    for (let left = part.number(); left > 0; left -= 1) names.set(part.number(), part.string());
  }
  return names;
}

/** The crate a function is counted to: that of the first path in its name. Derived code of serde goes to serde. */
function crate(name) {
  if (name.startsWith("core::ptr::drop_in_place")) return "drop_in_place";
  if (name.includes("serde")) return "serde";
  return name.match(/[A-Za-z_][A-Za-z0-9_]*(?=::|\[)/)?.[0] ?? "other";
}

function parts(path) {
  const bytes = readFileSync(path);
  let [first, names, bodies, code, data] = [0, new Map(), [], null, null];
  for (const { id, content } of sections(bytes)) {
    if (id === IMPORT) first = imported(content);
    if (id === DATA) data = content;
    if (id === CODE) {
      code = content;
      const reader = new Reader(content);
      for (let left = reader.number(); left > 0; left -= 1) bodies.push(reader.piece());
    }
    if (id === CUSTOM) {
      const reader = new Reader(content);
      if (reader.string() === "name") names = functionNames(reader);
    }
  }
  if (!names.size) throw new Error(`${path} has no names of functions: sizes.sh links them in`);

  const crates = new Map();
  for (const [number, body] of bodies.entries()) {
    const name = crate(names.get(first + number) ?? "");
    if (!crates.has(name)) crates.set(name, []);
    crates.get(name).push(body);
  }
  const whole = brotli(code, 9).length;
  const shares = [...crates].map(([name, own]) => {
    const without = Buffer.from(code);
    let bytes = 0;
    for (const body of own) {
      const at = body.byteOffset - code.byteOffset;
      without.fill(0, at, at + body.length);
      bytes += body.length;
    }
    return { name, functions: own.length, bytes, "brotli-9": whole - brotli(without, 9).length };
  });
  const rows = shares.sort((a, b) => b["brotli-9"] - a["brotli-9"]).slice(0, 12);
  rows.push({ name: "data", bytes: data.length, "brotli-9": brotli(data, 9).length });
  return { program: basename(path).replace(/(_bg)?\.wasm$/, ""), parts: rows };
}

console.log(JSON.stringify(process.argv.slice(2).map(parts), null, 1));

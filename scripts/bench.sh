#!/usr/bin/env bash
# Every benchmark, ours and what one would pick instead in turns, into tests/bench/*.json and BENCHMARKS.md.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh bench
. scripts/env.sh
rounds=${ROUNDS:-5}
venv="$NSA_CACHE/venv-golden"
if ! "$venv/bin/python" -c 'import faiss, onnx, sklearn, torch' 2>/dev/null; then
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet numpy scipy scikit-learn mpmath torch torchvision safetensors faiss-cpu onnx
fi
cargo build --release --workspace --bin nsa
trunk build --release
export NODE_PATH="$NSA_CACHE/node/node_modules"
"$venv/bin/python" tests/bench/native.py --nsa "$CARGO_TARGET_DIR/release/nsa" --out tests/bench/native.json --rounds "$rounds"
# A batch takes milliseconds there: more rounds, which end after half a minute.
node tests/bench/browser.mjs --python "$venv/bin/python" --out tests/bench/browser.json --rounds $((4 * rounds))
node tests/bench/loading.mjs --out tests/bench/loading.json --rounds "$rounds"
"$venv/bin/python" tests/bench/report.py tests/bench docs/growth.svg > BENCHMARKS.md
printf 'BENCHMARKS.md is written.\n'

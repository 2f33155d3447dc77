#!/usr/bin/env bash
# What each feature of burn adds to the engines: builds them with and without it and writes tests/bench/sizes.json. Not part of
# `make bench`: every feature more or less compiles the backend anew, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh test
. scripts/env.sh
out=$PWD/tests/bench/sizes.json
weigh=$PWD/tests/bench/weigh.mjs

# In a copy, because features of the backends are named in Cargo.toml.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z -- 'Cargo.*' .cargo core train app tests/lib.rs 'tests/*.rs' | xargs -0 cp --parents -t "$copy"
cd "$copy"
cp Cargo.toml Cargo.all
mkdir built

# build NAME ENGINE FEATURES [BACKEND WITHOUT]: the engine's program into built/NAME.wasm, without a feature of its backend.
build() {
  local name=$1 engine=$2 features=$3
  cp Cargo.all Cargo.toml
  if [ $# = 5 ]; then
    sed -i "/^$4 = /s/, \"$5\"//" Cargo.toml
    ! cmp -s Cargo.all Cargo.toml || { printf 'sizes: %s has no feature %s\n' "$4" "$5" >&2; exit 1; }
  fi
  cargo build --release --target wasm32-unknown-unknown -p nsa-engine --bin "$engine" --no-default-features --features "$features"
  wasm-bindgen --target web --no-typescript --out-dir bindgen "$CARGO_TARGET_DIR/wasm32-unknown-unknown/release/$engine.wasm"
  mv "bindgen/${engine}_bg.wasm" "built/$name.wasm"
}

build "engine-cpu" engine-cpu cpu
build "engine-cpu without simd" engine-cpu cpu burn-flex simd
build "engine-webgpu" engine-webgpu webgpu
build "engine-webgpu with fusion" engine-webgpu webgpu,burn-wgpu/fusion
build "engine-webgpu with autotune" engine-webgpu webgpu,burn-wgpu/autotune
node "$weigh" built/*.wasm > "$out"
printf '%s is written.\n' "$out"

#!/usr/bin/env bash
# What features of dependencies add to the page and the engines, and which crates their bytes are of: builds them with and without
# and writes tests/bench/sizes.json. Not part of `make bench`: each feature compiles its crates anew, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh test
. scripts/env.sh
bench=$PWD/tests/bench
wasm=wasm32-unknown-unknown

# In a copy, because features of the backends are named in Cargo.toml.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z -- 'Cargo.*' .cargo core train app tests/lib.rs 'tests/*.rs' | xargs -0 cp --parents -t "$copy"
cd "$copy"
cp Cargo.toml Cargo.all
mkdir built named

# build NAME PACKAGE PROGRAM FEATURES: the program into built/NAME.wasm, and with its functions' names into named/.
build() {
  local name=$1 package=$2 program=$3 features=$4
  local -a cargo=(cargo rustc --profile site --target $wasm -p "$package" --bin "$program")
  [ -z "$features" ] || cargo+=(--features "$features")
  "${cargo[@]}" -- -C link-arg=--keep-section=name
  local linked=$CARGO_TARGET_DIR/$wasm/site/$program.wasm
  wasm-bindgen --target web --no-typescript --remove-name-section --out-dir bindgen "$linked"
  mv "bindgen/${program}_bg.wasm" "built/$name.wasm"
  wasm-bindgen --target web --no-typescript --keep-debug --out-dir bindgen "$linked"
  mv "bindgen/${program}_bg.wasm" "named/$name.wasm"
}

# without DEPENDENCY FEATURE: in Cargo.toml, for the builds that follow.
without() {
  sed -i "/^$1 = /s/, \"$2\"//" Cargo.toml
  ! cmp -s Cargo.all Cargo.toml || { printf 'sizes: %s has no feature %s\n' "$1" "$2" >&2; exit 1; }
}

build "nsa-app" nsa-app nsa-app ""
build "engine-cpu" nsa-engine engine-cpu ""
build "engine-webgpu" nsa-engine engine-webgpu webgpu
node "$bench/parts.mjs" named/*.wasm > parts.json

build "engine-webgpu with autotune" nsa-engine engine-webgpu webgpu,burn-wgpu/autotune
sed -i 's/^type WebGpu = .*/type WebGpu = burn_wgpu::WebGpu;/; /^use burn_wgpu::/d' app/engine/src/bin/engine-webgpu.rs
build "engine-webgpu with fusion" nsa-engine engine-webgpu webgpu
without burn-flex simd
build "engine-cpu without simd" nsa-engine engine-cpu ""
cp Cargo.all Cargo.toml
sed -i 's/, "--cfg", "erase_components"//' .cargo/config.toml
build "nsa-app without erase_components" nsa-app nsa-app ""

{ printf '{"date":"%s","features":' "$(date +%F)"; node "$bench/weigh.mjs" built/*.wasm; printf ',"parts":'; cat parts.json; printf '}\n'; } > "$bench/sizes.json"
printf '%s is written.\n' "$bench/sizes.json"

#!/usr/bin/env bash
# Runs every fuzz target in turn, an hour in all, with at most 1 GiB of memory. Usage: scripts/fuzz.sh [SECONDS [TARGET...]]
# Needs a nightly toolchain and cargo-fuzz (cargo install cargo-fuzz). Stops at the first crash, which lies in
# fuzz/artifacts/TARGET; a small one belongs into fuzz/corpus/TARGET once it is mended.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
seconds=${1:-450}
shift || true
targets=("$@")
[ $# -gt 0 ] || targets=(image npy weights mat idx zip plan bundle)
# Not the project's own: other flags build everything anew.
export CARGO_TARGET_DIR="$NSA_CACHE/fuzz-target"

# Beginnings besides fuzz/corpus: files that the tests have.
seed() {
  local target=$1 to=fuzz/found/$1
  mkdir -p "$to"
  case $target in
    image) unzip -qo -d "$to" tests/golden/browser_images.zip -x '*.rgb' ;;
    weights) cp tests/golden/pretrained*.pth tests/golden/torch_*.safetensors "$to" ;;
    plan) find train/plans -name '*.toml' | while read -r plan; do cp "$plan" "$to/${plan//\//-}"; done ;;
    bundle) cp assets/bundles/digits/{bundle.json,history.json,frames.safetensors} "$to" ;;
  esac
}

for target in "${targets[@]}"; do
  printf '\n\033[1m== %s, %s s\033[0m\n' "$target" "$seconds"
  seed "$target"
  mkdir -p "fuzz/corpus/$target"
  # Safe code needs no sanitizer, and its shadow would count as memory. A lock on nothing else: one target at a time.
  nice -n 19 cargo +nightly fuzz run --fuzz-dir fuzz --sanitizer none "$target" \
    "fuzz/found/$target" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -rss_limit_mb=1024 -malloc_limit_mb=1024 -timeout=30 -max_len=262144 -print_final_stats=1
done

#!/usr/bin/env bash
# Every test, cheapest first. Stops at the first failure and says how long each part took.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test
. scripts/env.sh

part() {
  local name=$1 start=$SECONDS; shift
  printf '\n\033[1m== %s\033[0m\n' "$name"
  "$@"
  printf -- '-- %s: %d s\n' "$name" $((SECONDS - start))
}

wasm=wasm32-unknown-unknown
lint() {
  # Both GPU backends must compile on a machine that has neither.
  cargo clippy --release --workspace --all-targets --features nsa-train/cuda,nsa-train/wgpu -- -D warnings
  cargo clippy --release -p nsa-app -p nsa-engine --target $wasm --all-targets -- -D warnings
  # As the site has it.
  cargo clippy --release -p nsa-app --target $wasm --features split -- -D warnings
}
docs() { RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --quiet --workspace; }
native() { cargo test --release --workspace; }
# The binary that the native tests have built: another package selection asks for other features, and compiles burn anew.
bundles() { "$CARGO_TARGET_DIR/release/nsa" verify assets; }
wasm_tests() {
  # Seconds for all tests of a file; training takes longer than the 20 that are the default.
  export WASM_BINDGEN_TEST_TIMEOUT=600
  # The browser's flags for a machine without a display or a sandbox are in webdriver.json.
  for crate in . app; do
    (cd "$crate" && wasm-pack test --headless --chrome --chromedriver "$(command -v chromedriver)" --mode no-install --release)
  done
}
site() { trunk build --release; }
browser() { NODE_PATH="$NSA_CACHE/node/node_modules" node --test --test-concurrency=1 tests/e2e/*.test.mjs; }

part "format" cargo fmt --all --check
part "one set of features" scripts/features.sh
part "lint" lint
part "documentation" docs
part "native tests" native
part "bundles" bundles
part "wasm tests in headless Chromium" wasm_tests
part "the site" site
part "end to end in Chromium" browser
printf '\nAll tests passed in %d min.\n' $(((SECONDS + 59) / 60))

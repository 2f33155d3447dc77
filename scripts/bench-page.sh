#!/usr/bin/env bash
# How long the page's scripts take for one picture of 2,000 points: the sphere and the charts, in headless Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
cd app
wasm-pack test --headless --chrome --chromedriver "$(command -v chromedriver)" --mode no-install . --profile site \
  --lib -- --include-ignored --nocapture bench 2>&1 | grep -E "median|error|FAIL|panicked|test result"

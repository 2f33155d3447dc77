#!/usr/bin/env bash
# Called by Trunk when the site is built: takes apart the page's program, so that visitors wait only for what the first view
# needs (app/src/lazy.rs), puts the styles into one file, which is one request instead of eight, tells app/boot.js which model is
# opened first, and gives the service worker the version of this build, a checksum of all files.
set -euo pipefail
cd "${TRUNK_SOURCE_DIR:?is set by Trunk}"
. scripts/env.sh
cd "${TRUNK_STAGING_DIR:?is set by Trunk}"

parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
wasm-split-cli --out-name nsa-app "$CARGO_TARGET_DIR/wasm32-unknown-unknown/site/nsa-app.wasm" "$parts"
# In place of what Trunk made of the whole program.
wasm-bindgen --target web --no-typescript --remove-name-section --keep-lld-exports --out-dir . --out-name nsa-app "$parts/nsa-app.wasm"
mv "$parts/__wasm_split.js" "$parts/split_rest.wasm" .

style="$TRUNK_SOURCE_DIR/assets/style"
# Later ones refine earlier ones.
for sheet in base shell score compact sphere story train yours; do cat "$style/$sheet.css"; done > lab.css
first=$(node -p 'JSON.parse(fs.readFileSync("assets/catalog.json")).default')
sed -i "s/<html /<html data-first-model=\"$first\" /" index.html
version=$(find . -type f ! -name sw.js -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
sed "s/VERSION = \"[^\"]*\"/VERSION = \"$version\"/" sw.js > sw.sealed
mv sw.sealed sw.js

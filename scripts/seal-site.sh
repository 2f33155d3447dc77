#!/usr/bin/env bash
# Called by Trunk when the site is built: takes apart the programs of the page and of the engines, so that visitors wait only for
# what the first view needs (app/src/lazy.rs, app/engine/src/rest.rs), puts the styles into one file, which is one request instead
# of eight, tells app/boot.js how large the page's program is and which model is opened first, and gives the service worker the
# version of this build, a checksum of all files.
set -euo pipefail
cd "${TRUNK_SOURCE_DIR:?is set by Trunk}"
. scripts/env.sh
cd "${TRUNK_STAGING_DIR:?is set by Trunk}"

parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
# In place of what Trunk made of a whole program: NAME.js, NAME_bg.wasm, and the rest, split_PART.wasm.
split() {
  local name=$1 split="$parts/__wasm_split.js"
  wasm-split-cli --out-name "$name" "$CARGO_TARGET_DIR/wasm32-unknown-unknown/site/$name.wasm" "$parts"
  wasm-bindgen --target web --no-typescript --remove-name-section --keep-lld-exports --out-dir . --out-name "$name" "$parts/$name.wasm"
  # What fetches the rest is a script of its own; in the program's it is one request less.
  {
    sed '/^import .* from "\.\/__wasm_split\.js"/d' "$name.js"
    sed '/^import /d' "$split"
    sed -n 's/^export const \(__wasm_split_load_[a-z_]*\) = .*/const import1 = { \1 };/p' "$split"
  } > "$parts/$name.js"
  # A page that is open while the site is renewed takes its own rest or none: another build's would do anything in this program.
  local part sum
  for part in "$parts"/split_*.wasm; do
    sum=$(node -p 'crypto.createHash("sha256").update(fs.readFileSync(process.argv[1])).digest("base64")' "$part")
    sed -i "s|fetch(new URL(\([^,]*$(basename "$part")[^,]*\), import.meta.url))|fetch(new URL(\1, import.meta.url), { integrity: \"sha256-$sum\" })|" "$parts/$name.js"
    grep -q "sha256-$sum" "$parts/$name.js"
  done
  mv "$parts/$name.js" .
  mv "$parts"/split_*.wasm .
}
for name in nsa-app engine-cpu engine-webgpu; do split "$name"; done

style="$TRUNK_SOURCE_DIR/assets/style"
# Later ones refine earlier ones.
for sheet in base shell score compact sphere story train yours; do cat "$style/$sheet.css"; done > lab.css
first=$(node -p 'JSON.parse(fs.readFileSync("assets/catalog.json")).default')
sed -i "s/<html /<html data-program-bytes=\"$(($(wc -c < nsa-app_bg.wasm)))\" data-first-model=\"$first\" /" index.html
version=$(find . -type f ! -name sw.js -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
sed "s/VERSION = \"[^\"]*\"/VERSION = \"$version\"/" sw.js > sw.sealed
mv sw.sealed sw.js

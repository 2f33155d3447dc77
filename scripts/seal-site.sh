#!/usr/bin/env bash
# Called by Trunk when the site is built: puts the styles into one file, which is one request instead of eight, and gives the
# service worker the version of this build, a checksum of all files.
set -euo pipefail
cd "${TRUNK_STAGING_DIR:?is set by Trunk}"
style="${TRUNK_SOURCE_DIR:?is set by Trunk}/assets/style"
# Later ones refine earlier ones.
for sheet in base shell score compact sphere story train yours; do cat "$style/$sheet.css"; done > lab.css
version=$(find . -type f ! -name sw.js -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
sed "s/VERSION = \"[^\"]*\"/VERSION = \"$version\"/" sw.js > sw.sealed
mv sw.sealed sw.js

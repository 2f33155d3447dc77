#!/usr/bin/env bash
# Builds the lab and serves it on http://localhost:8080 (PORT=... changes that).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build
. scripts/env.sh
port="${PORT:-8080}"
printf 'Building the lab; the first time takes 10 to 20 minutes on two cores, later a few seconds.\n'
trunk build --release
printf '\n  NSA Lab is at \033[1mhttp://localhost:%s\033[0m   (Ctrl-C stops it)\n\n' "$port"
exec trunk serve --release --port "$port" --ignore . >"$NSA_CACHE/serve.log" 2>&1

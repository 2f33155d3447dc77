#!/usr/bin/env bash
# Builds the lab and serves it on http://localhost:8080 (PORT=... changes that). Ctrl-C stops it. Pictures of real data
# sets are added where they can be had within a minute (scripts/galleries.sh; NSA_DATA=DIR names a folder that has them).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build
. scripts/env.sh
port="${PORT:-8080}"
address="http://localhost:$port"

if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  printf 'demo: port %s is taken by another program: choose one with PORT=8081 make demo\n' "$port" >&2
  exit 1
fi
printf 'Building the lab (tens of minutes the first time on two cores, seconds later) ...\n'
# Trunk refuses to ignore a folder that is not there.
mkdir -p assets/galleries
trunk serve --release --port "$port" --ignore assets/galleries &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  kill -0 "$server" 2>/dev/null || { wait "$server" || exit $?; exit 1; }
  sleep 0.5
done
# Real pictures come while one looks around already: a reload shows them.
scripts/galleries.sh assets/galleries dist/assets/galleries &
printf '\n  NSA Lab is at \033[1m%s\033[0m   (Ctrl-C stops it)\n\n' "$address"
wait "$server"

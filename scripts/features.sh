#!/usr/bin/env bash
# Whether `cargo build -p nsa-train` asks for the same features of every crate as the whole workspace does, so that what one
# of them compiles serves the other. Says what is missing in train/Cargo.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

# Each crate with its features, once, as cargo would build them for the native program.
asked() {
  cargo tree --quiet --locked --edges "$1" --prefix none --no-dedupe --format '{p} [{f}]' "${@:2}" |
    sed -E 's/ \((\*|proc-macro)\)//g; s/ \(\/[^)]*\)//' | sort -u
}

missing=$(comm -23 <(asked normal,build --package nsa-train) <(asked normal,build,dev --workspace))
if [ -n "$missing" ]; then
  printf 'scripts/features.sh: the workspace asks for other features of these: add them in train/Cargo.toml\n%s\n' "$missing" >&2
  exit 1
fi

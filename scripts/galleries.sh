#!/usr/bin/env bash
# Pictures of the models' real data sets for the page, into each FOLDER, where the data can be had within a minute: out of
# NSA_DATA if that is set, from the publisher, or from Debian. What cannot be had is said in a line; nothing fails.
#
#   scripts/galleries.sh [--publishable] FOLDER...
#
# --publishable leaves out data sets whose licence does not say that they may be given on.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
publishable=(fashion-mnist) # MIT
only_publishable=false
if [ "${1:-}" = --publishable ]; then only_publishable=true; shift; fi
[ $# -gt 0 ] || { printf 'usage: scripts/galleries.sh [--publishable] FOLDER...\n' >&2; exit 2; }
nsa="$CARGO_TARGET_DIR/release/nsa"
kept="$NSA_CACHE/data"

say() { printf 'pictures: %s\n' "$1"; }

# Where the files of a data set are, or nothing.
find_data() {
  local name=$1
  if [ -n "${NSA_DATA:-}" ]; then printf '%s\n' "$NSA_DATA"; return; fi
  mkdir -p "$kept/$name"
  if timeout 60 "$nsa" data get "$name" --root "$kept/$name" >/dev/null 2>&1; then printf '%s\n' "$kept/$name"; return; fi
  local debian="/usr/share/datasets/$name"
  if [ ! -d "$debian" ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    # Unpacked into the cache: nothing is installed, and nobody has to be root.
    (cd "$kept" && timeout 60 apt-get -qq download "dataset-$name" 2>/dev/null && dpkg-deb -x "dataset-$name"_*.deb "$kept/debian") || true
    rm -f "$kept/dataset-$name"_*.deb
    debian="$kept/debian$debian"
  fi
  if [ -d "$debian" ]; then printf '%s\n' "$debian"; fi
}

gallery() {
  local name=$1 data file
  shift
  file="$1/$name.safetensors"
  if [ ! -f "$file" ]; then
    if [ ! -x "$nsa" ]; then
      say "building nsa, which packs them (once, some minutes) ..."
      nice cargo build --release --quiet --workspace --bin nsa || { say "nsa was not built: the page goes on without"; return; }
    fi
    data=$(find_data "$name")
    if [ -z "$data" ] || ! "$nsa" gallery --dataset "$name" --root "$data" --out "$file" >/dev/null 2>&1; then
      say "none of $name: its files could not be had within a minute. NSA_DATA=DIR names a folder with $name in it"
      return
    fi
  fi
  local other
  for other in "${@:2}"; do
    if [ -d "$(dirname "$other")" ]; then mkdir -p "$other"; cp "$file" "$other/"; fi
  done
  say "$name is there"
}

mkdir -p "$1"
mapfile -t names < <(sed -n 's/.*"dataset": "\(.*\)".*/\1/p' assets/catalog.json | sort -u | grep -v '^synth-digits$')
for name in "${names[@]}"; do
  if $only_publishable && [[ " ${publishable[*]} " != *" $name "* ]]; then
    say "$name is not published: its licence does not say that it may be"
    continue
  fi
  gallery "$name" "$@"
done

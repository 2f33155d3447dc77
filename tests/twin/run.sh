#!/usr/bin/env bash
# Trains a PyTorch twin of finished runs and compares the AUROC: tests/twin/run.sh ROOT RUN RUN [RUN ...]
# ROOT is the folder with the data set's files; the runs differ in nothing but their seed. See twin.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/env.sh
python="${PYTHON:-$NSA_CACHE/venv-golden/bin/python}"
[ -x "$python" ] || { printf 'twin: no PyTorch here: run scripts/golden.sh first\n' >&2; exit 2; }
root=$1; shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
nsa() { "${NSA:-$CARGO_TARGET_DIR/release/nsa}" "$@"; }
setting() { sed -n "s/^$1 = \"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$2/config.toml"; }
dataset=$(setting dataset "$1")
size=$(setting image-size "$1")
for split in train test; do
  nsa data export "$dataset" --root "$root" --split $split --image-size "$size" --out "$folder/$split-x.npy" --labels "$folder/$split-y.npy"
done
for run in "$@"; do
  nsa eval "$run" --layers conv4-1x1 --json
done | "$python" -c '
import json, sys
decoder, text, rows = json.JSONDecoder(), sys.stdin.read().strip(), []
while text:
    value, end = decoder.raw_decode(text)
    rows.append({score["scorer"]: score["auroc"] for score in value["layers"][0]["scores"]})
    text = text[end:].strip()
json.dump(rows, open(sys.argv[1], "w"))
' "$folder/ours.json"
"$python" tests/twin/twin.py --data "$folder" --ours "$folder/ours.json" "$@"

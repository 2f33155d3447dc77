#!/usr/bin/env bash
# Writes what the native program says and the browser must say too. tests/parity.json: scores of the first twenty test
# images of synth-digits by the default bundle, and why (angles to the nearest training images by the default score, the
# ensemble); run it after exporting that bundle anew. tests/training.json: the first losses of a few small runs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo build --release --quiet --workspace --bin nsa
nsa() { "$CARGO_TARGET_DIR/release/nsa" "$@"; }
nsa data export synth-digits --split test --out "$folder/images.npy" --labels "$folder/labels.npy"
nsa predict --bundle assets/bundles/digits "$folder/images.npy" --device cpu --json --explain > "$folder/all.json"
node -e '
  const rows = JSON.parse(require("fs").readFileSync(process.argv[1])).slice(0, 20);
  const brief = rows.map((row, i) => ({
    image: i,
    scores: row.scores.map(({ layer, scorer, score }) => ({ layer, scorer, score })),
    neighbours: row.scores.find((s) => s.score === row.score).neighbours,
    ensemble: row.ensemble.sum,
  }));
  require("fs").writeFileSync("tests/parity.json", "[\n" + brief.map((r) => JSON.stringify(r)).join(",\n") + "\n]\n");
' "$folder/all.json"
cargo test --release --quiet -p nsa-lab --test training -- --ignored write_expected

#!/usr/bin/env bash
# What only an NVIDIA GPU can show, in parts that may be asked for by name (by default all but build):
#   build    the programs
#   losses   twenty losses of three objectives, held to the processor's
#   bench    a training step beside PyTorch's (wants Python with PyTorch)
#   train    the runs of PLAN (train/plans/gpu.toml), for MINUTES (8); DATA is the folder with the data sets
#   pack     the runs without their checkpoints as runs.tgz.aa and so on, at most 6 files of 15 MiB
# OUT (gpu-results) gets what they find. BIN is a folder with nsa and twenty-losses; without, they are built here.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT:-gpu-results} plan=${PLAN:-train/plans/gpu.toml} parts=${*:-losses bench train pack}
mkdir -p "$out"
export CUDA_PATH=${CUDA_PATH:-/usr/local/cuda}
export LD_LIBRARY_PATH="$CUDA_PATH/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

bin=${BIN:-}
if [ -z "$bin" ]; then
  . scripts/env.sh
  bin="$CARGO_TARGET_DIR/gpu"
  mkdir -p "$bin"
  cargo build --release -p nsa-train --features cuda
  cp "$CARGO_TARGET_DIR/release/nsa" "$bin/nsa"
  test=$(cargo test --release -p nsa-train --features cuda --lib --no-run --message-format json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
  cp "$test" "$bin/twenty-losses"
fi

for part in $parts; do
  case $part in
    build) printf '%s has nsa and twenty-losses.\n' "$bin" ;;
    losses)
      "$bin/nsa" devices
      "$bin/twenty-losses" of_cuda --ignored --nocapture 2>&1 | tee "$out/losses.txt" ;;
    bench) python3 tests/bench/gpu.py --nsa "$bin/nsa" --out "$out/gpu.json" ;;
    train)
      # Two at a time: while one computes on the processor, the other has the GPU.
      for _ in 1 2; do
        timeout "${MINUTES:-8}m" "$bin/nsa" sweep "$plan" --root "${DATA:-data}" --out "$out/runs" --device cuda \
          >>"$out/train.txt" 2>&1 &
      done
      wait ;;
    pack)
      tar -C "$out" --exclude 'checkpoint*' -czf - runs | split -b 15M - "$out/runs.tgz."
      packed=("$out"/runs.tgz.*)
      [ ${#packed[@]} -le 6 ] || { printf 'scripts/gpu.sh: the runs take %s files of 15 MiB, more than 6\n' "${#packed[@]}" >&2; exit 1; } ;;
    *) printf 'scripts/gpu.sh: the parts are build, losses, bench, train and pack, found %s\n' "$part" >&2; exit 2 ;;
  esac
done

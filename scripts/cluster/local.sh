#!/usr/bin/env bash
# The runs of a plan one index after the other, as a cluster's scheduler would start them; see docs/cluster.md.
#   scripts/cluster/local.sh PLAN ROOT OUT
set -euo pipefail
[ $# -eq 3 ] || { echo "usage: $0 PLAN ROOT OUT" >&2; exit 2; }
cd "$(dirname "$0")/../.."
nsa="${NSA:-nsa}"
runs=$("$nsa" sweep "$1" --out "$3" --list | sed -n 's/^[0-9]* of \([0-9]*\) done$/\1/p')
failed=0
for ((index = 0; index < runs; index++)); do
  PLAN=$1 ROOT=$2 OUT=$3 DEVICE=${DEVICE:-cpu} NSA=$nsa SLURM_ARRAY_TASK_ID=$index scripts/cluster/sweep.slurm || failed=$((failed + 1))
done
echo "$((runs - failed)) of $runs runs are done"
[ "$failed" -eq 0 ]

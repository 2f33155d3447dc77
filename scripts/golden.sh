#!/usr/bin/env bash
# Makes the golden values in tests/golden again. Nothing else needs Python: the tests read what is committed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
venv="$NSA_CACHE/venv-golden"
python="$venv/bin/python"
packages=(numpy scipy scikit-learn mpmath torch torchvision safetensors)

if ! "$python" -c 'import mpmath, numpy, safetensors, scipy, sklearn, torch, torchvision' 2>/dev/null; then
  printf '==> installing %s into %s (several GB: PyTorch brings its CUDA libraries along)\n' "${packages[*]}" "$venv"
  python3 -m venv "$venv"
  "$python" -m pip install --quiet "${packages[@]}"
fi
"$python" tests/golden/make_golden.py
"$python" tests/golden/make_statistics.py
"$python" tests/golden/make_torch.py
"$python" tests/golden/make_rivals.py
"$python" tests/golden/make_pretrained.py
# Other versions and other processors may round the last digits differently.
git --no-pager diff --stat -- tests/golden

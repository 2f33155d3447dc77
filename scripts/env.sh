# Sourced by every script and by the Makefile: where tools and builds live, and which Rust builds them.
# Everything heavy stays outside the clone, so that a fresh clone on the same machine starts in seconds.
export NSA_CACHE="${NSA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nsa-lab}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$NSA_CACHE/target}"
export PATH="$NSA_CACHE/tools/bin:$PATH"
# No nvcc is needed to build the CUDA backend; without this the bindings choose the newest CUDA they know.
export CUDARC_CUDA_VERSION="${CUDARC_CUDA_VERSION:-13000}"
# setup.sh records here which toolchain has the wasm32 target.
if [ -f "$NSA_CACHE/toolchain.sh" ]; then . "$NSA_CACHE/toolchain.sh"; fi

# Two commands do everything: `make demo` opens the lab, `make test` runs every test.
.PHONY: demo test setup fmt golden soak screens bench gpu test-wgpu fuzz

demo:            ## build the lab and serve it on http://localhost:8080
	@scripts/demo.sh

test:            ## format, lint, docs, native tests, wasm tests, end to end
	@scripts/test.sh

setup:           ## install what is missing, nothing else
	@scripts/setup.sh test

fmt:             ## format all code
	@. scripts/env.sh && cargo fmt --all

soak:            ## score for MINUTES (10) in the built site and show the memory's curve
	@scripts/setup.sh test && . scripts/env.sh && trunk build --release && \
	  NODE_PATH="$$NSA_CACHE/node/node_modules" node tests/soak/memory.mjs $(or $(MINUTES),10)

screens:         ## pictures of every view, light and dark, desktop and phone, into screens/
	@scripts/setup.sh test && . scripts/env.sh && trunk build --release && \
	  NODE_PATH="$$NSA_CACHE/node/node_modules" node tests/screens/views.mjs screens

bench:           ## time ours and what one would pick instead, in turns; writes BENCHMARKS.md
	@scripts/bench.sh

gpu:             ## what only an NVIDIA GPU can show: losses, a step beside PyTorch's, the runs of train/plans/gpu.toml
	@scripts/gpu.sh

golden:          ## make the golden values again (needs Python with NumPy, SciPy, scikit-learn, PyTorch)
	@scripts/golden.sh

test-wgpu:       ## twenty losses on a GPU, or on one in software (Mesa's llvmpipe), held to the processor's
	@. scripts/env.sh && cargo test --release -p nsa-train --features wgpu --lib -- --ignored twenty_losses --nocapture

fuzz:            ## every reader of files against hostile bytes, an hour in all (needs a nightly toolchain and cargo-fuzz)
	@scripts/fuzz.sh

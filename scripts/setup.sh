#!/usr/bin/env bash
# Installs whatever is missing to build and test NSA Lab, and says what it does.
#
#   scripts/setup.sh build    the wasm target, wasm-bindgen-cli, wasm-split-cli and trunk      (make demo)
#   scripts/setup.sh test     the same, wasm-pack, Chromium, playwright-core, axe-core   (make test)
#   scripts/setup.sh bench    the same and onnxruntime-web                     (make bench)
#
# Each thing is first tried the usual way (rustup, cargo). Where rustup's server does not answer, the
# wasm32 standard library is built from Debian's Rust sources instead. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
mkdir -p "$NSA_CACHE/tools/bin"

what="${1:-build}"
TRUNK_VERSION=0.21.14
# It must fit wasm_split_helpers, which leptos brings: tried with its 0.2.3.
WASM_SPLIT_VERSION=0.2.4
WASM_PACK_VERSION=0.15.1
PLAYWRIGHT_VERSION=1.64.1
AXE_VERSION=4.14.1
ONNXRUNTIME_VERSION=1.30.0

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else fail "this needs root: $*"; fi; }

apt_install() {
  have apt-get || fail "please install these with your package manager, then run again: $*"
  say "installing $*"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

wasm_std_present() {
  local libdir
  libdir=$(rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null) || return 1
  ls "$libdir"/libstd-*.rlib >/dev/null 2>&1
}

# --- the wasm32 target -------------------------------------------------------------------------------
ensure_wasm_target() {
  wasm_std_present && return
  if have rustup; then
    say "adding the wasm32 target with rustup"
    timeout 60 rustup target add wasm32-unknown-unknown >/dev/null 2>&1 && wasm_std_present && return
    say "rustup's server does not answer; building the target from Debian's Rust sources"
  fi
  have apt-get || fail "no wasm32 target: neither rustup's server nor Debian's packages can be reached. Install a Rust toolchain with the wasm32-unknown-unknown target, then run again."
  ensure_debian_rust
}

ensure_debian_rust() {
  [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo-clippy ] && have wasm-ld-22 && ls /usr/src/rustc-*/library/std >/dev/null 2>&1 ||
    apt_install rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web lld-22
  {
    if have rustup; then
      rustup toolchain link debian /usr >/dev/null 2>&1 || true
      echo 'export RUSTUP_TOOLCHAIN=debian'
    else
      echo 'export PATH="/usr/bin:$PATH"'
    fi
    echo 'export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22'
  } > "$NSA_CACHE/toolchain.sh"
  . "$NSA_CACHE/toolchain.sh"
  wasm_std_present && return

  say "building the wasm32 standard library (once, 1-3 minutes)"
  local crate="$NSA_CACHE/wasm-std" libdir
  libdir=$(rustc --print target-libdir --target wasm32-unknown-unknown)
  rm -rf "$crate" && mkdir -p "$crate/src" && touch "$crate/src/lib.rs"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' > "$crate/Cargo.toml"
  # embed-bitcode: without it every later build with LTO fails; `test` is what wasm-bindgen-test links.
  (cd "$crate" && RUSTFLAGS="-C embed-bitcode=yes" RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$crate/target" \
    cargo build --quiet --release -Z build-std=std,panic_abort,test --target wasm32-unknown-unknown)
  rm -f "$crate"/target/wasm32-unknown-unknown/release/deps/libempty-*
  as_root mkdir -p "$libdir"
  as_root cp "$crate"/target/wasm32-unknown-unknown/release/deps/lib*.rlib "$libdir/"
  rm -rf "$crate"
  wasm_std_present || fail "the wasm32 standard library was built but $(rustc --print sysroot) does not find it"
}

# --- cargo tools -------------------------------------------------------------------------------------
# cargo_tool COMMAND CRATE VERSION [cargo install flags]: installs exactly this version unless it is there.
cargo_tool() {
  local command=$1 crate=$2 version=$3; shift 3
  # Not every command tells its version; cargo keeps a list of what it has installed.
  if have "$command" && { "$command" --version 2>/dev/null | grep -qF " $version" ||
    grep -qsF "\"$crate $version " "$NSA_CACHE/tools/.crates.toml"; }; then return; fi
  say "installing $crate $version (compiles it; a few minutes)"
  # Compiled for a short wait: trunk asks for link-time optimisation, which takes longer than it will ever save here.
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
    CARGO_TARGET_DIR="$NSA_CACHE/tools/target" cargo install --quiet --root "$NSA_CACHE/tools" --force \
    --version "$version" "$@" "$crate" ||
    fail "cargo could not install $crate $version: is the crate registry reachable?"
}

locked_version() { awk -v name="$1" '$0 == "name = \"" name "\"" { getline; gsub(/[^0-9.]/, ""); print; exit }' Cargo.lock; }

ensure_build_tools() {
  # The command must have exactly the version of the library that the pages are built with.
  cargo_tool wasm-bindgen wasm-bindgen-cli "$(locked_version wasm-bindgen)"
  # --locked: without it, newer releases of its CSS libraries do not fit together.
  cargo_tool trunk trunk "$TRUNK_VERSION" --locked --no-default-features --features rustls
  cargo_tool wasm-split-cli wasm_split_cli_support "$WASM_SPLIT_VERSION" --locked --features build-binary
}

# node_package NAME VERSION: installs exactly this version, outside the clone, unless it is there.
node_package() {
  local installed="$NSA_CACHE/node/node_modules/$1/package.json"
  grep -qs "\"version\": \"$2\"" "$installed" && return
  say "installing $1 $2"
  mkdir -p "$NSA_CACHE/node"
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --silent --no-fund --no-audit --save-exact --prefix "$NSA_CACHE/node" "$1@$2"
}

# --- what only the tests need ------------------------------------------------------------------------
ensure_test_tools() {
  cargo_tool wasm-pack wasm-pack "$WASM_PACK_VERSION"
  have chromium && have chromedriver || apt_install chromium chromium-driver
  have node && have npm || apt_install nodejs npm
  node_package playwright-core "$PLAYWRIGHT_VERSION"
  node_package axe-core "$AXE_VERSION"
}

ensure_bench_tools() {
  ensure_test_tools
  node_package onnxruntime-web "$ONNXRUNTIME_VERSION"
}

have cargo || have apt-get || fail "no Rust found: install it from https://rustup.rs, then run again"
have cc || apt_install build-essential
ensure_wasm_target
ensure_build_tools
case "$what" in
  build) ;;
  test) ensure_test_tools ;;
  bench) ensure_bench_tools ;;
  *) fail "unknown argument '$what': build, test or bench" ;;
esac
rm -rf "$NSA_CACHE/tools/target"

#!/usr/bin/env bash
# Installs the Debian packages that are missing, or says which command installs them.
# Silent and instant when nothing is missing.
#
#   tools/deps.sh build   what `make demo` and `make test` need
#   tools/deps.sh e2e     the servers' runtimes and the reader of `make e2e`
#   tools/deps.sh deploy  what builds the tools of `make deploy-check`
set -euo pipefail

missing=()
need_command() { command -v "$1" >/dev/null || missing+=("$2"); }
need_library() { pkg-config --exists "$1" 2>/dev/null || missing+=("$2"); }

build() {
    need_command cc gcc
    need_command c++ g++
    need_command make make
    need_command cmake cmake
    need_command pkg-config pkg-config
    need_library openssl libssl-dev
    need_library zlib zlib1g-dev
    need_command python3 python3
    python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
}

e2e() {
    need_command java openjdk-17-jre-headless
    need_command mvn maven
    need_command kcat kcat
    need_command curl curl
}

# A compiler is not worth an old one: these two come from their own makers.
need_tool() {
    command -v "$1" >/dev/null && return
    echo "$1 is missing: $2" >&2
    exit 1
}

case "${1:-}" in
    build)
        need_tool cargo "install Rust from https://rustup.rs"
        build
        ;;
    e2e)
        need_tool go "install Go 1.21 or newer from https://go.dev/dl; it builds the S3 server"
        e2e
        ;;
    deploy)
        need_tool go "install Go 1.26 or newer from https://go.dev/dl; it builds Helm"
        ;;
    *)
        echo "usage: tools/deps.sh build|e2e|deploy" >&2
        exit 64
        ;;
esac

((${#missing[@]})) || exit 0

install="apt-get install --yes --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null; then
    echo "missing (by their Debian names): ${missing[*]}" >&2
    exit 1
fi
if ((EUID != 0)); then
    echo "missing Debian packages; install them with:" >&2
    echo "    sudo $install" >&2
    exit 1
fi
echo "installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && $install; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi

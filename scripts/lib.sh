# Shared by the scripts beside it; not run by itself.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        die "needs root to run: $*"
    fi
}

# need_packages NAME… : installs the Debian packages that are missing.
need_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return 0
    command -v apt-get >/dev/null || die "please install: ${missing[*]}"
    say "installing ${missing[*]}"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600)
    as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && return 0
    as_root "${apt[@]}" update >/dev/null || die "apt-get update failed"
    as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null || die "could not install: ${missing[*]}"
}

# What the build links against.
need_libraries() {
    need_packages libsodium-dev libssl-dev libunbound-dev zlib1g-dev libsqlite3-dev libpq-dev libhiredis-dev libldap-dev libcrypt-dev pkg-config
}

need_swift() {
    command -v swift >/dev/null || die "no 'swift' on the PATH: install the Swift 6.3 toolchain (https://www.swift.org/install)"
}

# Python programs and modules that tests and the cluster shape use, in .build/venv, first on the PATH.
need_python() {
    need_packages python3 python3-venv
    local venv=$root/.build/venv
    mkdir -p "$root/.build"
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$root/Tests/EndToEnd/requirements.txt" || die "pip failed"
    export PATH=$venv/bin:$PATH
}

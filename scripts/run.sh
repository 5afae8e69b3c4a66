#!/usr/bin/env bash
# Builds OONRUMAIL and runs it on this machine, everything in one process.
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/run.sh [--debug] [--build-only] [serve options]

Installs the missing C libraries (Debian, apt), builds in release configuration and runs `oonrumail serve`
on an embedded store in ./data.

  --debug        build without optimisation (quicker to build)
  --build-only   build, do not start
  --help         this text

Everything else goes to `oonrumail serve`, among them:
  --data DIR     the folder of the store (default ./data)
  --production   ports 25, 587, 465, 143 and 993
Settings come from the environment and from ./.env; `oonrumail config list` prints all of them.
TEXT
}

configuration=release
start=yes
options=()
for argument in "$@"; do
    case $argument in
        --help | -h) usage; exit 0 ;;
        --debug) configuration=debug ;;
        --build-only) start=no ;;
        *) options+=("$argument") ;;
    esac
done

need_libraries
need_swift
folder=$PWD
cd "$root"
say "building OONRUMAIL ($configuration); the first build takes some minutes"
swift build -c "$configuration" --product oonrumail >&2 || die "the build failed"
[ $start = yes ] || exit 0
cd "$folder"
exec "$root/.build/$configuration/oonrumail" serve "${options[@]}"

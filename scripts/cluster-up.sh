#!/usr/bin/env bash
# Runs the cluster shape on this machine, without containers.
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/cluster-up.sh [--debug] [--replicas N] [--free-ports]

Starts a private PostgreSQL, PgBouncer in transaction mode, Redis, an S3 server (rclone), two replicas of every service (auth, smtp-server,
imap-server, storage, domain-manager) and HAProxy in front of them, which tells the services by PROXY headers who the
clients are. All on loopback, with a demo domain and two accounts. Ctrl-C stops everything and removes its data.

  --debug        build without optimisation (quicker to build)
  --replicas N   replicas of each service (default 2)
  --free-ports   take free ports instead of 2525, 2587, 2465, 2143, 2993 and 8080
  --help         this text
TEXT
}

configuration=release
options=()
for argument in "$@"; do
    case $argument in
        --help | -h) usage; exit 0 ;;
        --debug) configuration=debug ;;
        *) options+=("$argument") ;;
    esac
done

need_libraries
need_swift
need_python
need_packages openssl curl postgresql pgbouncer redis-server haproxy util-linux
cd "$root"
say "building OONRUMAIL ($configuration); the first build takes some minutes"
for product in oonrumail auth domain-manager imap-server smtp-server storage; do
    swift build -c "$configuration" --product "$product" >&2 || die "the build failed"
done
exec python3 scripts/cluster/up.py --executables "$root/.build/$configuration" "${options[@]}"

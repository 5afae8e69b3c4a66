#!/usr/bin/env bash
# Measures the platform beside its peers on this machine.
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/bench.sh smtp|intake|imap|http|traces|memory|store|parse|cluster [options of the benchmark]

  smtp     durable accepts per second beside Postfix (1, 20 and 100 sessions; 4 and 10 KiB)
  intake   what answers of who is away and Sieve scripts cost when mail is accepted
  imap     commands on a mailbox of 50,000 messages beside Dovecot
  http     latency of one's own account, a page of 10,000 domains and token refresh at 200 requests/s; --storm: beside a storm of sign-ins
  traces   what exported traces cost on the SMTP path: none, a tenth, all
  memory   resident memory idle, start-up time, octets per idle IMAP TLS connection
  store    durable deliveries per second of the store alone, on SQLite and PostgreSQL, beside pgbench
  parse    processor time to read Sieve scripts and DNS messages, ordinary ones and the worst that fit their bounds
  cluster  SMTP on the cluster shape beside Postfix and pgbench; 300 IMAP clients at once on it

Builds in release configuration, installs the peer with apt, starts private instances of both on loopback
and prints medians and ratios. With POSTGRES_HOST set, smtp and imap measure the store in that PostgreSQL. Takes some minutes; nothing else should run meanwhile.
TEXT
}

case ${1:-} in
    --help | -h) usage; exit 0 ;;
    smtp | intake | traces) need_packages postfix ;;
    imap) need_packages dovecot-imapd ;;
    http) need_packages wrk ;;
    memory | parse) ;;
    store) need_packages postgresql postgresql-contrib ;;
    cluster) need_packages postgresql postgresql-contrib pgbouncer redis-server haproxy openssl postfix ;;
    *) usage >&2; exit 64 ;;
esac
need_packages python3
if [ "$1" = store ] || [ "$1" = parse ]; then
    need_libraries
    need_swift
    export OONRUMAIL_BENCH=1
    driver=StoreBench
    [ "$1" = store ] || driver=ParseBench
    (cd "$root" && swift build -c release --product $driver >&2) || die "the build failed"
    [ "$1" = store ] || exec "$root/.build/release/ParseBench" "${@:2}"
    export STORE_BENCH=$root/.build/release/StoreBench
elif [ "$1" = cluster ]; then
    need_python
    need_libraries
    need_swift
    (cd "$root" && swift build -c release >&2) || die "the build failed"
else
    "$root/scripts/run.sh" --build-only
fi
export OONRUMAIL_EXECUTABLE=${OONRUMAIL_EXECUTABLE:-$root/.build/release/oonrumail}
export PYTHONPATH=$root/Tests/EndToEnd
benchmark=$1
shift
exec python3 "$root/Tests/Benchmarks/${benchmark}_bench.py" "$@"

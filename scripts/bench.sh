#!/usr/bin/env bash
# Measures the platform beside its peers on this machine.
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/bench.sh smtp|imap|memory [options of the benchmark]

  smtp     durable accepts per second beside Postfix (1, 20 and 100 sessions; 4 and 10 KiB)
  imap     commands on a mailbox of 50,000 messages beside Dovecot
  memory   resident memory idle, start-up time, octets per idle IMAP TLS connection

Builds in release configuration, installs the peer with apt, starts private instances of both on loopback
and prints medians and ratios. Takes some minutes; nothing else should run meanwhile.
TEXT
}

case ${1:-} in
    --help | -h) usage; exit 0 ;;
    smtp) need_packages postfix ;;
    imap) need_packages dovecot-imapd ;;
    memory) ;;
    *) usage >&2; exit 64 ;;
esac
need_packages python3
"$root/scripts/run.sh" --build-only
export OONRUMAIL_EXECUTABLE=${OONRUMAIL_EXECUTABLE:-$root/.build/release/oonrumail}
benchmark=$1
shift
exec python3 "$root/Tests/Benchmarks/${benchmark}_bench.py" "$@"

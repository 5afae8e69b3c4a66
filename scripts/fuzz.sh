#!/usr/bin/env bash
# Builds and runs the libFuzzer targets under Tests/Fuzz.
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/fuzz.sh [--seconds N] [TARGET…]

Builds each target (SMTPFuzz, IMAPFuzz, MessageFuzz, CSVFuzz, TLSFuzz, DNSFuzz, SieveFuzz; all by default) with libFuzzer and the address sanitizer and runs
it for N seconds (default 120) on its corpus in Tests/Fuzz/TARGET/corpus. A crash leaves its input beside it and exits non-zero.
TEXT
}

seconds=120
targets=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --seconds) seconds=$2; shift ;;
        *) targets+=("$1") ;;
    esac
    shift
done
[ ${#targets[@]} != 0 ] || targets=(SMTPFuzz IMAPFuzz MessageFuzz CSVFuzz TLSFuzz DNSFuzz SieveFuzz)
need_libraries
need_swift
cd "$root"
for target in "${targets[@]}"; do
    [ -d "Tests/Fuzz/$target" ] || die "no fuzz target '$target'"
    OONRUMAIL_FUZZ=$target swift build -c release --scratch-path .build-fuzz --product "$target" >&2 || die "the build of $target failed"
    mkdir -p "Tests/Fuzz/$target/corpus" ".build-fuzz/found/$target"
    SWIFT_BACKTRACE=enable=no ".build-fuzz/release/$target" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=10 \
        -artifact_prefix="Tests/Fuzz/$target/" ".build-fuzz/found/$target" "Tests/Fuzz/$target/corpus" 2>&1 | tail -n 4
    [ "${PIPESTATUS[0]}" = 0 ] || die "$target found a crash: see Tests/Fuzz/$target"
done

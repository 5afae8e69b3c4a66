#!/usr/bin/env bash
# Runs the tests: unit and conformance tests in Swift, then end-to-end tests against the real executable.
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/test.sh [--unit | --end-to-end | --cluster | --deploy] [--filter TEXT]

Installs what the tests need (Debian packages, Python packages in .build/venv), runs them and prints
'N passed, N failed, N skipped' last. Exits non-zero when a test fails.

  --unit          only the Swift tests
  --end-to-end    only the tests against the running executable
  --cluster       only the same tests against the cluster shape, and its own
  --deploy        only the tests of scripts, images, manifests and monitoring
  --filter TEXT   only tests whose name contains TEXT
  --help          this text
TEXT
}

unit=yes
end_to_end=yes
cluster=yes
deploy=yes
filter=()
pytest_filter=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --unit) end_to_end=no cluster=no deploy=no ;;
        --end-to-end) unit=no cluster=no deploy=no ;;
        --cluster) unit=no end_to_end=no deploy=no ;;
        --deploy) unit=no end_to_end=no cluster=no ;;
        --filter) filter=(--filter "$2"); pytest_filter=(-k "$2"); shift ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done

need_libraries
need_swift
need_python
cd "$root"
mkdir -p .build
passed=0 failed=0 skipped=0

add() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

if [ $unit = yes ]; then
    say "== Swift tests"
    # The tests start private servers of their own.
    need_packages postgresql postgresql-contrib pgbouncer redis-server redis-tools openssl curl
    log=.build/swift-test.log
    status=0
    # Hundreds at once would starve each other of the processor until the time limits of real servers run out.
    export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-8}
    swift test "${filter[@]}" 2>&1 | tee "$log" | grep -vE '^(◇|􀟈|\[[0-9]+/[0-9]+\]|✔ Test |􁁛 )' || true
    status=${PIPESTATUS[0]}
    # The last line, 'Test run with … tests', is no test.
    good=$(grep -vE 'Test run with' "$log" | grep -cE '^(✔|􁁛).*Test .* passed after' || true)
    bad=$(grep -vE 'Test run with' "$log" | grep -cE '^(✘|􀢄).*Test .* failed after' || true)
    missed=$(grep -cE '^(➜|􀙟).*Test .* skipped' "$log" || true)
    [ "$status" = 0 ] || [ "$bad" != 0 ] || bad=1
    [ "$good" != 0 ] || [ ${#filter[@]} != 0 ] || bad=$((bad + 1))
    add "$good" "$bad" "$missed"
fi

# python_tests FOLDER SHAPE : runs pytest on one shape of the platform and counts.
python_tests() {
    local report=.build/${1##*/}-$2.xml total bad errors missed
    rm -f "$report"
    # Two at a time, a file's tests together: most wait for something, and each worker has a platform of its own.
    OONRUMAIL_SHAPE=$2 pytest "$1" -q -n 2 --dist loadfile --no-loadscope-reorder --junit-xml "$report" "${pytest_filter[@]}" || true
    read -r total bad errors missed < <(python3 - "$report" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
print(*(suite.get(name, "0") for name in ("tests", "failures", "errors", "skipped")))
PYTHON
    ) || { total=1 bad=1 errors=0 missed=0; }
    add $((total - bad - errors - missed)) $((bad + errors)) "$missed"
}

if [ $end_to_end = yes ] || [ $cluster = yes ] || [ $deploy = yes ]; then
    need_packages openssl curl jq swaks libnet-ssleay-perl isync libsasl2-modules postfix dovecot-imapd bind9 bind9-utils bind9-dnsutils pebble \
        postgresql postgresql-contrib pgbouncer redis-server haproxy util-linux slapd ldap-utils chromium chromium-driver
    swift build 2>&1 | grep -E 'error|warning: unre|Compiling|Build' | tail -3 >&2
    [ "${PIPESTATUS[0]}" = 0 ] || die "the build failed"
fi
if [ $end_to_end = yes ]; then
    say "== end-to-end tests on one machine"
    python_tests Tests/EndToEnd one-machine
fi
if [ $cluster = yes ]; then
    say "== end-to-end tests on the cluster shape"
    python_tests Tests/EndToEnd cluster
fi
if [ $deploy = yes ]; then
    say "== tests of the deployment"
    need_packages shellcheck jq age bind9-dnsutils prometheus prometheus-alertmanager prometheus-node-exporter \
        prometheus-postgres-exporter prometheus-redis-exporter prometheus-blackbox-exporter binutils
    python_tests Tests/Deploy cluster
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]

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
build_options=()

add() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# part NAME COMMAND… : runs a part and counts its tests. One after the other: side by side they meet each other's time limits.
part() {
    say "== $1"
    "${@:2}" 2>&1 | tee ".build/$1.log" || true
    count "$1"
}

# scratch_folder : where end-to-end tests write. In memory, where there is room: most of a commit is waiting for a disk, and
# what a killed process wrote is there all the same.
scratch_folder() {
    local folder free
    free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) || free=0
    if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] && [ "${free:-0}" -gt 4000000 ]; then
        folder=$(mktemp -d /dev/shm/oonrumail-test.XXXXXX)
        cp /bin/true "$folder/true"
        if "$folder/true" 2>/dev/null; then
            rm "$folder/true"
        else
            rm -rf "$folder"
            folder=
        fi
    fi
    [ -n "${folder:-}" ] || folder=$(mktemp -d)
    # Servers that give up root come through it.
    chmod 755 "$folder"
    echo "$folder"
}

swift_tests() {
    local log=.build/swift-test.log status
    rm -f "$log"
    # Hundreds at once would starve each other of the processor until the time limits of real servers run out.
    export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-8}
    set +e
    swift test --skip-build "${filter[@]}" 2>&1 | tee "$log" | grep -vE '^(◇|􀟈|\[[0-9]+/[0-9]+\]|✔ Test [^r]|✔ Suite|􁁛 )'
    status=${PIPESTATUS[0]}
    set -e
    echo "exit code $status"
}

count_swift_tests() {
    local log=.build/swift-test.log good bad missed
    # The last line, 'Test run with … tests', is no test.
    good=$(grep -vE 'Test run with' "$log" | grep -cE '^(✔|􁁛).*Test .* passed after' || true)
    bad=$(grep -vE 'Test run with' "$log" | grep -cE '^(✘|􀢄).*Test .* failed after' || true)
    missed=$(grep -cE '^(➜|􀙟).*Test .* skipped' "$log" || true)
    [ "$(tail -n 1 .build/swift.log)" = "exit code 0" ] || [ "$bad" != 0 ] || bad=1
    [ "$good" != 0 ] || [ ${#filter[@]} != 0 ] || bad=$((bad + 1))
    add "$good" "$bad" "$missed"
}

# python_tests FOLDER SHAPE : runs pytest on one shape of the platform.
python_tests() {
    rm -f "$(report "$1" "$2")"
    # A file's tests together, each worker with a platform of its own; most wait for something.
    [ "$1" != Tests/EndToEnd ] || export TMPDIR=$scratch
    OONRUMAIL_SHAPE=$2 pytest "$1" -q -n 3 --dist loadfile --no-loadscope-reorder --durations 15 \
        --junit-xml "$(report "$1" "$2")" "${pytest_filter[@]}"
}

report() { echo ".build/${1##*/}-$2.xml"; }

count_python_tests() {
    local total bad errors missed
    read -r total bad errors missed < <(python3 - "$(report "$1" "$2")" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
print(*(suite.get(name, "0") for name in ("tests", "failures", "errors", "skipped")))
PYTHON
    ) || { total=1 bad=1 errors=0 missed=0; }
    add $((total - bad - errors - missed)) $((bad + errors)) "$missed"
}

count() {
    case $1 in
        swift) count_swift_tests ;;
        one-machine) count_python_tests Tests/EndToEnd one-machine ;;
        cluster) count_python_tests Tests/EndToEnd cluster ;;
        deploy) count_python_tests Tests/Deploy cluster ;;
    esac
}

if [ $unit = yes ]; then
    # The tests start private servers of their own.
    need_packages postgresql postgresql-contrib pgbouncer redis-server redis-tools openssl curl
fi
if [ $end_to_end = yes ] || [ $cluster = yes ] || [ $deploy = yes ]; then
    need_packages openssl curl jq swaks libnet-ssleay-perl isync libsasl2-modules postfix dovecot-imapd bind9 bind9-utils bind9-dnsutils pebble \
        postgresql postgresql-contrib pgbouncer redis-server haproxy util-linux slapd ldap-utils chromium chromium-driver
fi
if [ $deploy = yes ]; then
    need_packages shellcheck jq age bind9-dnsutils prometheus prometheus-alertmanager prometheus-node-exporter \
        prometheus-postgres-exporter prometheus-redis-exporter prometheus-blackbox-exporter binutils
fi

say "== build"
[ $unit = no ] || build_options+=(--build-tests)
if ! swift build "${build_options[@]}" >.build/build.log 2>&1; then
    grep -E 'error' .build/build.log | tail -n 20 >&2 || true
    die "the build failed: see .build/build.log"
fi
tail -n 1 .build/build.log >&2

scratch=$(scratch_folder)
[ $unit = no ] || part swift swift_tests
[ $end_to_end = no ] || part one-machine python_tests Tests/EndToEnd one-machine
[ $cluster = no ] || part cluster python_tests Tests/EndToEnd cluster
[ $deploy = no ] || part deploy python_tests Tests/Deploy cluster

if [ $failed = 0 ]; then rm -rf "$scratch"; else say "what the tests left is in $scratch"; fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]

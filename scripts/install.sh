#!/usr/bin/env bash
# Installs the one-machine shape as a service of systemd.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/install.sh [--uninstall] [--root DIR] [--dry-run]

Copies the release build of oonrumail to /usr/local/bin and the unit to /etc/systemd/system, makes the user oonrumail and, when it is not there,
/etc/oonrumail/oonrumail.env; enables and starts the service. Run it again for a new version. Needs root.

  --uninstall   stop the service and remove what was installed; /var/lib/oonrumail and /etc/oonrumail stay
  --root DIR    into this folder instead of /, without a user and without systemd, as for a package
  --dry-run     print what would be done
  --help        this text

OONRUMAIL_EXECUTABLE names another program than .build/release/oonrumail.
TEXT
}

into='' uninstall=no
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --uninstall) uninstall=yes ;;
        --root) into=${2:-}; shift ;;
        --dry-run) dry_run=yes ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done
[ -n "$into" ] || [ "$dry_run" = yes ] || [ "$(id -u)" = 0 ] || die "needs root"
program=${OONRUMAIL_EXECUTABLE:-$root/.build/release/oonrumail}
unit=/etc/systemd/system/oonrumail.service

if [ $uninstall = yes ]; then
    [ -n "$into" ] || run systemctl disable --now oonrumail.service
    run rm -f "$into/usr/local/bin/oonrumail" "$into$unit"
    [ -n "$into" ] || run systemctl daemon-reload
    say "/var/lib/oonrumail and /etc/oonrumail were left"
    exit 0
fi

[ -x "$program" ] || [ "$dry_run" = yes ] || die "there is no $program: scripts/run.sh --build-only makes it"
if [ -z "$into" ]; then
    id oonrumail >/dev/null 2>&1 || run useradd --system --home-dir /var/lib/oonrumail --shell /usr/sbin/nologin oonrumail
fi
run install -D -m 755 "$program" "$into/usr/local/bin/oonrumail"
run install -D -m 644 "$root/deploy/systemd/oonrumail.service" "$into$unit"
[ -e "$into/etc/oonrumail/oonrumail.env" ] || run install -D -m 600 "$root/.env.example" "$into/etc/oonrumail/oonrumail.env"
if [ -z "$into" ]; then
    run systemctl daemon-reload
    run systemctl enable oonrumail.service
    run systemctl restart oonrumail.service
    say "oonrumail runs; its administrator's password is in: journalctl -u oonrumail"
fi

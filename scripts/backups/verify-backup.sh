#!/usr/bin/env bash
# Proves that a backup can be restored: restores it into a server of its own and compares every table.
. "$(dirname "$0")/../operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/backups/verify-backup.sh [FILE] [--max-age HOURS] [--skip-mail] [--env-file FILE]

Starts a private PostgreSQL on a socket in a temporary folder, restores FILE into it, compares the rows and hashes of every table
with FILE.tables, runs `oonrumail verify` on the result, and removes everything. FILE is the latest daily backup when it is not given.
The database of the platform is not touched.

  --max-age HOURS    the backup must not be older (default 24 without FILE, any age with one)
  --skip-mail        without `oonrumail verify`, as for a backup so old that objects it names are gone
  --env-file FILE    read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --help             this text

With BACKUP_METRICS_DIR, writes when the backup was made that was last proven, for an alert on its age.
TEXT
}

file='' max_age='' skip_mail=no
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --max-age) max_age=${2:-}; shift ;;
        --skip-mail) skip_mail=yes ;;
        --env-file) env_file=${2:-}; shift ;;
        -*) usage >&2; exit 64 ;;
        *) [ -z "$file" ] || { usage >&2; exit 64; }; file=$1 ;;
    esac
    shift
done
read_settings
need_commands psql gzip sha256sum
if [ -z "$file" ]; then
    max_age=${max_age:-24}
    for suffix in sql.gz sql.gz.age dump dump.age; do
        candidate=${BACKUP_DIR:-/backups/postgres}/daily/latest.$suffix
        if [ -f "$candidate" ] && { [ -z "$file" ] || [ "$candidate" -nt "$file" ]; }; then file=$candidate; fi
    done
    [ -n "$file" ] || die "there is no backup in ${BACKUP_DIR:-/backups/postgres}/daily"
fi
check_sum "$file"
made=$(stat -L -c %Y "$file")
age_hours=$((($(date +%s) - made) / 3600))
if [ -n "$max_age" ] && [ $age_hours -ge "$max_age" ]; then die "$file is $age_hours hours old; $max_age at most"; fi
[ -f "$file.tables" ] || die "$file.tables does not exist: there is nothing to compare with"

binaries=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -x "$binaries/initdb" ] || die "the server's programs are not here: install PostgreSQL"
scratch=$(mktemp -d)
as_owner=()
if [ "$(id -u)" = 0 ]; then
    # The server refuses to run as root.
    as_owner=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chown postgres "$scratch"
fi
server() { (cd "$scratch" && "${as_owner[@]}" "$@" </dev/null >/dev/null 2>&1); }
cleanup() {
    server "$binaries/pg_ctl" -D "$scratch/data" -m immediate -w stop || true
    rm -rf "$scratch"
}
trap cleanup EXIT
begun=$(date +%s)
server "$binaries/initdb" -D "$scratch/data" -U oonrumail -A trust --no-sync -E UTF8 --locale=C.UTF-8 || die "initdb failed"
server "$binaries/pg_ctl" -D "$scratch/data" -l "$scratch/log" -w \
    -o "-c listen_addresses= -c unix_socket_directories=$scratch -c fsync=off -c full_page_writes=off -c autovacuum=off" start ||
    die "the private server did not start: $(tail -1 "$scratch/log")"

unset DATABASE_URL BACKUP_POSTGRES_HOST BACKUP_POSTGRES_PORT PGSSLROOTCERT POSTGRES_SSLROOTCERT POSTGRES_PASSWORD
export POSTGRES_HOST=$scratch POSTGRES_PORT=5432 POSTGRES_USER=oonrumail POSTGRES_SSLMODE=disable POSTGRES_DB=oonrumail
use_postgres
sql 'CREATE DATABASE oonrumail' postgres
load "$file" oonrumail || die "$file could not be loaded"
fingerprint oonrumail | diff "$file.tables" - >&2 || die "what was restored is not what was copied"
find_oonrumail
if [ $skip_mail = no ] && [ -n "$oonrumail" ]; then
    verify_database oonrumail >&2 || die "oonrumail verify: exit code $?"
fi
rows=$(awk '{ rows += $2 } END { print rows }' "$file.tables")
write_metrics oonrumail_backup_verified <<TEXT
# HELP oonrumail_backup_verified_timestamp_seconds When the backup was made that was last restored and compared, in seconds since 1970
# TYPE oonrumail_backup_verified_timestamp_seconds gauge
oonrumail_backup_verified_timestamp_seconds $made
# HELP oonrumail_backup_restore_seconds How long its restore and comparison took
# TYPE oonrumail_backup_restore_seconds gauge
oonrumail_backup_restore_seconds $(($(date +%s) - begun))
TEXT
echo "$file: $(wc -l <"$file.tables") tables and $rows rows are as they were, $age_hours hours old, proven in $(($(date +%s) - begun)) s"

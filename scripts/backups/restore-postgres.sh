#!/usr/bin/env bash
# Puts the database of a backup in the place of the present one.
. "$(dirname "$0")/../operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/backups/restore-postgres.sh FILE [--yes] [--disconnect] [--drop-old] [--despite-findings] [--env-file FILE] [--dry-run]

Checks FILE against FILE.sha256, loads it into a new database, compares every table with FILE.tables, runs `oonrumail verify` on it,
and only then gives it the name of the present database, which stays under another name. Until that last step nothing
of the present database changes. Stop the services first: what they hold in memory would not be true any more.

  --yes                do not ask for the database's name
  --disconnect         end sessions that are still connected; otherwise they are a reason to stop
  --drop-old           remove the present database at the end
  --despite-findings   go on when `oonrumail verify` finds something
  --env-file FILE      read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --dry-run            check FILE and the server, and say what would be done
  --help               this text

BACKUP_IDENTITY_FILE names the key of age for an enciphered backup; BACKUP_POSTGRES_HOST and BACKUP_POSTGRES_PORT the server itself,
where POSTGRES_HOST is PgBouncer. The user must be allowed to create databases. Objects in S3 stay as they are.
TEXT
}

file='' confirmed=no disconnect=no drop_old=no despite=no
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --yes) confirmed=yes ;;
        --disconnect) disconnect=yes ;;
        --drop-old) drop_old=yes ;;
        --despite-findings) despite=yes ;;
        --env-file) env_file=${2:-}; shift ;;
        --dry-run) dry_run=yes ;;
        -*) usage >&2; exit 64 ;;
        *) [ -z "$file" ] || { usage >&2; exit 64; }; file=$1 ;;
    esac
    shift
done
[ -n "$file" ] || { usage >&2; exit 64; }

read_settings
use_postgres
need_commands psql pg_restore gzip sha256sum
check_sum "$file"
maintenance=${BACKUP_MAINTENANCE_DB:-postgres}
needs_server "$maintenance"

stamp=$(date -u +%Y%m%d_%H%M%S)
new=${PGDATABASE}_restore_$stamp old=${PGDATABASE}_before_$stamp
quoted() { printf '"%s"' "${1//\"/\"\"}"; }
literal() { printf "'%s'" "${1//\'/\'\'}"; }
is_there=$(sql "SELECT count(*) FROM pg_database WHERE datname = $(literal "$PGDATABASE")" "$maintenance")
sessions() {
    sql "SELECT count(*) FROM pg_stat_activity WHERE datname = $(literal "$PGDATABASE") AND pid <> pg_backend_pid()" "$maintenance"
}
if [ "$is_there" = 1 ] && [ $disconnect = no ] && [ "$(sessions)" != 0 ]; then
    die "$(sessions) sessions are connected to $PGDATABASE: stop the services, or give --disconnect"
fi

say "restore $file into $PGDATABASE at $PGHOST:$PGPORT; the present database becomes $old"
if [ $dry_run = yes ]; then exit 0; fi
if [ $confirmed = no ]; then
    [ -t 0 ] || die "nothing was done: --yes is missing, and there is nobody to ask"
    read -r -p "Type the name of the database to go on: " typed
    [ "$typed" = "$PGDATABASE" ] || die "nothing was done"
fi

begun=$(date +%s)
cleanup() {
    if [ -n "$new" ]; then
        say "nothing has changed; removing what was loaded"
        sql "DROP DATABASE IF EXISTS $(quoted "$new")" "$maintenance" || true
    fi
}
trap cleanup EXIT
sql "CREATE DATABASE $(quoted "$new") TEMPLATE template0 ENCODING 'UTF8'" "$maintenance"
load "$file" "$new" || die "$file could not be loaded"

if [ -f "$file.tables" ]; then
    fingerprint "$new" | diff "$file.tables" - >&2 || die "what was loaded is not what was copied"
    say "every table is as it was: $(wc -l <"$file.tables") tables"
fi

find_oonrumail
if [ -n "$oonrumail" ]; then
    findings=0
    verify_database "$new" >&2 || findings=$?
    if [ $findings != 0 ]; then
        [ $despite = yes ] || die "oonrumail verify: exit code $findings; --despite-findings goes on"
        say "oonrumail verify: exit code $findings; going on"
    fi
else
    say "there is no oonrumail here: the mail was not verified"
fi

# From here on the present database is touched.
if [ "$is_there" = 1 ]; then
    sql "ALTER DATABASE $(quoted "$PGDATABASE") ALLOW_CONNECTIONS false" "$maintenance"
    if [ $disconnect = yes ]; then
        sql "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $(literal "$PGDATABASE")" "$maintenance" >/dev/null
    fi
    if ! sql "ALTER DATABASE $(quoted "$PGDATABASE") RENAME TO $(quoted "$old")" "$maintenance"; then
        sql "ALTER DATABASE $(quoted "$PGDATABASE") ALLOW_CONNECTIONS true" "$maintenance"
        die "the present database could not be renamed"
    fi
fi
sql "ALTER DATABASE $(quoted "$new") RENAME TO $(quoted "$PGDATABASE")" "$maintenance"
new=
if [ "$is_there" = 1 ]; then
    if [ $drop_old = yes ]; then
        sql "DROP DATABASE $(quoted "$old")" "$maintenance"
    else
        sql "ALTER DATABASE $(quoted "$old") ALLOW_CONNECTIONS true" "$maintenance"
        say "what was there before is $old; remove it when it is not needed any more"
    fi
fi
say "restored in $(($(date +%s) - begun)) s"

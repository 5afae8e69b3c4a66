#!/usr/bin/env bash
# Brings the schema of the store up to date.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/migrate.sh [--dry-run] [--json] [--env-file FILE] [--data DIR]

Applies the versions of the schema that the database of the settings does not have yet: PostgreSQL when POSTGRES_HOST
or DATABASE_URL is set, else the file in the data folder. Servers may run meanwhile; two runs at once take turns.

  --dry-run         print the plan and its SQL, marking what is destructive or locks a table; change nothing
  --json            print JSON
  --env-file FILE   read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --data DIR        folder of the store; otherwise OONRUMAIL_DATA
  --help            this text

Take a backup first. Exit code 0 when the schema is up to date (or the plan was printed), 1 when it cannot be brought
there, 2 for a wrong setting, 5 when the database does not answer.
OONRUMAIL_EXECUTABLE names the program to run; otherwise the one that is built here.
TEXT
}

case ${1:-} in
    --help | -h) usage; exit 0 ;;
esac

find_oonrumail
[ -n "$oonrumail" ] || die "there is no oonrumail here: build it with scripts/run.sh --build-only, or set OONRUMAIL_EXECUTABLE"
exec "$oonrumail" migrate "$@"

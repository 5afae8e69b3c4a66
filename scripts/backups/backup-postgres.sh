#!/usr/bin/env bash
# Copies the database of the platform into a file while it runs, with its checksum.
. "$(dirname "$0")/../operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/backups/backup-postgres.sh [--pre-deploy] [--format plain|custom] [--dir DIR] [--keep N] [--env-file FILE] [--dry-run]

Writes DIR/daily/oonrumail-TIME.sql.gz (or DIR/pre-deploy/…), one moment of the whole database: mail, outbound queue, accounts,
domains with their sealed keys. Beside it are .sha256 and .tables (rows and hashes of every table in that moment, which
verify-backup.sh compares). latest.sql.gz and latest.sql.gz.sha256 stand for the newest. Prints the file's name.

  --pre-deploy       into the folder pre-deploy, before a migration
  --format custom    a .dump for pg_restore instead
  --dir DIR          where the folders are; otherwise BACKUP_DIR or /backups/postgres
  --keep N           how many stay in this folder; otherwise BACKUP_KEEP_DAILY (14) or BACKUP_KEEP_PRE_DEPLOY (10)
  --env-file FILE    read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --dry-run          say what would be done
  --help             this text

Settings, besides those of PostgreSQL and S3 that the services have:
  BACKUP_POSTGRES_HOST, BACKUP_POSTGRES_PORT   the server itself, where POSTGRES_HOST is PgBouncer
  BACKUP_RECIPIENTS_FILE    public keys of age: files become .age, and the master key and the .env file are backed up too
  BACKUP_OBJECTS_DIR        copy the large messages (the bucket S3_ATTACHMENTS_BUCKET, or the folder OONRUMAIL_BLOBS) there
  BACKUP_S3_BUCKET          put everything into this bucket as well; with BACKUP_S3_ENDPOINT, BACKUP_S3_ACCESS_KEY_ID,
                            BACKUP_S3_SECRET_ACCESS_KEY, BACKUP_S3_REGION: another service than that of the mail
  BACKUP_METRICS_DIR        write oonrumail_backup.prom there for node_exporter
TEXT
}

kind=daily format=plain keep='' directory=''
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --pre-deploy) kind=pre-deploy ;;
        --format) format=${2:-}; shift ;;
        --dir) directory=${2:-}; shift ;;
        --keep) keep=${2:-}; shift ;;
        --env-file) env_file=${2:-}; shift ;;
        --dry-run) dry_run=yes ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done
case $format in plain) suffix=sql.gz ;; custom) suffix=dump ;; *) usage >&2; exit 64 ;; esac

read_settings
use_postgres
need_commands psql pg_dump gzip sha256sum flock
recipients=${BACKUP_RECIPIENTS_FILE:-}
if [ -n "$recipients" ]; then
    need_commands age
    [ -r "$recipients" ] || die "$recipients (BACKUP_RECIPIENTS_FILE) cannot be read"
    suffix=$suffix.age
fi
[ -z "${BACKUP_S3_BUCKET:-}${BACKUP_OBJECTS_DIR:-}" ] || need_commands rclone
if [ "$kind" = daily ]; then keep=${keep:-${BACKUP_KEEP_DAILY:-14}}; else keep=${keep:-${BACKUP_KEEP_PRE_DEPLOY:-10}}; fi
[[ $keep =~ ^[1-9][0-9]*$ ]] || die "--keep takes a whole number from 1"
folder=${directory:-${BACKUP_DIR:-/backups/postgres}}/$kind
file=$folder/oonrumail-$(date -u +%Y%m%dT%H%M%S.%3NZ).$suffix
needs_server "$PGDATABASE"

if [ "$dry_run" = yes ]; then
    say "would copy $PGDATABASE at $PGHOST:$PGPORT into $file and keep the newest $keep"
    exit 0
fi

umask 077
mkdir -p "$folder"
exec 9>"$folder/.lock"
flock -n 9 || die "another backup writes into $folder"
begun=$(date +%s)
trap 'rm -f "$file".partial "$file".tables.partial' EXIT

# One transaction holds the moment that pg_dump copies and that the hashes are taken of.
coproc moment { psql -XqAt -F ' ' -v ON_ERROR_STOP=1 2>&1; }
# shellcheck disable=SC2154 # coproc sets it
moment_process=$moment_PID
exec 7<&"${moment[0]}" 8>&"${moment[1]}"
echo 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();' >&8
read -r -t 60 -u 7 snapshot || true
[[ $snapshot =~ ^[0-9A-F-]+$ ]] || die "no snapshot: ${snapshot:-no answer}"

dump() {
    local options=(--no-owner --no-privileges --snapshot="$snapshot" --lock-wait-timeout=60s)
    if [ "$format" = plain ]; then pg_dump "${options[@]}" | gzip -n; else pg_dump "${options[@]}" --format=custom; fi
}
encipher() { if [ -n "$recipients" ]; then age --encrypt --recipients-file "$recipients"; else cat; fi; }

dump | encipher >"$file.partial" || die "pg_dump failed"
{ fingerprint_sql; printf 'COMMIT;\n\\q\n'; } >&8
cat <&7 >"$file.tables.partial"
exec 7<&- 8>&-
wait "$moment_process" || die "the hashes of the tables: $(tail -1 "$file.tables.partial")"

sum=$(sha256sum <"$file.partial")
sum=${sum%% *}
sync "$file.partial" "$file.tables.partial"
mv "$file.tables.partial" "$file.tables"
echo "$sum  $file" >"$file.sha256"
mv "$file.partial" "$file"

# Replaces a name in one step.
point() { ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"; }
latest=$folder/latest.$suffix
point "$(basename "$file")" "$latest"
point "$(basename "$file").tables" "$latest.tables"
echo "$sum  $latest" >"$latest.sha256.new"
mv "$latest.sha256.new" "$latest.sha256"
sync "$folder"

# What the mail cannot be read without, besides the database: only enciphered.
configuration=
if [ -n "$recipients" ]; then
    parts=()
    for part in "${OONRUMAIL_MASTER_KEY_FILE:-}" "$env_file"; do
        [ ! -r "$part" ] || parts+=("$(realpath "$part")")
    done
    if [ ${#parts[@]} != 0 ]; then
        configuration=${file%".$suffix"}.configuration.tar.gz.age
        tar -czPf - "${parts[@]}" | encipher >"$configuration.partial"
        mv "$configuration.partial" "$configuration"
    fi
fi

# Objects after the database, so that every object that a row names is there. They never change.
if [ -n "${BACKUP_OBJECTS_DIR:-}" ]; then
    mkdir -p "$BACKUP_OBJECTS_DIR"
    if [ -n "${S3_ENDPOINT:-}" ]; then
        s3 S3 copy --immutable --size-only "store:${S3_ATTACHMENTS_BUCKET:-oonrumail-attachments}" "$BACKUP_OBJECTS_DIR"
    elif [ -n "${OONRUMAIL_BLOBS:-}" ]; then
        s3 S3 copy --immutable --size-only "$OONRUMAIL_BLOBS" "$BACKUP_OBJECTS_DIR"
    fi
fi
if [ -n "${BACKUP_S3_BUCKET:-}" ]; then
    for part in "$file" "$file.sha256" "$file.tables" ${configuration:+"$configuration"}; do
        s3 BACKUP_S3 copyto "$part" "store:$BACKUP_S3_BUCKET/postgres/$kind/$(basename "$part")"
    done
    if [ -n "${BACKUP_OBJECTS_DIR:-}" ]; then
        s3 BACKUP_S3 copy --immutable --size-only "$BACKUP_OBJECTS_DIR" "store:$BACKUP_S3_BUCKET/objects"
    fi
fi

# The newest stay; names sort by time.
mapfile -t old < <(find "$folder" -maxdepth 1 -name "oonrumail-*.$suffix" -printf '%f\n' | sort -r | tail -n +$((keep + 1)))
for name in "${old[@]}"; do
    stem=$folder/${name%".$suffix"}
    rm -f "$stem.$suffix" "$stem.$suffix.sha256" "$stem.$suffix.tables" "$stem.configuration.tar.gz.age"
done

write_metrics "oonrumail_backup_${kind//-/_}" <<TEXT
# HELP oonrumail_backup_last_success_timestamp_seconds When the last backup was complete, in seconds since 1970
# TYPE oonrumail_backup_last_success_timestamp_seconds gauge
oonrumail_backup_last_success_timestamp_seconds{kind="$kind"} $(date +%s)
# HELP oonrumail_backup_last_duration_seconds How long it took
# TYPE oonrumail_backup_last_duration_seconds gauge
oonrumail_backup_last_duration_seconds{kind="$kind"} $(($(date +%s) - begun))
# HELP oonrumail_backup_last_size_bytes How large it is
# TYPE oonrumail_backup_last_size_bytes gauge
oonrumail_backup_last_size_bytes{kind="$kind"} $(stat -c %s "$file")
TEXT
echo "$file"

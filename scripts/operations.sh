# Shared by the scripts for operating the platform; not run by itself.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

dry_run=no
env_file=${OONRUMAIL_ENV_FILE:-}
[ -n "$env_file" ] || [ ! -f .env ] || env_file=.env

# run COMMAND… : runs it, or with --dry-run only says so.
run() {
    if [ "$dry_run" = yes ]; then
        printf 'would run:'
        printf ' %q' "$@"
        printf '\n'
    else
        "$@"
    fi
}

need_commands() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null || die "there is no '$name' on the PATH"
    done
}

is_true() { case ${1:-} in true | yes | on | 1) return 0 ;; *) return 1 ;; esac; }

# Settings

_trim() {
    REPLY=$1
    REPLY=${REPLY#"${REPLY%%[![:space:]]*}"}
    REPLY=${REPLY%"${REPLY##*[![:space:]]}"}
}

# Sets REPLY to what oonrumail reads in the value VALUE: quotes, escapes, comments. Nothing is expanded.
_env_value() {
    local text=$1 value='' quote char
    quote=${text:0:1}
    if [ "$quote" != '"' ] && [ "$quote" != "'" ]; then
        [ "$quote" != '#' ] || text=
        text=${text%%[[:blank:]]#*}
        _trim "$text"
        return 0
    fi
    text=${text:1}
    while [ -n "$text" ]; do
        char=${text:0:1} text=${text:1}
        if [ "$char" = "$quote" ]; then
            _trim "$text"
            case $REPLY in '' | '#'*) REPLY=$value; return 0 ;; *) return 1 ;; esac
        fi
        if [ "$char" = \\ ] && [ "$quote" = '"' ]; then
            char=${text:0:1} text=${text:1}
            case $char in
                n) char=$'\n' ;;
                t) char=$'\t' ;;
                '"' | \\ | '$' | '`') ;;
                '') return 1 ;;
                *) char=\\$char ;;
            esac
        fi
        value+=$char
    done
    return 1
}

# read_settings : takes the settings of --env-file, OONRUMAIL_ENV_FILE or ./.env; what the environment says wins.
read_settings() {
    [ -n "$env_file" ] || return 0
    [ -r "$env_file" ] || die "$env_file cannot be read"
    local line name number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        _trim "${line%$'\r'}"
        line=$REPLY
        case $line in '' | '#'*) continue ;; esac
        _trim "${line#export }"
        line=$REPLY
        _trim "${line%%=*}"
        name=$REPLY
        [[ $line == *=* && $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || die "$env_file:$number is not NAME=value"
        _trim "${line#*=}"
        _env_value "$REPLY" || die "$env_file:$number is not NAME=value"
        [ -n "${!name+set}" ] || export "$name=$REPLY"
    done <"$env_file"
}

# PostgreSQL

_decode() { printf '%b' "${1//%/\\x}"; }

# use_postgres : lets psql, pg_dump and the like find the server of the settings. The server itself: what these
# programs set for their session would stay in a connection of PgBouncer.
use_postgres() {
    if [ -n "${DATABASE_URL:-}" ]; then
        [[ $DATABASE_URL =~ ^postgres(ql)?://((.*)@)?([^/?@]*)(/([^?]*))?(\?(.*))?$ ]] || die "DATABASE_URL is not a URL of PostgreSQL"
        local credentials=${BASH_REMATCH[3]} place=${BASH_REMATCH[4]} database=${BASH_REMATCH[6]} options=${BASH_REMATCH[8]}
        PGUSER=$(_decode "${credentials%%:*}")
        case $credentials in *:*) PGPASSWORD=$(_decode "${credentials#*:}") ;; esac
        PGDATABASE=$(_decode "$database")
        if [[ $place =~ ^(.*):([0-9]+)$ ]]; then
            PGHOST=${BASH_REMATCH[1]} PGPORT=${BASH_REMATCH[2]}
        else
            PGHOST=$place
        fi
        PGHOST=${PGHOST#[} PGHOST=${PGHOST%]}
        [[ ! $options =~ (^|&)sslmode=([a-z-]+) ]] || PGSSLMODE=${BASH_REMATCH[2]}
    else
        [ -n "${POSTGRES_HOST:-}" ] || die "neither POSTGRES_HOST nor DATABASE_URL is set (for the store of one machine: oonrumail backup)"
        PGHOST=$POSTGRES_HOST PGUSER=${POSTGRES_USER:-${PGUSER:-$(id -un)}} PGDATABASE=${POSTGRES_DB:-oonrumail}
        [ -z "${POSTGRES_PASSWORD:-}" ] || PGPASSWORD=$POSTGRES_PASSWORD
    fi
    PGHOST=${BACKUP_POSTGRES_HOST:-$PGHOST}
    PGPORT=${BACKUP_POSTGRES_PORT:-${PGPORT:-${POSTGRES_PORT:-5432}}}
    PGSSLMODE=${PGSSLMODE:-${POSTGRES_SSLMODE:-prefer}}
    PGSSLROOTCERT=${POSTGRES_SSLROOTCERT:-}
    [ -n "$PGSSLROOTCERT" ] || unset PGSSLROOTCERT
    PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10} PGAPPNAME=oonrumail-operations
    case $PGHOST in *,*) PGTARGETSESSIONATTRS=read-write ;; esac
    # PgBouncer refuses the parameter `options`, and so is told from the server.
    PGOPTIONS='-c statement_timeout=0'
    export PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGSSLMODE PGSSLROOTCERT PGCONNECT_TIMEOUT PGAPPNAME PGTARGETSESSIONATTRS PGOPTIONS
}

# sql TEXT [DATABASE] : prints the rows, columns parted by a blank.
sql() { psql -XqAt -F ' ' -v ON_ERROR_STOP=1 -d "${2:-$PGDATABASE}" -c "$1"; }

# needs_server [DATABASE] : ends with the reason when the server does not answer.
needs_server() {
    local answer
    if ! answer=$(sql 'SELECT 1' "${1:-}" 2>&1); then
        case $answer in
            *"startup parameter"*) die "$PGHOST:$PGPORT is PgBouncer: name the server itself by BACKUP_POSTGRES_HOST and BACKUP_POSTGRES_PORT" ;;
            *) die "PostgreSQL at $PGHOST:$PGPORT: ${answer##*$'\n'}" ;;
        esac
    fi
}

# One line for each table: name, rows, sum of the rows' hashes. Equal content gives equal lines on every server.
fingerprint_sql() {
    cat <<'SQL'
SET LOCAL TimeZone = 'UTC';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 3;
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL DateStyle = 'ISO, YMD';
SELECT format(
    'SELECT %L, count(*), coalesce(sum((''x'' || left(md5(r::text), 15))::bit(60)::bigint::numeric), 0) FROM %I.%I r',
    schemaname || '.' || tablename, schemaname, tablename
) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
ORDER BY (schemaname || '.' || tablename) COLLATE "C" \gexec
SQL
}

# fingerprint [DATABASE]
fingerprint() {
    { echo 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'; fingerprint_sql; echo 'COMMIT;'; } |
        psql -XqAt -F ' ' -v ON_ERROR_STOP=1 -d "${1:-$PGDATABASE}"
}

# Backup files

# Ends unless FILE is what its FILE.sha256 says.
check_sum() {
    [ -f "$1" ] || die "$1 does not exist"
    [ -f "$1.sha256" ] || die "$1.sha256 does not exist: what cannot be checked is not used"
    local wanted is
    read -r wanted _ <"$1.sha256"
    is=$(sha256sum <"$1")
    [ "$wanted" = "${is%% *}" ] || die "$1 is damaged: its SHA-256 is not the one in $1.sha256"
}

# Prints what is in a backup file, deciphered and unpacked.
unpack() {
    case $1 in
        *.age)
            [ -r "${BACKUP_IDENTITY_FILE:-}" ] || die "$1 is enciphered: name the key by BACKUP_IDENTITY_FILE"
            age --decrypt --identity "$BACKUP_IDENTITY_FILE" "$1" | case $1 in *.gz.age) gzip -dc ;; *) cat ;; esac
            ;;
        *.gz) gzip -dc "$1" ;;
        *) cat "$1" ;;
    esac
}

# load FILE DATABASE : into an empty database, all or nothing.
load() {
    local name=${1%.age}
    case $name in
        *.sql.gz)
            # A dump that was cut off has no last line; the wrong statement takes everything back.
            unpack "$1" |
                awk '/^-- PostgreSQL database dump complete/ { whole = 1 } { print } END { if (!whole) print "SELECT the_dump_is_not_whole;" }' |
                psql -Xq -1 -v ON_ERROR_STOP=1 -d "$2" >/dev/null
            ;;
        *.dump) unpack "$1" | pg_restore --no-owner --no-privileges --exit-on-error --single-transaction -d "$2" ;;
        *) die "$1 is neither .sql.gz nor .dump" ;;
    esac
}

# write_metrics NAME : standard input, Prometheus' text, into BACKUP_METRICS_DIR, where node_exporter reads it.
write_metrics() {
    [ -n "${BACKUP_METRICS_DIR:-}" ] || return 0
    local file=$BACKUP_METRICS_DIR/$1.prom
    cat >"$file.$$"
    chmod 644 "$file.$$"
    mv "$file.$$" "$file"
}

# Other parts of the platform

# Sets `oonrumail` to the program; empty when there is none.
find_oonrumail() {
    local candidate
    oonrumail=${OONRUMAIL_EXECUTABLE:-}
    [ -z "$oonrumail" ] || return 0
    for candidate in "$root/.build/release/oonrumail" "$(command -v oonrumail || true)" "$root/.build/debug/oonrumail"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ]; then oonrumail=$candidate; return 0; fi
    done
}

# verify_database DATABASE : `oonrumail verify` on it, at the server that use_postgres found.
verify_database() {
    env -u DATABASE_URL POSTGRES_HOST="$PGHOST" POSTGRES_PORT="$PGPORT" POSTGRES_USER="$PGUSER" POSTGRES_PASSWORD="${PGPASSWORD:-}" \
        POSTGRES_DB="$1" POSTGRES_SSLMODE="$PGSSLMODE" OONRUMAIL_MIGRATE_AT_START=false "$oonrumail" verify
}

# s3 PREFIX COMMAND… : rclone with a remote `store:` made of the settings PREFIX_ENDPOINT, PREFIX_ACCESS_KEY_ID, ….
s3() {
    local endpoint=$1_ENDPOINT key=$1_ACCESS_KEY_ID secret=$1_SECRET_ACCESS_KEY region=$1_REGION path_style=$1_PATH_STYLE authority=$1_CA_FILE
    shift
    # The options of rclone are in the environment, which others cannot read.
    env RCLONE_CONFIG=/dev/null RCLONE_CONFIG_STORE_TYPE=s3 RCLONE_CONFIG_STORE_PROVIDER=Other \
        RCLONE_CONFIG_STORE_ENDPOINT="${!endpoint:-}" RCLONE_CONFIG_STORE_ACCESS_KEY_ID="${!key:-}" \
        RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY="${!secret:-}" RCLONE_CONFIG_STORE_REGION="${!region:-us-east-1}" \
        RCLONE_CONFIG_STORE_FORCE_PATH_STYLE="$(is_true "${!path_style:-true}" && echo true || echo false)" \
        ${!authority:+RCLONE_CA_CERT="${!authority}"} \
        rclone --retries 3 --low-level-retries 3 --contimeout 10s "$@"
}
